"""What a card template may be made of: it reads values, and computes nothing.

An owner's template is code that runs in the service. Law: no template takes more time, memory or
output than a bound times its length, whatever values it is filled with. So what it may be made of
is a list, checked before Jinja compiles it (compiling works constants out: `9**(9**9)` would never
end), and what can multiply is limited: loops, `join`, and values put together by `set`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

from jinja2 import Environment, TemplateRuntimeError, nodes

MAX_SOURCE: Final = 128 * 1024
"""Characters of a template; ours have at most 9,000."""
MAX_OUTPUT: Final = 4 * 1024 * 1024
"""Characters that a template may make; the largest card has 100,000."""
MAX_ITEMS: Final = 1_000
"""Items that one loop may go over; a card has some 30 facts and four buttons."""
MAX_LOOPS: Final = 2
"""Loops one in another."""
MAX_NAMES: Final = 64
"""Values that one expression may mention."""
MAX_JOINER: Final = 100
"""Characters between the items of `join`."""

N = TypeVar("N", bound=nodes.Node)
_ITEMS: Final = "items of a loop"
"""The filter that every loop's list is put through; no template can write its name."""
_PLAIN: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign),
    *(nodes.With, nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair),
    *(nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Keyword),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.CondExpr),
    *(nodes.Concat, nodes.FloorDiv),
)
_ARITHMETIC: Final = (
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Mod, nodes.Pow, nodes.Pos, nodes.Neg),
    nodes.FloorDiv,
)
_CALLS: Final = (nodes.Call, nodes.CallBlock, nodes.Macro, nodes.FilterBlock)
_FILES: Final = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)


def read(name: str, source: str, env: Environment) -> nodes.Template:
    """The template, checked and not yet compiled; hand it to `env.from_string`.

    Raises `ValueError` with name, line and reason; `jinja2.TemplateError` for what is no template.
    """
    if len(source) > MAX_SOURCE:
        raise ValueError(f"{name}: a template has at most {MAX_SOURCE} characters")
    try:
        tree = env.parse(source)
    except RecursionError:
        raise ValueError(f"{name}: it is nested too deeply") from None
    except ValueError:
        raise ValueError(f"{name}: a number in it is too large") from None
    _check(name, tree)
    env.filters[_ITEMS] = _items
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, _ITEMS, [], [], None, None, lineno=loop.lineno)
    tree.set_environment(env)
    return tree


def joined(parts: Iterable[str]) -> str:
    """The output of a template. `TemplateRuntimeError`: it is longer than `MAX_OUTPUT`."""
    made: list[str] = []
    room = MAX_OUTPUT
    for part in parts:
        room -= len(part)
        if room < 0:
            raise TemplateRuntimeError(f"it makes more than {MAX_OUTPUT} characters")
        made.append(part)
    return "".join(made)


def _items(value: Any) -> Sequence[Any]:
    """What a loop may go over: a list, and no long one. A text is none: it is others' and long."""
    if not isinstance(value, list | tuple | dict) or len(value) > MAX_ITEMS:
        raise TemplateRuntimeError(f"a loop goes over a list of at most {MAX_ITEMS} items")
    return tuple(value)


def _check(name: str, tree: nodes.Template) -> None:
    def refuse(node: nodes.Node, why: str) -> None:
        raise ValueError(f"{name}, line {node.lineno}: {why}")

    for node in tree.find_all(nodes.Node):
        if isinstance(node, _ARITHMETIC) and not _harmless(node):
            refuse(node, "a template does no arithmetic (only `value // 1000` with a number)")
        elif isinstance(node, _CALLS):
            refuse(node, "a template calls nothing and has no macros")
        elif isinstance(node, _FILES):
            refuse(node, "a template is one file, without blocks")
        elif not isinstance(node, _PLAIN):
            refuse(node, f"`{type(node).__name__.lower()}` has no place in a template")
        elif isinstance(node, nodes.For):
            if node.recursive:
                refuse(node, "a loop does not call itself")
            if not _path(node.iter) and not _constant(node.iter):
                refuse(node, "a loop goes over one of the card's lists, as it is")
        elif isinstance(node, nodes.Filter) and node.name == "join":
            inner = [] if node.node is None else _all(node.node, nodes.Filter)
            again = any(one.name == "join" for one in inner)
            if again or not all(_short(one) for one in (*node.args, *node.kwargs)):
                refuse(node, f"`join` takes one short text, at most {MAX_JOINER} characters, once")
    for root in _expressions(tree):
        if len(_names(root)) > MAX_NAMES:
            refuse(root, f"an expression mentions at most {MAX_NAMES} values")
    _check_loops(tree, 0, refuse)
    _check_sets(tree, refuse)


def _harmless(node: nodes.Node) -> bool:
    """`-1`, as in a slice, and the division that makes seconds of milliseconds."""
    match node:
        case nodes.Neg():
            return isinstance(node.node, nodes.Const)
        case nodes.FloorDiv():
            return isinstance(node.right, nodes.Const) and node.right.value in (1_000, 60_000)
    return False


def _path(node: nodes.Node) -> bool:
    """`card.facts`, `links[1:]`: a value as it was given."""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getitem) and not _constant(node.arg):
            return False
        node = node.node
    return isinstance(node, nodes.Name)


def _constant(node: nodes.Node) -> bool:
    odd = (nodes.Concat, nodes.Filter)
    return not _names(node) and not any(isinstance(one, odd) for one in _all(node, nodes.Node))


def _names(node: nodes.Node) -> list[nodes.Name]:
    return [one for one in _all(node, nodes.Name) if one.ctx == "load"]


def _all(node: nodes.Node, kind: type[N]) -> list[N]:
    """The nodes of this kind: itself, and those below it."""
    return [*([node] if isinstance(node, kind) else []), *node.find_all(kind)]


def _short(node: nodes.Node) -> bool:
    value = node.value if isinstance(node, nodes.Const) else None
    return isinstance(value, str) and len(value) <= MAX_JOINER


def _expressions(tree: nodes.Node) -> Iterable[nodes.Node]:
    """Every expression that is worked out at once."""
    for one in tree.find_all((nodes.Output, nodes.Assign, nodes.With)):
        match one:
            case nodes.Output():
                yield from one.nodes
            case nodes.Assign():
                yield one.node
            case nodes.With():
                yield from one.values


def _check_loops(node: nodes.Node, depth: int, refuse: Any) -> None:
    depth += isinstance(node, nodes.For)
    if depth > MAX_LOOPS:
        refuse(node, f"at most {MAX_LOOPS} loops stand one in another")
    for child in node.iter_child_nodes():
        _check_loops(child, depth, refuse)


def _check_sets(tree: nodes.Node, refuse: Any) -> None:
    """A value that `set` or `with` made is not part of another such value: a chain of them would
    double at each link."""
    made: set[str] = set()
    right: list[nodes.Node] = []
    for one in tree.find_all((nodes.Assign, nodes.With)):
        match one:
            case nodes.Assign():
                targets: list[nodes.Node] = [one.target]
                values: list[nodes.Node] = [one.node]
            case nodes.With():
                targets, values = [*one.targets], [*one.values]
            case _:
                continue
        right.extend(values)
        for target in targets:
            made |= {one.name for one in _all(target, nodes.Name)}
    for value in right:
        for name in _names(value):
            if name.name in made:
                refuse(value, f"`{name.name}` was made by `set`: no other `set` may use it")
