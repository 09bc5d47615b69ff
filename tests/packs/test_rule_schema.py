"""One schema of rules: what both files accept means the same in both (approvals/rule_schema.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from approvals import config, policy
from approvals.cli.rules import outbound
from approvals.config.schema import ServiceRule
from approvals.marked import Fault, Marked
from approvals.model import Agent, Fact, Http, Kind, Requester, Risk
from approvals.packs import RuleBook, Verb
from approvals.packs.rule_file import GatewayRule
from approvals.proposal import Draft, Proposal, draft
from approvals.proxy.rules import Outbound, Rules, rulebook
from approvals.reading import Reading, read
from approvals.rule_schema import RuleSection, WhenSection
from tests.harness.real_requests import FOLDER, NAMES

PEOPLE: Final = "people: {dana: {email: dana@example.com}}\ngroups: {default: [dana]}\n"
DECODERS: Final = """
decoders:
  - name: texts
    docs: https://docs.example.com/
    when: {method: POST}
    fields: {text: {from: json.text, type: string}, type: {from: header.content-type, type: string}}
"""
BY: Final = Requester("gate", Kind.GATEWAY)


@cache
def request(name: str) -> Outbound:
    return outbound((FOLDER / f"{name}.json").read_text())


@cache
def reading(name: str) -> Reading:
    return read(request(name).http())


@dataclass(frozen=True, slots=True)
class Both:
    """The same rules, as each of the two read them."""

    gateway: Rules
    policy: policy.Policy
    book: RuleBook

    def at(self, *places: int) -> Both:
        """With these rules only, in this order."""
        found, kept = self.gateway.book, [self.policy.rules[at] for at in places]
        return Both(
            Rules(replace(found, rules=tuple(found.rules[at] for at in places))),
            policy.Policy.of(kept, self.policy.groups),
            self.book,
        )

    def drafted(self, name: str, **more: Any) -> Draft:
        """What the service makes of it, asked by a gateway that knows no words for it."""
        sent = request(name)
        asked = Proposal("http.call", Agent(sent.agent), http=sent.http(), **more)
        rules = (self.policy, self.book)
        return draft(BY, asked, reading(name), *rules, request_id="req_1", revision=1, now=0)


def faults(folder: Path, text: str) -> tuple[list[Fault], list[Fault]]:
    """What the service and the gateway find wrong with the same text."""
    file = folder / "rules.yaml"
    file.write_text(PEOPLE + text)
    served = config.faults(file, {}, sections={})
    marked = Marked(file, {}, lenient="")
    rulebook(marked.values, marked.fault)
    return served, marked.faults


def both(folder: Path, service: str, gateway: str = "") -> Both:
    file = folder / "countersign.yaml"
    file.write_text(PEOPLE + service)
    found = config.load(file, {}, sections={})
    file = folder / "gateway.yaml"
    file.write_text(PEOPLE + (gateway or service))
    marked = Marked(file, {}, lenient="")
    rules = rulebook(marked.values, marked.fault)
    assert marked.faults == []
    return Both(rules, found.policy, found.book)


def abouts() -> Iterator[dict[str, Any]]:
    """What rules may say of the requests in `fixtures/requests`: each way, clearly or in doubt."""
    for name in NAMES:
        sent, target = request(name), reading(name).target
        assert target is not None
        host, path = target.host, target.path
        yield {"host": host}
        yield {"host": f"{host}:443", "method": sent.method}
        yield {"host": f"{host.upper()}", "path": path}
        yield {"host": f"*.{host.partition('.')[2]}", "method": ["DELETE", sent.method]}
        yield {"host": f"{host}:8443"}
        yield {"path": path, "agent": "b*"}
        yield {"path": path.upper()}
        yield {"path": f"{path.rstrip('/')}/"}
        yield {"path": [f"{path.rpartition('/')[0]}/*", "/nowhere"], "method": "PUT"}
        first = path.split("/")[1]
        yield {
            "path": f"/{first}/**" if first else "/**",
            "header": {"Content-Type": "application/*"},
        }
    yield {"agent": "nobody"}
    yield {"header": {"CONTENT-TYPE": "*"}}
    yield {"header": {"Accept": ["*/*", "application/json"], "user-agent": "*"}}
    yield {"header": {"x-absent": "*"}}


CONDITIONS: Final = (
    'http.method == "POST" && http.path.startsWith("/v1/")',
    'http.host.endsWith(".com") && agent == "bot"',
    "decoded.amount > 100",
    "has(decoded.amount) && decoded.amount > 100",
    'decoded.text.contains("deploy")',
    'decoded.type.startsWith("application/json")',
    '!has(decoded.text) || http.query == ""',
)
ABOUT: Final[list[dict[str, Any]]] = [
    *({"when": when} for when in abouts()),
    *({"if": text} for text in CONDITIONS),
]
RULES: Final[Sequence[Mapping[str, Any]]] = [
    {"name": f"rule {at}", "docs": "https://docs.example.com/", **about}
    for at, about in enumerate(ABOUT)
]


def written(outcome: Mapping[str, Any]) -> str:
    return f"{DECODERS}\nrules: {json.dumps([{**rule, **outcome} for rule in RULES])}\n"


def test_the_same_text_refuses_the_same_requests(tmp_path: Path) -> None:
    rules = both(tmp_path, written({"then": "deny"}))
    refused = set()
    for at, rule in enumerate(RULES):
        alone = rules.at(at)
        for name in NAMES:
            gateway = alone.gateway.decide(request(name), reading(name))
            service = alone.drafted(name)
            assert (gateway.verb is Verb.DENY) is (service.refused is not None), (name, rule)
            assert gateway.rule == (rule["name"] if service.refused else None)
            refused |= {(at, name)} if service.refused else set()
    assert len(RULES) < len(refused) < len(RULES) * len(NAMES) // 2, "of some requests, not of all"


def test_of_many_rules_the_same_one_refuses(tmp_path: Path) -> None:
    rules = both(tmp_path, written({"then": "deny"}))
    every = range(len(RULES))
    for order in (every, every[::-1], [*every[1::2], *every[::2]]):
        some = rules.at(*order)
        for name in NAMES:
            gateway = some.gateway.decide(request(name), reading(name))
            assert some.drafted(name).refused == f"Refused by the rule {gateway.rule!r}."


def test_the_same_rule_asks_about_the_same_requests(tmp_path: Path) -> None:
    ours = written({"ask": {"quorum": {"default": 1}, "risk": "low"}})
    rules = both(tmp_path, ours, written({"then": "ask", "risk": "low"}))
    for at, rule in enumerate(RULES):
        alone = rules.at(at)
        for name in NAMES:
            gateway = alone.gateway.decide(request(name), reading(name))
            ask = alone.drafted(name).case.ask
            asks = rule["name"] in (ask.rule, *ask.also)
            assert (gateway.rule is not None) is asks, (name, rule)
            assert gateway.risk is (Risk.LOW if asks else None)


WORDS: Final = """
    title: ["Pay {{ amount | money(currency) }}", "Send {{ body.text | words }}", "Call {{ host }}"]
    facts:
      Amount: "{{ amount | money(currency) }}"
      To: [form.destination, json.channel, query.to]
      Says: ["{{ body.message }}", "{{ body.text }}"]
      Where: path.1-2
      Type: header.content-type
