// The client against the real service. Dana approves `approve.*` and declines `decline.*`.

import { inspect } from 'node:util'

import { Client, digestPayload, Folder, Memory } from '../src/index.ts'
import { nowhere, outcome, play, service } from './house.ts'

const client = new Client(service())
const deploy = { commit: '4f1d2ab', to: 'production', ratio: 0.1, 'ü': [null, true, 1e21 / 1e20] }

/** Wait until the service has this request. */
async function opened(what: { action: string; payload: unknown; key: string }) {
  const { id } = await client.open(what)
  return id
}

await play({
  async approved() {
    const approval = await client.ask({ action: 'approve.deploy', payload: deploy, title: 'Deploy', note: 'Now.' })
    await client.report(approval.requestId, true)
    return approval
  },
  async http() {
    const headers = [['Content-Type', 'text/plain'], ['X-A', ' 1 ']] as const
    const http = { method: 'POST', url: 'https://api.example.com/v1/x?a=%20', headers, body: Buffer.from('hé') }
    return client.ask({ action: 'approve.http', http, risk: 'low', expiresIn: 600 })
  },
  async declined() {
    return client.ask({ action: 'decline.deploy', payload: deploy })
  },
  async undecided() {
    const { id } = await client.open({ action: 'wait.undecided', payload: 1 })
    const waited = await client.wait(id, 0)
    const early = await outcome(client.receipt(id, { action: 'wait.undecided', payload: 1 }))
    await client.withdraw(id)
    return [waited.status, early, await outcome(client.receipt(id, { action: 'wait.undecided', payload: 1 }))]
  },
  async used() {
    const what = { action: 'approve.used', payload: deploy }
    const { id } = await client.open(what)
    while ((await client.wait(id)).status === 'pending');
    const changed = await outcome(client.receipt(id, { ...what, payload: { ...deploy, to: 'prod' } }))
    const first = await client.receipt(id, what)
    const second = await outcome(new Client(service()).receipt(id, what))
    return [changed, first.digest === digestPayload(what.action, what.payload), second]
  },
  async refusing() {
    // A store that answers later, as a database does.
    const store = { note: () => Promise.reject(new Error('the database is down')) }
    return new Client(service(), { store }).ask({ action: 'approve.refusing', payload: 1 })
  },
  async nofolder() {
    return new Folder(process.execPath).note('req_1', 0, 0)
  },
  async reported() {
    // On another machine, with no folder in common: the reported outcome refuses it.
    const what = { action: 'approve.reported', payload: 1 }
    const { requestId } = await client.ask(what)
    await client.report(requestId, null, 'it threw Error')
    return outcome(new Client(service(), { store: new Memory() }).receipt(requestId, what))
  },
  async changed() {
    const payload = { to: ['ACME'] }
    const what = { action: 'approve.changed', payload, key: 'changed' }
    const asking = outcome(client.ask(what))
    payload.to.push('Mallory')
    return asking
  },
  async aborted() {
    const what = { action: 'wait.aborted', payload: 1, key: 'aborted' }
    const id = await opened(what)
    const stop = new AbortController()
    const asking = outcome(client.ask(what, stop.signal))
    setImmediate(() => stop.abort())
    return [await asking, (await client.wait(id, 0)).status]
  },
  async resumed() {
    const what = { action: 'wait.resumed', payload: deploy, key: 'resumed' }
    const ids = [await opened(what), await opened(what)]
    const other = await outcome(client.open({ ...what, payload: 2 }))
    await client.withdraw(ids[0]!)
    return [ids[0] === ids[1], other]
  },
  async pin() {
    const wrong = [{ receiptKey: 'A'.repeat(43) }, { requester: 'billing' }, { issuer: 'https://other.example' }]
    const { id } = await client.open({ action: 'approve.pin', payload: 1 })
    while ((await client.wait(id)).status === 'pending');
    return Promise.all(
      wrong.map(change => {
        const other = new Client(service(change), { store: new Memory() })
        return outcome(other.receipt(id, { action: 'approve.pin', payload: 1 }))
      }),
    )
  },
  async late() {
    const { id } = await client.open({ action: 'approve.late', payload: 1 })
    while ((await client.wait(id)).status === 'pending');
    const [old, young] = [Date.now() + 3_600_000, Date.now() - 3_600_000]
    return Promise.all(
      [old, young].map(now => {
        const other = new Client(service(), { clock: () => now, store: new Memory() })
        return outcome(other.receipt(id, { action: 'approve.late', payload: 1 }))
      }),
    )
  },
  async key() {
    return new Client(service({ key: 'csr_other' }), { patience: 0 }).ask({ action: 'a', payload: 1 })
  },
  async away() {
    return new Client(service({ url: await nowhere() }), { patience: 0 }).ask({ action: 'a', payload: 1 })
  },
  async megabyte() {
    return client.ask({ action: 'a', payload: 'x'.repeat(1024 * 1024 + 1) })
  },
  async junk() {
    const values = [undefined, 1n, NaN, 2 ** 53, '\ud800', { '\ud800': 1 }, new Date(), new Map(), [undefined], () => 1]
    return Promise.all(values.map(payload => outcome(client.ask({ action: 'a', payload }))))
  },
  async dump() {
    const text = inspect(client, { depth: 9, showHidden: true }) + JSON.stringify(client)
    return text.includes(client.service.key)
  },
})
