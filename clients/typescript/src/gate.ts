// May this tool call run? The one function under every door to an agent's framework.
//
// 1. A call runs only on a verified approval of its name and its arguments as they are at that moment.
// 2. A call is asked about once, however often it is resumed or repeated: its id is the idempotency
//    key. The same id with other arguments is refused, so stored state needs no trust.
// 3. What a framework, a model or a client answers decides nothing. Only the receipt does.
// 4. A model reads the approver's reason, and nothing of ours.

import { createHash } from 'node:crypto'

import { type Approval, Client, nobody, type Opened } from './client.ts'
import { canonical } from './digest.ts'
import { CountersignError, Misconfigured, NotAccepted, NotApproved, printable, Unverified } from './errors.ts'
import { type Observer, observer, STATUS } from './observe.ts'

/**
 * Patterns of tool names: `delete_*`. A tool that is denied by one pattern stays denied; `ask` comes
 * before `allow`; a tool that no pattern names is asked about. `*` stands for any text; there is nothing else.
 */
export interface Rules {
  ask?: readonly string[]
  allow?: readonly string[]
  deny?: readonly string[]
}

/** What the rules say of a tool. `Misconfigured`: a pattern of theirs is none. */
export function ruled(rules: Rules, tool: string): 'ask' | 'allow' | 'deny' {
  const matches = (patterns: readonly string[] = []) => patterns.map(wildcard).some(one => one.test(tool))
  const [deny, ask, allow] = [matches(rules.deny), matches(rules.ask), matches(rules.allow)]
  return deny ? 'deny' : !ask && allow ? 'allow' : 'ask'
}

