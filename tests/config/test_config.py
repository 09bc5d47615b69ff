import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from approvals import config, marked
from approvals.config import Unsafe, duration, listen, schema
from approvals.config.values import hash_of
from approvals.marked import Fault
from approvals.model import MINUTE, SECOND, AgentPeople, Ask, Escalation, Http, Kind, Risk
from approvals.people import Link
from approvals.policy import Deny, Subject, decide

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"
KEY = "k" * 24
ENV = {
    "BILLING_KEY": "b" * 24,
    "PROXY_KEY": "p" * 24,
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": "s",
}
SMALL = "people: {dana: {email: dana@example.com}}\ngroups: {default: [dana]}\n"


ONECLI = SMALL + "gateways: [{kind: onecli, %s}]\n"
TWO = (
    SMALL
    + """gateways:
  - {kind: onecli, url: 'http://127.0.0.1:1', key: oc_1, %s}
  - {kind: onecli, url: 'http://127.0.0.1:1', %s}
"""
)


class Slack(BaseModel):
    """A channel's section as an adapter would declare it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    bot_token: SecretStr
    signing_secret: SecretStr | None = None
    app_token: SecretStr | None = None
    mode: Literal["webhook", "socket"] = "webhook"
    stub: bool = False

    @model_validator(mode="after")
    def complete(self) -> "Slack":
        if self.mode == "webhook" and self.signing_secret is None:
            raise ValueError("webhook mode needs signing_secret")
        return self


SECTIONS: Mapping[str, type[BaseModel]] = {"slack": Slack, "telegram": Slack}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "countersign.yaml"


def load(file: Path, text: str, env: Mapping[str, str] = ENV) -> config.Config:
    file.write_text(text)
    return config.load(file, env, sections=SECTIONS)


def faults(file: Path, text: str, env: Mapping[str, str] = ENV) -> list[Fault]:
    file.write_text(text)
    return config.faults(file, env, sections=SECTIONS)


def examples() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)


def test_the_documented_example_loads(file: Path) -> None:
    found = load(file, examples()[0])
    assert found.listen == config.Listen("127.0.0.1", 8080)
    assert found.public_url == "https://approve.example.com"
    assert found.database_url == f"sqlite:///{file.parent}/countersign.db"
    assert found.keys_dir == file.parent / "keys"
    assert found.metrics == config.Listen("127.0.0.1", 9090)
    slack = found.channels["slack"]
    assert isinstance(slack, Slack)
    assert slack.bot_token.get_secret_value() == "xoxb-1"
    billing = found.requesters[found.key_hashes[hash_of("b" * 24)]]
    assert billing is not None
    assert (billing.name, billing.kind, billing.agents) == ("billing", Kind.AGENT, ("billing-bot",))
    assert (billing.on_behalf_of, billing.owner) == ("dana", "kim")
    assert not found.key_hashes.keys() & {hash_of("b" * 23), hash_of(""), hash_of("ß\ud800")}
    people = found.directory([Link("telegram", "7", "lee")])
    lee = people.by_account("telegram", "7")
    assert lee is not None
    assert (lee.groups, lee.roles) == (frozenset({"finance"}), frozenset({"auditor"}))
    sam = people.person("sam")
    assert people.by_account("slack", "U024BE7LN") == people.by_account("slack", "U024BE7LM") == sam
    assert sam is not None
    assert sam.accounts["slack"] == "U024BE7LM"


def test_the_documented_example_decides(file: Path) -> None:
    found = load(file, examples()[0])

    def about(url: str, method: str, amount: int) -> Ask | Deny:
        subject = Subject.of("billing", "billing-bot", "x", Http(method, url, (), b""))
        return decide(found.policy, replace(subject, decoded={"amount": amount}))

    payouts = "https://api.stripe.com/v1/payouts"
    large = about(payouts, "POST", 100_001)
    assert large == Ask(
        rule="payments",
        quorum=(("finance", 2),),
        via=("slack",),
        risk=Risk.HIGH,
        expires=15 * MINUTE,
        release_within=MINUTE,
        four_eyes=True,
        remind=(5 * MINUTE,),
        escalate=Escalation(10 * MINUTE, "infra"),
        policy=found.policy.digest,
    )
    assert about(payouts, "POST", 100_000).rule == "everything else"
    deletion = about("https://api.github.com/repos/acme/site", "DELETE", 0)
    assert deletion == Deny("never delete repositories")


def test_the_smallest_example_loads(file: Path) -> None:
    found = load(file, examples()[1], {})
    assert (found.public_url, found.channels, found.off) == (None, {}, {})
    assert found.policy.default_ask.quorum == (("default", 1),)


def test_every_key_is_documented() -> None:
    text = DOCS.read_text() + DOCS.with_name("rules.md").read_text()
    models: list[type[BaseModel]] = [schema.File]
    keys: set[str] = set()
    for model in models:
        for name, info in model.model_fields.items():
            keys.add(info.alias or name)
            models.extend(marked._models(info.annotation))
    missing = {key for key in keys if not re.search(rf"\b{key}\b", text)}
    assert missing == set()


def test_every_fault_names_line_and_column_and_cure(file: Path) -> None:
    text = (
        "serve: {}\n"
        "people:\n"
        "  dana: {email: dana@example.com}\n"
        "  dana: {email: dana@example.com}\n"
        "groups: {default: [dana]}\n"
        "requesters:\n"
        "  a: {key: '${NOT_THERE}', kin: agent}\n"
        "rules:\n"
        "  - name: r\n"
        "    ask: {quorum: {default: 1}, expires: 15, risk: severe}\n"
        "channels: {slak: {}}\n"
    )
    assert [str(fault).removeprefix(str(file)) for fault in faults(file, text)] == [
        ":1:1: unknown key `serve` (do you mean `server`?)",
        ":4:3: `dana` is given twice, first on line 3 (remove one)",
        ":7:12: the environment has no NOT_THERE (set it, or read a file)",
        ":7:33: unknown key `kin` (do you mean `kind`?)",
        ":10:42: `expires`: a duration is written like 60s, 15m, 1h or 2d",
        ":10:52: `risk` must be `low`, `medium` or `high`",
        ":11:12: there is no channel `slak` (do you mean `slack`?)",
    ]
    with pytest.raises(Unsafe, match="do you mean `server`"):
        load(file, text)


RULE = SMALL + "rules:\n  - name: r\n"
MORE = """
people:
  dana: {email: dana@example.com, slack: U1}
  lee: {email: lee@example.com}
  kim: {}
