// A model that calls what the scenario says, then reads what came of it. The SDK's own stand-in.

import { simulateReadableStream } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'

type Generated = Awaited<ReturnType<MockLanguageModelV4['doGenerate']>>
type Streamed = Awaited<ReturnType<MockLanguageModelV4['doStream']>>
type Part = Streamed['stream'] extends ReadableStream<infer T> ? T : never
type Prompt = Parameters<MockLanguageModelV4['doGenerate']>[0]['prompt']

const usage: Generated['usage'] = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
}

/** It calls `transfer` with each of `cents` at once. `read`: the results, as the model gets them. */
export function scripted(...cents: number[]): { model: MockLanguageModelV4; read: string[] } {
  const read: string[] = []
  const answer = (prompt: Prompt): Generated => {
    const results = prompt.flatMap(message => (message.role === 'tool' ? message.content : []))
    if (results.length > 0) {
      read.splice(0, read.length, ...results.map(one => JSON.stringify(one)))
      const content: Generated['content'] = [{ type: 'text', text: 'Done.' }]
      return { content, finishReason: { unified: 'stop', raw: 'stop' }, usage, warnings: [] }
    }
    const content: Generated['content'] = cents.map((one, at) => ({
      type: 'tool-call',
      toolCallId: `call_${at}`,
      toolName: 'transfer',
      input: JSON.stringify({ cents: one }),
    }))
    return { content, finishReason: { unified: 'tool-calls', raw: 'tool_calls' }, usage, warnings: [] }
  }
  const model = new MockLanguageModelV4({
    doGenerate: async ({ prompt }) => answer(prompt),
    doStream: async ({ prompt }) => {
      const { content, finishReason } = answer(prompt)
      const parts = content.flatMap((part): Part[] => {
        if (part.type === 'tool-call') return [part]
        if (part.type !== 'text') return []
        const delta = { type: 'text-delta', id: 't', delta: part.text } as const
        return [{ type: 'text-start', id: 't' }, delta, { type: 'text-end', id: 't' }]
      })
      const start: Part = { type: 'stream-start', warnings: [] }
      const chunks: Part[] = [start, ...parts, { type: 'finish', finishReason, usage }]
      return { stream: simulateReadableStream({ chunks }) }
    },
  })
  return { model, read }
}
