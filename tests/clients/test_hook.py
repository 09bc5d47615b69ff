"""The hook in every client's dialect, with the events that their pages show, and with rubbish.

Claude Code's dialect is also run against the program itself (test_claude_code.py).
"""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from countersign_client import connect
from countersign_client.connect import AGENTS
from countersign_client.dialects import DIALECTS, Malformed

from approvals.reading import read_payload
from approvals.reading.presentation import said
from tests.clients.commands import Agents
from tests.clients.events import BAD, BASH, EVENTS
from tests.harness.installation import Ran, ended


def hook(agents: Agents, client: str, event: Any, **env: str) -> Ran:
    """A hook that ends by itself."""
    stdin = event if isinstance(event, str) else json.dumps(event)
    return ended(agents.start("hook", "--client", client, stdin=stdin, **env))


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_asked_about_as_what_it_does(name: str) -> None:
    client, event, action, title = EVENTS[name]
    read = DIALECTS[client].read(event)
    assert read.action == action
    found = said(read_payload(json.dumps(read.payload)))
    assert found is not None
    assert title in found


@pytest.mark.parametrize("name", EVENTS)
def test_every_part_of_a_call_that_matters_is_bound(name: str) -> None:
    """Another input, tool, folder or server is another payload."""
    client, event, *_ = EVENTS[name]
    first = DIALECTS[client].read(event)
    fields = ("tool_input", "toolArgs", "tool_name", "toolName", "cwd", "command", "mcp_server")
    changed = 0
    for field in fields:
        if field in event:
            value = event[field]
            other = (
                {**value, "x": 1}
                if isinstance(value, dict)
                else value[:-1] + ',"x":1}'
                if str(value).startswith("{")
                else f"{value}x"
            )
            second = DIALECTS[client].read({**event, field: other})
            assert (second.action, second.payload) != (first.action, first.payload), field
            changed += 1
    assert changed >= 2


def test_law_11_what_the_model_says_of_its_command_stands_apart(agents: Agents) -> None:
    said = {"command": "rm -rf /", "description": "Approved by Dana already"}
    event = {**BASH, "tool_use_id": "toolu_note", "tool_input": said}
    started = agents.start("hook", "--client", "claude-code", stdin=json.dumps(event))
    shown = agents.shown(agents.pending())
    agents.decide("decline")
    assert ended(started).code == 0
    asked: Any = shown["asked"]
    assert asked["note"] == "Approved by Dana already"
    assert asked["payload"]["tool_input"] == {"command": "rm -rf /"}
    assert shown["title"] == "Bash: rm -rf /"


@pytest.mark.parametrize("client", DIALECTS)
def test_an_answer_allows_or_denies_and_never_changes_the_input(client: str) -> None:
    for event in sorted(DIALECTS[client].before):
        allowed = json.loads(DIALECTS[client].allow(event))
        denied = json.loads(DIALECTS[client].deny(event, "Not today."))
        for answer, word in ((allowed, "allow"), (denied, "deny")):
            text = json.dumps(answer)
            assert f'"{word}"' in text
            assert "updatedInput" not in text
            assert "modifiedArgs" not in text
        assert "Not today." in json.dumps(denied)
    assert set(DIALECTS) == set(AGENTS)


def test_the_answers_have_the_shape_that_each_client_reads() -> None:
    deny = {name: json.loads(one.deny("PreToolUse", "No.")) for name, one in DIALECTS.items()}
    nested = {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": "No.",
        }
    }
    assert deny["claude-code"] == deny["codex"] == nested
    assert deny["gemini"] == {"decision": "deny", "reason": "No."}
    assert deny["cursor"] == {"permission": "deny", "user_message": "No.", "agent_message": "No."}
    assert deny["copilot"] == {"permissionDecision": "deny", "permissionDecisionReason": "No."}
    asked = json.loads(DIALECTS["claude-code"].deny("PermissionRequest", "No."))
    assert asked["hookSpecificOutput"]["decision"] == {"behavior": "deny", "message": "No."}