groups: {default: [dana], two: [dana, lee], other: [dana], infra: [kim]}
requesters: {billing: {key: kkkkkkkkkkkkkkkkkkkkkkkk, on_behalf_of: dana, owner: lee}}
rules:
  - name: r
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a mapping"),
        ("- a", "not a mapping"),
        ("{}", "`people` is missing"),
        ("a: [", "not YAML"),
        ("a: b: c", "not YAML"),
        ("\x00", "not YAML"),
        ("a: " + "[" * 1_000, "not YAML"),
        ("a: &x [*x]", "aliases"),
        (SMALL + "metrics: &m {listen: '127.0.0.1:1'}\nserver: *m", "aliases"),
        (SMALL + "server: {<<: {listen: '127.0.0.1:1'}}", "not a plain key"),
        (SMALL + "server: !!python/name:os.system {}", "aliases and tags"),
        (SMALL + "? [a]\n: b", "not a plain key"),
        ("people: {dana: {}}\ngroups: {other: [dana]}", "no group `default`"),
        ("people: {dana: {}}\ngroups: {default: []}", "is empty"),
        ("people: {dana: {}}\ngroups: {default: [dna]}", "nobody called `dna` .do you mean `dana`"),
        ("people: {dana: {}}\ngroups: {default: [dana], '*': [dana]}", "cannot be a name"),
        ("people: {dana: {slak: U1}}\ngroups: {default: [dana]}", "no channel `slak`"),
        ("people: {dana: {web: x}}\ngroups: {default: [dana]}", "no channel `web`"),
        ("people: {dana: {nam: x}}\ngroups: {default: [dana]}", "do you mean `name`"),
        ("people: {dana: {name: ['a', 'b']}}\ngroups: {default: [dana]}", "at most 64 letters"),
        ("people: {dana: {name: ''}}\ngroups: {default: [dana]}", "`name` is empty"),
        ('people: {dana: {name: "a\\nb"}}\ngroups: {default: [dana]}', "at most 64 letters"),
        ("people: {dana: {time_zone: CEST}}\ngroups: {default: [dana]}", "not a time zone"),
        ("people: {dana: {time_zone: ../etc}}\ngroups: {default: [dana]}", "not a time zone"),
        ("people: {dana: {language: German}}\ngroups: {default: [dana]}", "not a language"),
        (SMALL + "sign_in: {link: maybe}", "`link`"),
        (SMALL + "sign_in: {lnk: true}", "do you mean `link`"),
        (SMALL + "retention: {content: 90}", "like 90d or 2y"),
        (SMALL + "retention: {content: 12h}", "like 90d or 2y"),
        (SMALL + "retention: {content: 7d}", "use 8d or more"),
        (SMALL + "retention: {content: 90d, cases: 30d}", "deleted before its content"),
        ("people: {dana: {email: dana}}\ngroups: {default: [dana]}", "not an e-mail"),
        (
            "people: {a: {slack: U1}, b: {slack: [U2, U1]}}\ngroups: {default: [a]}",
            "`a` has the same slack account",
        ),
        (
            "people: {a: {email: X@a.example}, b: {email: x@A.example}}\ngroups: {default: [a]}",
            "`a` has the same email account",
        ),
        (SMALL + "roles: {auditor: [lee]}", "nobody called `lee`"),
        (SMALL + "roles: {admin: [dana]}", "unknown key `admin`"),
        (SMALL + f"requesters: {{a: {{key: {KEY[:23]}}}}}", "at least 24 characters"),
        (SMALL + f"requesters: {{a: {{key: {KEY}}}, b: {{key: {KEY}}}}}", "`a` has the same key"),
        (SMALL + "requesters: {a: {}}", "`key` is missing"),
        (SMALL + f"requesters: {{a: {{key: {KEY}, agents: []}}}}", "lists nobody"),
        (SMALL + f"requesters: {{a: {{key: {KEY}, owner: lee}}}}", "nobody called `lee`"),
        (SMALL + f"requesters: {{a: {{key: {KEY}, kind: human}}}}", "`agent` or `gateway`"),
        (SMALL + "server: {public_url: 'http://approve.example.com'}", "clear text"),
        (SMALL + "server: {public_url: 'https://approve.example.com/x'}", "address of a site"),
        (SMALL + "server: {public_url: 'https://u@approve.example.com'}", "address of a site"),
        (SMALL + "server: {public_url: approve.example.com}", "address of a site"),
        (SMALL + "server: {listen: '0.0.0.0:80'}", "other machines"),
        (SMALL + "server: {listen: '[::]:80'}", "other machines"),
        (SMALL + "server: {listen: 'h.example:80'}", "other machines"),
        (SMALL + "server: {listen: '127.0.0.1'}", "is written like"),
        (SMALL + "server: {listen: '127.0.0.1:65536'}", "is written like"),
        (SMALL + "database: {url: 'mysql://h/d'}", "not a database"),
        (SMALL + "gateways: [{kind: webhook, name: a, url: u, key: k}]", "must be `onecli`"),
        (SMALL + "gateways: {kind: onecli}", "`gateways` must be a list"),
        (SMALL + "gateways: [{kind: onecli}]", "`name` is missing"),
        (ONECLI % "name: 'a b', url: 'http://h.example:1', key: oc_1", "cannot be a name"),
        (ONECLI % "name: a, url: '127.0.0.1:10255', key: oc_1", "not the address of a OneCLI"),
        (ONECLI % "name: a, url: 'http://u:p@h:1', key: oc_1", "not the address of a OneCLI"),
        (ONECLI % "name: a, url: 'http://h.example:1', key: sk_1", "not a key of OneCLI"),
        (ONECLI % "name: a, url: 'http://h.example:1', key: 'oc_1 2'", "not a key of OneCLI"),
        (
            ONECLI % "name: a, url: 'http://h.example:1', key: '${NOWHERE}'",
            "the environment has no NOWHERE",
        ),
        (ONECLI % "name: a, url: 'http://h.example:1', key: oc_1, workspaces: []", "lists none"),
        (
            ONECLI % "name: a, url: 'http://h.example:1', key: oc_org_1",
            "does not say which workspace",
        ),
        (
            ONECLI % "name: a, url: 'http://h.example:1', key: oc_1, workspaces: [ws_1, ws_2]",
            "good for one workspace",
        ),
        (
            ONECLI % "name: a, url: 'http://h.example:1', key: oc_1, workspaces: ['x/y']",
            "cannot be a name",
        ),
        (ONECLI % "name: a, url: 'http://h.example:1', key: oc_1, agents: []", "lists nobody"),
        (
            ONECLI % "name: a, url: 'http://h.example:1', key: oc_1, owner: lee",
            "nobody called `lee`",
        ),
        (
            ONECLI % "name: a, url: 'http://h.example:1', key: oc_1, colour: red",
            "unknown key `colour`",
        ),
        (
            ONECLI % "name: a, url: 'http://h.example:1', key: oc_1"
            + f"requesters: {{a: {{key: {KEY}}}}}",
            "requester or gateway `a`",
        ),
        (TWO % ("name: a", "name: a, key: oc_2"), "requester or gateway `a`"),
        (TWO % ("name: a", "name: b, key: oc_1"), "asked twice"),
        (TWO % ("name: a", "name: b, key: oc_1, workspaces: [ws_1]"), "asked twice"),
        (SMALL + "templates: {slack: nowhere.j2}", "no such file"),
        (SMALL + "templates: {slak: nowhere.j2}", "no channel `slak`"),
        (SMALL + "database: {url_file: nowhere}", "cannot be read"),
        (SMALL + "database: {url_file: nowhere, url: 'sqlite:///x'}", "both given"),
        (SMALL + "channels: {slack: {bot_token: t}}", "webhook mode needs signing_secret"),
        (SMALL + "channels: {slack: {signing_secret: t}}", "`bot_token` is missing"),
        (SMALL + "channels: {slack: {bot_token: t, signing_secret: s, x: 1}}", "unknown key `x`"),
        (SMALL + "channels: {discord: {}}", "no channel `discord`"),
        (RULE + "    then: allow", "gateway's own file"),
        (RULE + "    then: shrug", "can only be `deny`"),
        (RULE, "either `ask` or `then: deny`"),
        (RULE + "    then: deny\n    ask: {quorum: {default: 1}}", "either `ask` or"),
        (RULE + "    ask: {}", "`quorum` is missing"),
        (RULE + "    ask: {quorum: {}}", "`quorum` is empty"),
        (RULE + "    ask: {quorum: {default: 0}}", "must be at least 1"),
        (RULE + "    ask: {quorum: {default: 2}}", "has 1 members and 2 must approve"),
        (RULE + "    ask: {quorum: {finance: 1}}", "no group `finance`"),
        (RULE + "    ask: {quorum: {default: 1}, via: [pigeon]}", "no channel `pigeon`"),
        (RULE + "    ask: {quorum: {default: 1}, via: [slack]}", "is not configured"),
        (RULE + "    ask: {quorum: {default: 1}, via: [web, web]}", "`web` stands there twice"),
        (RULE + "    ask: {quorum: {default: 1}, via: ['web:x']}", "the inbox has no rooms"),
        (
            RULE + "    ask: {quorum: {default: 1}, via: ['slack:']}\nchannels: {slack: {}}",
            "room is missing",
        ),
        (RULE + "    ask: {quorum: {default: 1}, release_within: 61m}", "1h at most"),
        (RULE + "    ask: {quorum: {default: 1}, expires: 9s}", "10s at least"),
        (RULE + "    ask: {quorum: {default: 1}, expires: 8d}", "10s at least"),
        (RULE + "    ask: {quorum: {default: 1}, remind: [15m]}", "expired by then"),
        (
            RULE + "    ask: {quorum: {default: 1}, escalate: {after: 15m, to: default}}",
            "expired by then",
        ),
        (RULE + "    ask: {quorum: {default: 1}, escalate: {after: 1m, to: x}}", "no group `x`"),
        (
            RULE + "    ask: {quorum: {default: 1}, step_up: passkey}",
            "passkeys are not in this version",
        ),
        (RULE + "    ask: {quorum: {default: 1}, quorun: {}}", "do you mean `quorum`"),
        (RULE + "    when: {pth: /a}\n    then: deny", "do you mean `path`"),
        (RULE + "    when: {path: a}\n    then: deny", "starts with `/`"),
        (RULE + "    when: {host: []}\n    then: deny", "lists nothing"),
        (RULE + "    if: decoded.amout > 1\n    then: deny", "unknown name `decoded.amout`"),
        (RULE + "    if: decoded.amount\n    then: deny", "is of type int"),
        (
            RULE + "    then: deny\n  - name: r\n    when: {path: /a}\n    then: deny",
            "exists already",
        ),
        (RULE + "    then: deny\n  - name: s\n    then: deny", "never applies"),
        (SMALL + "rules: [{name: default, then: deny}]", "exists already"),
        (SMALL + "decoded: {amount: string}", "built-in decoder says int"),
        (SMALL + "decoded: {amount: money}", "`int`, `string`"),
        (
            SMALL + "decoders: [{name: d, when: {}, fields: {x: {from: cookie.x, type: int}}}]",
            "form.<key>",
        ),
        (
            SMALL + "decoders: [{name: d, when: {}, fields: {amount: {from: form.x, type: bool}}}]",
            "elsewhere it is int",
        ),
        (
            MORE + "    ask: {quorum: {two: 1, other: 1, default: 1}}",
            "too few approvers are in the group default",
        ),
        (
            MORE + "    ask: {quorum: {default: 1}, risk: high}",
            "four eyes bar dana, and no other approver is in the group default",
        ),
        (MORE + "    ask: {quorum: {two: 2}, four_eyes: true}", "never be filled for `billing`"),
    ],
)
def test_law_01_what_is_unsafe_or_unclear_is_refused(file: Path, text: str, message: str) -> None:
    found = faults(file, text)
    assert any(re.search(message, str(fault)) for fault in found), found
    assert all(fault.line >= 1 and fault.column >= 1 for fault in found)
    with pytest.raises(Unsafe):
        load(file, text)


