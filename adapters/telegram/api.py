"""Telegram's Bot API by its SDK: two lanes, so that waiting for updates holds up no card, and its
errors as ours."""

from __future__ import annotations

import logging
import os
from typing import Any

from pydantic_core import from_json

from adapters.kit.http import read_as
from approvals.model import Busy, Refused, Scope
from approvals.port import Line, reason

log = logging.getLogger("countersign.telegram")


def genuine(status: int, said: bytes) -> bool:
    """Is this Telegram's own answer? The SDK looks only at the status, which a proxy can send too.

    https://core.telegram.org/bots/api#making-requests
    """
    try:
        answer = from_json(said)
    except ValueError:
        return False
    if not isinstance(answer, dict):
        return False
    if answer.get("ok") is True:
        return 200 <= status < 300 and answer.get("result") is not None
    return answer.get("ok") is False and isinstance(answer.get("description"), str)


class Api:
    """One bot's connections, opened when first needed."""

    def __init__(self, token: str, url: str) -> None:
        self._bot_token, self._url = token, url
        self._bot: Any = None
        self._requests: tuple[Any, ...] = ()

    async def call(self, method: str, **given: Any) -> Any:
        """What the method returns; None where an edit would change nothing. `Busy`, `Refused`."""
        from telegram import error  # noqa: PLC0415 - imported where the channel is on

        try:
            with read_as("telegram"):
                return await getattr(self._opened(), method)(**given)
        except error.RetryAfter as why:
            after: Any = why.retry_after
            # https://core.telegram.org/bots/faq: "avoid sending more than one message per second"
            # in a chat, 20 a minute in a group. Which limit it was, Telegram does not say.
            wait = int(after.total_seconds() * 1000)
            raise Busy(f"telegram: {method}: slower", wait, scope=Scope.CONVERSATION) from None
        except error.ChatMigrated as why:
            raise Refused(f"telegram: the group is now {why.new_chat_id}: write that") from None
        except (error.InvalidToken, error.Conflict) as why:
            # Our token, or another copy of us that asks for updates: nobody else's fault.
            log.error(Line("platform_refused_app", call=method, why=why))
            raise Busy(f"telegram: {method}: {why}") from None
        except (error.Forbidden, error.BadRequest) as why:
            if "message is not modified" in str(why).lower():
                return None
            raise Refused(f"telegram: {method}: {why}") from None
        except error.TelegramError as why:
            raise Busy(f"telegram: {method}: {reason(why)}") from None

    async def close(self) -> None:
        """Give the connections back."""
        requests, self._bot, self._requests = self._requests, None, ()
        for request in requests:
            await request.shutdown()

    def _opened(self) -> Any:
        if self._bot is None:
            # From v23 on a delay is a timedelta; asking for it now spares a warning at each.
            os.environ["PTB_TIMEDELTA"] = "1"
            # At DEBUG and INFO these log addresses with the bot's token, and whole payloads.
            for name in ("telegram", "httpx", "httpcore"):
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
            from telegram import Bot, error  # noqa: PLC0415 - imported where the channel is on
            from telegram.request import HTTPXRequest  # noqa: PLC0415 - as above

            class Own(HTTPXRequest):
                async def do_request(self, *given: Any, **more: Any) -> tuple[int, bytes]:
                    status, said = await super().do_request(*given, **more)
                    if not genuine(status, said):
                        raise error.NetworkError(f"{status}, and not Telegram's own answer")
                    return status, said

            self._requests = poll, call = Own(1), Own(20, read_timeout=10)
            both: Any = {"request": call, "get_updates_request": poll}
            self._bot = Bot(self._bot_token, self._url, **both)
        return self._bot