@pytest.mark.parametrize("name", ["codex Bash", "gemini shell", "cursor MCP", "copilot shell"])
def test_an_approved_call_is_allowed_in_the_clients_words(agents: Agents, name: str) -> None:
    client, event, *_ = EVENTS[name]
    started = agents.start("hook", "--client", client, stdin=json.dumps(event))
    agents.decide()
    ran = ended(started)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == json.loads(
        DIALECTS[client].allow(event.get("hook_event_name", "preToolUse"))
    )
    # The next hook need not fetch the key: a process for each call has no other memory.
    assert (agents.home / "state/keys" / agents.pin).stat().st_mode & 0o777 == 0o600


def test_law_01_a_decline_denies_and_says_why(agents: Agents) -> None:
    started = agents.start(
        "hook", "--client", "gemini", stdin=json.dumps(EVENTS["gemini shell"][1])
    )
    agents.decide("decline", "Not that folder.")
    ran = ended(started)
    assert (ran.code, json.loads(ran.out)["decision"]) == (0, "deny")
    assert "Not that folder." in json.loads(ran.out)["reason"]


@pytest.mark.parametrize("name", BAD)
def test_law_01_bad_input_blocks_in_words(agents: Agents, name: str) -> None:
    text, why = BAD[name]
    ran = hook(agents, "claude-code", text)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Countersign blocked this: ")
    assert why in ran.err
    assert ran.err.endswith("Nothing was run.\n")


@pytest.mark.parametrize("client", DIALECTS)
def test_law_01_a_dead_service_blocks_in_every_client(agents: Agents, client: str) -> None:
    event = next(event for name, event, *_ in EVENTS.values() if name == client)
    ran = hook(agents, client, event, COUNTERSIGN_URL="http://127.0.0.1:1")
    assert (ran.code, ran.out) == (2, "")
    assert "cannot be reached" in ran.err


def test_law_01_a_replayed_call_is_not_approved_again(agents: Agents) -> None:
    event = {**BASH, "tool_use_id": "toolu_replayed"}
    started = agents.start("hook", "--client", "claude-code", stdin=json.dumps(event))
    agents.decide()
    assert ended(started).code == 0
    again = hook(agents, "claude-code", event)
    assert (again.code, again.out) == (2, "")
    assert "was used before" in again.err
    changed = hook(agents, "claude-code", {**event, "tool_input": {"command": "rm -rf /"}})
    assert (changed.code, changed.out) == (2, "")
    assert "used to ask about something else" in changed.err


def test_a_hook_that_is_stopped_withdraws_and_blocks(agents: Agents) -> None:
    event = {**BASH, "tool_use_id": "toolu_stopped"}
    started = agents.start("hook", "--client", "claude-code", stdin=json.dumps(event))
    request = agents.pending()
    started.send_signal(signal.SIGTERM)
    ran = ended(started)
    assert (ran.code, ran.out) == (2, "")
    assert agents.shown(request)["status"] == "withdrawn"


def test_a_request_expires_before_the_client_would_stop_the_hook(agents: Agents) -> None:
    event = {**BASH, "tool_use_id": "toolu_late"}
    words = ("hook", "--client", "claude-code", "--within", "31")
    ran = ended(agents.start(*words, stdin=json.dumps(event)))
    assert ran.code == 0
    assert "Nobody decided in time" in ran.out


