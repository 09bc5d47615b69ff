"""Finds likely mistakes in rules that parse. Pure; people judge the findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Final

from approvals.matching import Subject, When, glob, match
from approvals.packs import Rule, Verb
from approvals.proxy.rules import Rules


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule`: which one (`Rule.id`). `why`: a sentence."""

    rule: str
    kind: str
    why: str


def lint(rules: Rules) -> list[Finding]:
    """In the order of the rules. Kinds: `no-host`, `unreachable`, `shadowed`."""
    found: list[Finding] = []
    for at, rule in enumerate(rules.rules):
        if rule.verb is Verb.ALLOW and rule.when.host is None:
            found.append(Finding(rule.id, "no-host", "it allows, and names no host"))
        for before in rules.rules[:at]:
            if (finding := _between(before, rule)) is not None:
                found.append(finding)
                break
    return found


def samples(when: When, most: int = 200) -> Iterator[Subject]:
    """Requests that match, one at least for each combination of patterns, up to `most`."""
    choices = product(
        when.host or (_ELSEWHERE,),
        when.method or ("GET", "POST"),
        [path for pattern in when.path or ("/**",) for path in _paths(pattern)],
        when.agent or ("x9agent",),
        when.action or ("x9action",),
    )
    headers = tuple((name, globs[0].replace("*", "x9")) for name, globs in when.header or ())
    for host, method, path, agent, action in islice(choices, most):
        yield Subject(
            requester="",
            agent=agent.replace("*", "x9"),
            action=action.replace("*", "x9"),
            method=method,
            scheme="https",
            host=host.replace("*.", "x9."),
            path=path,
            query="",
            headers=headers,
        )


_ELSEWHERE: Final = "x9.invalid"


def _between(before: Rule, rule: Rule) -> Finding | None:
    """What the earlier of two rules does to the later one, probably by mistake."""
    if rule.tunnel and not before.tunnel:
        place = (When(host=before.when.host, agent=before.when.agent), rule.when)
        if _overlap(*place):
            why = f"`{before.id}` before it is about its host too, so what goes there is opened"
            return Finding(rule.id, "unreachable", why)
        return None
    same_hands = before.pack == rule.pack
    covered = before.condition is None and _covers(before.when, rule.when)
    if before.verb is Verb.ALLOW and rule.verb is Verb.DENY:
        # An exception, narrower than what is denied, is how such rules are written.
        exception = _covers(rule.when, before.when) and not covered
        if before.condition is None and not exception and _overlap(before.when, rule.when):
            why = f"`{before.id}` before it allows some or all of what it denies"
            return Finding(rule.id, "shadowed", why)
    elif covered and same_hands and (before.verb is not Verb.ALLOW or rule.verb is Verb.ALLOW):
        return Finding(rule.id, "unreachable", f"`{before.id}` before it takes all of it")
    elif covered and same_hands:
        why = f"`{before.id}` before it allows all of it, but for doubtful requests"
        return Finding(rule.id, "shadowed", why)
    return None


def _covers(wide: When, narrow: When) -> bool:
    """Does `wide` certainly match every request that `narrow` does? Tried, not proven."""
    if wide.header is not None and not set(wide.header) <= set(narrow.header or ()):
        return False
    for part, other in zip(_parts(wide), _parts(narrow), strict=True):
        if part not in (When(), When(path=("/**",))) and other == When():
            return False
        if not all(match(part, None, subject) is True for subject in samples(other)):
            return False
    return True


def _overlap(one: When, other: When) -> bool:
    """Can one request match both? Headers don't count: the sender chooses them."""
    paths = product(one.path or ("/**",), other.path or ("/**",))
    return any(_meet(a.split("/"), b.split("/")) for a, b in paths) and all(
        any(match(b, None, subject) is not False for subject in samples(a))
        or any(match(a, None, subject) is not False for subject in samples(b))
        for a, b in zip(_parts(one), _parts(other), strict=True)
        if a.path is None and b.path is None
    )


def _meet(one: list[str], other: list[str]) -> bool:
    """Is there a path that matches both patterns? They are given as segments."""
    if not one or not other:
        return all(segment == "**" for segment in one + other)
    if one[0] == "**" or other[0] == "**":
        wide, narrow = (one, other) if one[0] == "**" else (other, one)
        return _meet(wide[1:], narrow) or _meet(wide, narrow[1:])
    first, second = one[0].lower(), other[0].lower()
    alike = glob(first, second.replace("*", "x9")) or glob(second, first.replace("*", "x9"))
    return alike and _meet(one[1:], other[1:])


def _parts(when: When) -> tuple[When, ...]:
    """Its parts, each about one thing: a request matches it if it matches all of them."""
    return (
        When(host=when.host),
        When(method=when.method),
        When(path=when.path),
        When(action=when.action),
        When(agent=when.agent),
    )


def _paths(pattern: str) -> Iterable[str]:
    """Paths that match the pattern, with no, one and two segments for `**`."""
    for stead in ("", "/x9", "/x9/y9"):
        path = pattern.replace("/**", stead) or "/"
        yield path.replace("*", "x9")
        if "/**" not in pattern:
            return
