"""Draws docs/logs.md from the calls that log, and from what each event means: `make docs`.

An event is logged as `log.error("part_failed", part=name)`, or by adapters and the client, which
use `logging`, as `log.error(Line("platform_refused_app", why=why))`.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "logs.md"
LEVELS: Final = {"info": "info", "warning": "warning", "error": "error", "exception": "error"}
NAME: Final = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
SERVICE: Final = "The service"
GATEWAY: Final = "The gateway"
CLIENT: Final = "The client's programs"
NOTHING: Final = "Nothing."
PLATFORM: Final = "`countersign doctor CHANNEL` says what is wrong there."
DATABASE: Final = "Nothing is lost: it comes again. Look at the database."
OURS: Final = "A fault of ours: please report it, with this line."
HEAD: Final = """\
# Logs: every event

Drawn by `make docs` from the calls that log. Service, gateway and the client's programs write one
JSON object a line to standard error; where that is a terminal, words. Every line has

- `event`: one of the names below. They stay as they are, so search and alert by them;
- `level`: `info`, `warning` or `error`. What is an `error` needs somebody, or soon will;
- `timestamp`: RFC 3339, UTC;
- the event's own fields. `why` is a reason in words, of ours or of the other side;
- `exception`: a traceback without variables, where there is one;
- `logger`, in lines of channels, of the client and of libraries: `countersign.slack` is the channel
  Slack. What a library says (warnings and errors alone) has its words as `event`.

