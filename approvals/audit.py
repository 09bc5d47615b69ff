"""What the audit chain can say: every kind of entry, in a sentence, and the fields that it has.

An entry is made by `entry` alone, which takes a kind of these and refuses a field that the kind
does not have. So docs/audit.md, which is drawn from here, is true of whatever is written. A kind's
value stands in stored rows and in exports: it never changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, Self

from pydantic_core import PydanticSerializationError, to_json

from approvals.evidence import Entry
from approvals.model import ORG, Instant

COMMAND_LINE: Final = "the command line"
"""Who did it, where an operator did: a command does not know who runs it."""

REQUESTER: Final = "requester"
PERSON: Final = "person"
ACCOUNT: Final = "account"
ANYBODY: Final = "anybody"
OPERATOR: Final = "operator"
SERVICE: Final = "service"
GATEWAY: Final = "gateway"
WHO: Final = {
    REQUESTER: "whose key it was: an agent, or a gateway for one",
    PERSON: "somebody of the configuration, proven by a sign-in or by their linked account",
    ACCOUNT: "an account of a platform, linked to a person or not",
    ANYBODY: "somebody at the sign-in page, who has proven nothing yet",
    OPERATOR: "the person who runs a command on the service's host",
    SERVICE: "the service itself",
    GATEWAY: "our own gateway itself",
}
"""Whose doing an entry is about."""


class _Kind(StrEnum):
    """`who`: whose doing it is. `when`: the sentence. `fields`: all that an entry may have, in the
    order of the page, and whether each has it. `always`: those that each has."""

    _value_: str
    who: str
    when: str
    always: frozenset[str]
    fields: dict[str, bool]

    def __new__(cls, kind: str, who: str, when: str, fields: str = "") -> Self:
        """`fields`: names with blanks between; one with a `?` is there only where it applies."""
        one = str.__new__(cls, kind)
        one._value_, one.who, one.when = kind, who, when
        one.fields = {name.rstrip("?"): not name.endswith("?") for name in fields.split()}
        one.always = frozenset(name for name, always in one.fields.items() if always)
        return one


_CASE: Final = "status revision digest version"
_ASKED: Final = f"requester agent action rule policy risk also? {_CASE}"
_CARD: Final = "channel conversation card"
_HOOK: Final = "lane host attempt"
_PARTS: Final = "changed before now"


class Kind(_Kind):
    """What stands in the chain of the service."""

    # A request
    REQUEST_OPENED = (
        "request.opened", REQUESTER,
        "A request was opened. `status` is `declined` where a rule refused it without asking.",
        _ASKED,
    )  # fmt: skip
    REQUEST_REVISED = (
        "request.revised", REQUESTER,
        "A request was replaced by a new revision; earlier votes count for nothing.",
        _ASKED,
    )  # fmt: skip
    REQUEST_DECLINED = (
        "request.declined", REQUESTER,
        "A new revision was refused by a rule, which closed the request.",
        _CASE,
    )  # fmt: skip
    REQUEST_WITHDRAWN = (
        "request.withdrawn", REQUESTER,
        "A request was withdrawn; `status` is `expired` where its time was over by then.",
        _CASE,
    )  # fmt: skip
    REQUEST_EXPIRED = (
        "request.expired", SERVICE,
        "A vote or a new revision came after the deadline, and the request was closed as expired.",
        f"by? via? {_CASE}",
    )  # fmt: skip
    REQUEST_TICKED = (
        "request.ticked", SERVICE,
        "Time passed: a reminder, an escalation, or, where `status` is `expired`, the deadline.",
        _CASE,
    )  # fmt: skip
    REQUEST_REPORTED = (
        "request.reported", REQUESTER,
        "The outcome of a verdict was reported.",
        f"delivered http_status {_CASE}",
    )  # fmt: skip
    REQUEST_LAPSED = (
        "request.lapsed", SERVICE,
        "An approval's receipt expired, and no outcome had been reported.",
        _CASE,
    )  # fmt: skip

    # Decisions
    VOTE = (
        "vote", PERSON,
        "A person approved or declined, and it counted. `status` says whether that decided it.",
        f"by via choice reason seal {_CASE}",
    )  # fmt: skip
    REFUSED = (
        "refused", f"{ACCOUNT}, {PERSON}",
        "A tap, a decision on the page or a typed code was refused, and changed nothing.",
        "who channel why",
    )  # fmt: skip
    TAMPERED = (
        "tampered", SERVICE,
        "A stored approval did not verify: somebody changed the database. No receipt was signed.",
    )  # fmt: skip
    GRANT_GIVEN = (
        "grant.given", PERSON,
        "A person approved the next identical request in advance.",
        "grant person identity",
    )  # fmt: skip
    GRANT_REVOKED = (
        "grant.revoked", PERSON,
        "An approval in advance was taken back before it was used.",
        "grant person identity",
    )  # fmt: skip

    # Cards
    CARD_POSTING = (
        "card.posting", SERVICE,
        "A card is about to be posted.",
        f"{_CARD} person",
    )  # fmt: skip
    CARD_POSTED = (
        "card.posted", SERVICE,
        "The platform took a card.",
        f"{_CARD} message",
    )  # fmt: skip
    CARD_FAILED = (
        "card.failed", SERVICE,
        "A card was not posted, or nobody knows whether it was: its buttons are worth nothing.",
        f"{_CARD} why",
    )  # fmt: skip
    CARD_REDRAWING = (
        "card.redrawing", SERVICE,
        "A posted card is about to be changed to what its request says now.",
        f"{_CARD} version",
    )  # fmt: skip
    CARD_REDRAWN = (
        "card.redrawn", SERVICE,
        "The platform took the changed card. `message` is there where it had to be posted again.",
        f"{_CARD} version message?",
    )  # fmt: skip
    CARD_FOUND = (
        "card.found", SERVICE,
        "A press named the message of a card whose post had not been noted.",
        f"{_CARD} message",
    )  # fmt: skip
    CARD_ALTERED = (
        "card.altered", SERVICE,
        "The platform shows another card than was sent; no tap on it approves.",
        "channel card where",
    )  # fmt: skip
    CARD_LOST = (
        "card.lost", SERVICE,
        "The platform says that a card did not arrive.",
        "card channel message",
    )  # fmt: skip
    CARD_REROUTED = (
        "card.rerouted", SERVICE,
        "One entry of `via` cannot reach a person, and the next one is tried.",
        "person from to why revision",
    )  # fmt: skip

    # What leaves the service
    PARKED = (
        "parked", SERVICE,
        "A card, a verdict or a sign-in link is no longer being delivered.",
        "job lane why",
    )  # fmt: skip
    RESENT = (
        "resent", OPERATOR,
        "What was parked is delivered again.",
        "by job lane",
    )  # fmt: skip
    OUTAGE_BEGAN = (
        "outage.began", SERVICE,
        "A platform, a gateway or an endpoint stopped taking calls.",
        "lane why",
    )  # fmt: skip
    OUTAGE_ENDED = (
        "outage.ended", SERVICE,
        "It takes calls again.",
        "lane seconds failures",
    )  # fmt: skip
    WEBHOOK_SENDING = (
        "webhook.sending", SERVICE,
        "A verdict is about to be sent to a requester's endpoint.",
        _HOOK,
    )  # fmt: skip
    WEBHOOK_DELIVERED = (
        "webhook.delivered", SERVICE,
        "The endpoint took the verdict.",
        f"{_HOOK} status",
    )  # fmt: skip
    WEBHOOK_FAILED = (
        "webhook.failed", SERVICE,
        "The endpoint did not take the verdict.",
        f"{_HOOK} why",
    )  # fmt: skip
    VERDICT_SENDING = (
        "verdict.sending", SERVICE,
        "A verdict is about to be sent to OneCLI.",
        "gateway id decision",
    )  # fmt: skip
    VERDICT_RESULT = (
        "verdict.result", SERVICE,
        "What came of a verdict at OneCLI.",
        "gateway said http_status",
    )  # fmt: skip
    VERDICT_UNSENT = (
        "verdict.unsent", SERVICE,
        "OneCLI did not get the verdict, or says that it did nothing with it.",
        "gateway why? http_status?",
    )  # fmt: skip
    VERDICT_UNANSWERED = (
        "verdict.unanswered", SERVICE,
        "The verdict was sent to OneCLI, and nobody knows whether it was taken.",
        "gateway why? http_status?",
    )  # fmt: skip
    GATEWAY_LEFT_ALONE = (
        "gateway.left_alone", SERVICE,
        "A request that OneCLI holds can be asked of nobody here; it is left to OneCLI.",
        "gateway id why",
    )  # fmt: skip
    GATEWAY_CHANGED = (
        "gateway.changed", SERVICE,
        "OneCLI holds another request under an id than the one that people were shown.",
        "gateway id",
    )  # fmt: skip
    GATEWAY_KEY_REFUSED = (
        "gateway.key_refused", SERVICE,
        "OneCLI refuses our key.",
        "gateway",
    )  # fmt: skip

    # People, their accounts and tokens
    SIGN_IN_ASKED = (
        "sign_in.asked", ANYBODY,
        "A link that signs this person in was asked for.",
        "person request refused?",
    )  # fmt: skip
    SIGN_IN_SENT = (
        "sign_in.sent", SERVICE,
        "The sign-in link was sent to one of the person's accounts.",
        "person channel",
    )  # fmt: skip
    LINK_MADE = (
        "link.made", OPERATOR,
        "A link that signs a person in was printed.",
        "person",
    )  # fmt: skip
    SIGNED_IN = (
        "signed_in", PERSON,
        "A person signed in.",
        "person how",
    )  # fmt: skip
    SIGNED_OUT = (
        "signed_out", PERSON,
        "A person signed out.",
        "person",
    )  # fmt: skip
    TOKEN_MADE = (
        "token.made", PERSON,
        "A person made a token for the API.",
        "person name expires_at",
    )  # fmt: skip
    TOKEN_REVOKED = (
        "token.revoked", PERSON,
        "A person revoked one of their tokens.",
        "person name",
    )  # fmt: skip
    LINK_CODE_MADE = (
        "link.code_made", f"{PERSON}, {OPERATOR}",
        "A code was made that links an account to a person.",
        "person channel by account?",
    )  # fmt: skip
    LINKED = (
        "linked", ACCOUNT,
        "An account was linked to a person by a code.",
        "person channel account how",
    )  # fmt: skip
    LINK_REFUSED = (
        "link.refused", ACCOUNT,
        "An account sent a code that links nothing.",
        "channel account why by?",
    )  # fmt: skip
    UNLINKED = (
        "unlinked", f"{PERSON}, {OPERATOR}",
        "What a code had linked was ended.",
        "person channel account by",
    )  # fmt: skip
    ACCOUNT_GIVEN_UP = (
        "account.given_up", ACCOUNT,
        "The platform says that a person gave up an account of the configuration.",
        "person channel account",
    )  # fmt: skip

    # What was read, and what was changed around it
    SECRET_REVEALED = (
        "secret.revealed", PERSON,
        "A person had one hidden value of a request shown to them.",
        "by revision place what",
    )  # fmt: skip
    AUDIT_READ = (
        "audit.read", f"{PERSON}, {OPERATOR}",
        "The chain was read over the API, or exported by a command.",
        "person? by? after",
    )  # fmt: skip
    CONFIGURATION_CHANGED = (
        "configuration.changed", OPERATOR,
        "The service started with another configuration than was noted last.",
        _PARTS,
    )  # fmt: skip
    KEYS_CHANGED = (
        "keys.changed", OPERATOR,
        "A button key was added or taken away while the service ran.",
        _PARTS,
    )  # fmt: skip
    BACKUP_MADE = (
        "backup.made", OPERATOR,
        "A backup of the database was begun.",
        "by",
    )  # fmt: skip
    BACKUP_RESTORED = (
        "backup.restored", OPERATOR,
        "A backup took the place of the database. What it does not hold is lost.",
        "by head newest",
    )  # fmt: skip
    RETENTION_ERASED = (
        "retention.erased", SERVICE,
        "What older requests asked was erased, as the configuration says.",
        "many before",
    )  # fmt: skip
    RETENTION_DELETED = (
        "retention.deleted", SERVICE,
        "Older requests, and texts of older entries, were deleted, as the configuration says.",
        "many before",
    )  # fmt: skip
    REQUEST_ERASED = (
        "request.erased", OPERATOR,
        "What one closed request asked was erased before its time.",
        "by entries",
    )  # fmt: skip
    PERSON_ERASED = (
        "person.erased", OPERATOR,
        "A person was erased. The entry does not say whom.",
        "by entries requests left",
    )  # fmt: skip


_TRIED: Final = "agent method url rule"
_HELD: Final = f"{_TRIED} digest"


class RecordKind(_Kind):
    """What stands in the record of our own gateway (`approvals.proxy.record`)."""

    GATEWAY_STARTED = ("gateway.started", GATEWAY, "The gateway started.", "mode version")
    ASKED = ("asked", REQUESTER, "A request is held, and the service is to be asked.", _HELD)
    JOINED = ("joined", REQUESTER, "A try joined a request that is held.", _HELD)
    OPENED = (
        "opened", GATEWAY,
        "The service has the request. From here on entries have its `request_id`.",
        "agent digest",
    )  # fmt: skip
    RELEASED = (
        "released", GATEWAY,
        "A receipt was used: the request goes out, and this comes before its first byte.",
        _HELD,
    )  # fmt: skip
    SENT = (
        "sent", GATEWAY,
        "The upstream answered. A request that a rule allows has this entry alone.",
        f"{_TRIED} digest? would? status",
    )  # fmt: skip
    ANSWERED_AGAIN = (
        "answered again", GATEWAY,
        "A try got the answer that was kept of an earlier one; nothing was sent.",
        f"{_HELD} status",
    )  # fmt: skip
    GIVEN_UP = (
        "given up", GATEWAY,
        "Nobody came back for a held request, and it is withdrawn.",
        "agent digest",
    )  # fmt: skip
    REFUSED = (
        "refused", GATEWAY,
        "A request was refused. Tries without a valid password are counted: one entry a minute for "
        "each address.",
        "agent? method? url? rule? digest? would? type status why reason? count?",
    )  # fmt: skip
    TUNNEL_OPENED = (
        "tunnel opened", GATEWAY,
        "A connection that a rule lets through unopened began.",
        _TRIED,
    )  # fmt: skip
    TUNNEL_CLOSED = (
        "tunnel closed", GATEWAY,
        "Such a connection ended.",
        f"{_TRIED} sent received end seconds",
    )  # fmt: skip
    OBSERVED = (
        "observed", GATEWAY,
        "In observe mode, a request passed that would have been asked about or refused.",
        f"{_TRIED} would why action risk? pack?",
    )  # fmt: skip
    CONTINUED = (
        "record.continued", GATEWAY,
        "A file of the record begins. It goes on from the head that is named.",
        "after",
    )  # fmt: skip
    REPAIRED = (
        "record.repaired", GATEWAY,
        "A torn last line was cut off at the start.",
        "bytes sha256",
    )  # fmt: skip
    RESUMED = ("record.resumed", GATEWAY, "Entries can be written again after a failure.")


FIELDS: Final = {
    "account": "the account, as its platform names it",
    "action": "what was asked for, as rules name it",
    "after": "the export begins after this number; of a file: the head below its first row",
    "agent": "the agent's id",
    "also": "names of rules of which it is unclear whether they apply too",
    "attempt": "which try it is, from 1",
    "before": "requests opened before this time (milliseconds since 1970); of parts: as they were",
    "by": "who did it: a person's id, or `the command line`",
    "bytes": "how many bytes were cut off",
    "card": "our own id of the card",
    "changed": "parts of the configuration that are others than before",
    "channel": "the channel; of a decision also `web`, `cli` or `grant`",
    "choice": "`approve` or `decline`",
    "conversation": "where the card is, as its platform names it",
    "count": "how many tries this entry stands for",
    "decision": "`approve` or `deny`, as OneCLI was told",
    "delivered": "`true`: it was done; `false`: it was not; `null`: nobody knows",
    "digest": "the digest of what is asked ([digest.md](digest.md))",
    "end": "why it ended: `closed`, `idle`, `time` (open for too long) or `revoked`",
    "entries": "how many entries lost their text",
    "expires_at": "when the token ends (milliseconds since 1970)",
    "failures": "failed calls meanwhile",
    "from": "the entry of `via` that cannot reach them",
    "gateway": "the OneCLI, by its name in the configuration",
    "grant": "the id of the approval in advance",
    "head": "the head of the chain that was restored (`seq:hash`)",
    "host": "the endpoint's host",
    "how": "by which way: `link` or another sign-in, `code`",
    "http_status": "the HTTP status that came back, or `null`",
    "id": "OneCLI's id of what it holds",
    "identity": "a hash over what makes another request identical",
    "job": "what was to be done: `post`, `draw`, `verdict`, …",
    "lane": "to whom: a channel, `webhook:` or `onecli:` and a name, or empty (nobody outside)",
    "left": "requests that still name the person, because they wait or were just decided",
    "many": "how many",
    "message": "the platform's id of the message",
    "method": "the HTTP method",
    "mode": "`hold` or `observe`",
    "name": "what the person calls the token",
    "newest": "a head that is known and goes further than the backup, or `null`",
    "now": "the parts as they are now: digests and salted fingerprints, no values",
    "pack": "a pack that would let it pass",
    "person": "a person's id in the configuration",
    "place": "where in the request the value stands",
    "policy": "the digest of the policy that it was judged by",
    "reason": "the words that were given, or `null`",
    "received": "bytes from the upstream",
    "refused": "why no link was sent",
    "request": "the request that they came from, or `null`",
    "requester": "the requester's name in the configuration",
    "requests": "requests that no longer name the person",
    "revision": "the revision that is asked for then",
    "risk": "`low`, `medium` or `high`",
    "rule": "the rule that decides, or `null`",
    "said": "what came of it, in words",
    "seal": "the beginning of the vote's MAC, which its receipt names too",
    "seconds": "for how long",
    "sent": "bytes to the upstream",
    "sha256": "of the bytes that were cut off",
    "status": "the request's status after this; of an HTTP call: the status that came back",
    "to": "the entry of `via` that is tried next",
    "type": "the type of the refusal ([gateway.md](gateway.md#what-the-agent-gets))",
    "url": "the address without its query; credentials in it are redacted",
    "version": "how often the case has changed; of a gateway: its version",
    "via": "the channel that it came by",
    "what": "what kind of secret it was",
    "where": "what of the card is another, as a path",
    "who": "the person's id on a page, else the account that pressed or wrote",
    "why": "the reason, in a word or a sentence",
    "would": "what would have come of it: `ask`, or the type of a refusal",
}
"""What each field says, whatever kind it stands in."""


def entry(
    kind: _Kind,
    at: Instant,
    random: Callable[[int], bytes],
    request_id: str | None,
    org: str = ORG,
    /,
    **content: Any,
) -> Entry:
    """Something that happened, to be stored with what it is about. Never with a secret.

    TypeError: this kind has no such field, or needs another one.
    """
    if not kind.always <= content.keys() <= kind.fields.keys():
        odd = content.keys() ^ kind.always
        names = sorted(odd - (kind.fields.keys() - kind.always))
        raise TypeError(f"an entry {kind.value!r} lacks, or does not have: {', '.join(names)}")
    return Entry(org, at, kind.value, request_id, _text(content), random(16))


def _text(content: dict[str, Any]) -> str:
    try:
        return to_json(content).decode()
    except PydanticSerializationError:  # the standard encoder alone writes a lone surrogate
        return json.dumps(content, separators=(",", ":"))
