"""What the folders of the channels share."""

from __future__ import annotations

import pytest

from adapters.kit.http import Http
from approvals.model import Busy


async def test_what_was_closed_opens_no_connection_again() -> None:
    http = Http()
    await http.close()
    with pytest.raises(Busy, match="ending"):
        await http.ask("GET", "http://127.0.0.1:1/")