@pytest.mark.parametrize(
    "text",
    [
        SMALL + "server: {public_url: 'http://localhost:8080/', listen: '[::1]:8080'}",
        SMALL + "server: {public_url: 'https://a.example', listen: '0.0.0.0:80'}",
        MORE + "    ask: {quorum: {default: 1}, risk: high, four_eyes: false}",
        MORE + "    ask: {quorum: {default: 1}, risk: high, escalate: {after: 1m, to: infra}}",
        MORE + "    when: {requester: other}\n    ask: {quorum: {default: 1}, risk: high}",
        MORE + "    ask: {quorum: {two: 1, other: 1}}",
        RULE + "    ask: {quorum: {default: 1}, via: [web]}",
    ],
)
def test_what_is_safe_is_accepted(file: Path, text: str) -> None:
    assert faults(file, text) == []


GATE = """
people: {dana: {}, lee: {}}
groups: {default: [dana, lee], pair: [dana, lee]}
requesters:
  gate: {key: csr_kkkkkkkkkkkkkkkkkkkkkkkk, kind: gateway, agents: %s}
rules:
  - name: payouts
    when: {action: "pay.*"}
    ask: {quorum: {default: 1}, risk: high}
"""


def test_agents_are_a_list_or_say_whose_each_is(file: Path) -> None:
    listed = load(file, GATE % "[a, b]").requesters["gate"]
    assert (listed.agents, listed.agent_people) == (("a", "b"), {})
    mapping = "{a: {on_behalf_of: dana, owner: lee}, b: {}, c:}, owner: dana"
    text = (GATE % mapping).replace("risk: high", "risk: high, four_eyes: false")
    gate = load(file, text).requesters["gate"]
    assert gate.agents == ("a", "b", "c")
    assert gate.people_of("a") == AgentPeople("dana", "lee")
    assert gate.people_of("b") == gate.people_of("c") == AgentPeople(None, "dana")


