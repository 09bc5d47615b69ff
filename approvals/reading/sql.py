"""SQL in a JSON body: which statements run, on which tables, and whether they destroy. Pure.

The text is taken apart with sqlglot, in the server's dialect where the host tells it, else in two
that differ most (PostgreSQL, MySQL): where they see other statements, it is unclear. What is not
understood is never called harmless: an unknown verb, a destructive word in an unexpected place, an
executable comment or a text that is too large counts as destructive.

https://sqlglot.com/sqlglot.html · https://dev.mysql.com/doc/refman/8.4/en/comments.html
(November 2026)
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from approvals.reading.shapes import listed, short
from approvals.reading.values import UNCLEAR, Leaf, Meaning, Part, Path, Reading

MAX_SQL: Final = 8 * 1024
"""Characters that are taken apart: about 10 ms for tokens in one dialect (law 32)."""
MAX_TOKENS: Final = 1_000
"""Tokens that are parsed: about 10 ms. Of more, verbs and words are known, not tables."""
MAX_TEXTS: Final = 8
"""SQL texts in one request that are taken apart."""

# It logs the text of every statement that it does not know, which may hold secrets.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


def sql(reading: Reading) -> Meaning | None:
    """`sql.statements`: [{verb, tables, where}] (`where`: of UPDATE and DELETE, one that depends on
    the row), `sql.verbs`, `sql.tables`, `sql.destructive`, `sql.reads`: nothing but queries that
    call no function of the user's own."""
    if reading.unclear is not None or reading.body.kind not in ("json", "ndjson", "text"):
        return None
    dialect = _dialect(reading)
    texts = [*_texts(reading, hinted=dialect is not None)]
    if not texts:
        return None
    found: list[_Statement] = []
    clear = len(texts) <= MAX_TEXTS
    size = 0
    for _, text in texts[:MAX_TEXTS]:
        size += len(text)
        read = _statements(text, dialect) if size <= MAX_SQL else None
        clear = clear and read is not None
        found += read if read is not None else [_at_first_sight(text)]
    destructive = not clear or any(one.destructive for one in found)
    values = {
        "statements": [one.value() for one in found] if clear else UNCLEAR,
        "verbs": list(dict.fromkeys(one.verb for one in found)) if clear else UNCLEAR,
        "tables": list(dict.fromkeys(name for one in found for name in one.tables))
        if clear and all(one.parsed for one in found)
        else UNCLEAR,
        "destructive": destructive,
        "reads": clear and all(one.reads for one in found),
    }
    inside = {path: Part(kind="sql", leaves=(Leaf((), text),)) for path, text in texts}
    return Meaning(name="sql", values=values, says=_says(found, clear=clear), inside=inside)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """`words`: it as a title has it. `parsed` False: its tables are not known."""

    verb: str
    words: str
    tables: tuple[str, ...] = ()
    where: bool | None = None
    destructive: bool = True
    reads: bool = False
    parsed: bool = False

    def value(self) -> dict[str, Any]:
        tables = list(self.tables) if self.parsed else UNCLEAR
        return {"verb": self.verb, "tables": tables, "where": self.where}