function wildcard(pattern: string): RegExp {
  if (/[?[]/.test(pattern)) {
    // To a shell and to the Python client they stand for a character: taken as they are, `deny` would miss a tool.
    throw new Misconfigured(`The pattern ${printable(pattern)} has ? or [.`, 'Only * is known: write the names out.')
  }
  const parts = pattern.split('*').map(part => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's')
}

/** A call as it would run. `id`: unique to it, with its session; without one it cannot be resumed. */
export interface ToolCall {
  tool: string
  input: unknown
  id?: string | undefined
}

/** Asks about the tool calls of one `surface`: the framework, and so the first part of the action. */
export class Gate {
  readonly surface: string
  /** Where its client observes, or without one as COUNTERSIGN_OBSERVE says. */
  readonly observer: Observer | undefined
  #client: Client | undefined
  readonly #wrapped = new Set<string>()

  constructor(surface: string, client?: Client) {
    this.surface = surface
    this.#client = client
    this.observer = observer(client && client.observer !== undefined, surface)
  }

  /** Made from the environment when it is first needed. */
  get client(): Client {
    return (this.#client ??= new Client(undefined, { observe: this.observer ?? false }))
  }

  /** Whether a call runs because the gate observes: then it is recorded, with what its rules say. */
  observes(then: 'ask' | 'allow' | 'deny', call: ToolCall): boolean {
    const name = this.#name(call.tool)
    if (then === 'ask') this.observer?.ask(name, () => this.#action(call))
    else this.observer?.note(then, name)
    return this.observer !== undefined
  }

  /** This door wrapped a tool of that name, and so records its calls. */
  wraps(tool: string): void {
    this.#wrapped.add(tool)
  }

  /**
   * Whether a gate that observes lets the framework's pause of this tool go on. Not that of a tool that it did not wrap:
   * whoever made that pause answers it. A gate that has wrapped none yet, in a process that takes a run up, cannot tell:
   * it records the call, and passes it.
   */
  passes(tool: string): boolean {
    if (!this.observer) return false
    if (this.#wrapped.size > 0) return this.#wrapped.has(tool)
    this.observer.note('ask', this.#name(tool))
    return true
  }

  /** Run it on an approval, and report the outcome. Throws `CountersignError`: it did not run. */
  async run<T>(call: ToolCall, execute: (input: never) => T, signal?: AbortSignal): Promise<Awaited<T>> {
    const { action, payload, text } = this.#action(call)
    const about = { action, payload, ...this.#key(call) }
    const approval = await unchanged(this.client.ask(about, signal))
    return this.#released(call, text, approval, execute)
  }

  /** As `run`, for a call that was decided on while the framework's run was paused. */
  async release<T>(call: ToolCall, execute: (input: never) => T, signal?: AbortSignal): Promise<Awaited<T>> {
    const { action, payload, text } = this.#action(call)
    const { id } = await this.look(call, 0, signal)
    const approval = await this.client.receipt(id, { action, payload }, signal)
    return this.#released(call, text, approval, execute)
  }

  /** Ask, or take up what was asked, and wait for `seconds`. It releases nothing. */
  async look(call: ToolCall, seconds = 0, signal?: AbortSignal): Promise<Opened> {
    if (this.observer) return nobody(STATUS) // the call is recorded when it runs
    const { action, payload } = this.#action(call)
    const opened = await unchanged(this.client.open({ action, payload, ...this.#key(call) }, signal))
    return opened.status === 'pending' ? this.client.wait(opened.id, seconds, signal) : opened
  }

  async #released<T>(
    call: ToolCall,
    text: string,
    approval: Approval,
    execute: (input: never) => T,
  ): Promise<Awaited<T>> {
    // The caller's object may have changed while it waited; `input` is what was approved, and nobody else has it.
    if (this.#action(call).text !== text) throw changed()
    const input = (JSON.parse(text) as { tool_input: never }).tool_input
    let result: Awaited<T>
    try {
      result = await execute(input)
    } catch (error) {
      await this.#report(approval, error instanceof Error ? error.name : typeof error)
      throw error
    }
    await this.#report(approval)
    return result
  }

  /** That it cannot be reported stops nothing. */
  async #report(approval: Approval, threw?: string): Promise<void> {
    try {
      await this.client.report(approval.requestId, threw ? null : true, threw && `it threw ${threw}`)
    } catch (error) {
      if (!(error instanceof CountersignError)) throw error
    }
  }

  #action(call: ToolCall): { action: string; payload: unknown; text: string } {
    let text: string
    try {
      text = canonical({ tool_name: call.tool, tool_input: call.input ?? null })
    } catch (error) {
      const why = error instanceof Error ? error.message : 'an unknown error'
      throw new Misconfigured(`This cannot be asked about: ${why}.`, 'Send plain JSON values.')
    }
    return { action: this.#name(call.tool), payload: JSON.parse(text), text }
  }

  #name(tool: string): string {
    const name = tool.replace(/[^A-Za-z0-9]+/g, '.').replace(/^\.+|\.+$/g, '').slice(0, 100)
    return `${this.surface}.${name || 'tool'}`
  }

  #key(call: ToolCall): { key?: string } {
    if (!call.id) return {}
    return { key: createHash('sha256').update(`${this.surface}:${call.id}`).digest('hex') }
  }
}

async function unchanged<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof NotAccepted && error.type === 'idempotency_mismatch') {
      throw new Unverified(
        "This call's arguments are not those that were asked about.",
        'They changed while it waited. Nothing was run: make a new call.',
      )
    }
    throw error
  }
}

function changed(): Unverified {
  return new Unverified(
    'The arguments changed after they were approved. Nothing was run.',
    'Do not change an argument while its call waits for approval.',
  )
}

/** A door that observes is to answer the pauses of others alone. To wait for nobody would never end. */
export function others(): Misconfigured {
  return new Misconfigured(
    'This door observes, and did not wrap the tools that wait for approval.',
    'Pass them through the door, or answer their pauses yourself.',
  )
}

/**
 * `execute` of a tool, bound to it, which runs only on an approval of its input. It throws an `Error` whose message is for
 * the model. `id`: of the call, from the framework's context, with its session.
 */
export function held<T extends (input: never, context: never) => unknown>(
  gate: Gate,
  { tool, execute, id, rules = {}, pause = false }: {
    tool: string
    execute: T
    id: (context: Parameters<T>[1]) => string | undefined
    rules?: Rules | undefined
    pause?: boolean | undefined
  },
): (input: Parameters<T>[0], context: Parameters<T>[1]) => Promise<unknown> {
  const then = ruled(rules, tool)
  gate.wraps(tool)
  return async (input, context) => {
    const run = async (given: Parameters<T>[0]) => last(await execute(given, context))
    if (gate.observes(then, { tool, input })) return run(input)
    if (then === 'deny') throw new Error('A rule denies this tool. Nothing was run.')
    if (then === 'allow') return run(input)
    const { abortSignal } = (context ?? {}) as { abortSignal?: AbortSignal }
    const call = { tool, input, id: id(context) }
    let failed: unknown
    const noted = async (given: Parameters<T>[0]) => {
      try {
        return await run(given)
      } catch (error) {
        failed = error // the tool's own error is passed on as it is
        throw error
      }
    }
    try {
      return await (pause ? gate.release(call, noted, abortSignal) : gate.run(call, noted, abortSignal))
    } catch (error) {
      if (error === failed || !(error instanceof CountersignError)) throw error
      throw new Error(told(error))
    }
  }
}

/** A tool that streams has its last value as its result. */
async function last(result: unknown): Promise<unknown> {
  if (typeof result !== 'object' || result === null || !(Symbol.asyncIterator in result)) return result
  let value: unknown
  for await (value of result as AsyncIterable<unknown>);
  return value
}

/** Why a call did not run, for the model: the approver's reason, or that nobody can be asked. The rest is logged. */
export function told(error: CountersignError): string {
  if (error instanceof NotApproved || error instanceof Unverified) {
    const text = printable(error.message)
    return text.includes('Nothing was run') ? text : `${text} Nothing was run.`
  }
  console.warn(`countersign: cannot ask: ${printable(error.message)}`)
  return "This needs a person's approval, and nobody can be asked now. Nothing was run."
}
