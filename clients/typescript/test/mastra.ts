// Mastra, the real one. Dana approves odd sums, declines even ones, and leaves those below 0.

import { Agent } from '@mastra/core/agent'
import { Mastra } from '@mastra/core/mastra'
import { InMemoryStore } from '@mastra/core/storage'
import { createTool } from '@mastra/core/tools'
import { z } from 'zod'

import { Client, Memory, type Store } from '../src/index.ts'
import { Countersign } from '../src/mastra.ts'
import { nowhere, play, service } from './house.ts'
import { scripted } from './model.ts'

const away = new Client(service({ url: await nowhere() }), { patience: 0, store: new Memory() })

function client(store: Store = new Memory()): Client {
  return new Client(service(), { store })
}

function payer(door: Countersign, ran: number[], storage: InMemoryStore, ...cents: number[]) {
  const { model, read } = scripted(...cents)
  const transfer = createTool({
    ...door.gated({
      id: 'transfer',
      description: 'Send money.',
      inputSchema: z.object({ cents: z.number(), to: z.string().default('ACME') }),
      execute: async ({ cents, to }: { cents: number; to: string }) => {
        ran.push(cents)
        return { sent: `${cents} to ${to}` }
      },
    }),
    requireApproval: door.pauses,
  })
  const agent = new Agent({
    id: 'payer',
    name: 'payer',
    instructions: 'Pay.',
    model: model as never, // Mastra's copy of the SDK's types is another version's
    tools: { transfer },
  })
  const mastra = new Mastra({ agents: { payer: agent }, storage, logger: false })
  return { agent: mastra.getAgent('payer'), read }
}

async function held(session: string, asked: Client, cents: number) {
  const ran: number[] = []
  const { agent, read } = payer(new Countersign({ client: asked, session }), ran, new InMemoryStore(), cents)
  await agent.generate('Pay', { maxSteps: 3 })
  return [ran, read]
}

/** An agent that nobody resumes. */
const past = {
  approveToolCallGenerate: async () => null,
  declineToolCallGenerate: async () => null,
}

await play({
  approved: () => held('approved', client(), 5),
  declined: () => held('declined', client(), 6),
  away: () => held('away', away, 5),
  async later() {
    const found: unknown[] = []
    for (const cents of [105, 106, -1, 205]) {
      const [ran, store, storage]: [number[], Store, InMemoryStore] = [[], new Memory(), new InMemoryStore()]
      const options = { session: `later ${cents}`, pause: true }
      const first = payer(new Countersign({ client: client(store), ...options }), ran, storage, cents)
      const { finishReason, runId, suspendPayload } = await first.agent.generate('Pay', { maxSteps: 3 })
      // Another process: only the storage and the folder of used approvals are left.
      const door = new Countersign({ client: client(store), ...options })
      const { agent, read } = payer(door, ran, storage, cents)
      if (cents === 105 || cents === 106) {
        while (!(await door.settle(agent, runId!, suspendPayload)));
        found.push([finishReason, ran, read])
        continue
      }
      // Mastra is told to go on past us, before the verdict and with another call than was asked about.
      const asked = cents < 0 ? suspendPayload : { ...suspendPayload, args: { cents: 201 } }
      const none = (await door.settle(past, runId!, asked, 0)) === undefined
      await agent.approveToolCallGenerate({ runId: runId!, toolCallId: suspendPayload.toolCallId })
      found.push([finishReason, ran, read, none])
    }
    return found
  },
})
