// An impostor on the service's port answers each request with one lie: what the client makes of it.

import { readFileSync } from 'node:fs'

import { Client, Memory, Service, type Settings } from '../src/index.ts'
import { play } from './house.ts'

interface Given {
  settings: Settings
  now: number
  asked: { action: string; payload: unknown }
  urls: Record<string, string>
}

const { settings, now, asked, urls } = JSON.parse(readFileSync(0, 'utf8')) as Given
await play(
  Object.fromEntries(
    Object.entries(urls).map(([name, url]) => {
      const options = { store: new Memory(), patience: 0, clock: () => now * 1000 }
      return [name, () => new Client(new Service({ ...settings, url }), options).ask(asked)]
    }),
  ),
)
