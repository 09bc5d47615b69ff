"""A file of rules (`packs`, `decoders`, `rules`) -> `RuleBook`; every fault with its line.

A pack is a file of the same shape beside this one: rules and decoders for one API, as data. The
owner's own rules come first, then the packs' in the order in which they are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from approvals import conditions, decoders, matching
from approvals.decoders import Decoder
from approvals.marked import Marked, Place, Within, explain, nearest
from approvals.matching import When
from approvals.model import Risk
from approvals.packs.model import Rule, RuleBook, Verb, is_text
from approvals.reading import Dialect, presentation

FaultAt: TypeAlias = Callable[[Place, str, str], None]
"""As `Marked.fault`: where, what is wrong, how to mend it."""

PACKS: Final[Mapping[str, Path]] = {
    path.stem: path for path in sorted(Path(__file__).parent.glob("*.yaml"))
}
"""Every pack that exists, by its name."""


def rule_book(values: Mapping[str, Any], fault: FaultAt) -> RuleBook:
    """What a file says. Where `fault` was called it is not complete: do not use it.

    `values`: the whole file as plain values; other sections than these three are not looked at.
    """
    own = _file({key: values[key] for key in _File.model_fields if key in values}, fault)
    if own is None:
        return RuleBook()
    files: list[tuple[str | None, _Pack | _File, FaultAt]] = [(None, own, fault)]
    named: dict[str, tuple[str, ...]] = {}
    for at, entry in enumerate(own.packs):
        place: Place = ("packs", at)
        for name, hosts in (entry if isinstance(entry, dict) else {entry: ()}).items():
            if name not in PACKS:
                fault(place, f"there is no pack `{name}`", nearest(name, PACKS))
            elif name in named:
                fault(place, f"the pack `{name}` is named twice", "remove one")
            else:
                named[name] = hosts
                file, at_pack = _pack(name, hosts, place, fault)
                files.append((name, file, at_pack))
                if not file.rules:
                    hint = f"`packs: [{{{name}: host.example.com}}]`"
                    fault(place, f"the pack `{name}` does not know whose hosts are meant", hint)
    found = [decoder for _, file, at in files for decoder in _decoders(file, at)]
    known = _types(found, files)
    return RuleBook(
        rules=tuple(rule for pack, file, at in files for rule in _rules(pack, file, known, at)),
        decoders=(*decoders.BUILT_IN, *found),
        dialects=tuple(one for _, file, _ in files for one in file.dialects()),
    )


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | int) and not isinstance(value, bool) else value


_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. @-]{0,63}$")]
_Action = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$")]
_Label = Annotated[str, Field(min_length=1, max_length=60)]
_Title = Annotated[str, Field(min_length=1, max_length=400)]
_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
_Type = Literal["int", "string", "bool", "double", "list(string)"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _When(_Section):
    host: _Texts | None = None
    method: _Texts | None = None
    path: _Texts | None = None
    agent: _Texts | None = None
    header: dict[str, _Texts] | None = None

    def about(self, hosts: tuple[str, ...]) -> Self:
        """The same, about these hosts where it names none."""
        return self if self.host is not None else self.model_copy(update={"host": hosts or None})

    def frozen(self) -> When:
        header = tuple((self.header or {}).items()) or None
        return When(self.host, self.method, self.path, agent=self.agent, header=header)


class _Rule(_Section):
    name: _Name
    docs: str | None = None
    when: _When = _When()
    condition: str | None = Field(default=None, alias="if")
    then: Verb
    risk: Risk | None = None
    websocket: bool = False
    oversize: bool = False
    tunnel: bool = False
    action: _Action | None = None
    title: Annotated[tuple[_Title, ...], BeforeValidator(_listed)] = ()
    facts: dict[_Label, _Texts] = Field(default_factory=dict)

    def tells(self) -> bool:
        """Does it say of a request to any host what is asked?"""
        return self.then is not Verb.ALLOW and (self.when.path is not None or bool(self.condition))


class _Field(_Section):
    source: str = Field(alias="from")
    type: _Type


class _Decoder(_Section):
    name: _Name
    docs: str | None = None
    when: _When
    fields: dict[_Variable, _Field] = Field(min_length=1)


class _Dialect(_Section):
    """How an API's servers read, where that is not what all servers do; `docs`: its source."""

    docs: str
    when: _When = _When()
    repeats: _Texts = ()
    encoded_slash: bool = False


class _Shared(_Section):
    decoders: tuple[_Decoder, ...] = ()
    dialect: tuple[_Dialect, ...] = ()
    rules: tuple[_Rule, ...] = ()

    def dialects(self) -> Iterable[tuple[When, Dialect]]:
        for one in self.dialect:
            repeats = frozenset(one.repeats)
            yield one.when.frozen(), Dialect(repeats=repeats, encoded_slash=one.encoded_slash)


