"""How many connections this process can hold, with a reserve for everything else.

Each client that waits for a verdict is a connection, and each connection a file descriptor. When
these run out, nothing can be accepted or opened any more, taps included. So the limit is raised as
far as the system allows, and fewer connections are held than there are descriptors.
"""

from __future__ import annotations

import resource
from typing import Final

OWN: Final = 128
"""Kept for ourselves: database, log, platforms that are called."""
MOST: Final = 65_536
"""More than one process can serve."""


def raised() -> int:
    """Raise this process's soft limit to the hard one; how many connections it may hold then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    else:
        wanted = MOST if soft == resource.RLIM_INFINITY else min(soft, MOST)
    return max(wanted - OWN, wanted // 2)
