"""A file of rules (`packs`, `decoders`, `rules`) -> `RuleBook`; every fault with its line.

A pack is a file of the same shape beside this one: rules and decoders for one API, as data. The
owner's own rules come first, then the packs' in the order in which they are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, ValidationError

from approvals import decoders, rule_schema
from approvals.marked import FaultAt, Marked, Place, Section, Within, explain, nearest
from approvals.matching import When
from approvals.model import Risk
from approvals.packs.model import Rule, RuleBook, Verb
from approvals.reading import Dialect
from approvals.rule_schema import DecoderSection, GatewayWhen, RuleSection, Texts

PACKS: Final[Mapping[str, Path]] = {
    path.stem: path for path in sorted(Path(__file__).parent.glob("*.yaml"))
}
"""Every pack that exists, by its name."""


def rule_book(values: Mapping[str, Any], fault: FaultAt) -> RuleBook:
    """The rules and decoders of a file and its packs. Where `fault` was called the book is not
    complete: do not use it.

    `values`: the whole file as plain values; other sections than these three are ignored.
    """
    own = _file({key: values[key] for key in _File.model_fields if key in values}, fault)
    if own is None:
        return RuleBook()
    files: list[tuple[str | None, _Pack | _File, FaultAt]] = [(None, own, fault)]
    named: set[str] = set()
    for at, entry in enumerate(own.packs):
        place: Place = ("packs", at)
        for name, hosts in (entry if isinstance(entry, dict) else {entry: ()}).items():
            if name not in PACKS:
                fault(place, f"there is no pack `{name}`", nearest(name, PACKS))
            elif name in named:
                fault(place, f"the pack `{name}` is named twice", "remove one")
            else:
                named.add(name)
                file, at_pack = _pack(name, hosts, place, fault)
                files.append((name, file, at_pack))
                if not file.rules:
                    hint = f"`packs: [{{{name}: host.example.com}}]`"
                    fault(place, f"the pack `{name}` does not know whose hosts are meant", hint)
    found = [rule_schema.decoders_of(file.decoders, at) for _, file, at in files]
    known = _types(files)
    return RuleBook(
        rules=tuple(rule for pack, file, at in files for rule in _rules(pack, file, known, at)),
        decoders=tuple(chain(decoders.BUILT_IN, *found)),
        dialects=tuple(one for _, file, _ in files for one in file.dialects()),
    )


_Action = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$")]


class GatewayRule(RuleSection):
    """A rule of a gateway or pack: it lets pass, asks or refuses."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "ask": "whom to ask stands in the service's file: here `then: ask`"
    }
    when: GatewayWhen = GatewayWhen()
    then: Annotated[Verb, Field(description="`allow`, `ask` or `deny`")]
    risk: Annotated[
        Risk | None,
        Field(
            description="of an ask: `low`, `medium` or `high`; the service may raise it. Absent: "
            "the pack's, or what the service's rule says"
        ),
    ] = None
    action: Annotated[_Action | None, Field(description="what to call such a request")] = None
    websocket: Annotated[bool, Field(description="`true`: upgrades may pass")] = False
    oversize: Annotated[
        bool,
        Field(description="`true`, of an allow: a body may be larger than what the gateway keeps"),
    ] = False
    tunnel: Annotated[
        bool,
        Field(
            description="`true`, of an allow with `host` (and `agent`) alone: [bytes pass unopened]"
            "(gateway.md#tunnels)"
        ),
    ] = False

    def tells(self) -> bool:
        """Can it describe a request to any host?"""
        return self.then is not Verb.ALLOW and (self.when.path is not None or bool(self.condition))


class _Decoder(DecoderSection):
    when: GatewayWhen


class _Dialect(Section):
    """How an API's servers read, where that is not what all servers do; `docs`: its source."""

    docs: str
    when: GatewayWhen = GatewayWhen()
    repeats: Texts = ()
    encoded_slash: bool = False


class _Shared(Section):
    decoders: tuple[_Decoder, ...] = ()
    dialect: tuple[_Dialect, ...] = ()
    rules: tuple[GatewayRule, ...] = ()

    def dialects(self) -> Iterable[tuple[When, Dialect]]:
        for one in self.dialect:
            repeats = frozenset(one.repeats)
            yield one.when.frozen(), Dialect(repeats=repeats, encoded_slash=one.encoded_slash)


