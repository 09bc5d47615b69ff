// Which approvals were used: each releases one run, whatever is restarted or replayed.
//
// One small file an approval, opened with O_EXCL, so that of two processes that hold the same
// receipt one wins. It is on disk before anything runs. The folder and its names are those of the
// Python client, so that the two do not release one approval twice.

import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { AlreadyUsed, Misconfigured } from './errors.ts'

/** Seconds for which an expired receipt is remembered; by then it releases nothing anyway. */
const KEPT = 24 * 3600
/** Seconds between two looks for what can be forgotten: each reads all that is there. */
const EVERY = 3600

/** `note` returns, or resolves, once it is durable that this request was released; throws `AlreadyUsed`. */
export interface Store {
  note(requestId: string, expires: number, now: number): void | Promise<void>
}

/** On disk, shared by all processes of one user. */
export class Folder implements Store {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  note(requestId: string, expires: number, now: number): void {
    const name = createHash('sha256').update(requestId).digest('hex').slice(0, 40)
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 })
      this.#forget(now)
      const file = this.#first(name, requestId)
      try {
        writeSync(file, `${expires}\n`)
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      if (process.platform === 'win32') return // a folder cannot be opened there
      const folder = openSync(this.path, 'r') // the name too, not only what is in the file
      try {
        fsyncSync(folder)
      } finally {
        closeSync(folder)
      }
    } catch (error) {
      if (error instanceof AlreadyUsed) throw error
      const { code = 'unknown error' } = error as NodeJS.ErrnoException
      throw new Misconfigured(
        `The use of an approval cannot be noted in ${this.path}: ${code}.`,
        'Make the folder writable, or set COUNTERSIGN_STATE to one that is.',
      )
    }
  }

  /** The new file of this approval. */
  #first(name: string, requestId: string): number {
    try {
      return openSync(join(this.path, name), 'wx', 0o600)
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? used(requestId) : error
    }
  }

  #forget(now: number): void {
    const looked = join(this.path, 'looked')
    try {
      const since = now - Number(readFileSync(looked, 'utf8'))
      if (since >= 0 && since < EVERY) return
    } catch {
      // never
    }
    writeFileSync(looked, `${Math.floor(now)}\n`)
    for (const name of readdirSync(this.path)) {
      const path = join(this.path, name)
      try {
        const expires = /^\d+\n?$/.exec(readFileSync(path, 'utf8'))
        if (expires && Number(expires[0]) + KEPT < now) rmSync(path, { force: true })
      } catch {
        continue // another process is writing or removing it; a strange file stays
      }
    }
  }
}

/** For as long as this process runs: where a request is asked about and used in one go. */
export class Memory implements Store {
  readonly #used = new Set<string>()

  note(requestId: string): void {
    if (this.#used.has(requestId)) throw used(requestId)
    this.#used.add(requestId)
  }
}

export function used(requestId: string): AlreadyUsed {
  return new AlreadyUsed(
    `The approval ${requestId} was used before: it is for one run.`,
    'Ask again; where you give a key, give a new one for a new run.',
  )
}

/** The folder of this user's used approvals. */
export function folder(environ: NodeJS.ProcessEnv): string {
  return join(state(environ), 'used')
}

/** What the clients of this user store: COUNTERSIGN_STATE, or a folder in the user's state folder. */
export function state(environ: NodeJS.ProcessEnv): string {
  const home = () => environ.XDG_STATE_HOME || join(homedir(), '.local', 'state')
  return environ.COUNTERSIGN_STATE || join(home(), 'countersign-client')
}