class _Pack(_Shared):
    """`host`: whom all of it is about; an entry may name one of them only. Without any, the
    operator names the hosts (`packs: [{kubernetes: k8s.example.com}]`)."""

    docs: str
    host: _Texts = ()

    def narrowed(self, hosts: tuple[str, ...]) -> _Pack:
        """About its own hosts and the operator's. About none, it only finds words for what is
        asked (`Rule.decides`): a rule that allows would let any host's calls pass, and one that
        is about anything would describe any host's."""
        hosts = (*self.host, *hosts)
        entries = {
            key: tuple(
                one.model_copy(update={"when": one.when.about(hosts)})
                for one in getattr(self, key)
                if hosts or (one.tells() if isinstance(one, _Rule) else isinstance(one, _Decoder))
            )
            for key in _Shared.model_fields
        }
        return self.model_copy(update=entries)


class _File(_Shared):
    packs: tuple[str | dict[str, _Texts], ...] = ()


def _file(values: Mapping[str, Any], fault: FaultAt) -> _File | None:
    try:
        return _File.model_validate({key: v for key, v in values.items() if v is not None})
    except ValidationError as error:
        explain(error, _File, (), fault, {})
        return None


def _pack(name: str, hosts: tuple[str, ...], place: Place, fault: FaultAt) -> tuple[_Pack, FaultAt]:
    """What the file says, and where to put the faults of one that somebody has edited."""
    marked = Marked(PACKS[name], {}, lenient="", ours=True)

    def at(within: Place, message: str, hint: str = "") -> None:
        fault(place, f"in {PACKS[name].name}: {_dotted(within)}: {message}", hint)

    for one in marked.faults:
        fault(place, str(one), "")
    try:
        return _Pack.model_validate(marked.values).narrowed(hosts), at
    except ValidationError as error:
        explain(error, _Pack, (), at, {})
        return _Pack(docs=""), at


def _dotted(place: Place) -> str:
    return ".".join(str(part) for part in place if not isinstance(part, Within))


def _decoders(file: _Shared, fault: FaultAt) -> list[Decoder]:
    found = []
    for at, one in enumerate(file.decoders):
        _patterns(("decoders", at, "when"), one.when, fault)
        for name, field in one.fields.items():
            if decoders.SOURCE.fullmatch(field.source) is None:
                fault(("decoders", at, "fields", name, "from"), decoders.SOURCES, "")
        fields = {name: decoders.Field(one.source, one.type) for name, one in one.fields.items()}
        found.append(Decoder(one.name, one.when.frozen(), fields))
    return found


def _types(
    found: Iterable[Decoder],
    files: Sequence[tuple[str | None, _Shared, FaultAt]],
) -> Mapping[str, str]:
    """Every `decoded` name and its type; a name has one type everywhere."""
    known = dict(decoders.types(decoders.BUILT_IN, {}))
    for _, file, fault in reversed(files):  # the owner can mend only their own
        for at, one in enumerate(file.decoders):
            for name, field in one.fields.items():
                if known.setdefault(name, field.type) != field.type:
                    place: Place = ("decoders", at, "fields", name)
                    fault(place, f"elsewhere it is {known[name]}", "rename it")
    return known


def _rules(
    pack: str | None, file: _Shared, known: Mapping[str, str], fault: FaultAt
) -> Iterable[Rule]:
    names = set[str]()
    for at, one in enumerate(file.rules):
        place, name = ("rules", at), f"the rule `{one.name}`"
        if one.name in names:
            fault((*place, "name"), f"{name} exists already", "rename one")
        names.add(one.name)
        _patterns((*place, "when"), one.when, fault)
        condition = None
        if one.condition is not None:
            try:
                condition = conditions.compile(one.condition, known)
            except conditions.Wrong as error:
                where: Place = (*place, "if", Within(error.at or 0))
                fault(where, f"{name}: {error}", error.hint)
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
        for at_title, text in enumerate(one.title):
            if why := presentation.check(text):
                fault((*place, "title"), f"title {at_title + 1}: {why}", "")
        for label, sources in one.facts.items():
            if is_text(sources):
                for why in filter(None, map(presentation.check, sources)):
                    fault((*place, "facts", label), why, "")
            elif not sources or any(decoders.SOURCE.fullmatch(s) is None for s in sources):
                fault((*place, "facts", label), decoders.SOURCES, "")
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
            titles=one.title,
            facts=tuple(one.facts.items()),
            pack=pack,
            decides=pack is None or one.when.host is not None,
        )


def _unfit(rule: _Rule, pack: str | None) -> tuple[str, str] | None:
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


def _patterns(place: Place, when: _When, fault: FaultAt) -> None:
    for key, complaint in matching.faults(when.frozen()):
        fault((*place, key), f"`{key}`: {complaint}", "")