_DIALECTS: Final = (
    (re.compile(r"\.snowflakecomputing\.(?:com|cn)$"), "snowflake"),
    (re.compile(r"\.databricks\.com$|\.azuredatabricks\.net$"), "databricks"),
    (re.compile(r"^bigquery\.(?:[a-z0-9-]+\.rep\.)?googleapis\.com$"), "bigquery"),
    (re.compile(r"^athena\.[a-z0-9-]+\.amazonaws\.com$"), "athena"),
    (re.compile(r"^redshift-data\.[a-z0-9-]+\.amazonaws\.com$"), "redshift"),
)
"""Hosts whose servers speak one dialect."""
_UNKNOWN: Final = ("postgres", "mysql")
"""They differ in quotes, escapes and comments, by which statements can hide in one another."""
_ALWAYS: Final = re.compile(r"(?:raw_?)?sqls?(?:_?(?:text|query|statement))?")
"""Names that hold nothing but SQL."""
_MOSTLY: Final = frozenset(("statement", "statements", "stmt", "querystring"))
"""Names that hold SQL where it begins like it."""
_PERHAPS: Final = frozenset(("query", "queries", "querytext", "q", "command"))
"""Names that may hold a search as well: SQL where it looks like a whole statement."""
_READS: Final = frozenset(("SELECT", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "VALUES"))
_HARMLESS: Final = _READS | {
    "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "USE", "SET", "BEGIN", "START", "COMMIT",
    "ROLLBACK", "END", "COPY",
}  # fmt: skip
"""Verbs that may be harmless; all others count as destructive."""
_VERBS: Final = _HARMLESS | {
    "DROP", "TRUNCATE", "GRANT", "REVOKE", "ALTER", "CALL", "EXEC", "EXECUTE", "RENAME", "REPLACE",
    "LOAD", "UNLOAD", "EXPORT", "ATTACH", "DETACH", "PUT", "GET", "REMOVE", "RM", "UNDROP", "DENY",
    "KILL", "SHUTDOWN", "DO", "DECLARE", "LOCK", "VACUUM", "ANALYZE", "OPTIMIZE", "REFRESH", "WITH",
    "REASSIGN", "PURGE", "FLUSH", "RESET", "HANDLER", "IMPORT", "BACKUP", "RESTORE", "MSCK", "DBCC",
    "COMMENT", "PREPARE", "IF", "TABLE", "FROM", "LIST", "LS", "SYSTEM", "PRAGMA", "UPSERT",
}  # fmt: skip
_DANGER: Final = frozenset({
    "DROP", "TRUNCATE", "DELETE", "UPDATE", "ALTER", "GRANT", "REVOKE", "EXEC", "EXECUTE", "CALL",
    "OUTFILE", "DUMPFILE", "SHUTDOWN", "KILL", "MERGE", "INSERT", "RENAME", "IMMEDIATE",
})  # fmt: skip
_ALLOWED: Final = frozenset({
    ("FOR", "UPDATE"), ("KEY", "UPDATE"), ("DO", "UPDATE"), ("THEN", "UPDATE"), ("THEN", "INSERT"),
    ("ON", "DELETE"), ("ON", "UPDATE"), ("NO", "UPDATE"),
})  # fmt: skip
"""Words of `_DANGER` that destroy nothing after these: locks, conflicts, MERGE, foreign keys."""
_FUNCTIONS: Final = re.compile(
    r"(?i)\b(?:pg_(?:terminate|cancel|read|write|ls|reload|drop)\w*|dblink\w*|lo_\w+|xp_\w+|sp_\w+"
    r"|system\$\w+|query_to_xml\w*|sys_e(?:xec|val)|load_file|utl_\w+|dbms_\w+|set_config|setval"
    r"|remote|url|file|s3|openrowset|opendatasource|external_query)\s*\("
)
"""Functions that run, write or fetch something else."""
_WRITES: Final = frozenset(("INTO", "ANALYZE", "UPDATE"))
"""Words by which a query writes, runs or locks."""
_KINDS: Final = frozenset(("TABLE", "VIEW", "INDEX", "SCHEMA", "DATABASE", "SEQUENCE"))
"""What a CREATE may create without counting as destructive; users, roles and code count."""
_LOOKS: Final = re.compile(
    r"(?is)(?:(?:select|with)\b.*\b(?:from|select)\b|select\s++[\w$.]++\s*+\(|replace\s++into\b"
    r"|insert\s++(?:into|overwrite)\b|merge\s++into\b|update\s++[\w.`\"\[\]$-]++.*\bset\b"
    r"|delete\s++(?:from\b|\w++\s++from\b)|truncate\s++(?:table\s++)?[\w.`\"\[\]$-]++\s*+;?\s*+$"
    r"|copy\s++into\b|grant\b.*\bto\b|revoke\b.*\bfrom\b|call\s++[\w.]++\s*+\("
    r"|exec(?:ute)?\s++(?:immediate\b|[\w.]++)|(?:show|use)\s++\w++\s*+;?\s*+$"
    r"|(?:create|drop|alter|describe|explain)\s++(?:or\s++replace\s++)?(?:\w+\s++)?(?:table|view"
    r"|index|schema|database|user|role|function|procedure|warehouse|stage|task|select|analyze"
    r"|column|trigger|policy|share|integration|sequence|login|tablespace|extension|catalog)\b"
    r"|do\s++\$|declare\b.*\bbegin\b|begin\b.*;)"
)
_HEAD: Final = 4 * 1024
"""Characters in which a statement must begin to look like one."""


def _dialect(reading: Reading) -> str | None:
    host = reading.target.host if reading.target is not None else ""
    return next((name for pattern, name in _DIALECTS if pattern.search(host)), None)


def _texts(reading: Reading, *, hinted: bool) -> Iterator[tuple[Path, str]]:
    if reading.body.kind == "text":
        # Trino takes the bare text: https://trino.io/docs/current/develop/client-protocol.html
        if reading.target is not None and reading.target.path == "/v1/statement":
            for leaf in reading.body.leaves:
                yield (), str(getattr(leaf, "value", ""))
        return
    for leaf in reading.body.leaves:
        if not isinstance(leaf, Leaf) or not isinstance(leaf.value, str) or not leaf.path:
            continue
        name = next((step for step in reversed(leaf.path) if isinstance(step, str)), None)
        if name and leaf.value.strip() and _is_sql(name, leaf.value, hinted=hinted):
            yield leaf.path, leaf.value


