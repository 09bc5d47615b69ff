// Mastra: `createTool(new Countersign().gated({ id: 'refund', inputSchema, execute }))`.
//
// https://mastra.ai/docs/agents/agent-approval (1.71.0 was run). The input is what Mastra has validated.

import { type Client, POLL, refusal } from './client.ts'
import { Gate, held, others, type Rules, told } from './gate.ts'

export interface Options {
  client?: Client
  rules?: Rules
  /** Names the run where call ids are unique only within one. */
  session?: string
  /** With `requireApproval: true` and a storage: the run is suspended, and `settle` takes it up. */
  pause?: boolean
}

/** What a suspended run waits for, as `suspendPayload` or a `tool-call-approval` chunk has it. */
export interface Suspended {
  toolCallId: string
  toolName: string
  args: unknown
}

/** What https://standardschema.dev gives a schema of Zod, Valibot or ArkType; Mastra validates with it too. */
interface Schema {
  '~standard'?: { validate(value: unknown): Result | Promise<Result> }
}
type Result = { value: unknown; issues?: undefined } | { issues: readonly unknown[] }

/** The part of Mastra's `Agent` that takes a suspended run up. */
interface Resumable<T> {
  approveToolCallGenerate(options: { runId: string; toolCallId: string }): Promise<T>
  declineToolCallGenerate(options: { runId: string; toolCallId: string; reason: string }): Promise<T>
}

interface Context {
  agent?: { toolCallId?: string }
}

export class Countersign {
  readonly #gate: Gate
  readonly #options: Options
  readonly #schemas = new Map<string, Schema | undefined>()

  constructor(options: Options = {}) {
    this.#options = options
    this.#gate = new Gate('mastra', options.client)
  }

  /** For `requireApproval`. */
  get pauses(): boolean {
    return (this.#options.pause ?? false) && !this.#gate.observer
  }

  /** What `createTool` takes, with an `execute` that runs only on an approval of its input as it is then. */
  gated<T extends { id: string; inputSchema?: unknown; execute?: (input: never, context: never) => unknown }>(
    options: T,
  ): T {
    const { id: tool, execute, inputSchema } = options
    this.#schemas.set(tool, inputSchema as Schema | undefined)
    if (!execute) return options
    const { rules, pause } = this.#options
    const id = (context: Context) => this.#id(context.agent?.toolCallId)
    return { ...options, execute: held(this.#gate, { tool, execute: execute.bind(options), id, rules, pause }) }
  }

  /**
   * Ask about a suspended call, wait for the verdict, and take its run up; undefined while nobody has decided.
   * It releases nothing: the tool does, when it runs. The agent must know the tool by its id.
   */
  async settle<T>(
    agent: Resumable<T>,
    runId: string,
    { toolCallId, toolName, args }: Suspended,
    seconds = POLL,
  ): Promise<T | undefined> {
    if (this.#gate.observer) {
      if (!this.#gate.passes(toolName)) throw others()
      return agent.approveToolCallGenerate({ runId, toolCallId }) // Mastra has no other word for "go on"
    }
    const input = await this.#validated(toolName, args)
    const call = { tool: toolName, input, id: this.#id(toolCallId) }
    const { status, id, reason } = await this.#gate.look(call, seconds)
    if (status === 'pending') return undefined
    if (status === 'approved') return agent.approveToolCallGenerate({ runId, toolCallId })
    const why = told(refusal(status, id, reason))
    return agent.declineToolCallGenerate({ runId, toolCallId, reason: why })
  }

  /** A suspended call has its arguments as the model wrote them; the tool gets them with its defaults. */
  async #validated(tool: string, args: unknown): Promise<unknown> {
    const result = await this.#schemas.get(tool)?.['~standard']?.validate(args)
    return result && !result.issues ? result.value : args
  }

  #id(toolCallId: string | undefined): string | undefined {
    return toolCallId === undefined ? undefined : `${this.#options.session ?? ''}:${toolCallId}`
  }
}
