// The digests and canonical forms of what comes on stdin, or why there is none.

import { readFileSync } from 'node:fs'

import { canonical, digestHttp, digestPayload } from '../src/index.ts'

interface Given {
  vectors: {
    action: string
    revision: number
    payload?: string
    http?: { method: string; url: string; headers: [string, string][]; body: string }
  }[]
  values: unknown[]
}

function read(make: () => string): string {
  try {
    return make()
  } catch (error) {
    return `refused: ${(error as Error).message}`
  }
}

const { vectors, values } = JSON.parse(readFileSync(0, 'utf8')) as Given
process.stdout.write(
  JSON.stringify({
    vectors: vectors.map(({ action, revision, payload, http }) =>
      read(() =>
        http
          ? digestHttp(action, { ...http, body: Buffer.from(http.body, 'base64') }, revision)
          : digestPayload(action, JSON.parse(payload!), revision),
      ),
    ),
    values: values.map(value => read(() => canonical(value))),
  }),
)