@pytest.mark.parametrize(
    ("agents", "line", "message"),
    [
        ("{a: {on_behalf_of: dan}}", 5, "there is nobody called `dan` .*do you mean `dana`"),
        ("{a: {owner: kim}}", 5, "there is nobody called `kim`"),
        ("{a: {ower: dana}}", 5, "unknown key `ower` .*do you mean `owner`"),
        ("{a: dana}", 5, "`a`"),
        ("{}", 5, "it lists nobody"),
        ("true", 5, "say whose each one is"),
        ("[[a]]", 5, "say whose each one is"),
    ],
)
def test_people_of_agents_that_do_not_exist_are_faults(
    file: Path, agents: str, line: int, message: str
) -> None:
    found = faults(file, GATE % agents)
    assert [fault.line for fault in found] == [line]
    assert re.search(message, str(found[0])), found


def test_law_02_four_eyes_that_bar_nobody_are_named(file: Path) -> None:
    for agents, whose in (
        ("[danas-bot]", "agent `danas-bot` of `gate`"),
        ("{a: {owner: dana}, b: {}}", "agent `b` of `gate`"),
    ):
        (hint,) = load(file, GATE % agents).hints
        assert hint.startswith(f"four eyes bar nobody for {whose}")
        assert "rule `payouts`" in hint
        assert "on_behalf_of: <person>" in hint
    free = GATE.replace(", agents: %s", "")
    assert "the agents of `gate`" in load(file, free).hints[0]
    assert load(file, GATE % "{a: {owner: dana}}").hints == ()
    assert load(file, (GATE % "[a]").replace("high", "medium")).hints == ()
    assert load(file, (GATE % "[a], owner: lee")).hints == ()