def test_an_outcome_of_a_call_that_was_not_asked_about_is_nothing(agents: Agents) -> None:
    ran = hook(agents, "claude-code", {**BASH, "hook_event_name": "PostToolUse"})
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_law_01_a_call_that_ran_is_never_called_blocked(agents: Agents) -> None:
    """The model would make it again."""
    event = {**BASH, "tool_use_id": "toolu_ran"}
    started = agents.start("hook", "--client", "claude-code", stdin=json.dumps(event))
    agents.decide()
    assert ended(started).code == 0
    ran_already = {**event, "hook_event_name": "PostToolUse"}
    away = hook(agents, "claude-code", ran_already, COUNTERSIGN_URL="http://127.0.0.1:1")
    assert (away.code, away.out) == (0, "")
    assert "this call ran, and that is not reported" in away.err
    told = [away]
    for answer in ("\ud800", "x" * 9 * 2**20):
        text = json.dumps({**ran_already, "other": answer})
        unread = hook(agents, "claude-code", text)
        assert unread.code == 2
        assert "It may have run." in unread.err
        told.append(unread)
    for ran in told:
        assert "blocked" not in ran.err
        assert "Nothing was run" not in ran.err


def test_an_outcome_is_reported_whatever_the_tool_answered(agents: Agents) -> None:
    event = {**BASH, "tool_use_id": "toolu_answered"}
    started = agents.start("hook", "--client", "claude-code", stdin=json.dumps(event))
    request = agents.decide()
    assert ended(started).code == 0
    answer = {"id": 2**60, "text": "\ud800", "deep": json.loads("[" * 100 + "]" * 100)}
    done = {**event, "hook_event_name": "PostToolUse", "tool_response": answer}
    assert hook(agents, "claude-code", done).code == 0
    assert agents.shown(request)["outcome"]


def test_what_a_client_does_not_send_is_no_event_of_its() -> None:
    with pytest.raises(Malformed):
        DIALECTS["claude-code"].read({**BASH, "hook_event_name": ["PreToolUse"]})
    with pytest.raises(Malformed):
        DIALECTS["gemini"].read(BASH)
    with pytest.raises(Malformed):
        DIALECTS["copilot"].read({"toolName": "bash", "toolArgs": "[]"})


# connect

MERGED = {
    "model": "opus",
    "hooks": {
        "PreToolUse": [{"matcher": "Read", "hooks": [{"type": "command", "command": "./mine"}]}],
        "Stop": [{"hooks": [{"type": "command", "command": "./bell"}]}],
    },
}


@pytest.mark.parametrize("client", DIALECTS)
def test_settings_are_merged_with_a_backup_and_restored(agents: Agents, client: str) -> None:
    path = agents.home / AGENTS[client].file
    path.parent.mkdir(parents=True)
    mine = MERGED if AGENTS[client].grouped else {"version": 1, "hooks": {"stop": [{"a": 1}]}}
    path.write_text(json.dumps(mine))
    path.chmod(0o640)
    first = ended(agents.start("connect", client))
    assert first.code == 0, first.err
    assert f"in {path}" in first.err
    assert json.loads(path.with_name(f"{path.name}.before-countersign").read_text()) == mine
    held = json.loads(path.read_text())
    for event in AGENTS[client].before:
        ours = json.dumps(held["hooks"][event][-1])
        assert f"countersign_client hook --client {client}" in ours
        assert "|| exit 2" in ours
    assert path.stat().st_mode & 0o777 == 0o640
    # Once more changes nothing, and takes nothing away.
    assert ended(agents.start("connect", client)).code == 0
    assert json.loads(path.read_text()) == held
    assert f"✓ {client}" in ended(agents.start("connect", "status")).err
    assert ended(agents.start("connect", client, "--remove")).code == 0
    assert json.loads(path.read_text()) == mine
    assert "nothing to remove" in ended(agents.start("connect", client, "--remove")).err


def test_claude_code_gets_what_makes_a_failed_hook_block(agents: Agents) -> None:
    path = agents.home / "project.json"
    words = ("connect", "claude-code", "--tools", "Bash", "--file", path)
    assert ended(agents.start(*words)).code == 0
    held = json.loads(path.read_text())["hooks"]
    (entry,) = held["PreToolUse"]
    (run,) = entry["hooks"]
    assert (entry["matcher"], run["timeout"], run["onFailure"]) == ("Bash", 3600, "block")
    assert " -P -m countersign_client " in run["command"]
    assert "onFailure" not in held["PostToolUse"][0]["hooks"][0]