class _Pack(_Shared):
    """`host`: the hosts that all of it is about; an entry may name just one of them. If it has
    none, the operator names them (`packs: [{kubernetes: k8s.example.com}]`)."""

    docs: str
    host: Texts = ()

    def narrowed(self, hosts: tuple[str, ...]) -> _Pack:
        """The same pack, about its own hosts and the operator's.

        Without any host it only supplies words for requests that are asked about anyway
        (`Rule.decides`): otherwise a rule that allows would let calls to any host pass, and one
        that is about everything would describe them."""
        hosts = (*self.host, *hosts)
        entries = {
            key: tuple(
                one.model_copy(update={"when": _about(hosts, one.when)})
                for one in getattr(self, key)
                if hosts
                or (one.tells() if isinstance(one, GatewayRule) else isinstance(one, _Decoder))
            )
            for key in _Shared.model_fields
        }
        return self.model_copy(update=entries)


def _about(hosts: tuple[str, ...], when: GatewayWhen) -> GatewayWhen:
    """The same, about these hosts where it names none."""
    return when if when.host is not None else when.model_copy(update={"host": hosts or None})


class _File(_Shared):
    packs: tuple[str | dict[str, Texts], ...] = ()


def _file(values: Mapping[str, Any], fault: FaultAt) -> _File | None:
    try:
        return _File.model_validate({key: v for key, v in values.items() if v is not None})
    except ValidationError as error:
        explain(error, _File, (), fault, {}, rule_schema.SHAPES)
        return None


def _pack(name: str, hosts: tuple[str, ...], place: Place, fault: FaultAt) -> tuple[_Pack, FaultAt]:
    """The pack, and where to report the faults of one that somebody has edited."""
    marked = Marked(PACKS[name], {}, lenient="", ours=True)

    def at(within: Place, message: str, hint: str = "") -> None:
        dotted = ".".join(str(part) for part in within if not isinstance(part, Within))
        fault(place, f"in {PACKS[name].name}: {dotted}: {message}", hint)

    for one in marked.faults:
        fault(place, str(one), "")
    try:
        return _Pack.model_validate(marked.values).narrowed(hosts), at
    except ValidationError as error:
        explain(error, _Pack, (), at, {}, rule_schema.SHAPES)
        return _Pack(docs=""), at


def _types(files: Sequence[tuple[str | None, _Shared, FaultAt]]) -> Mapping[str, str]:
    """Every `decoded` name and its type; a name has one type everywhere."""
    known = decoders.types(decoders.BUILT_IN)
    for _, file, fault in reversed(files):  # the owner can fix only their own
        rule_schema.add_types(known, file.decoders, fault)
    return known


def _rules(
    pack: str | None, file: _Shared, known: Mapping[str, str], fault: FaultAt
) -> Iterable[Rule]:
    for place, one, condition in rule_schema.checked(file.rules, known, fault):
        name = f"the rule `{one.name}`"
        if one.risk is not None and one.then is not Verb.ASK:
            fault((*place, "risk"), f"{name}: only a rule that asks has a risk", "remove it")
        if one.oversize and one.then is not Verb.ALLOW:
            fault(
                (*place, "oversize"),
                f"{name}: a human cannot be asked about more than is kept",
                "only a rule that allows may say it",
            )
        if one.tunnel and (unfit := _unfit(one, pack)):
            fault((*place, "tunnel"), f"{name}: {unfit[0]}", unfit[1])
        if one.websocket and one.then is Verb.DENY:
            fault((*place, "websocket"), f"{name}: it denies everything", "remove it")
        yield Rule(
            name=one.name,
            verb=one.then,
            when=one.when.frozen(),
            condition=condition,
            risk=one.risk,
            websocket=one.websocket,
            oversize=one.oversize,
            tunnel=one.tunnel,
            action=one.action,
            words=one.words,
            pack=pack,
            decides=pack is None or one.when.host is not None,
        )


def _unfit(rule: GatewayRule, pack: str | None) -> tuple[str, str] | None:
    """Why it may not let bytes pass unopened, and what to do; None: it may."""
    if rule.then is not Verb.ALLOW:
        why = f"in a tunnel there is nothing to see, so nothing to {rule.then}"
        return why, "only a rule that allows may say it"
    hosts = rule.when.host or ()
    if pack is not None or not hosts or any("*" in host for host in hosts):
        return (
            "a tunnel is for hosts that the operator names one by one",
            "name each in `when.host`",
        )
    seen = rule.when.model_fields_set - {"host", "agent"} or (
        {"condition", "websocket", "oversize", "action", "title", "facts"} & rule.model_fields_set
    )
    if seen:
        what = min(seen).replace("condition", "if")
        return f"nobody sees a request in a tunnel, so `{what}` means nothing", "remove it"
    return None