def test_law_02_four_eyes_that_leave_nobody_for_one_agent_are_a_fault(file: Path) -> None:
    agents = "{a: {on_behalf_of: dana}, b: {on_behalf_of: dana, owner: lee}}"
    (found,) = faults(file, GATE % agents)
    assert "it can never be filled for agent `b` of `gate`: four eyes bar dana and lee" in str(
        found
    )
    assert found.line == 9
    only_a = (GATE % agents).replace('action: "pay.*"', "agent: a")
    assert faults(file, only_a) == []
    called = (GATE % agents).replace("risk: high", "risk: high, escalate: {after: 1m, to: rest}")
    rest = called.replace("dana: {}, lee: {}", "dana: {}, lee: {}, kim: {}")
    assert faults(file, rest.replace("pair: [dana, lee]", "rest: [kim]")) == []


def test_law_02_what_nobody_could_approve_once_it_is_raised_to_high_risk_is_named(
    file: Path,
) -> None:
    owned = "requesters: {gateway: {key: csr_kkkkkkkkkkkkkkkkkkkkkkkk, owner: dana}}\n"
    (hint,) = load(file, SMALL + owned).hints
    assert "matches no rule" in hint
    assert "four eyes bar dana, and no other approver is in the group default" in hint
    rule = "rules: [{name: r, ask: {quorum: {default: 1}%s}}]"
    assert "rule `r`" in load(file, SMALL + owned + rule % "").hints[0]
    assert load(file, SMALL + owned + rule % ", four_eyes: false").hints == ()


