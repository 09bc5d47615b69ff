// One action asked about for each line of stdin: what came of it, as a line. The test decides what the service does.

import { createInterface } from 'node:readline'

import { Client, Memory } from '../src/index.ts'
import { outcome, service } from './house.ts'

const client = new Client(service(), { store: new Memory(), patience: 0 })
const cyclic: Record<string, unknown> = {}
cyclic.itself = cyclic

for await (const line of createInterface({ input: process.stdin })) {
  const { input, number } = JSON.parse(line) as { input: string; number: number }
  const payload = { junk: cyclic, '1 MB of arguments': 'x'.repeat(2 ** 20) }[input] ?? number
  process.stdout.write(`${JSON.stringify(await outcome(client.ask({ action: 'deploy', payload })))}\n`)
}
