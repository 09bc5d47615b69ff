"""Draws docs/audit.md from the kinds of entries in approvals/audit.py: `make docs`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from approvals.audit import FIELDS, WHO, Kind, RecordKind

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "audit.md"
HEAD: Final = """\
# The audit chain: what it says, and how to check it

Drawn by `make docs` from [audit.py](../approvals/audit.py), the only place that makes an entry: it
refuses a field that is not listed here.

The role `auditor` reads the chain with `GET /v1/audit` ([API](api.md#the-audit-chain)); an operator
exports it with `countersign audit export`. An export has one JSON object a line:

| member | says |
|---|---|
| `seq` | the number, from 1, without gaps |
| `org` | whose chain it is: `default`, or `gateway:` and a name in a gateway's record |
| `at` | when it was written (RFC 3339, UTC) |
| `kind` | what happened: [below](#kinds) |
| `request_id` | which request it is about, or `null` |
| `content` | JSON text with the [fields](#fields) of its kind |
| `salt` | 16 random bytes (hex) |
| `commitment` | SHA-256 over salt and content |
| `link` | SHA-256 over the link before it, the members above and the commitment |

Both hashes are over [framed](digest.md#framing) fields: `countersign/commitment/1`, salt, content;
and `countersign/link/1`, the link before, `seq`, `org`, `at`, `kind`, `request_id`, commitment.
Before entry 1 stand 32 zero bytes. So

- **a changed, moved or missing entry breaks every link after it.**
  `countersign audit verify EXPORT` names the first bad one;
- **an erased entry breaks none.** It lacks `content` and `salt`, and without the salt its
  commitment says nothing ([what is kept](keeping.md)).

An entry is stored in one transaction with what it is about, and linked about half a second later.
Until then it has no number and is in no export.

Whoever can write into the database can make the whole chain again from its first entry. What they
cannot do is make it fit a head that somebody else has: each receipt names one (`head`), and
`countersign audit checkpoint` prints the newest, signed. Keep one elsewhere:

```
countersign audit verify export.jsonl --checkpoint kept.jws --key jwks.json
```

The [record of our own gateway](gateway.md#the-record) is a chain of the same form.
`countersign audit verify gateway --with export.jsonl` also names what either of the two lacks.

## Kinds

What is about to be tried (`card.posting`, `webhook.sending`, `verdict.sending`) is stored before
the call, its result after it: one without the other is a process that died in between. *Who* is:

"""


def text() -> str:
    """The page."""
    lines = [HEAD + "| who | is |\n|---|---|"]
    lines += [f"| {who} | {meaning} |" for who, meaning in WHO.items()]
    lines += ["", "### In the service's chain", "", *_table(Kind)]
    lines += ["", "### In a gateway's record", "", *_table(RecordKind)]
    lines += ["", "## Fields", "", "One in *italics* above is there only where it applies.", ""]
    lines += ["| field | says |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items()]
    return "\n".join(lines) + "\n"


def _table(kinds: Iterable[Kind] | Iterable[RecordKind]) -> list[str]:
    lines = ["| kind | when | fields | who |", "|---|---|---|---|"]
    for kind in kinds:
        fields = [f"`{name}`" if always else f"*`{name}`*" for name, always in kind.fields.items()]
        lines += [f"| `{kind.value}` | {kind.when} | {', '.join(fields)} | {kind.who} |"]
    return lines


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
