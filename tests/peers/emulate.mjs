// Starts one service of npm's emulate and says where: node emulate.mjs <service> <port> <seed.json>
import { readFileSync } from 'node:fs'
import { createEmulator } from 'emulate'

const [service, port, seed] = process.argv.slice(2)
const emulator = await createEmulator({ service, port: Number(port), seed: JSON.parse(readFileSync(seed, 'utf8')) })
console.log(emulator.url)
