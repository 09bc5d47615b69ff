// What the scenarios share. tests/clients/test_typescript.py runs them beside a real service.

import { createServer } from 'node:net'

import { Service, type Settings } from '../src/index.ts'

/** The service of the environment, as the agent knows it, with something changed. */
export function service(changes: Partial<Settings> = {}): Service {
  const { url, key, receiptKey, requester, issuer } = Service.fromEnvironment()
  return new Service({ url, key, receiptKey, requester, issuer, ...changes })
}

/** The address of a service that is down. */
export async function nowhere(): Promise<string> {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise(done => server.close(done))
  return `http://127.0.0.1:${port}`
}

/** What came of it: a value, or the error's name and words. */
export async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return (await work) ?? null
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return [error.name, error.message]
  }
}

/** Run the scenarios that the command names, or all, and print what came of them as one JSON object. */
export async function play(scenarios: Record<string, () => Promise<unknown>>): Promise<void> {
  const found: Record<string, unknown> = {}
  const wanted = process.argv.slice(2)
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (wanted.length === 0 || wanted.includes(name)) found[name] = await outcome(scenario())
  }
  process.stdout.write(`${JSON.stringify(found)}\n`)
}
