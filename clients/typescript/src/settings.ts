// Which service is asked, as which requester, and which key is believed.
//
// From the environment, then from the file that `countersign-client pin` writes. Unsafe settings are
// refused here, in words.

import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { Misconfigured } from './errors.ts'

/**
 * `receiptKey`: the pin, an RFC 7638 thumbprint that a person took from the service's host.
 * `requester` and `issuer` are pinned too: a receipt for another requester, or of another service,
 * releases nothing. `agent`: which agent, where the requester has several.
 */
export interface Settings {
  url: string
  key: string
  receiptKey: string
  requester: string
  issuer: string
  agent?: string | undefined
}

const VARIABLES = {
  url: ['COUNTERSIGN_URL', 'url', 'the address of the service, like https://approve.example.com'],
  key: ['COUNTERSIGN_KEY', 'key', "this requester's key"],
  receiptKey: ['COUNTERSIGN_RECEIPT_KEY', 'receipt_key', 'the thumbprint of the key that signs receipts'],
  requester: ['COUNTERSIGN_REQUESTER', 'requester', "the name that the service's configuration gives this key"],
  issuer: ['COUNTERSIGN_ISSUER', 'issuer', 'the name that the service signs as, its public address'],
} as const
type Name = keyof typeof VARIABLES

/** Checked settings. The key is in no dump of it. */
export class Service implements Settings {
  readonly url: string
  readonly receiptKey: string
  readonly requester: string
  readonly issuer: string
  readonly agent: string | undefined
  readonly #key: string

  constructor(settings: Settings) {
    this.url = settings.url.replace(/\/+$/, '')
    this.receiptKey = settings.receiptKey
    this.requester = settings.requester
    this.issuer = settings.issuer
    this.agent = settings.agent
    this.#key = settings.key
    if (!/^https?:\/\/[^\s/?#@]+$/.test(this.url) || !URL.canParse(this.url)) {
      throw new Misconfigured(
        "The service's url has more or less than scheme, host and port.",
        'Write it like https://approve.example.com, without a path.',
      )
    }
    const { protocol, hostname } = new URL(this.url)
    if (protocol === 'http:' && !/^(localhost|.*\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)) {
      throw new Misconfigured(
        `The service at ${hostname} would be asked in plain text: the key could be read.`,
        'Use https://. Plain http:// is for this machine only.',
      )
    }
    if (!/^[A-Za-z0-9_-]{43}$/.test(this.receiptKey)) {
      throw new Misconfigured(
        'The receipt key is no thumbprint: it has 43 letters, digits, - and _.',
        "`countersign doctor` on the service's host shows it.",
      )
    }
    if (!/^[!-~]+$/.test(settings.key)) {
      throw new Misconfigured(
        "The requester's key is empty or has blanks.",
        "It is the `key` of this requester in the service's configuration.",
      )
    }
    if (!this.requester || !this.issuer) {
      throw new Misconfigured('The requester or the issuer is empty.', 'Both are pinned: set them.')
    }
  }

  get key(): string {
    return this.#key
  }

  /** From COUNTERSIGN_URL, _KEY (or _KEY_FILE), _RECEIPT_KEY, _REQUESTER, _ISSUER and _AGENT, then `pin`'s file. */
  static fromEnvironment(environ: NodeJS.ProcessEnv = process.env): Service {
    const path =
      environ.COUNTERSIGN_CLIENT_FILE ||
      join(environ.XDG_CONFIG_HOME || join(homedir(), '.config'), 'countersign-client', 'service.json')
    const kept = read(path)
    const given: Partial<Record<Name, string>> = {}
    for (const name of Object.keys(VARIABLES) as Name[]) {
      const [variable, stored] = VARIABLES[name]
      const value = environ[variable]?.trim() || (name === 'key' && keyFile(environ)) || kept[stored]
      if (value) given[name] = value
    }
    const missing = (Object.keys(VARIABLES) as Name[]).filter(name => !given[name])
    if (missing.length > 0) {
      const listed = missing.map(name => `${VARIABLES[name][0]} (${VARIABLES[name][2]})`).join(', ')
      throw new Misconfigured(
        `Not set: ${listed}.`,
        `Set them, or run \`countersign-client pin\`, which writes ${path}.`,
      )
    }
    return new Service({ ...(given as Record<Name, string>), agent: environ.COUNTERSIGN_AGENT || kept.agent })
  }
}

/** Whether COUNTERSIGN_OBSERVE is 1. `Misconfigured`: it is set to something else. */
export function observes(environ: NodeJS.ProcessEnv): boolean {
  const given = (environ.COUNTERSIGN_OBSERVE ?? '').trim()
  if (!['', '0', '1'].includes(given)) {
    throw new Misconfigured(
      'COUNTERSIGN_OBSERVE is neither 1 nor 0.',
      'Set it to 1 to hold nothing and record, or take it out. Nothing was run.',
    )
  }
  return given === '1'
}

function keyFile(environ: NodeJS.ProcessEnv): string | undefined {
  const path = environ.COUNTERSIGN_KEY_FILE
  if (!path) return undefined
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw new Misconfigured(
      `COUNTERSIGN_KEY_FILE names ${path}, which cannot be read: ${(error as NodeJS.ErrnoException).code}.`,
      "Write the requester's key there, readable by this user only.",
    )
  }
}

function read(path: string): Record<string, string> {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new Misconfigured(`${path} cannot be read.`, 'Fix it, or remove it and run `countersign-client pin`.')
  }
  const isTexts =
    typeof value === 'object' && value !== null && Object.values(value).every(one => typeof one === 'string')
  if (!isTexts) {
    throw new Misconfigured(`${path} is not an object of texts.`, 'Remove it and run `countersign-client pin`.')
  }
  return value as Record<string, string>
}