"""


def test_the_same_words_are_filled_alike(tmp_path: Path) -> None:
    rule = f"rules:\n  - name: all\n{WORDS.strip(chr(10))}\n"
    rules = both(tmp_path, rule + "    ask: {quorum: {default: 1}}\n", rule + "    then: ask\n")
    titles, facts = set(), set[Fact]()
    for name in NAMES:
        gateway = rules.gateway.decide(request(name), reading(name))
        service = rules.drafted(name).request
        assert (service.title, service.facts) == (gateway.title, gateway.facts), name
        titles |= {service.title}
        facts |= {*service.facts}
    assert "Pay 12,400.00 EUR" in titles
    assert "Call api.twilio.com" in titles
    assert {fact.label for fact in facts} == {"Amount", "To", "Says", "Where", "Type"}


@pytest.mark.parametrize(
    "rule",
    [
        "name: '*'",
        "name: [a]",
        "nam: a",
        "when: {hots: a.example}",
        "when: [a.example]",
        "when: {host: https://a.example}",
        "when: {host: []}",
        "when: {method: post}",
        "when: {path: a}",
        "when: {path: '/a/../b'}",
        "when: {agent: ''}",
        "when: {header: x-a}",
        "when: {header: {x-a: []}}",
        "when: {header: {'x a': b}}",
        "when: {header: {x-a: {b: c}}}",
        "if: decoded.amout > 1",
        "if: decoded.amount",
        "if: amount >",
        "if: [a]",
        "title: ''",
        "title: '{{ a'",
        "title: [x, '{{ a | mony }}']",
        "facts: {A: '{{ a.b() }}'}",
        "facts: {A: []}",
        "facts: {A: [json.a, jsn.b]}",
        "facts: {'': json.a}",
        "facts: [json.a]",
        "name: first",
    ],
)
def test_law_01_what_is_wrong_is_said_in_the_same_words_and_place(
    tmp_path: Path, rule: str
) -> None:
    named = "" if rule.startswith("nam") else "name: r, "
    first = "{name: first, when: {path: /}, then: deny}"
    text = f"rules:\n  - {first}\n  - {{{named}{rule}, then: deny}}\n"
    service, gateway = faults(tmp_path, text)
    assert service == gateway
    assert service
    assert {fault.line for fault in service} == {5}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("when: {metod: POST}, fields: {x: {from: json.a, type: int}}", "do you mean `method`"),
        ("when: {path: a}, fields: {x: {from: json.a, type: int}}", "starts with `/`"),
        ("when: {}, fields: {x: {from: cookie.a, type: int}}", "form.<key>"),
        ("when: {}, fields: {x: {from: json.a, type: money}}", "`int`, `string`"),
        ("when: {}, fields: {x: json.a}", "must have keys of its own"),
        ("when: {}, fields: {}", "`fields` is empty"),
        ("when: {}, fields: {amount: {from: json.a, type: bool}}", "elsewhere it is int"),
    ],
)
def test_a_decoder_is_refused_in_the_same_words_and_place(
    tmp_path: Path, text: str, why: str
) -> None:
    service, gateway = faults(tmp_path, f"decoders:\n  - {{name: d, {text}}}\n")
    assert service == gateway
    assert any(why in str(fault) for fault in service)
    assert {fault.line for fault in service} == {4}


@pytest.mark.parametrize(
    ("rule", "at_service", "at_gateway"),
    [
        ("risk: high, then: deny", "unknown key `risk` (it stands in `ask`)", None),
        ("websocket: true, then: deny", "it stands in a gateway's own file", None),
        ("action: a, then: deny", "a requester says it", ""),
        ("then: allow", "`allow` stands in a gateway's own file", ""),
        ("then: ask", "say whom: `ask: {quorum: {default: 1}}`", ""),
        ("ask: {quorum: {default: 1}}", "", "whom to ask stands in the service's file"),
        ("when: {requester: a}, then: deny", "", "it stands in the service's file"),
        ("when: {action: a}, then: deny", "", "in `when` it stands in the service's file"),
        ("facts: {Kind: A payout}, then: deny", "", "form.<key>"),
    ],
)
def test_a_key_of_the_other_file_is_refused_with_a_hint(
    tmp_path: Path, rule: str, at_service: str, at_gateway: str | None
) -> None:
    """None: whatever it says, it is not about the key's place."""
    service, gateway = faults(tmp_path, f"rules:\n  - {{name: r, {rule}}}\n")
    for found, why in ((service, at_service), (gateway, at_gateway)):
        if why:
            assert any(why in str(fault) for fault in found), found
        elif why is not None:
            assert found == []
    assert {fault.line for fault in (*service, *gateway)} == {4}


