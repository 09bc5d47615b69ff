// What can go wrong, each error with what to do about it. None of them ever means "approved".

/** Nothing may run. `cure`: what to do next. */
export class CountersignError extends Error {
  readonly summary: string
  readonly cure: string

  constructor(summary: string, cure = '') {
    super(cure ? `${summary} ${cure}` : summary)
    this.name = new.target.name
    this.summary = summary
    this.cure = cure
  }
}

/** A setting is missing or unsafe, or the action cannot be written as JSON in one way. */
export class Misconfigured extends CountersignError {}

/** The service does not answer, or something else answers on its port. */
export class Unreachable extends CountersignError {}

/** The service refused the request. `type`: the slug of its problem document. */
export class NotAccepted extends CountersignError {
  readonly type: string

  constructor(summary: string, cure = '', type = '') {
    super(summary, cure)
    this.type = type
  }
}

/** There is an answer and it proves nothing: the receipt or the action is not the one asked about. */
export class Unverified extends CountersignError {}

/** This approval has already released something. An approval is for one run. */
export class AlreadyUsed extends Unverified {}

/** Nobody approved it. `reason`: the approver's words, or null. */
export class NotApproved extends CountersignError {
  readonly requestId: string
  readonly reason: string | null

  constructor(summary: string, cure: string, requestId: string, reason: string | null) {
    super(summary, cure)
    this.requestId = requestId
    this.reason = reason
  }
}

/** A person or a rule declined it. */
export class Declined extends NotApproved {}

/** Nobody decided in time. */
export class Expired extends NotApproved {}

/** The request was withdrawn before anybody decided. */
export class Withdrawn extends NotApproved {}

/** Text from elsewhere for a terminal, a log or a model: invisible characters as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}\u00a0\u2000-\u200a\u202f\u205f\u3000]/gu, char =>
    char === '\n' ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`,
  )
}
