// Mastra: an agent whose tool waits for a person.

import { Countersign } from '@countersign/client/mastra'
import { Agent } from '@mastra/core/agent'
import { createTool } from '@mastra/core/tools'
import { z } from 'zod'

const door = new Countersign({ session: 'refund-2291' })
const refund = createTool(
  door.gated({
    id: 'refund',
    description: 'Pay money back.',
    inputSchema: z.object({ invoice: z.string(), cents: z.number() }),
    execute: async ({ invoice, cents }: { invoice: string; cents: number }) => `paid ${cents} for ${invoice}`,
  }),
)

const agent = new Agent({
  id: 'payer',
  name: 'payer',
  instructions: 'You pay refunds.',
  model: 'openai/gpt-5',
  tools: { refund },
})
const { text } = await agent.generate('Refund invoice 2291, 500 cents.')
console.log(text)
