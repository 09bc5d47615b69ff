// Observe: nothing is held, and what would have been asked about is recorded.
//
// The one place that decides whether a door observes. The laws, as in the Python client:
//
// 1. Only its owner makes a door observe: `observe`, or COUNTERSIGN_OBSERVE where it is not given. No
//    answer of a service does. What is unclear holds.
// 2. Nothing that comes out of observing is an approval: `observed` is true, and there is no receipt.
// 3. Observing holds nothing and breaks nothing. What cannot be recorded is said once.
// 4. A door that observes says so when it is made, on stderr.
//
// One line of JSON an event, without arguments, in the file of the Python client:
// `countersign-client observed` counts them.

import { randomUUID } from 'node:crypto'
import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { observes } from './settings.ts'
import { state } from './used.ts'

/** For whoever reads the answer of a door that observes. */
export const NOBODY = 'Countersign only observes: no person was asked, and none has approved this.'
export const STATUS = 'observed'
/** Characters of an action's name in the record. */
const LONGEST = 200
const said = new Set<string>()

/** What a door has that observes, in place of the service. `door`: its name in the record. */
export class Observer {
  readonly door: string

  constructor(door: string) {
    this.door = door
  }

  /** Record one event: what would have become of it. Never throws. */
  note(would: 'ask' | 'allow' | 'deny', action: string): void {
    const event = { at: Math.floor(Date.now() / 1000), door: this.door, action: String(action).slice(0, LONGEST), would }
    try {
      const path = join(state(process.env), 'observed.jsonl')
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      // One write of one line in append mode: processes do not cut into each other.
      appendFileSync(path, `${JSON.stringify(event)}\n`, { mode: 0o600 })
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException
      say(`what is observed cannot be recorded: ${code}. The agent goes on.`)
    }
  }

  /** Nobody is asked. `what` makes what would have been asked about, or throws: it would have been refused. */
  ask(action: string, what: () => unknown): string {
    let would: 'ask' | 'deny' = 'ask'
    try {
      what()
    } catch {
      would = 'deny'
    }
    this.note(would, action)
    return `observed_${randomUUID()}`
  }
}

/** What records for a door that observes; undefined: it holds. Says so, once. */
export function observer(observe: boolean | Observer | undefined, door: string): Observer | undefined {
  if (observe instanceof Observer) return observe
  if ((observe ?? observes(process.env)) !== true) return undefined
  say(
    `NOTHING IS HELD (${door}): it only observes. No person is asked and no rule refuses. ` +
      '`countersign-client observed` counts what would have been.',
  )
  return new Observer(door)
}

/** Once in a process. */
function say(text: string): void {
  if (said.has(text)) return
  said.add(text)
  console.warn(`countersign: ${text}`)
}
