"""How a statement is written: built from the tables, and compiled once for each of the databases.

One that differs between the databases is a function of the dialect. A script is a transaction
without a database: it yields statements with parameters and is sent their rows, so each is written
once and runs on both drivers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

T = TypeVar("T")
P: Final = sa.bindparam
Row: TypeAlias = Sequence[Any]
Params: TypeAlias = Mapping[str, Any]


class Sql:
    """A compiled statement: its text and the order in which the driver wants its parameters."""

    __slots__ = ("_fixed", "_names", "text")

    def __init__(self, compiled: SQLCompiler) -> None:
        self.text: Final = str(compiled)
        self._names: Final = tuple(compiled.positiontup or ())
        self._fixed: Final = {n: b.value for n, b in compiled.binds.items() if not b.required}

    def args(self, params: Params) -> list[Any]:
        """The parameters in order, with the constants that are the statement's own."""
        if self._fixed:
            params = {**self._fixed, **params}
        return [params[name] for name in self._names]


class Dialect:
    """What differs in SQL, and the statements that were compiled."""

    def __init__(self, dialect: Any, insert: Callable[[sa.Table], Any]) -> None:
        self.postgresql: Final[bool] = dialect.name == "postgresql"
        self.insert: Final = insert
        self._dialect: Final = dialect
        self._known: dict[Statement, Sql] = {}

    def sql(self, statement: Statement) -> Sql:
        """The statement, compiled."""
        known = self._known.get(statement)
        if known is None:
            ours: Any = statement(self) if callable(statement) else statement
            known = self._known[statement] = Sql(ours.compile(dialect=self._dialect))
        return known

    def among(self, column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
        """The column is in the list that is passed as one parameter."""
        if self.postgresql:
            return column == sa.any_(P(name, type_=sa.ARRAY(column.type)))
        return column.in_(sa.select(sa.column("value")).select_from(sa.func.json_each(P(name))))

    def put(self, table: sa.Table, columns: Collection[str] = ()) -> Any:
        """Insert a row; each column is a parameter of its name."""
        names = columns or [c.name for c in table.columns]
        return self.insert(table).values({name: P(name) for name in names}).inline()


Statement: TypeAlias = "sa.Executable | Callable[[Dialect], Any]"
Script: TypeAlias = Generator["tuple[Statement, Params | Sequence[Params]]", Sequence[Row], T]
"""Yields a statement with its parameters, is sent the rows; with a list of them, runs for each."""


def one(statement: Statement, params: Params | Sequence[Params]) -> Script[Sequence[Row]]:
    """The script of a single statement, which needs no transaction around it."""
    found = yield statement, params
    return found


# Common shapes. A parameter that is compared is named like its column with `_` behind it, because
# SQLAlchemy keeps the bare name for values.


def insert(table: sa.Table, *columns: str, quiet: bool = False) -> Statement:
    """`quiet`: where there is such a row, it stays and nothing is returned."""

    def build(d: Dialect) -> Any:
        statement = d.put(table, columns)
        if not quiet:
            return statement
        return statement.on_conflict_do_nothing().returning(*table.primary_key)

    return build


def upsert(table: sa.Table) -> Statement:
    def build(d: Dialect) -> Any:
        statement = d.put(table)
        rest = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
        return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest)

    return build


def select(table: sa.Table, columns: Sequence[str], *keys: str, order: str = "") -> sa.Select[Any]:
    statement = sa.select(*(table.c[name] for name in columns)).where(*_same(table, keys))
    return statement.order_by(table.c[order]) if order else statement


def update(table: sa.Table, values: Sequence[str], *keys: str) -> Statement:
    """It returns the keys of the rows."""
    new: dict[str, Any] = {name: P(name) for name in values}
    return table.update().where(*_same(table, keys)).values(new).returning(*table.primary_key)


def delete_by(table: sa.Table, *keys: str) -> Any:
    """The rows that have these values; it returns their keys."""
    return table.delete().where(*_same(table, keys)).returning(*table.primary_key)


def count(table: sa.Table, where: sa.ColumnElement[bool]) -> Statement:
    return sa.select(sa.func.count()).select_from(table).where(where)


def _same(table: sa.Table, keys: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    return [table.c[key] == P(f"{key}_") for key in keys]