def test_the_environment_cannot_change_the_structure(file: Path) -> None:
    evil = {"NAME": "x}, requesters: {evil: {key: '" + KEY + "'}}\n# "}
    found = load(file, SMALL + 'requesters: {a: {key: "${NAME}"}}', evil)
    assert list(found.requesters) == ["a"]
    assert found.key_hashes == {hash_of(evil["NAME"]): "a"}
    number = load(file, SMALL + 'database: {url: "sqlite:///a${N}b"}', {"N": "${M}"})
    assert number.database_url.endswith("/a${M}b")


def test_files_hold_secrets(file: Path) -> None:
    (file.parent / "key").write_text(KEY + "\n")
    (file.parent / "key").chmod(0o600)
    found = load(file, SMALL + "requesters: {a: {key_file: key}}")
    assert found.key_hashes == {hash_of(KEY): "a"}


def test_a_channel_without_its_secrets_is_off_and_says_so(file: Path) -> None:
    text = SMALL + (
        "channels:\n"
        '  slack: {bot_token: "${SLACK_BOT_TOKEN}", signing_secret: "", mode: webhook}\n'
        "  telegram:\n"
        "rules: [{name: r, ask: {quorum: {default: 1}, via: [slack]}}]\n"
    )
    found = load(file, text, {})
    assert found.channels == {}
    assert found.off["slack"] == (
        "slack is off: none of its secrets is set: "
        "bot_token (SLACK_BOT_TOKEN), signing_secret, app_token"
    )
    assert "telegram is off" in found.off["telegram"]
    partly = faults(file, text.replace('""', "s"), {})
    assert [(fault.line, fault.hint) for fault in partly] == [(4, "SLACK_BOT_TOKEN is not set")]


def test_law_23_secrets_are_in_no_repr_and_no_fault(file: Path) -> None:
    secret = "hunter2-hunter2-hunter2-hunter2"
    text = SMALL + (
        f'requesters: {{a: {{key: "{secret}"}}}}\n'
        f'database: {{url: "postgresql://u:{secret}@h/d"}}\n'
        f'channels: {{slack: {{bot_token: "{secret}", signing_secret: "{secret}"}}}}\n'
    )
    assert secret not in repr(load(file, text))
    broken = text.replace("{key: ", "{kee: ").replace("signing_secret", "signing")
    broken = broken.replace("postgresql://u:", "mysql://")
    found = faults(file, broken) + faults(file, text.replace("postgresql", "mysql"))
    assert len(found) > 3
    assert secret not in "".join(map(str, found))


def test_what_yaml_guesses_stays_text(file: Path) -> None:
    text = "people: {no: {slack: 0123, telegram: 100}}\ngroups: {default: [no]}\n"
    found = load(file, text)
    assert found.people[0].id == "no"
    assert found.people[0].accounts == {"slack": "0123", "telegram": "100"}
    yes = faults(file, RULE + "    ask: {quorum: {default: 1}, four_eyes: 12:30}")
    assert "must be true or false" in yes[0].message


def test_a_file_that_is_not_there_is_an_os_error(file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        config.load(file, {}, sections={})


def test_durations_and_addresses() -> None:
    assert [duration(text) for text in ("90s", "15m", "1h", "2d")] == [
        90 * SECOND,
        15 * MINUTE,
        60 * MINUTE,
        2 * 24 * 60 * MINUTE,
    ]
    for text in ("15", "0s", "1.5h", "-1m", "15 m", "15M", "", "1w", 15, None, "15m\n", "１５m"):
        with pytest.raises(ValueError, match="duration"):
            duration(text)
    assert listen("[::1]:0") == config.Listen("::1", 0)
    assert [listen(f"{host}:1").loopback for host in ("localhost", "127.9.9.9", "10.0.0.1")] == [
        True,
        True,
        False,
    ]


HOOKED = """\
people: {dana: {email: dana@example.com}}
groups: {default: [dana]}
requesters:
  billing:
    key: "${BILLING_KEY}"
    webhook: %s
"""
HOOK = {k: "whsec_" + base64.b64encode(k.encode() * n).decode() for k, n in (("n", 24), ("o", 64))}


def hooked(file: Path, webhook: str) -> list[Fault]:
    return faults(file, HOOKED % webhook, {**ENV, "HOOK": HOOK["n"], "URL": "https://b.example/h"})


@pytest.mark.parametrize("secret", ['"${HOOK}"', f"[{HOOK['n']}]", "file"])
def test_a_webhook_has_an_address_and_a_secret(file: Path, secret: str) -> None:
    (file.parent / "hook").touch(mode=0o600)
    (file.parent / "hook").write_text(f"{HOOK['n']}\n{HOOK['o']}\n")
    given = "secret_file: hook" if secret == "file" else f"secret: {secret}"
    env = {**ENV, "HOOK": HOOK["n"], "URL": "https://10.0.0.7:8443/hooks?of=us"}
    found = load(file, HOOKED % f'{{url: "${{URL}}", {given}}}', env).webhooks["billing"]
    keys = (b"n" * 24, b"o" * 64) if secret == "file" else (b"n" * 24,)
    assert (found.url, found.secrets) == ("https://10.0.0.7:8443/hooks?of=us", keys)
    assert "nnn" not in repr(found)
    assert "hooks" not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:9/x", "http://[::1]/x", "http://localhost", "https://b.example"),
        *("https://192.168.1.4/x", "https://b.example:444/?a=b%20c"),
    ],
)
def test_where_a_webhook_may_go(file: Path, url: str) -> None:
    assert hooked(file, f'{{url: "{url}", secret: "${{HOOK}}"}}') == []


