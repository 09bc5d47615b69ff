// Ask a person, and wait for a proven answer.
//
//     const client = new Client()
//     await client.ask({ action: 'deploy', payload: { commit }, note: 'Fixes the login.' })
//     deploy(commit)
//
// The laws, as in the Python client:
//
// 1. `ask` and `receipt` return only on a receipt that the pinned key signed for exactly this
//    action, or where the client observes. Whatever else happens throws, a decline too: an object is
//    true in JavaScript, whatever it says.
// 2. What is digested is what the caller holds, before asking and again after the verdict.
// 3. An approval is noted as used before it is given out.
// 4. An aborted wait withdraws its request.

import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

import type { JWK } from 'jose'

import { canonical, digestCanonical, digestHttp, type Http } from './digest.ts'
import {
  CountersignError,
  Declined,
  Expired,
  Misconfigured,
  NotAccepted,
  printable,
  Unreachable,
  Unverified,
  Withdrawn,
} from './errors.ts'
import { type Observer, observer, STATUS } from './observe.ts'
import { thumbprint, verify } from './receipt.ts'
import { Service } from './settings.ts'
import { Folder, folder, Memory, type Store, used } from './used.ts'

/** Seconds of one long poll: below the 30 and 60 s after which proxies cut a quiet connection. */
export const POLL = 25
/** Seconds for an answer, beyond what a long poll waits. */
const READ = 15
/** Bytes of an answer. */
const LONGEST = 1024 * 1024
/** Seconds for which a receipt that is still being signed is asked for. */
const ROUNDS = 10
const LONGEST_PAUSE = 60
/** Seconds of pauses that a service may ask for (`Retry-After`) before it counts as away. */
const BUSY = 600
/** Seconds for which an aborted caller waits for its request to be withdrawn. */
const LAST = 10

/** What shall run: a name, and either a JSON `payload` or `http`, exactly. */
export type Action = { action: string } & ({ payload: unknown; http?: never } | { http: Http; payload?: never })

/** What is said beside it, shown as unverified. `risk` can only be raised, `expiresIn` (s) only shortened. */
export interface About {
  title?: string
  note?: string
  risk?: 'low' | 'medium' | 'high'
  expiresIn?: number
  /** With the same key and action, a program that was restarted takes up the request it opened. */
  key?: string
}

/** A request as the service describes it. It proves nothing: only `receipt` does. */
export interface Opened {
  id: string
  status: string
  digest: string
  expiresAt: string
  reason: string | null
}

/**
 * A verified approval of one action, already noted as used. `observed`: it is none. The client observes, nobody was
 * asked, and nothing is held.
 */
export interface Approval {
  requestId: string
  digest: string
  observed?: true
}

export interface Options {
  /** Where used approvals are noted; by default a folder of this user. */
  store?: Store
  /** Seconds of pauses for which a service that is away is asked again. */
  patience?: number
  /** Milliseconds since 1970. */
  clock?: () => number
  /**
   * True holds nothing and records, without a service; false always holds. Else it holds where a service is given, and
   * without one is as COUNTERSIGN_OBSERVE says.
   */
  observe?: boolean | Observer | undefined
}

interface Call {
  method: string
  path: string
  body?: string
  key?: string
  wait?: number
}

interface Answer {
  status: number
  value: Record<string, unknown>
  retryAfter: number
}

/** No answer, or none of a Countersign service. */
class Lost extends Error {}

export class Client {
  /** Where it observes: what records in place of asking. */
  readonly observer: Observer | undefined
  #service: Service | undefined
  readonly #store: Store
  readonly #patience: number
  readonly #clock: () => number
  /** The key that had the pinned thumbprint, once it was fetched. */
  #key: JWK | undefined

  constructor(service?: Service, options: Options = {}) {
    // Whoever sets variables has no say in what the code has pinned.
    this.observer = observer(options.observe ?? (service ? false : undefined), 'typescript')
    this.#service = service ?? (this.observer ? undefined : Service.fromEnvironment())
    // One that observes uses no approval, and looks for no folder: its user may have no home.
    this.#store = options.store ?? (this.observer ? new Memory() : new Folder(folder(process.env)))
    this.#patience = options.patience ?? 30
    this.#clock = options.clock ?? Date.now
  }

