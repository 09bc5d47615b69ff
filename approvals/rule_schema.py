"""What a rule and a decoder may say, in countersign.yaml, in gateway.yaml and in packs.

Law: a key that all of them have means the same in each, and is refused in the same words. These are
the keys here: which requests a rule is about (`when`, `if`), and its words for the card. What a
rule does differs: the service asks people or refuses, a gateway may also let pass. So the rule of
each file is a subclass that adds its own keys, and a key of another file is a fault that says where
it belongs (`elsewhere`). The table in docs/rules.md is drawn from the descriptions: `make docs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field

from approvals import conditions, decoders, matching
from approvals.conditions import Condition
from approvals.decoders import SOURCE, SOURCES, Decoder
from approvals.marked import FaultAt, Place, Section, Within
from approvals.matching import When
from approvals.reading import presentation
from approvals.reading.presentation import Words, is_text


def listed(value: object) -> object:
    """One value as a list of it."""
    return [value] if isinstance(value, str | int) and not isinstance(value, bool) else value


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. @-]{0,63}$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Texts = Annotated[tuple[str, ...], BeforeValidator(listed)]
Type: TypeAlias = Literal["int", "string", "bool", "double", "list(string)"]
"""`conditions.TYPES`."""
_Label = Annotated[str, Field(min_length=1, max_length=60)]
_Title = Annotated[str, Field(min_length=1, max_length=400)]


class WhenSection(Section):
    """What a rule or decoder is about: a request to which all keys apply. Each takes one pattern,
    or a list of which one must apply."""

    host: Annotated[
        Texts | None,
        Field(
            description="`api.stripe.com`, or `*.example.com` for every name below it. With a port "
            "only that one"
        ),
    ] = None
    method: Annotated[Texts | None, Field(description="in capitals: `POST`")] = None
    path: Annotated[
        Texts | None,
        Field(
            description="`*` within a segment, `**` for any number of segments: "
            "`/repos/*/issues`, `/admin/**`"
        ),
    ] = None
    agent: Annotated[Texts | None, Field(description="`*` for any text: `billing-*`")] = None
    header: Annotated[
        dict[str, Texts] | None,
        Field(
            description='texts by name, `*` for any text: `{x-version: "2026-*"}`. All of these '
            "headers must be there"
        ),
    ] = None

    def frozen(self) -> When:
        patterns = {key: getattr(self, key) for key in type(self).model_fields}
        return When(**patterns | {"header": tuple((self.header or {}).items()) or None})


class ServiceWhen(WhenSection):
    """In countersign.yaml, which has more than one requester."""

    action: Annotated[
        Texts | None, Field(description="what the requester calls it: `stripe.*`")
    ] = None
    requester: Annotated[Texts | None, Field(description="as in `requesters`: `gate*`")] = None


class GatewayWhen(WhenSection):
    """In gateway.yaml and packs."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "action": "here the rule itself may say it, beside `then`; in `when` it stands in the "
        "service's file",
        "requester": "it stands in the service's file: here every request is this gateway's",
    }


class RuleSection(Section):
    """The keys of every rule."""

    constants: ClassVar[bool] = False
    """May a fact be a plain text, which is the same on each card?"""

    name: Annotated[Name, Field(description="what people, answers, logs and receipts call it")]
    docs: Annotated[str | None, Field(description="for you: the page that the rule rests on")] = (
        None
    )
    when: Annotated[
        WhenSection, Field(description="what it is about, see below; absent: everything")
    ] = WhenSection()
    condition: Annotated[
        str | None,
        Field(alias="if", description="a [condition](configuration.md#conditions)"),
    ] = None
    title: Annotated[
        tuple[_Title, ...],
        BeforeValidator(listed),
        Field(description="the card's title; of a list the first that can be filled"),
    ] = ()
    facts: dict[_Label, Texts] = Field(
        default_factory=dict, description="the card's facts by label, see below"
    )

    @property
    def words(self) -> Words:
        return Words(self.title, tuple(self.facts.items()))


