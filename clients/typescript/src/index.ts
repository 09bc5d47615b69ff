// Ask a person before an AI agent acts, and run only what a signed receipt approves.

export { type About, type Action, type Approval, Client, type Opened, type Options } from './client.ts'
export { canonical, digestHttp, digestPayload, type Http } from './digest.ts'
export {
  AlreadyUsed,
  CountersignError,
  Declined,
  Expired,
  Misconfigured,
  NotAccepted,
  NotApproved,
  Unreachable,
  Unverified,
  Withdrawn,
} from './errors.ts'
export { Gate, type Rules, told, type ToolCall } from './gate.ts'
export { type Observer } from './observe.ts'
export { Service, type Settings } from './settings.ts'
export { Folder, Memory, type Store } from './used.ts'
