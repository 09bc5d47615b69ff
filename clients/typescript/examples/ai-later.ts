// Vercel AI SDK: a run that waits for a person, stored and taken up by another process.
//
// `node ai-later.ts "Refund invoice 2291"`; run it again without words until it is done.

import { readFile, writeFile } from 'node:fs/promises'

import { Countersign } from '@countersign/client/ai'
import { generateText, isStepCount, type ModelMessage, tool } from 'ai'
import { z } from 'zod'

const KEPT = 'run.json'
const door = new Countersign({ session: 'refund-2291', pause: true })
const tools = door.tools({
  refund: tool({
    description: 'Pay money back.',
    inputSchema: z.object({ invoice: z.string(), cents: z.number() }),
    execute: async ({ invoice, cents }) => `paid ${cents} for ${invoice}`,
  }),
})

const [, , words] = process.argv
const messages: ModelMessage[] = words
  ? [{ role: 'user', content: words }]
  : (JSON.parse(await readFile(KEPT, 'utf8')) as ModelMessage[])
const answers = words ? undefined : await door.answers(messages)
if (words || answers) {
  if (answers) messages.push(answers)
  const { toolApproval } = door
  const result = await generateText({ model: 'openai/gpt-5', tools, toolApproval, stopWhen: isStepCount(5), messages })
  messages.push(...result.responseMessages)
  await writeFile(KEPT, JSON.stringify(messages))
  console.log(result.text || 'Waiting for a person.')
} else {
  console.log('Still waiting for a person.')
}