class FieldSection(Section):
    source: str = Field(alias="from")
    type: Type


class DecoderSection(Section):
    """Where `decoded` values come from."""

    name: Name
    docs: str | None = None
    when: WhenSection
    fields: dict[Variable, FieldSection] = Field(min_length=1)

    def frozen(self) -> Decoder:
        fields = {name: decoders.Field(one.source, one.type) for name, one in self.fields.items()}
        return Decoder(self.name, self.when.frozen(), fields)


SHAPES: Final[Mapping[Place, str]] = {
    ("rules", "*", "when"): "when: {host: api.example.com}",
    ("rules", "*", "when", "header"): 'header: {x-version: "2026-*"}',
    ("rules", "*", "facts"): "facts: {Amount: json.amount}",
    ("decoders",): "decoders: [{name: …, when: {…}, fields: {…}}]",
    ("decoders", "*", "when"): "when: {host: api.example.com}",
    ("decoders", "*", "fields"): "fields: {amount: {from: json.amount, type: int}}",
}
"""As `explain` takes them."""

Rule = TypeVar("Rule", bound=RuleSection)


def checked(
    rules: Iterable[Rule], types: Mapping[str, str], fault: FaultAt, *, taken: Iterable[str] = ()
) -> Iterator[tuple[Place, Rule, Condition | None]]:
    """Each rule with its place and condition; what is wrong with its common part is a fault.

    `types`: of the `decoded` names. `taken`: names that no rule may have.
    """
    names = set(taken)
    for at, rule in enumerate(rules):
        place: Place = ("rules", at)
        if rule.name in names:
            fault((*place, "name"), f"the rule `{rule.name}` exists already", "rename one")
        names.add(rule.name)
        _patterns((*place, "when"), rule.when, fault)
        _words(place, rule, fault)
        condition = None
        if rule.condition is not None:
            try:
                condition = conditions.compile(rule.condition, types)
            except conditions.Wrong as error:
                where: Place = (*place, "if", Within(error.at or 0))
                fault(where, f"the rule `{rule.name}`: {error}", error.hint)
        yield place, rule, condition


def decoders_of(sections: Iterable[DecoderSection], fault: FaultAt) -> tuple[Decoder, ...]:
    """The decoders; what is wrong with their patterns and sources is a fault."""
    sections = tuple(sections)
    for at, one in enumerate(sections):
        _patterns(("decoders", at, "when"), one.when, fault)
        for name, field in one.fields.items():
            if SOURCE.fullmatch(field.source) is None:
                fault(("decoders", at, "fields", name, "from"), SOURCES, "")
    return tuple(one.frozen() for one in sections)


def add_types(known: dict[str, str], sections: Iterable[DecoderSection], fault: FaultAt) -> None:
    """Adds the `decoded` names of these decoders; one name has one type everywhere."""
    for at, one in enumerate(sections):
        for name, field in one.fields.items():
            if known.setdefault(name, field.type) != field.type:
                place: Place = ("decoders", at, "fields", name)
                fault(place, f"elsewhere it is {known[name]}", "rename it")


def _patterns(place: Place, when: WhenSection, fault: FaultAt) -> None:
    for key, complaint in matching.faults(when.frozen()):
        fault((*place, key), f"`{key}`: {complaint}", "")


def _words(place: Place, rule: RuleSection, fault: FaultAt) -> None:
    for number, text in enumerate(rule.title):
        if why := presentation.check(text):
            fault((*place, "title", number), why, "")
    for label, sources in rule.facts.items():
        constant = rule.constants and len(sources) == 1
        if any("{" in one for one in sources) or (constant and is_text(sources)):
            for why in filter(None, map(presentation.check, sources)):
                fault((*place, "facts", label), why, "")
        elif not sources or is_text(sources):
            fault((*place, "facts", label), SOURCES, "")
