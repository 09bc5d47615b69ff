// One client asks several times: how often it fetches the key, the test sees.

import { readFileSync } from 'node:fs'

import { Client, Memory, Service, type Settings } from '../src/index.ts'
import { play } from './house.ts'

interface Given {
  settings: Settings
  now: number
  asked: { action: string; payload: unknown }
}

const { settings, now, asked } = JSON.parse(readFileSync(0, 'utf8')) as Given
const options = { store: new Memory(), patience: 0, clock: () => now * 1000 }
const client = new Client(new Service(settings), options)
const names = ['first', 'second', 'forged', 'replaced']
await play(Object.fromEntries(names.map(name => [name, () => client.ask(asked)])))