@pytest.mark.parametrize(
    "url",
    [
        *("http://b.example/x", "http://10.0.0.7/x", "http://127.0.0.1.b.example/x", "b.example"),
        *("https://user@b.example/", "https://user:pw@b.example/", "https://@b.example/", ""),
        *("ftp://b.example/", "https://b.example/#x", "https:///x", "https://b.example:99999/"),
        *("https://b.example/ x", "https://bücher.example/", "https://b.example\\\\@c.example/"),
    ],
)
def test_where_a_webhook_may_not_go(file: Path, url: str) -> None:
    (fault,) = hooked(file, f'{{url: "{url}", secret: "${{HOOK}}"}}')
    assert "in clear text" in fault.message or "address of an endpoint" in fault.message
    assert fault.line == 6
    assert "pw" not in str(fault)


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        (HOOK["n"].removeprefix("whsec_"), "it is `whsec_` and base64 of 24 to 64 bytes"),
        ("whsec_" + base64.b64encode(b"s" * 23).decode(), "24 to 64 bytes"),
        ("whsec_" + base64.b64encode(b"s" * 65).decode(), "24 to 64 bytes"),
        (HOOK["n"] + "!", "24 to 64 bytes"),
        ("whsec_", "24 to 64 bytes"),
        ("", "`secret` is empty"),
        (f"{HOOK['n']} {HOOK['n']}", "the same twice"),
        (f"{HOOK['n']} {HOOK['o']} {HOOK['n']}", "at most 2 entries"),
        ("${NOT_SET}", "the environment has no NOT_SET"),
    ],
)
def test_law_09_what_is_no_secret_of_a_webhook(file: Path, secret: str, says: str) -> None:
    found = hooked(file, f'{{url: "https://b.example", secret: "{secret}"}}')
    assert says in str(found[0])
    assert len(secret) < 20 or secret not in str(found)


def test_a_webhook_without_its_parts_is_a_fault(file: Path) -> None:
    assert "`secret` is missing" in str(hooked(file, "{url: https://b.example}")[0])
    misspelt = hooked(file, '{url: "https://b.example", secrets: "${HOOK}"}')
    assert "do you mean `secret`?" in str(misspelt)


