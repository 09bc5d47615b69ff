// Vercel AI SDK 7: `generateText({ tools: new Countersign().tools({ … }) })`.
//
// https://ai-sdk.dev/docs/agents/tool-approvals (7.0.173 was run). The input is what the SDK has validated.
// A tool that its provider executes never comes here and is not held.

import type { ModelMessage, ToolApprovalStatus, ToolModelMessage, ToolSet } from 'ai'

import { type Client, type Opened, POLL, refusal } from './client.ts'
import { CountersignError, Misconfigured } from './errors.ts'
import { Gate, held, others, ruled, type Rules, told } from './gate.ts'
import { NOBODY } from './observe.ts'

export interface Options {
  client?: Client
  rules?: Rules
  /** Names the run where call ids are unique only within one. */
  session?: string
  /** The run ends with approval requests: pass `toolApproval` too, and give the messages to `answers`. */
  pause?: boolean
}

interface Call {
  toolName: string
  toolCallId: string
  input: unknown
}

export class Countersign {
  readonly #gate: Gate
  readonly #options: Options
  readonly #held = new WeakSet<object>()

  constructor(options: Options = {}) {
    this.#options = options
    this.#gate = new Gate('ai-sdk', options.client)
  }

  /** The same tools. Each runs only on an approval of its input as it is then. */
  tools<T extends ToolSet>(tools: T): T {
    const { rules, pause } = this.#options
    const gated = Object.entries(tools).map(([name, tool]) => {
      if (!tool.execute) return [name, tool]
      const id = (context: { toolCallId: string }) => this.#id(context.toolCallId)
      const bound = tool.execute.bind(tool)
      const execute = held(this.#gate, { tool: name, execute: bound, id, rules, pause })
      this.#held.add(execute)
      return [name, { ...tool, execute }]
    })
    return Object.fromEntries(gated) as T
  }

  /**
   * For `generateText({ toolApproval })`: asks, and pauses the run while nobody has decided. It releases
   * nothing: the tool does, when it runs. The SDK calls it again before it runs what a message approves.
   */
  readonly toolApproval = async (options: {
    toolCall: Call
    tools: ToolSet | undefined
  }): Promise<ToolApprovalStatus> => {
    const { toolCall, tools } = options
    const execute = tools && Object.hasOwn(tools, toolCall.toolName) ? tools[toolCall.toolName]?.execute : undefined
    if (!execute) return 'not-applicable' // nothing runs here
    if (this.#gate.observer) return 'not-applicable' // the tool records it, and runs
    if (!this.#held.has(execute)) return denied('This tool is not held: pass it through `tools`.')
    const then = ruled(this.#options.rules ?? {}, toolCall.toolName)
    if (then === 'allow') return 'not-applicable'
    if (then === 'deny') return denied('A rule denies this tool. Nothing was run.')
    try {
      const found = await this.#look(toolCall)
      if (found.status === 'pending') return 'user-approval'
      return found.status === 'approved' ? 'approved' : denied(why(found))
    } catch (error) {
      if (error instanceof CountersignError) return denied(told(error))
      throw error
    }
  }

  /**
   * The message that answers what is requested in `messages`, once all of it is decided; undefined before.
   * It proves nothing, and may come from anywhere: the tool verifies when it runs.
   */
  async answers(messages: readonly ModelMessage[], seconds = POLL): Promise<ToolModelMessage | undefined> {
    const parts = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : [...content]))
    const calls = new Map(parts.flatMap(part => (part.type === 'tool-call' ? [[part.toolCallId, part]] : [])))
    const answered = new Set(parts.flatMap(part => (part.type === 'tool-approval-response' ? [part.approvalId] : [])))
    const content: ToolModelMessage['content'] = []
    for (const part of parts) {
      if (part.type !== 'tool-approval-request' || answered.has(part.approvalId)) continue
      const answer = { type: 'tool-approval-response', approvalId: part.approvalId } as const
      const call = calls.get(part.toolCallId)
      if (this.#gate.observer) {
        // The SDK has no other word for "go on".
        if (call && this.#gate.passes(call.toolName)) content.push({ ...answer, approved: true, reason: NOBODY })
        continue
      }
      const found = call && (await this.#look(call, seconds))
      if (found?.status === 'pending') return undefined
      if (found?.status === 'approved') content.push({ ...answer, approved: true })
      else content.push({ ...answer, approved: false, reason: found ? why(found) : 'It names no call.' })
    }
    if (content.length === 0) {
      if (this.#gate.observer && parts.some(part => part.type === 'tool-approval-request')) throw others()
      const cure = 'Give it the messages of a run that ended with approval requests.'
      throw new Misconfigured('These messages request no approval.', cure)
    }
    return { role: 'tool', content }
  }

  #look(call: Call, seconds = 0) {
    return this.#gate.look({ tool: call.toolName, input: call.input, id: this.#id(call.toolCallId) }, seconds)
  }

  #id(toolCallId: string): string {
    return `${this.#options.session ?? ''}:${toolCallId}`
  }
}

function why({ status, id, reason }: Opened): string {
  return told(refusal(status, id, reason))
}

function denied(reason: string): ToolApprovalStatus {
  return { type: 'denied', reason }
}