def _is_sql(name: str, text: str, *, hinted: bool) -> bool:
    name = name.casefold()
    if _ALWAYS.fullmatch(name) or (hinted and name in _MOSTLY):
        return True
    if name not in _MOSTLY and name not in _PERHAPS:
        return False
    if (hinted or name in _MOSTLY) and _first(text) in _VERBS:
        return True
    at = _start(text)
    return _LOOKS.match(text[at : at + _HEAD]) is not None


def _start(text: str) -> int:
    """Where it begins behind blanks, comments and parentheses."""
    at = 0
    for _ in range(100):
        found = _SKIPPED.match(text, at)
        if found is None:
            break
        at = found.end()
    return at


def _first(text: str) -> str:
    """Its first word, in capitals."""
    word = _WORD.match(text, _start(text))
    return word[0].upper() if word is not None else ""


_WORD: Final = re.compile(r"[A-Za-z_]{1,40}")
_SKIPPED: Final = re.compile(r"[\s(;]++|--[^\n]*+|#[^\n]*+|//[^\n]*+|/\*(?>(?:[^*]|\*(?!/))*)\*/")


def _at_first_sight(text: str) -> _Statement:
    verb = _first(text) or "?"
    holds = dict.fromkeys(word for word in _WORD.findall(text.upper()) if word in _DANGER)
    said = f"{verb} …" + (f" (holds {listed(list(holds), 60)})" if holds else "")
    return _Statement(verb=verb, words=said)


def _statements(text: str, dialect: str | None) -> list[_Statement] | None:
    """None where dialects or parsers may see others."""
    if re.search(r"/\*M?!", text) or re.search(r"/\*(?:[^*]|\*(?!/))*?/\*", text) or "\0" in text:
        return None
    names = (dialect,) if dialect else _UNKNOWN
    try:
        lists = [sqlglot.tokenize(text, dialect=name) for name in names]
    except (SqlglotError, ValueError, RecursionError):
        return None
    if len({tuple((_word(one), one.text) for one in tokens) for tokens in lists}) == 1:
        lists, names = lists[:1], names[:1]
    readings = [_in(text, tokens, name) for tokens, name in zip(lists, names, strict=True)]
    first = readings[0]
    if not first or any(not _same(first, other) for other in readings[1:]):
        return None
    # The worse of what they make of it: a WHERE that only one of them understands is none.
    return [max(pair, key=lambda one: one.destructive) for pair in zip(*readings, strict=True)]


def _same(one: Sequence[_Statement], other: Sequence[_Statement]) -> bool:
    return [a.verb for a in one] == [b.verb for b in other] and all(
        a.tables == b.tables for a, b in zip(one, other, strict=True) if a.parsed and b.parsed
    )


def _in(text: str, tokens: Sequence[Token], dialect: str) -> list[_Statement]:
    small = len(tokens) <= MAX_TOKENS
    return [
        _statement(text, [*piece], dialect if small else None)
        for ends, piece in groupby(tokens, lambda one: one.token_type == TokenType.SEMICOLON)
        if not ends
    ]


def _statement(text: str, tokens: Sequence[Token], dialect: str | None) -> _Statement:
    words = [_word(token) for token in tokens]
    at = next((at for at, token in enumerate(tokens) if token.token_type != TokenType.L_PAREN), 0)
    verb = words[at] or "?"
    source = text[tokens[0].start : tokens[-1].end + 1]
    tree = _parsed(source, dialect) if dialect is not None else None
    if tree is None:
        return _Statement(verb=verb, words=f"{verb} … (not understood)")
    if verb == "WITH":
        verb = _TREES.get(type(tree), "?")
    tables = _tables(tree)
    where = _where(tree) if isinstance(tree, exp.Delete | exp.Update) else None
    danger = [
        one
        for n, one in enumerate(words)
        if n > at and one in _DANGER and (words[n - 1], one) not in _ALLOWED
    ]
    if words[at] == "WITH" and verb in danger:
        danger.remove(verb)
    command = isinstance(tree, exp.Command)
    destructive = (
        verb not in _HARMLESS
        or bool(danger)
        or where is False
        or (command and verb not in ("BEGIN", "START", "END", "SHOW", "EXPLAIN", "DESC"))
        or _worse(verb, words)
        or _FUNCTIONS.search(source) is not None
    )
    said = _words(verb, words, tree)
    if where is False:
        said += " without WHERE"
    if danger:
        said += f" (holds {listed(list(dict.fromkeys(danger)), 40)})"
    calls = any(tree.find_all(exp.Anonymous))
    return _Statement(
        verb=verb,
        words=" ".join(short(word) for word in source.split()[:3]) if command else said,
        tables=tables,
        where=where,
        destructive=destructive,
        reads=verb in _READS and not (destructive or calls or _WRITES.intersection(words)),
        parsed=not command or verb == "SHOW",
    )


