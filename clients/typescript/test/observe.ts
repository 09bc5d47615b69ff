// Doors that observe, with the real frameworks and no service. What they record, the Python side reads.

import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'

import { Agent } from '@mastra/core/agent'
import { Mastra } from '@mastra/core/mastra'
import { InMemoryStore } from '@mastra/core/storage'
import { createTool } from '@mastra/core/tools'
import { generateText, isStepCount, type ModelMessage, tool } from 'ai'
import { z } from 'zod'

import { Countersign } from '../src/ai.ts'
import { Client, Gate, type Options, Service } from '../src/index.ts'
import { Countersign as Mastras } from '../src/mastra.ts'
import { outcome, play } from './house.ts'
import { scripted } from './model.ts'

const stopWhen = isStepCount(3)
const inputSchema = z.object({ cents: z.number() })

const [url, receiptKey] = ['http://127.0.0.1:1', 'A'.repeat(43)]
const service = new Service({ url, key: 'k', receiptKey, requester: 'r', issuer: 'i' })

function observing(): Client {
  return new Client(undefined, { observe: true })
}

function transfer(ran: number[]) {
  const execute = async ({ cents }: { cents: number }) => {
    ran.push(cents)
    return `sent ${cents}`
  }
  return { transfer: tool({ description: 'Send money.', inputSchema, execute }) }
}

async function payer(door: Mastras, ran: number[], requireApproval: boolean, cents: number) {
  const { model, read } = scripted(cents)
  const execute = async (given: { cents: number }) => {
    ran.push(given.cents)
    return { sent: given.cents }
  }
  const made = createTool({ ...door.gated({ id: 'transfer', description: 'Send.', inputSchema, execute }), requireApproval })
  const agent = new Agent({ id: 'payer', name: 'payer', instructions: 'Pay.', model: model as never, tools: { transfer: made } })
  const mastra = new Mastra({ agents: { payer: agent }, storage: new InMemoryStore(), logger: false })
  return { agent: mastra.getAgent('payer'), read }
}

await play({
  async client() {
    const client = observing()
    const asked = await client.ask({ action: 'deploy', payload: { token: 'sk_live' }, note: 'sk_live' })
    const opened = await client.open({ action: 'migrate', payload: 1 })
    const { status } = await client.wait(opened.id)
    const later = await client.receipt(opened.id, { action: 'migrate', payload: 1 })
    await client.report(later.requestId, true)
    await client.withdraw(opened.id)
    await client.abandon({ action: 'migrate', payload: 1, key: 'k' })
    await client.ask({ action: 'late', payload: new Date() })
    const service = await outcome((async () => client.service)())
    return [asked, status, later.requestId === opened.id, later.observed, service]
  },
  async homeless() {
    const [home, state] = [os.homedir, process.env.COUNTERSIGN_STATE!]
    os.homedir = () => {
      throw new Error('no home')
    }
    syncBuiltinESMExports()
    delete process.env.COUNTERSIGN_STATE
    try {
      const { observed } = await observing().ask({ action: 'deploy', payload: 1 })
      return [observed, await outcome((async () => new Client(service))())]
    } finally {
      os.homedir = home
      syncBuiltinESMExports()
      process.env.COUNTERSIGN_STATE = state
    }
  },
  async variable() {
    const found: unknown[] = []
    const makes = async (options: Options) => new Client(undefined, options).observer !== undefined
    for (const value of ['1', '0', 'true']) {
      process.env.COUNTERSIGN_OBSERVE = value
      found.push(new Client(service).observer === undefined)
      found.push(await outcome(makes({})), await outcome(makes({ observe: false })))
    }
    delete process.env.COUNTERSIGN_OBSERVE
    found.push(await outcome(makes({ observe: 'yes' as never })))
    return found
  },
  async gate() {
    const gate = new Gate('x', observing())
    const ran = await gate.run({ tool: 'a', input: 1, id: '1' }, async () => 'ran')
    return [ran, await gate.release({ tool: 'a', input: 1, id: '1' }, async () => 'ran')]
  },
  async ai() {
    const found: unknown[] = []
    for (const options of [{}, { pause: true }, { rules: { deny: ['*'] } }, { rules: { allow: ['*'] } }]) {
      const [ran, { model, read }] = [[] as number[], scripted(5)]
      const door = new Countersign({ client: observing(), ...options })
      const tools = door.tools(transfer(ran))
      const result = await generateText({ model, tools, stopWhen, prompt: 'Pay', toolApproval: door.toolApproval })
      found.push([ran, read, JSON.stringify(result.responseMessages).includes('approval')])
    }
    return found
  },
  /** A run that was paused by somebody else's rule, and is answered by a door that observes. */
  async aiLater() {
    const [ran, door] = [[] as number[], new Countersign({ client: observing() })]
    const tools = door.tools(transfer(ran))
    const first = scripted(7)
    const messages: ModelMessage[] = [{ role: 'user', content: 'Pay' }]
    const asking = { tools, stopWhen, toolApproval: async () => 'user-approval' as const }
    const { responseMessages } = await generateText({ model: first.model, messages, ...asking })
    const answers = await door.answers([...messages, ...responseMessages])
    const { model, read } = scripted()
    await generateText({ model, messages: [...messages, ...responseMessages, answers!], ...asking })
    // A door that wrapped another tool knows that this one is not its own; one that wrapped none cannot tell.
    const other = new Countersign({ client: observing() })
    other.tools({ refund: tools.transfer })
    const left = await outcome(other.answers([...messages, ...responseMessages]))
    const early = await new Countersign({ client: observing() }).answers([...messages, ...responseMessages])
    return [ran, read, answers!.content[0], left, early!.content.length]
  },
  async mastra() {
    const [ran, door] = [[] as number[], new Mastras({ client: observing(), pause: true })]
    const { agent, read } = await payer(door, ran, door.pauses, 5)
    await agent.generate('Pay', { maxSteps: 3 })
    const held = await payer(door, ran, true, 6)
    const { runId, suspendPayload } = await held.agent.generate('Pay', { maxSteps: 3 })
    const left = await outcome(door.settle(held.agent, runId!, { ...suspendPayload, toolName: 'refund' }))
    await door.settle(held.agent, runId!, suspendPayload)
    return [ran, read, held.read, left]
  },
})
