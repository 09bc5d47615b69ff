// The digest of an action: what an approval is bound to. Pure.
//
// It is always computed from what is about to run, never from what the service returns. The layout
// and its ten vectors are in docs/digest.md of the service; the tests run them. RFC 8785 (JCS) is
// the canonical form of JSON: https://www.rfc-editor.org/rfc/rfc8785

import { createHash } from 'node:crypto'

export const MAX_DEPTH = 64

/** An HTTP request as it will be sent. `headers`: pairs, in order. */
export interface Http {
  method: string
  url: string
  headers?: readonly (readonly [string, string])[]
  body?: Uint8Array
}

/** "sha-256:" and hex of an action with any JSON value. Throws where it has more than one meaning. */
export function digestPayload(action: string, payload: unknown, revision = 1): string {
  return digestCanonical(action, canonical(payload), revision)
}

/** The same for a payload that is already in its canonical form. */
export function digestCanonical(action: string, payload: string, revision = 1): string {
  return hash([text('countersign/digest/payload/1'), integer(revision), text(action), text(payload)])
}

/** "sha-256:" and hex of an HTTP request as it will be sent. Throws if it cannot be sent. */
export function digestHttp(action: string, http: Http, revision = 1): string {
  const { method, body = new Uint8Array() } = http
  if (!TOKEN.test(method)) throw new Error(`${JSON.stringify(method)} is not an HTTP method`)
  const { scheme, authority, path, query } = split(http.url)
  const bound = endToEnd(http.headers ?? [])
  for (const [name, value] of bound) {
    if (name !== 'host') continue
    const named = split(`${scheme}://${value}/`)
    if (named.authority !== authority || named.path !== '/' || named.query !== null) {
      throw new Error('the Host header names another host than the URL')
    }
  }
  return hash([
    text('countersign/digest/http/1'),
    integer(revision),
    ...[action, method, scheme, authority, path].map(text),
    query === null ? Buffer.from('n:') : text(query),
    integer(bound.length),
    ...bound.flat().map(text),
    Buffer.concat([Buffer.from(`b${body.length}:`), body]),
  ])
}

/**
 * The JCS form of a JSON value. Throws, in words, for anything that is not one.
 *
 * A member that is `undefined` is left out, as JSON.stringify does; everywhere else it is refused.
 */
export function canonical(value: unknown, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'boolean':
      return String(value)
    case 'number':
      // JCS writes numbers as ECMAScript does. Beyond this a double cannot tell neighbours apart.
      if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) throw new Error('a number is beyond ±(2^53-1)')
      return JSON.stringify(value)
    case 'object':
      break
    default:
      throw new Error(`${typeof value} is not a JSON value`)
  }
  if (value === null) return 'null'
  if (depth >= MAX_DEPTH) throw new Error(`the JSON is nested deeper than ${MAX_DEPTH}`)
  if (Array.isArray(value)) {
    // By index: `map` would skip the holes of a sparse array.
    return `[${Array.from(value, one => canonical(one, depth + 1)).join(',')}]`
  }
  const proto: unknown = Object.getPrototypeOf(value)
  // A plain object, also one of another realm (a test runner, a sandbox).
  if (proto !== null && Object.getPrototypeOf(proto) !== null) {
    throw new Error(`${value.constructor?.name ?? 'an object with a prototype'} is not a JSON value`)
  }
  // RFC 8785 §3.2.3: sorted by UTF-16 code units, which is how JavaScript sorts.
  const members = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => `${quoted(key)}:${canonical(one, depth + 1)}`)
  return `{${members.join(',')}}`
}

function quoted(value: string): string {
  if (!value.isWellFormed()) throw new Error('a text has half a character (a lone surrogate)')
  return JSON.stringify(value)
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const URL_FORM =
  /^(https?):\/\/(\[[0-9a-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?)(?::([1-9]\d{0,4}))?(\/[!-"$->@-~]*)?(?:\?([!-"$-~]*))?$/i
/** RFC 9110 §7.6.1 and its forerunners: they end at the next hop. */
const HOP_BY_HOP = new Set([
  ...['connection', 'http2-settings', 'keep-alive', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
])

function split(url: string): { scheme: string; authority: string; path: string; query: string | null } {
  const parts = URL_FORM.exec(url)
  if (parts === null || Number(parts[3] ?? 0) > 65535) {
    throw new Error('not a plain http(s)://host[:port]/path?query, no user, no fragment')
  }
  const [, scheme, host, port, path, query] = parts
  const standard = scheme!.toLowerCase() === 'http' ? '80' : '443'
  const authority = host!.toLowerCase() + (port === undefined || port === standard ? '' : `:${port}`)
  return { scheme: scheme!.toLowerCase(), authority, path: path ?? '/', query: query ?? null }
}

function endToEnd(headers: readonly (readonly [string, string])[]): [string, string][] {
  const listed = headers.map(([name, value]): [string, string] => {
    if (!TOKEN.test(name) || /[^\t -~\x80-\xff]/.test(value)) {
      throw new Error(`the header ${JSON.stringify(name)} has a name or value that cannot be sent`)
    }
    return [name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, '')]
  })
  const bound = listed.filter(([name]) => !HOP_BY_HOP.has(name))
  const options = listed.filter(([name]) => name === 'connection').flatMap(([, value]) => value.split(','))
  for (const option of options.map(one => one.toLowerCase().replace(/^[ \t]+|[ \t]+$/g, ''))) {
    if (bound.some(([name]) => name === option)) {
      throw new Error(`the Connection header names ${option}, which is sent end to end`)
    }
  }
  return bound.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) // stable: those of one name keep their order
}

function text(value: string): Buffer {
  if (!value.isWellFormed()) throw new Error('a text has half a character (a lone surrogate)')
  const raw = Buffer.from(value)
  return Buffer.concat([Buffer.from(`s${raw.length}:`), raw])
}

function integer(value: number): Buffer {
  return Buffer.from(`i${value}:`)
}

function hash(framed: readonly Uint8Array[]): string {
  return `sha-256:${createHash('sha256').update(Buffer.concat(framed)).digest('hex')}`
}