  /** The service that is asked. `Misconfigured`: this client observes, and has none. */
  get service(): Service {
    return (this.#service ??= Service.fromEnvironment())
  }

  /** Ask, and wait until it is approved. Throws `Declined`, `Expired`, or whatever else went wrong. */
  async ask(what: Action & About, signal?: AbortSignal): Promise<Approval> {
    if (this.observer) return seen(this.observer.ask(what.action, () => this.#asked(what)))
    const key = what.key ?? randomUUID()
    let opened: Opened | undefined
    let told: Record<string, unknown> | undefined
    try {
      opened = await this.open({ ...what, key }, signal)
      while (opened.status === 'pending') {
        told = await this.#poll(opened.id, POLL, signal)
        opened = read(told)
      }
    } catch (error) {
      // Other errors leave it open: the same key takes it up again.
      if (signal?.aborted) await this.#last(opened ? this.#dropped(opened.id) : this.abandon({ ...what, key }))
      throw error
    }
    return this.#settle(opened.id, what, told, signal)
  }

  /** As `ask`, without waiting: store the `id`; later `wait` for it and use its `receipt`. */
  async open(what: Action & About, signal?: AbortSignal): Promise<Opened> {
    if (this.observer) return nobody(this.observer.ask(what.action, () => this.#asked(what)))
    const { digest, body } = this.#asked(what)
    const key = what.key ?? randomUUID()
    const opened = read(await this.#insist({ method: 'POST', path: '/v1/requests', body, key }, signal))
    if (opened.digest !== digest) {
      if (opened.status === 'pending') await this.#last(this.#dropped(opened.id))
      throw new Unverified(
        'The service binds something else than what would run here.',
        'Is COUNTERSIGN_URL the right service, and of a version that goes with this client?',
      )
    }
    return opened
  }

  /** The request once it is decided, or as it is after `seconds`. It proves nothing yet. */
  async wait(requestId: string, seconds = POLL, signal?: AbortSignal): Promise<Opened> {
    if (this.observer) return nobody(requestId)
    const end = performance.now() + seconds * 1000
    for (;;) {
      const left = Math.max(0, (end - performance.now()) / 1000)
      const opened = read(await this.#poll(requestId, left, signal))
      if (opened.status !== 'pending' || left < 1) return opened
    }
  }

  /** Verify the approval of a decided request for what is about to run, and use it. */
  async receipt(requestId: string, what: Action, signal?: AbortSignal): Promise<Approval> {
    if (this.observer) return seen(requestId)
    return this.#settle(requestId, what, undefined, signal)
  }

  /** `told`: what the service has just answered; with a receipt in it, it is not asked once more. */
  async #settle(
    requestId: string,
    what: Action,
    told: Record<string, unknown> | undefined,
    signal?: AbortSignal,
  ): Promise<Approval> {
    let value = told
    for (let round = 0; round <= Math.min(ROUNDS, this.#patience); round++) {
      if (typeof value?.receipt !== 'string') {
        value = await this.#insist({ method: 'GET', path: path(requestId) }, signal)
      }
      const opened = read(value)
      if (opened.status === 'pending') {
        throw new Unverified('Nobody has decided yet.', 'Wait for it first: `client.wait`.')
      }
      if (opened.status !== 'approved') throw refusal(opened.status, requestId, opened.reason)
      if (value.outcome !== null && value.outcome !== undefined) throw used(requestId)
      const { digest } = this.#asked(what)
      if (opened.digest !== digest) {
        throw new Unverified(
          'What would run now is not what was approved.',
          'It changed after it was asked about. Nothing was run: ask again.',
        )
      }
      if (typeof value.receipt === 'string') {
        const { receiptKey: pin, issuer, requester } = this.service
        const kept = this.#key
        const key = (this.#key ??= await this.#pinned(signal))
        const now = this.#clock() / 1000
        let expires: number
        try {
          expires = await verify(value.receipt, key, { pin, issuer, requester, requestId, digest, now })
        } catch (error) {
          // Was the service's key replaced? Then this throws the error that says so.
          if (kept) await this.#pinned(signal)
          throw error
        }
        await this.#store.note(requestId, expires, now)
        return { requestId, digest }
      }
      await pause(1000, undefined, { signal })
    }
    throw new Unverified(
      'It is approved, and the service has signed no receipt for it.',
      "`countersign doctor` on the service's host says why. Nothing was run.",
    )
  }

  /** Take a pending request back. */
  async withdraw(requestId: string): Promise<void> {
    if (!this.observer) await this.#insist({ method: 'DELETE', path: path(requestId) })
  }

  /** Withdraw what this key may have opened: the answer may be lost, and only the key finds it again. */
  async abandon(what: Action & About & { key: string }): Promise<void> {
    if (this.observer) return
    const { body } = this.#asked(what)
    const answer = await this.#quietly({ method: 'POST', path: '/v1/requests', body, key: what.key })
    if (answer && answer.status < 300) await this.#dropped(read(answer.value).id)
  }

  /** Report to the approvers whether it was delivered; null: unknown. */
  async report(requestId: string, delivered: boolean | null, error?: string): Promise<void> {
    if (this.observer) return
    const body = JSON.stringify({ delivered, ...(error ? { error: error.slice(0, 1000) } : {}) })
    await this.#insist({ method: 'POST', path: `${path(requestId)}/outcome`, body })
  }

  /** The digest of what is asked about now, and the body that asks about it: from one reading of it. */
  #asked(what: Action & About): { digest: string; body: string } {
    try {
      const fields: Record<string, unknown> = { action: what.action }
      if (this.#service?.agent) fields.agent = { id: this.#service.agent }
      if (what.title !== undefined) fields.title = what.title
      if (what.note !== undefined) fields.note = what.note
      if (what.risk !== undefined) fields.risk = what.risk
      if (what.expiresIn !== undefined) fields.expires_in = what.expiresIn
      if (what.http) {
        const { method, url, headers = [], body = new Uint8Array() } = what.http
        const listed: Record<string, string[]> = Object.create(null) as Record<string, string[]>
        for (const [name, value] of headers) (listed[name] ??= []).push(value)
        fields.http = { method, url, headers: listed, body: Buffer.from(body).toString('base64') }
        return { digest: digestHttp(what.action, what.http), body: canonical(fields) }
      }
      const payload = canonical(what.payload)
      // The canonical form is JSON, so that what is sent is what was digested.
      const body = `${canonical(fields).slice(0, -1)},"payload":${payload}}`
      return { digest: digestCanonical(what.action, payload), body }
    } catch (error) {
      throw new Misconfigured(
        `This cannot be asked about: ${error instanceof Error ? error.message : 'an unknown error'}.`,
        'Send plain JSON values.',
      )
    }
  }

  async #poll(requestId: string, seconds: number, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const wait = Math.min(Math.floor(seconds), POLL)
    const query = wait > 0 ? `?wait=${wait}` : ''
    const value = await this.#insist({ method: 'GET', path: path(requestId) + query, wait }, signal)
    if (read(value).id !== requestId) throw new Unreachable('The service answered about another request.', SERVICE)
    return value
  }

  async #pinned(signal?: AbortSignal): Promise<JWK> {
    const { keys } = await this.#insist({ method: 'GET', path: '/.well-known/jwks.json' }, signal)
    for (const jwk of Array.isArray(keys) ? (keys as JWK[]) : []) {
      try {
        if (thumbprint(jwk) === this.service.receiptKey) return jwk
      } catch {
        continue
      }
    }
    throw new Unverified(
      'The service does not have the receipt key that is pinned here.',
      'Was its key replaced? Compare the thumbprint that `countersign doctor` shows on its host, ' +
        'then run `countersign-client pin` again.',
    )
  }

  /** The answer, tried again while the service is away, for `patience` seconds of pauses. */
  async #insist(call: Call, signal?: AbortSignal): Promise<Record<string, unknown>> {
    let [delay, waited, busy] = [0.5, 0, 0]
    for (;;) {
      let [why, next] = ['', delay]
      try {
        const answer = await this.#send(call, signal)
        if (answer.status < 300) return answer.value
        if (answer.status < 500 && answer.status !== 429) throw refused(answer)
        why = detail(answer)
        next = Math.min(answer.retryAfter || delay, LONGEST_PAUSE)
        // It is there and asks us to slow down: that is no outage.
        if ((answer.status === 429 || slug(answer) === 'too_many_waiting') && busy < BUSY) {
          await pause(next * 1000, undefined, { signal })
          busy += next
          continue
        }
      } catch (error) {
        if (!(error instanceof Lost)) throw error
        why = error.message
      }
      if (waited >= this.#patience) {
        throw new Unreachable(`The approval service cannot be reached: ${why}.`, SERVICE)
      }
      next = Math.min(next, Math.max(this.#patience - waited, 0.1))
      await pause(next * 1000, undefined, { signal })
      waited += next
      delay = Math.min(delay * 2, 10)
    }
  }

  async #send(call: Call, signal?: AbortSignal): Promise<Answer> {
    const limit = AbortSignal.timeout((READ + (call.wait ?? 0)) * 1000)
    const headers: Record<string, string> = { Authorization: `Bearer ${this.service.key}` }
    if (call.body !== undefined) headers['Content-Type'] = 'application/json'
    if (call.key) headers['Idempotency-Key'] = call.key
    try {
      const response = await fetch(this.service.url + call.path, {
        method: call.method,
        headers,
        body: call.body ?? null,
        redirect: 'error',
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      })
      return answered(response, await bounded(response))
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof Lost) throw error
      throw new Lost(reason(error))
    }
  }

  async #quietly(call: Call): Promise<Answer | undefined> {
    try {
      return await this.#send(call)
    } catch {
      return undefined // it expires by itself
    }
  }

  async #dropped(requestId: string): Promise<void> {
    await this.#quietly({ method: 'DELETE', path: path(requestId) })
  }

  /** The caller is leaving: a little time for what remains to be done. */
  async #last(work: Promise<void>): Promise<void> {
    await Promise.race([work.catch(() => undefined), pause(LAST * 1000, undefined, { ref: false })])
  }
}

const SERVICE = 'Is COUNTERSIGN_URL right, and is the service up? Nothing was run.'

/** What a client that observes returns: its caller goes on, and nobody has approved it. */
function seen(requestId: string): Approval {
  return { requestId, digest: '', observed: true }
}

/** A request that was not made: the client observes. */
export function nobody(id: string): Opened {
  return { id, status: STATUS, digest: '', expiresAt: '', reason: null }
}

/** What a request that was decided and not approved is thrown as. */
export function refusal(status: string, requestId: string, why: string | null): CountersignError {
  if (status === 'declined') {
    return new Declined(`Declined${why ? `: ${printable(why)}` : '.'}`, 'Nothing was run.', requestId, why)
  }
  if (status === 'expired') {
    const text = 'Nobody decided in time. Nothing was run.'
    return new Expired(text, 'Ask again, or ask a person.', requestId, why)
  }
  return new Withdrawn('The request was withdrawn. Nothing was run.', 'Ask again.', requestId, why)
}

function refused(answer: Answer): NotAccepted {
  const type = slug(answer)
  const cures: Record<number, string> = {
    401: 'COUNTERSIGN_KEY is not a key that this service knows: compare its configuration.',
    403: "The service's configuration says what this requester may do, and for which agents.",
    413: 'Ask about less at a time, or by its digest.',
  }
  const cure =
    type === 'idempotency_mismatch'
      ? 'This key was used to ask about something else. Give each action a key of its own.'
      : (cures[answer.status] ?? '')
  return new NotAccepted(`The service refused: ${detail(answer)}`, cure, printable(type).slice(0, 100))
}

function slug(answer: Answer): string {
  return String(answer.value.type ?? '').split(/[/:]/).at(-1)!
}

function detail(answer: Answer): string {
  const { detail } = answer.value
  return typeof detail === 'string' ? printable(detail).slice(0, 500) : `HTTP ${answer.status}`
}

function read(value: Record<string, unknown>): Opened {
  const { id, status, digest, expires_at: expiresAt, reason } = value
  if (![id, status, digest, expiresAt].every(one => typeof one === 'string')) {
    throw new Unreachable('The answer is not that of a Countersign service.', SERVICE)
  }
  path(String(id))
  return {
    id: String(id),
    status: String(status),
    digest: String(digest),
    expiresAt: String(expiresAt),
    reason: typeof reason === 'string' ? reason : null,
  }
}

/** An id goes into a path: it has nothing in it that could name another. */
function path(requestId: string): string {
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(requestId)) {
    throw new Unreachable('The answer names no request of a Countersign service.', SERVICE)
  }
  return `/v1/requests/${requestId}`
}

async function bounded(response: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response.body ?? []) {
    pieces.push(piece)
    size += piece.length
    if (size > LONGEST) throw new Lost('an answer that is too long')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces))
  } catch {
    throw new Lost(`HTTP ${response.status}, and an answer that is not JSON`)
  }
}

function answered(response: Response, text: string): Answer {
  let value: unknown
  try {
    value = text ? JSON.parse(text) : {}
  } catch {
    throw new Lost(`HTTP ${response.status}, and an answer that is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Lost('an answer that is not that of a Countersign service')
  }
  const seconds = response.headers.get('Retry-After') ?? ''
  const retryAfter = /^\d{1,6}$/.test(seconds) ? Number(seconds) : 0
  return { status: response.status, value: value as Record<string, unknown>, retryAfter }
}

/** What went wrong on the wire, in a few words and without the address. */
function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const { code, name } = cause as { code?: unknown; name?: unknown }
  const what = printable(String(code ?? (name === 'Error' ? 'the request failed' : name))).slice(0, 100)
  return what === 'ECONNREFUSED' ? `nothing answers there (${what})` : what
}