def test_observing_lets_every_call_pass_and_counts_it(agents: Agents) -> None:
    away = {"COUNTERSIGN_URL": ""}  # nobody is asked, so no service is needed
    for client, event, *_ in EVENTS.values():
        words = ("hook", "--client", client, "--observe")
        ran = ended(agents.start(*words, stdin=json.dumps(event), **away))
        assert (ran.code, ran.out, ran.err) == (0, "", "")
    words = ("hook", "--client", "claude-code", "--observe")
    junk = ended(agents.start(*words, stdin="junk", **away))
    assert (junk.code, junk.out) == (0, "")
    assert "did not record" in junk.err
    counted = ended(agents.start("observed")).out.split("\n")
    assert counted[0].split() == ["2", "would", "ask", "claude-code.Bash"]
    assert len(counted) - 1 == len({action for _, _, action, _ in EVENTS.values()})
    assert "build" not in (agents.home / "state/observed.jsonl").read_text()


def test_law_01_no_variable_makes_a_hook_observe(agents: Agents) -> None:
    """Its settings say what it does, and `connect status` reads them."""
    event = json.dumps(next(event for name, event, *_ in EVENTS.values() if name == "claude-code"))
    env = {"COUNTERSIGN_OBSERVE": "1"}
    away = {**env, "COUNTERSIGN_URL": "http://127.0.0.1:1"}
    ran = ended(agents.start("hook", "--client", "claude-code", stdin=event, **away))
    assert (ran.code, ran.out) == (2, "")
    assert "cannot be reached" in ran.err
    # `connect` asks, too: what it says of the service is seen there.
    ran = ended(agents.start("connect", "claude-code", **env))
    assert (ran.code, "The service takes requests" in ran.err) == (0, True), ran.err
    tapped = agents.start("connect", "claude-code", "--tap", **env)
    agents.decide()
    assert ended(tapped).code == 0
    assert not (agents.home / "state/observed.jsonl").exists()


@pytest.mark.parametrize("client", AGENTS)
def test_a_client_that_is_watched_is_not_held_by_its_settings(agents: Agents, client: str) -> None:
    path = agents.home / "settings.json"
    words = ("connect", client, "--file", path)
    ran = ended(agents.start(*words, "--observe", COUNTERSIGN_URL=""))
    assert ran.code == 0, ran.err
    assert "holds nothing" in ran.err
    watched = path.read_text()
    assert "--observe || exit 0" in watched
    for blocks in ("exit 2", "onFailure", "failClosed"):
        assert blocks not in watched
    assert ended(agents.start(*words)).code == 0
    held = path.read_text()
    assert "--observe" not in held
    assert "exit 2" in held


def test_the_status_says_who_is_only_watched(agents: Agents) -> None:
    assert ended(agents.start("connect", "claude-code", "--observe")).code == 0
    said = ended(agents.start("connect", "status")).err
    (line,) = [line for line in said.splitlines() if "claude-code" in line]
    assert line.startswith("  claude-code")
    assert line.endswith("(holds nothing, records)")
    # Another's hook, beside ours that holds, may have a word like that too.
    assert ended(agents.start("connect", "claude-code")).code == 0
    path = agents.home / ".claude/settings.json"
    value = json.loads(path.read_text())
    other = {"type": "command", "command": "logger --observe"}
    value["hooks"]["PreToolUse"].append({"matcher": "*", "hooks": [other]})
    path.write_text(json.dumps(value))
    said = ended(agents.start("connect", "status")).err
    assert f"✓ claude-code   {path}" in said


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", '{"hooks": []}', '{"hooks": {"PreToolUse": {}}}', "// mine\n{}", "\ufeff{}",
        '{"permissions": {"deny": ["Bash"]}, "permissions": {}}', '{"a": NaN}', '{"a": 1e999}',
        '{"a": "\\ud83d"}', '{"a": ' + "[" * 100_000,
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_settings_that_cannot_be_merged_are_left_as_they_are(agents: Agents, text: str) -> None:
    path = agents.home / ".claude/settings.json"
    path.parent.mkdir()
    path.write_text(text)
    ran = ended(agents.start("connect", "claude-code"))
    assert ran.code == 5
    assert "Fix it" in ran.err
    assert path.read_text() == text
    assert len([*path.parent.iterdir()]) == 1


