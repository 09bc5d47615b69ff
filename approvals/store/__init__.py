"""Everything that is kept: SQLite on one machine, PostgreSQL under many copies.

What this room holds to, each a test:

1. `commit` answers after the database has: what it calls won is on the disk.
2. A case, its votes, audit rows, seen event and outgoing jobs commit together or not at all.
3. A case changes by compare-and-set on its version. A losing change takes no other with it.
4. An event that was seen commits nothing twice.
5. No secret is kept: sessions, sign-in links and tokens are found by SHA-256.

Each subject is a file: its values, its statements, how rows become values, and its methods, which
`Store` has all of. The tables (`tables`) are SQLAlchemy Core. The statements are compiled once
(`statements`) and run on the driver itself, because Core's way of running them costs more than the
database does.
"""

from approvals.store.audit import AuditRow, Sign
from approvals.store.cards import (
    FOUND,
    TAPPED,
    CardRow,
    CardState,
    again_job,
    draw_job,
    found_job,
    post_job,
)
from approvals.store.cases import Change, Press, Result, Taps
from approvals.store.counts import Counts
from approvals.store.driver import Heard
from approvals.store.grants import Grant
from approvals.store.outbox import JOBS, Job, Parked
from approvals.store.people import Account, LinkCode, Linked, LoginLink, Session, Token
from approvals.store.store import Store, Unready
from approvals.store.tables import metadata

__all__ = [
    "FOUND",
    "JOBS",
    "TAPPED",
    "Account",
    "AuditRow",
    "CardRow",
    "CardState",
    "Change",
    "Counts",
    "Grant",
    "Heard",
    "Job",
    "LinkCode",
    "Linked",
    "LoginLink",
    "Parked",
    "Press",
    "Result",
    "Session",
    "Sign",
    "Store",
    "Taps",
    "Token",
    "Unready",
    "again_job",
    "draw_job",
    "found_job",
    "metadata",
    "post_job",
]