# In our own words, with what helps


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "people: {dana: {email: d@example.com}}\ngroups: {default: dana}",
            ":2:19: `default` must be a list (like default: [dana])",
        ),
        (
            "people: {dana: dana@example.com}\ngroups: {default: [dana]}",
            ":1:16: `dana` must have keys of its own (like dana: {email: dana@example.com})",
        ),
        (SMALL + "server: 8080", "`server` must have keys of its own (like server: {listen:"),
        (SMALL + "rules: {a: b}", "`rules` must be a list (like rules: [{name: …, ask: {…}}])"),
        (
            RULE + "    ask: {quorum: {default: 1}, risk: hihg}",
            ":5:39: `risk` must be `low`, `medium` or `high` (do you mean `high`?)",
        ),
        (RULE + "    ask: {quorum: {default: two}}", "`default` must be a whole number"),
        (RULE + "    ask: {quorum: {default: 21}}", "`default` must be at most 20"),
        (RULE + "    ask: {quorum: [default]}", "must have keys of its own (like quorum: {default"),
        (RULE + "    ask: {quorum: {default: 1}, four_eyes: maybe}", "must be true or false"),
        (SMALL + "requesters: {a: {key: 5}}", "`key` must be a text (in quotes)"),
        (SMALL + "requesters: {a: {key: [x]}}", "`key` must be a text, not a list or a section"),
        (SMALL + "database: {url: {a: b}}", "`url` must be a text, not a list or a section"),
        (SMALL + "x:\n\tb: c", "4:1: this is not YAML: there is a tab here (indent with blanks)"),
        (SMALL + "x: 'b", "this is not YAML: a quote is not closed"),
        (SMALL + "x: {b: c", "this is not YAML: a `,` or a `}` is missing"),
        (SMALL + "x: [b: c", "this is not YAML: a `,` or a `]` is missing"),
        (SMALL + "x: b: c", "a `:` is not expected here"),
        (SMALL + "x: \x01", ":3:4: this is not YAML: there is a control character here"),
        (
            SMALL + "requesters: {a: {key_file: .}}",
            "the file of `key` cannot be read: is a directo",
        ),
    ],
)
def test_no_message_is_a_librarys(file: Path, text: str, says: str) -> None:
    found = [str(fault).removeprefix(str(file)) for fault in faults(file, text)]
    assert says in found[0], found
    for word in ("input should", "valid ", "Value error", "mapping values", "Errno", "expected <"):
        assert word not in " ".join(found)


@pytest.mark.parametrize(
    ("condition", "at", "says"),
    [
        ("decoded.amout > 1000", 0, "unknown name `decoded.amout` (do you mean `decoded.amount`?)"),
        ("decoded.amount >> 1000", 15, "`>>` is not an operator of CEL (do you mean `>`?)"),
        ("1 < 2 && decoded.amount = 1", 24, "`=` is not an operator of CEL (do you mean `==`?)"),
        ("true and decoded.amount > 1", 5, "`and` is not expected there (CEL writes `&&`)"),
        ("not true", 0, "`not` is not a name (CEL writes `!`)"),
        ("amount > 1", 0, "unknown name `amount` (do you mean `decoded.amount`?)"),
        ('action.startswith("x")', 18, "(do you mean `startsWith`?)"),
        ("sizee(x) > 1", 6, "there is no function `sizee` (do you mean `size`?)"),
        ("decoded.amount >", 16, "a name is expected, but the condition ends"),
        ("decoded.amount > 1 $ 2", 19, "`$`"),
        ("action == 'x", 10, "a quote is not closed"),
    ],
)
def test_a_condition_that_is_wrong_says_where(
    file: Path, condition: str, at: int, says: str
) -> None:
    quoted = '"' + condition.replace('"', '\\"') + '"' if "'" in condition else f"'{condition}'"
    plain, block = f"    if: {condition}\n", f"    if: |\n      {condition}\n"
    styles = {f"    if: {quoted}\n": 5 + 5 + at, block: 7 + at}
    if "'" not in condition:
        styles[plain] = 9 + at
    for style, column in styles.items():
        (found,) = faults(file, RULE + style + "    then: deny")
        assert says in str(found)
        line = 6 if style == block else 5
        assert (found.line, found.column) == (line, column), style


def test_a_person_has_a_name_a_time_zone_and_a_language(file: Path) -> None:
    more = "name: Dana Lee, time_zone: Europe/Berlin, language: pt-BR"
    found = load(file, f"people: {{dana: {{email: d@a.example, {more}}}, kim: {{}}}}\n"
                 "groups: {default: [dana]}\n")  # fmt: skip
    dana, kim = found.people
    assert (dana.name, dana.time_zone, dana.language) == ("Dana Lee", "Europe/Berlin", "pt-BR")
    assert dict(dana.accounts) == {"email": "d@a.example"}, "what is no account is none"
    assert (kim.name, kim.time_zone, kim.language) == (None, None, None)
    assert found.directory().names == {"dana": "Dana Lee"}


@pytest.mark.parametrize(
    ("text", "content", "cases"),
    [
        ("", None, None),
        ("retention: {content: 90d, cases: 2y}", 90, 730),
        ("retention: {content: 8d}", 8, None),
        ("retention: {cases: 1y}", 365, 365),
    ],
)
def test_what_was_asked_is_kept_as_long_as_the_file_says(
    file: Path, text: str, content: int | None, cases: int | None
) -> None:
    day = 24 * 60 * MINUTE
    kept = load(file, SMALL + text).retention
    assert kept.content == (content and content * day)
    assert kept.cases == (cases and cases * day)


@pytest.mark.parametrize(
    ("text", "on"), [("", True), ("sign_in: {}", True), ("sign_in: {link: false}", False)]
)
def test_people_sign_in_by_a_link_unless_the_file_says_no(file: Path, text: str, on: bool) -> None:
    assert load(file, SMALL + text).sign_in_link is on