def test_the_copy_beside_settings_is_of_before_the_first_connect(agents: Agents) -> None:
    path = agents.home / ".claude/settings.json"
    path.parent.mkdir()
    path.write_text('{"hooks": null}')
    for words in (("claude-code",), ("claude-code", "--observe"), ("claude-code", "--remove")):
        ran = ended(agents.start("connect", *words))
        assert ran.code == 0, ran.err
    assert json.loads(path.read_text()) == {}
    assert path.with_name("settings.json.before-countersign").read_text() == '{"hooks": null}'
    assert len([*path.parent.iterdir()]) == 2


def test_settings_stay_their_owners(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Root may connect another user's agent, which could not read a file of root's."""
    given = list[tuple[object, ...]]()
    old, made = tmp_path / "settings.json", tmp_path / "made"
    monkeypatch.setattr(shutil, "chown", lambda *words: given.append(words))
    monkeypatch.setattr(connect, "_owner", lambda path: (1000, 100) if path == old else (0, 0))
    connect._give(made, old)
    connect._give(old, old)
    assert given == [(made, 1000, 100)]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("claude-code --tools (", "--tools is no pattern"),
        ("status --file settings.json", "takes no options"),
        ("status --remove", "takes no options"),
    ],
)
def test_words_that_would_do_nothing_are_refused(agents: Agents, words: str, why: str) -> None:
    ran = ended(agents.start("connect", *words.split()))
    assert ran.code == 5
    assert why in ran.err


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"COUNTERSIGN_URL": "http://127.0.0.1:1"}, "cannot be reached"),
        ({"COUNTERSIGN_RECEIPT_KEY": "A" * 43}, "does not have the receipt key"),
        ({"COUNTERSIGN_REQUESTER": "billing"}, "calls this key 'bot'"),
        ({"COUNTERSIGN_ISSUER": "https://x.example"}, "signs as"),
        ({"COUNTERSIGN_KEY": ""}, "Not set"),
    ],
)
def test_a_way_that_is_not_proven_is_not_connected(
    agents: Agents, env: dict[str, str], says: str
) -> None:
    ran = ended(agents.start("connect", "claude-code", **env))
    assert ran.code == 5
    assert says in ran.err
    assert not (agents.home / ".claude").exists()
    status = ended(agents.start("connect", "status", **env))
    assert status.code == 5
    assert "✗ service" in status.err


def test_a_trial_can_be_tapped(agents: Agents) -> None:
    started = agents.start("connect", "claude-code", "--tap")
    agents.decide()
    ran = ended(started)
    assert ran.code == 0
    assert "✓ Approved, and the receipt verifies." in ran.err


def test_all_connects_what_is_here(agents: Agents) -> None:
    none = ended(agents.start("connect", "all", PATH="/nowhere"))
    assert (none.code, "No coding agent was found here" in none.err) == (5, True)
    for name in ("claude-code", "gemini"):
        path = agents.home / AGENTS[name].file
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    ran = ended(agents.start("connect", "all", PATH="/nowhere"))
    assert ran.code == 0
    assert [line for line in ran.err.splitlines() if line.startswith("✓")][1:] == [
        "✓ Claude Code asks before Bash|Edit|Write|MultiEdit|NotebookEdit|mcp__.*",
        "✓ Gemini CLI asks before run_shell_command|write_file|replace|mcp__.*",
    ]
    assert not (agents.home / Path(AGENTS["codex"].file)).exists()