def test_a_fact_at_the_service_may_be_a_plain_text(tmp_path: Path) -> None:
    """As it always could: it stands on each card."""
    ask = "ask: {quorum: {default: 1}}"
    rule = f"{{name: r, facts: {{Kind: A payout, Why: 'see 2.1'}}, {ask}}}"
    rules = both(tmp_path, f"rules:\n  - {rule}\n", "rules: []")
    facts = (Fact("Kind", "A payout"), Fact("Why", "see 2.1"))
    assert rules.drafted("slack-post").request.facts == facts


def test_law_30_of_a_gateway_that_lists_some_headers_no_rule_is_sure_of_one(
    tmp_path: Path,
) -> None:
    """OneCLI lists neither credentials nor a second line of a name."""
    for name in ("x-a", "content-type"):
        rule = f"{{name: r, when: {{header: {{{name}: 'text/other'}}}}, then: deny}}"
        rules = both(tmp_path, f"rules:\n  - {rule}\n", "rules: []")
        assert rules.drafted("slack-post").refused is None
        for more in ({"some_headers": True}, {"some_headers": True, "summary": True}):
            assert rules.drafted("slack-post", **more).refused == "Refused by the rule 'r'."


STRIPE: Final = Http(
    "POST",
    "https://api.stripe.com/v1/payouts",
    (("content-type", "application/x-www-form-urlencoded"), ("stripe-account", "acct_mine")),
    b"amount=100&currency=eur",
)
DYNAMO: Final = Http(
    "POST",
    "https://dynamodb.eu-west-1.amazonaws.com/",
    (("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "DynamoDB.DeleteTable")),
    b'{"TableName": "users"}',
)


def test_law_30_of_a_gateway_that_lists_some_headers_no_words_name_a_value_of_one(
    tmp_path: Path,
) -> None:
    """Another line of the name may be sent: the account that a card names may not be paid from."""
    rule = "{name: r, when: {method: POST}, ask: {quorum: {default: 1}, risk: low}}"
    rules = both(tmp_path, f"packs: [stripe, aws]\nrules:\n  - {rule}\n", "rules: []")

    def words(sent: Http, **more: Any) -> tuple[str, Risk]:
        asked = Proposal("http.call", Agent("bot"), http=sent, **more)
        about = (rules.policy, rules.book)
        drafted = draft(BY, asked, read(sent), *about, request_id="req_1", revision=1, now=0)
        request = drafted.request
        said = [request.title or "", *(f"{one.label}: {one.value}" for one in request.facts)]
        return "\n".join(said), drafted.case.ask.risk

    whole, risk = words(STRIPE)
    assert "For the account: acct_mine" in whole
    assert words(STRIPE, some_headers=True) == (
        whole.replace("\nFor the account: acct_mine", ""),
        risk,
    )
    whole, risk = words(DYNAMO)
    assert "DeleteTable" in whole or "table" in whole
    doubted, again = words(DYNAMO, some_headers=True)
    assert "able" not in doubted
    assert again is risk  # what was listed can only raise it


def test_both_files_have_the_same_json_schema_for_what_they_share() -> None:
    schemas = [model.model_json_schema() for model in (ServiceRule, GatewayRule)]
    for common, path in ((RuleSection, ()), (WhenSection, ("when",))):
        service, gateway = (_properties(schema, *path) for schema in schemas)
        keys = {info.alias or name for name, info in common.model_fields.items()}
        assert service.keys() & gateway.keys() == keys | ({"then"} if not path else set())
        for key in keys - {"when"}:
            assert service[key] == gateway[key], key


def _properties(schema: Any, *path: str) -> Any:
    found = schema["properties"]
    for key in path:
        text = json.dumps(found[key])
        name = text.partition("#/$defs/")[2].partition('"')[0]
        found = schema["$defs"][name]["properties"]
    return found
