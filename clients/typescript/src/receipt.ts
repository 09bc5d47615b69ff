// The receipt: the only thing that this package believes. Offline.
//
// A receipt is a compact JWS (RFC 7515), signed by the service when a request is decided. It
// releases an action only if every claim is what its holder expects; otherwise it is `Unverified`.

import { createHash } from 'node:crypto'

import { compactVerify, importJWK, type JWK } from 'jose'

import { printable, Unverified } from './errors.ts'

export const TYPE = 'countersign-receipt+jwt'
/** Seconds by which two clocks may differ. */
export const SKEW = 30
const LONGEST = 64 * 1024

/** What a receipt must say. `pin`: the thumbprint of the only key that counts. */
export interface Expected {
  pin: string
  issuer: string
  requester: string
  requestId: string
  digest: string
  /** Seconds since 1970. */
  now: number
}

/** The RFC 7638 thumbprint of an Ed25519 key. Throws for another kind of key. */
export function thumbprint(jwk: JWK): string {
  if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519' || typeof jwk.x !== 'string') {
    throw new Error('the key is not an Ed25519 key')
  }
  const members = `{"crv":"Ed25519","kty":"OKP","x":"${jwk.x}"}`
  return createHash('sha256').update(members).digest('base64url')
}

/** Check that a receipt approves exactly this, now; when it expires (seconds). Throws `Unverified`. */
export async function verify(token: string, key: JWK, expected: Expected): Promise<number> {
  const claims = await signed(token, key, expected.pin)
  const wanted = {
    iss: expected.issuer,
    aud: expected.requester,
    sub: expected.requestId,
    digest: expected.digest,
    choice: 'approve',
  }
  for (const [name, value] of Object.entries(wanted)) {
    if (claims[name] !== value) {
      const shown = printable(String(claims[name])).slice(0, 200)
      throw new Unverified(`The receipt's ${name} is '${shown}' and not '${value}'.`, NOTHING)
    }
  }
  for (const name of ['iat', 'exp', 'revision']) {
    if (!Number.isInteger(claims[name])) throw new Unverified(`The receipt has no ${name}.`, NOTHING)
  }
  if (Number(claims.iat) > expected.now + SKEW) {
    throw new Unverified('The receipt is from the future.', "Set this machine's clock: see `date -u`.")
  }
  if (expected.now >= Number(claims.exp) + SKEW) throw new Unverified('The receipt has expired.', 'Ask again.')
  return Number(claims.exp)
}

const NOTHING = 'Nothing may run on it. If this repeats, tell the operator of the service.'

async function signed(token: string, key: JWK, pin: string): Promise<Record<string, unknown>> {
  try {
    if (token.length > LONGEST) throw new Error('it is too long')
    if (thumbprint(key) !== pin) throw new Error('its key is not the pinned one')
    const trusted = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: key.x! }, 'EdDSA')
    // EdDSA and nothing else, whatever the token's header names.
    const { payload, protectedHeader } = await compactVerify(token, trusted, { algorithms: ['EdDSA'] })
    if (protectedHeader.typ !== TYPE) throw new Error(`it is not a ${TYPE}`)
    const claims: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
    if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
      throw new Error('its claims are not an object')
    }
    return claims as Record<string, unknown>
  } catch (error) {
    // Whatever hostile text breaks in a parser is a refusal.
    const why = printable(error instanceof Error ? error.message : String(error)).slice(0, 200)
    throw new Unverified(`The receipt does not verify: ${why}.`, NOTHING)
  }
}