No line holds a token, a key, a password or what an agent sent. An outage is logged when it begins
and when it ends, not at every try. What people and agents did is not in the log but in the
[audit chain](audit.md). Which alert goes with what: [operations](operations.md#alerts).

Where there is *nothing* to do, a line is for the record, or the problem resolves itself.
"""

EVENTS: Final[dict[str, tuple[str, str]]] = {
    # The service: its start and its parts
    "serving": ("The service has started.", NOTHING),
    "channel_off": ("A channel of the configuration is off, for the reason given.", NOTHING),
    "tables_are_newer": (
        "The database was migrated by a newer version, beside which this one can run.",
        "Upgrade this copy too.",
    ),
    "part_failed": (
        "A part (`sealer`, `outbox`, a listener, …) failed, and is tried again.",
        "Nothing, if `part_recovered` follows soon. Else: `why`, and `countersign doctor`.",
    ),
    "part_recovered": ("It works again, after so many seconds and tries.", NOTHING),
    "connections_not_accepted": (
        "The process has no file descriptor left for another connection.",
        "CountersignConnectionsDropped, CountersignDescriptorsShort: raise the limit.",
    ),
    "unexpected_error": ("A request to the API or a page ended with 500.", OURS),
    "live_store_busy": (
        "Those who wait for a verdict cannot be told: the database is away.",
        DATABASE,
    ),
    "live_failed": ("Those who wait for a verdict could not be told; it is tried again.", OURS),
    "reading_failed": (
        "A large request could not be read in time; nobody sees what it means, only its bytes.",
        "Nothing, if rare. Such a request cannot be approved by a tap.",
    ),
    "thread_failed": ("A thread ended with an error.", OURS),
    "error_not_caught": ("An error came up where nobody could be told of it.", OURS),
    "line_not_formatted": (
        "A library's line did not fit its arguments, which are left out here.",
        NOTHING,
    ),
    # The outbox
    "clock_was_ahead": (
        "Jobs were due far in the future: some copy's clock ran ahead. They are due now.",
        "Look after the clocks (NTP).",
    ),
    "outbox_parked": (
        "A message is no longer being delivered.",
        "CountersignMessagesParked: `countersign outbox list`.",
    ),
    "outbox_job_failed": ("A message could not be made or sent; it is tried again.", OURS),
    "outbox_lane_failed": ("What is to go to one platform cannot be taken up.", DATABASE),
    "outbox_lease_lost": (
        "A message took longer than its lease, and another copy has it now.",
        "Nothing, if rare. Else the platform or the database is slow.",
    ),
    "platform_down": (
        "A platform, a gateway or an endpoint takes no calls; what is for it waits.",
        "CountersignCallsFailing: `why`, then `countersign doctor`.",
    ),
    "platform_back": ("It takes calls again.", NOTHING),
    "outage_not_noted": (
        "An outage is not in the audit chain: the database is away too.",
        DATABASE,
    ),
    "card_rerouted": (
        "One entry of `via` cannot reach a person, and the next one is tried.",
        "If it is always the same: take it out of `via`, or fix it.",
    ),
    "card_altered": (
        "A platform shows another card than was sent; no tap on it approves.",
        "CountersignCardsAltered.",
    ),
    "card_lost": (
        "A card did not arrive, and there is no other way to this person.",
        "The request is in the inbox. Give the person another entry in `via`.",
    ),
    # People and accounts
    "approver_refused_by_platform": (
        "A platform does not vouch for an account: nobody can approve from it.",
        "Look at the account in the configuration: has the person left?",
    ),
    "account_still_barred": ("As before, when it was asked again.", "As above."),
    "account_left_out": (
        "A code linked an account to a person, and the configuration says it is another's.",
        "`countersign unlink`, or correct the configuration.",
    ),
    "account_given_up": (
        "A platform says that a person's account (a number) may be another's by now.",
        "The person links their new one: `countersign link`.",
    ),
    "typed_codes_too_many": (
        "An account sent too many wrong codes, and is not answered for a while.",
        "Nothing, if rare: somebody tries.",
    ),
    "sign_in_unknown": ("Somebody asked for a sign-in link by a name that nobody has.", NOTHING),
    "sign_in_link_not_sent": (
        "A sign-in link was asked for, and not sent.",
        "`why`: link an account to the person, or nothing (too many links).",
    ),
    "sign_in_link_refused": (
        "A channel did not take a sign-in link; the next one is tried.",
        PLATFORM,
    ),
    # Deliveries of platforms
    "malformed_delivery": (
        "A delivery is not what the platform documents.",
        "CountersignDeliveriesRefused.",
    ),
    "delivery_not_resolved": (
        "A platform did not say in time what a delivery is about; it delivers again.",
        "If it goes on: CountersignDeliveriesRefused.",
    ),
    "delivery_ignored": ("A delivery is about something else.", NOTHING),
    "event_not_stored": (
        "What a platform delivered could not be stored; it delivers again.",
        DATABASE,
    ),
    "tap_not_stored": ("A tap could not be stored, and the platform knows that.", DATABASE),
    "glance_not_answered": ("A person could not be shown their buttons.", DATABASE),
    "visit_not_answered": ("A page of an app could not be shown.", PLATFORM),
    "last_words_not_kept": (
        "It was not stored that a person wrote, so some messages are refused or sent another way.",
        DATABASE,
    ),
    "notice_not_told": (
        "The person who pressed or wrote could not be answered. Their vote is not affected.",
        NOTHING,
    ),
    "no_face": ("A person could not be shown their own view of a card.", PLATFORM),
    "home_not_shown": (
        "A person's overview in their app could not be brought up to date.",
        PLATFORM,
    ),
    # Channels
    "platform_refused_app": (
        "The platform rejects our app: its token, rights or settings. No person is at fault.",
        PLATFORM,
    ),
    "app_token_not_issued": ("The platform gives our app no access token.", PLATFORM),
    "app_token_not_exchanged": (
        "The access token could not be exchanged for a newer one; the old one stays in use.",
        PLATFORM,
    ),
    "app_tokens_not_stored": (
        "The process ended before its newest tokens were stored, and the older ones are void.",
        "Authorise the bot again, unless the next start finds them.",
    ),
    "event_not_understood": (
        "One event of a delivery is not what the platform documents; the others counted.",
        "If it goes on, please report it.",
    ),
    "message_not_delivered": ("The platform says that a message of ours did not arrive.", PLATFORM),
    "old_card_not_deleted": (
        "A card was posted again, and the older message is still there; no tap on it counts.",
        NOTHING,
    ),
    "account_written_differently": (
        "WhatsApp writes an account differently than the configuration: no tap from it counts.",
        "Write it as in `known`.",
    ),
    "missed_deliveries_asked_for": ("After an outage, X delivers again what we missed.", NOTHING),
    "missed_deliveries_not_repeated": (
        "Deliveries that we missed do not come again.",
        "People who pressed meanwhile have to press again. `why` may name a setting.",
    ),
    "missed_deliveries_unknown": ("GitHub did not say which deliveries we missed.", PLATFORM),
    "missed_events_not_read": (
        "What was written in a Matrix room while we were away is not read, or not all of it.",
        "People who decided there meanwhile have to do it again.",
    ),
    "message_not_read": ("A Matrix reaction is about a message that cannot be read.", NOTHING),
    "reaction_not_added": (
        "A Matrix card lacks a reaction to press; people can add it themselves.",
        NOTHING,
    ),
    "invitation_not_followed": ("The bot could not enter a Matrix room.", "Invite it again."),
    "sync_position_lost": (
        "The Matrix homeserver does not know where we were; all of it is read again.",
        NOTHING,
    ),
    "answer_not_confirmed": (
        "Somebody sent an answer in Linear's name that Linear knows nothing of; it was refused.",
        "If it goes on: somebody has the webhook's secret. Make a new one.",
    ),
    "question_not_asked": (
        "A Linear card has no buttons, or none any more.",
        "The approver decides in the inbox.",
    ),
    "workspace_installed": (
        "Somebody installed the app in a workspace of the configuration.",
        "Was it meant to be? `by` says who.",
    ),
    "workspace_token_not_revoked": (
        "The app was installed in a foreign workspace, and that could not be undone.",
        "Remove the installation in Slack's settings of the app.",
    ),
    # OneCLI
    "onecli_poll_failed": (
        "A OneCLI does not say what it holds; it is asked again until it does.",
        "CountersignGatewayNotPolled.",
    ),
    "onecli_polled_again": ("It answers again as it should.", NOTHING),
    "onecli_key_refused": ("A OneCLI refuses our key.", "Put the right key in the configuration."),
    "onecli_left_alone": (
        "A request that OneCLI holds can be asked of nobody here.",
        "`why` says what is missing. It runs out, or somebody decides there.",
    ),
    "onecli_changed": (
        "OneCLI holds another request under an id than people were shown; theirs is withdrawn.",
        "It should not happen: look at that OneCLI.",
    ),
    # The gateway
    "gateway": ("The gateway has started.", NOTHING),
    "nothing_is_held": ("It only observes: rules refuse nothing, nobody is asked.", NOTHING),
    "approval_service_not_reached": (
        "At the start the service does not answer yet.",
        "CountersignGatewayServiceAway.",
    ),
    "service_faults": (
        "In observe mode: with these faults it could not ask anybody.",
        "Fix them before `mode: hold`.",
    ),
    "approval_service_away": ("The service does not answer.", "CountersignGatewayServiceAway."),
    "approval_service_back": ("The service answers again.", NOTHING),
    "approval_service_refuses": (
        "The service answers with a status that no request of ours should get.",
        "The gateway's key, or `agents` of its requester. `countersign gateway doctor`.",
    ),
    "gateway_fault": ("A request ended with an error; its connection was closed.", OURS),
    "body_too_large": (
        "A body was too large for the rule that decides.",
        "`setting` in the rule lets it pass unread.",
    ),
    "held_not_kept": (
        "A request could not be stored, and was refused.",
        "Disk and rights of `folder`.",
    ),
    "receipt_refused": (
        "What the service called approved has no valid receipt. Nothing was sent.",
        "Is `receipt_key` the service's? If it is: somebody is in between.",
    ),
    "receipt_not_noted": (
        "A receipt could not be noted as used. Nothing was sent.",
        "Disk and rights of `folder`.",
    ),
    "outcome_refused": ("The service did not take the outcome of a request.", NOTHING),
    "outcomes_unreadable": (
        "Outcomes that are to be reported cannot be read.",
        "Disk and rights of `folder`.",
    ),
    "record_head": ("The head of the record, to be kept elsewhere.", "Keep the log elsewhere."),
    "record_not_written": (
        "The record cannot be written: nothing passes.",
        "`next` says what to do.",
    ),
    "record_repaired": ("A torn last line of the record was cut off at the start.", NOTHING),
    "revoked_not_readable": (
        "The list of revoked agents cannot be read: all are refused.",
        "Rights of `file`.",
    ),
    "placeholder_misused": (
        "An agent sent a secret's placeholder where it may not stand; the request was refused.",
        "Look at what the agent does.",
    ),
    "secret_unavailable": (
        "A secret could not be read or fetched; the request was refused.",
        "`countersign secret check NAME`.",
    ),
    "credential_failed": (
        "An access token or a command's value could not be fetched.",
        "`countersign secret check NAME`.",
    ),
    "credential_renewed": ("An access token was renewed.", NOTHING),
    "tunnel_refused": (
        "A rule lets a host through unopened to which a secret may go: refused.",
        "Take `tunnel` out of the rule, or the secret from that host.",
    ),
    # The client
    "request_pending": ("A tool call waits for a person.", NOTHING),
    "call_not_run": ("A person declined, or the call changed: it did not run.", NOTHING),
    "cannot_ask": ("Nobody could be asked, and the call did not run.", "`cure` says what to do."),
    "not_recorded": ("A call could not be written to the file of `--observe`.", "Disk and rights."),
    "client_message_refused": ("The MCP client sent what is no JSON-RPC message.", NOTHING),
    "client_message_too_long": ("The MCP client sent too much at once: the proxy ends.", NOTHING),
    "call_without_id_refused": ("The MCP client called a tool without an id.", NOTHING),
    "server_message_dropped": ("The MCP server sent what is no message.", NOTHING),
    "server_message_too_long": ("The MCP server sent too much at once: the proxy ends.", NOTHING),
    "server_stopped": ("The MCP server did not end by itself.", NOTHING),
    "proxy_failed": ("The MCP proxy failed, and the call was refused.", OURS),
    "delivery_not_asked_about": (
        "A platform delivered what cannot be asked about; it was refused.",
        "`why` says what is missing.",
    ),
    "delivery_broke_off": ("Somebody's request broke off.", NOTHING),
    "not_asked": ("A request of the platform could not be asked about, and was refused.", OURS),
    "no_longer_held": ("The platform no longer holds a request; it was withdrawn.", NOTHING),
    "outcome_not_reported": ("The service was not told that an approval was used.", NOTHING),
    "platform_away": ("The platform did not answer; it is tried again.", NOTHING),
    "platform_not_told": (
        "The platform did not take a verdict.",
        "Nothing, if it is the only one: it is tried again. Else `status` or `why`.",
    ),
    "workflow_not_resumed": (
        "n8n did not take the verdict: its Wait node goes on when its own limit is over.",
        "Look at the workflow in n8n.",
    ),
    "unsafe_ids_left_out": ("OpenClaw holds requests whose ids are not safe to pass on.", NOTHING),
}
"""Event → what it means, and what to do."""


@dataclass(slots=True)
class Logged:
    """What the code says of an event."""

    levels: set[str] = field(default_factory=set)
    fields: dict[str, None] = field(default_factory=dict)
    """Names, in the order in which they are met."""


def logged() -> tuple[dict[str, dict[str, Logged]], list[str]]:
    """Program → event → how it is logged; and the calls that name no event, as FILE:LINE."""
    found: dict[str, dict[str, Logged]] = defaultdict(lambda: defaultdict(Logged))
    nameless = []
    for folder in ("approvals", "adapters", "clients/python/src"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            where = path.relative_to(ROOT).as_posix()
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for level, call in _calls(tree):
                name, keywords = _event(call)
                if name is None:
                    nameless.append(f"{where}:{call.lineno}")
                    continue
                one = found[_program(where)][name]
                one.levels |= {LEVELS[level]} if level else set()
                one.fields |= dict.fromkeys(word.arg for word in keywords if word.arg)
    return found, nameless


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("_say"), args=[ast.Call(func=ast.Name("Line"))]):
                yield "warning", node
            case ast.Call(func=ast.Name("Line"), args=[ast.Constant()]):
                yield "", node
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Name("log")
                    | ast.Attribute(attr="log" | "_log")
                    | ast.Call(func=ast.Attribute(attr="get_logger" | "getLogger")),
                    attr=level,
                )
            ) if level in LEVELS or level in ("debug", "critical", "log"):
                yield level, node


def _event(call: ast.Call) -> tuple[str | None, list[ast.keyword]]:
    match call.args:
        case [ast.Constant(str(name))] if NAME.fullmatch(name):
            return name, call.keywords
        case [ast.Call(func=ast.Name("Line") | ast.Attribute(attr="Line")) as line]:
            return _event(line)
    return None, []


def _program(where: str) -> str:
    if where.startswith("clients/"):
        return CLIENT
    return GATEWAY if where.startswith(("approvals/proxy/", "approvals/cli/gateway")) else SERVICE


def text() -> str:
    """The page."""
    found, _ = logged()
    lines = [HEAD]
    for program in (SERVICE, GATEWAY, CLIENT):
        lines += [f"## {program}", "", "| event | level | fields | means | to do |"]
        lines += ["|---|---|---|---|---|"]
        for name, (means, cure) in EVENTS.items():
            if name in found[program]:
                one = found[program][name]
                levels, fields = ", ".join(sorted(one.levels)) or "any", _quoted(one.fields)
                lines += [f"| `{name}` | {levels} | {fields} | {means} | {cure} |"]
        lines += [""]
    return "\n".join(lines)


def _quoted(names: dict[str, None]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