_TREES: Final[Mapping[type[exp.Expression], str]] = {
    exp.Select: "SELECT", exp.Union: "SELECT", exp.Except: "SELECT", exp.Intersect: "SELECT",
    exp.Insert: "INSERT", exp.Update: "UPDATE", exp.Delete: "DELETE", exp.Merge: "MERGE",
}  # fmt: skip


def _word(token: Token) -> str:
    """In capitals; "" for what is quoted."""
    kind = token.token_type.name
    return "" if "STRING" in kind or kind == "IDENTIFIER" else token.text.upper()


def _parsed(source: str, dialect: str) -> exp.Expression | None:
    try:
        found = sqlglot.parse(source, dialect=dialect)
    except (SqlglotError, ValueError, RecursionError, AttributeError, TypeError, KeyError):
        return None
    return found[0] if len(found) == 1 and isinstance(found[0], exp.Expression) else None


def _tables(tree: exp.Expression) -> tuple[str, ...]:
    """Those that it names, the one that it changes first; names of its own WITH left out."""
    own = {cte.alias_or_name.casefold() for cte in tree.find_all(exp.CTE)}
    names: dict[str, None] = {}
    for table in tree.find_all(exp.Table):
        name = ".".join(part.name for part in table.parts if isinstance(part, exp.Identifier))
        if name and name.casefold() not in own:
            names[name] = None
    return tuple(names)


def _where(tree: exp.Expression) -> bool:
    """Does its WHERE depend on the row? `1 = 1`, `a = a` and `x OR TRUE` do not."""
    where = tree.args.get("where")
    if where is None or where.find(exp.Column) is None:
        return False
    for either in where.find_all(exp.Or):
        if any(side.find(exp.Column) is None for side in (either.left, either.right)):
            return False
    equal = where.this
    while isinstance(equal, exp.Paren):
        equal = equal.this
    return not (isinstance(equal, exp.EQ | exp.GTE | exp.LTE) and equal.left == equal.right)


def _worse(verb: str, words: Sequence[str]) -> bool:
    """Of verbs that are mostly harmless, the forms that are not."""
    match verb:
        case "CREATE":
            kinds = [word for word in words[1:6] if word in _KINDS]
            return not kinds or "REPLACE" in words[1:3]
        case "INSERT":
            return "OVERWRITE" in words[:3]
        case "COPY":
            return words[1:2] != ["INTO"] or words[2:3] == [""] or "@" in words[2:4]
        case "SET" | "USE":
            return bool({"ROLE", "SESSION", "GLOBAL", "PERSIST", "AUTHORIZATION"} & set(words))
        case "BEGIN" | "START" | "END":
            return len(words) > 4
        case "EXPLAIN":
            return "ANALYZE" in words and not {"SELECT"} & set(words)
    return False


def _words(verb: str, words: Sequence[str], tree: exp.Expression) -> str:
    """`DELETE from ORDERS`: the verb, and the tables that it changes or, of a query, reads."""
    joins = {"DELETE": "from", "INSERT": "into", "SELECT": "from", "MERGE": "into", "COPY": "into"}
    said = verb
    if verb in ("DROP", "TRUNCATE", "ALTER", "CREATE", "GRANT", "REVOKE"):
        kept = _KINDS | {"OR", "REPLACE", "USER", "ROLE", "FUNCTION", "PROCEDURE"}
        given = words[1 : words.index("ON")] if "ON" in words[:6] else words[1:3]
        more = given if verb in ("GRANT", "REVOKE") else [one for one in words[1:4] if one in kept]
        said = " ".join((verb, *more))
    changed = tree
    if isinstance(tree, exp.Delete | exp.Insert | exp.Update | exp.Merge | exp.Create):
        changed = tree if tree.args.get("tables") else tree.this
    shown = listed([short(name) for name in _tables(changed)], 90)
    return f"{said} {joins[verb]} {shown}" if shown and verb in joins else f"{said} {shown}".strip()


def _says(found: Sequence[_Statement], *, clear: bool) -> str | None:
    if not clear:
        said = listed([one.words for one in found], 120)
        return f"SQL that cannot be read for certain: {said}"
    order = found if len(found) <= 4 else sorted(found, key=lambda one: not one.destructive)
    said = "; ".join(one.words for one in order[:4])
    more = len(found) - 4
    return f"{len(found)} statements: {said}; and {more} more" if more > 0 else said
