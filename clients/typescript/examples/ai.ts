// Vercel AI SDK: an agent whose tools wait for a person.

import { Countersign } from '@countersign/client/ai'
import { generateText, isStepCount, tool } from 'ai'
import { z } from 'zod'

const door = new Countersign({ session: 'refund-2291' })
const tools = door.tools({
  refund: tool({
    description: 'Pay money back.',
    inputSchema: z.object({ invoice: z.string(), cents: z.number() }),
    execute: async ({ invoice, cents }) => `paid ${cents} for ${invoice}`,
  }),
})

const prompt = 'Refund invoice 2291, 500 cents.'
const { text } = await generateText({ model: 'openai/gpt-5', tools, stopWhen: isStepCount(5), prompt })
console.log(text)
