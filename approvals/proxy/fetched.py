"""Credentials that are fetched when they are needed: what commands print, and access tokens.

Laws:

1. However many requests wait for one, it is fetched once, and to its end even if they hang up: a
   server that rotates refresh tokens treats the reuse of an old one as a theft.
2. A new refresh token is on disk, encrypted, before its access token is used. Another process (the
   command that checks a credential) waits for it.
3. The output of commands is in memory only. Failures are told in our own words: no token, no line
   of stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hmac
import json
import os
import signal
import sqlite3
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from approvals.evidence import Headers, frame
from approvals.model import SECOND, Instant
from approvals.proxy.credentials import (
    Client,
    Command,
    Secret,
    Unavailable,
    client,
    fit,
    key_pair,
)
from approvals.proxy.oauth import Denied, Token, answer, question

FILE: Final = "credentials.db"
LOCK: Final = "credentials.{}.lock"
REST: Final = 60.0
"""Seconds for which a refusal of a credential is remembered, so that nobody is asked in a loop."""
SOON: Final = 5.0
"""The same for a refusal that may be over in a while."""
YOUNG: Final = 30.0
"""Seconds in which a new access token that an upstream refuses is not renewed again."""
AGAIN: Final = 0.05
"""Seconds between two looks whether another process is done."""
SELDOM: Final = 60.0
"""Seconds between two notes that a credential was used."""
PRINTED: Final = 1024 * 1024
"""Bytes that a command may print."""
HOW: Final = "Nothing was sent. The gateway's operator can keep a new one: countersign secret set"


Post: TypeAlias = Callable[[str, Headers, bytes], Awaitable[tuple[int, bytes]]]
"""(address, headers, body) to (status, body) of a POST over the gateway's own checks: TLS,
addresses, no redirect. `Denied`."""


@dataclass(frozen=True, slots=True)
class Use:
    """When a credential was last used, and when it last failed (None: never); `error`: why it
    failed, None once it works again."""

    used: Instant | None = None
    failed: Instant | None = None
    error: str | None = None


class Uses:
    """When each credential was used, why it failed, and the tokens of each, encrypted."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._path, self._cipher, self._key = folder / FILE, AESGCM(key), key
        self._noted: dict[str, Instant] = {}

    @contextlib.contextmanager
    def _database(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """`durable` False: for a note that must not block the loop, and may be lost."""
        made = self._path.exists()
        wait = 10 if durable else 0.02
        database = sqlite3.connect(self._path, isolation_level=None, timeout=wait)
        try:
            if not made:
                self._path.chmod(0o600)
            if not durable:
                database.execute("PRAGMA synchronous=OFF")
            database.execute(
                "CREATE TABLE IF NOT EXISTS credentials (name TEXT PRIMARY KEY, used INTEGER, "
                "failed INTEGER, error TEXT, mark BLOB, sealed BLOB)"
            )
            yield database
        finally:
            database.close()

    def all(self) -> dict[str, Use]:
        if not self._path.exists():
            return {}
        with self._database() as database:
            rows = database.execute("SELECT name, used, failed, error FROM credentials").fetchall()
        return {name: Use(*rest) for name, *rest in rows}

    def used(self, name: str, now: Instant) -> None:
        """It worked. Written down once in `SELDOM`, and at once where it failed before."""
        if now - self._noted.get(name, -SELDOM * SECOND) >= SELDOM * SECOND:
            self._noted[name] = now
            self._put(name, "used = ?, error = NULL", now)

    def failed(self, name: str, now: Instant, why: str) -> None:
        self._noted.pop(name, None)
        self._put(name, "failed = ?, error = ?", now, why)

    def tokens(self, name: str, mark: bytes) -> dict[str, Any]:
        """The tokens that were kept with this mark; empty: none."""
        if not self._path.exists():
            return {}
        with self._database() as database:
            query = "SELECT mark, sealed FROM credentials WHERE name = ?"
            row = database.execute(query, (name,)).fetchone()
        if row is None or row[0] != mark or row[1] is None:
            return {}
        try:
            raw = self._cipher.decrypt(row[1][:12], row[1][12:], self._bound(name, mark))
        except InvalidTag:
            return {}
        read: dict[str, Any] = json.loads(raw)
        return read

    def keep(self, name: str, mark: bytes, tokens: dict[str, Any]) -> None:
        """On disk when it returns."""
        nonce, raw = os.urandom(12), json.dumps(tokens).encode()
        sealed = nonce + self._cipher.encrypt(nonce, raw, self._bound(name, mark))
        self._put(name, "mark = ?, sealed = ?", mark, sealed, durable=True)

    def forget(self, name: str) -> None:
        if self._path.exists():
            with self._database() as database:
                database.execute("DELETE FROM credentials WHERE name = ?", (name,))

    def mark(self, secret: Secret, text: str) -> bytes:
        """Identifies a credential as it was set: tokens of an earlier one do not fit."""
        return hmac.digest(self._key, frame("countersign/tokens/1", secret.bound(), text), "sha256")

    def _bound(self, name: str, mark: bytes) -> bytes:
        return frame("countersign/tokens/1", name, mark.hex())

    def _put(self, name: str, change: str, *values: object, durable: bool = False) -> None:
        with self._database(durable=durable) as database, database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT OR IGNORE INTO credentials (name) VALUES (?)", (name,))
            query = f"UPDATE credentials SET {change} WHERE name = ?"  # noqa: S608 - from above
            database.execute(query, (*values, name))


class Fetched:
    """Fetches outputs and access tokens, and keeps them for as long as they may be used."""

    def __init__(self, folder: Path, uses: Uses, clock: Callable[[], Instant], post: Post) -> None:
        self._folder, self._uses, self._clock, self._post = folder, uses, clock, post
        self._texts: dict[Secret, tuple[float, str]] = {}
        self._tokens: dict[Secret, Token] = {}
        self._refused: dict[Secret, tuple[float, Unavailable]] = {}
        self._spent: dict[Secret, str] = {}  # an access token that an upstream refused
        self._running: dict[tuple[Secret, str], asyncio.Task[Unavailable | None]] = {}

    def text(self, secret: Secret) -> str:
        """The output of its command. `Unavailable`: `printed` was not awaited."""
        if secret not in self._texts:
            raise Unavailable(secret.name, "its command was not run", again=True)
        return self._texts[secret][1]

    def token(self, secret: Secret) -> str:
        """Its access token. `Unavailable`: `renewed` was not awaited."""
        if secret not in self._tokens:
            raise Unavailable(secret.name, "there is no access token yet", again=True)
        return self._tokens[secret].value

    async def printed(self, secret: Secret, command: Command) -> None:
        """Run its command, unless the last output may still be used. `Unavailable`."""
        if self._texts.get(secret, (0.0, ""))[0] <= self._now():
            await self._once(secret, "printed", lambda: self._print(secret, command))

    async def renewed(self, secret: Secret, text: str) -> None:
        """Fetch an access token, unless the last one may still be used. `text`: the client's
        secrets. `Unavailable`."""
        token = self._tokens.get(secret)
        if token is None or token.until <= self._now() or token.value == self._spent.get(secret):
            await self._once(secret, "renewed", lambda: self._renew(secret, text))

    def refused(self, secret: Secret, value: str) -> None:
        """An upstream says 401 to this access token: the next request gets another, once."""
        token = self._tokens.get(secret)
        if token and token.value == value and self._now() - token.since >= YOUNG:
            self._spent[secret] = value

    async def close(self) -> None:
        """Wait until everything under way has been fetched."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _now(self) -> float:
        return self._clock() / SECOND

    async def _once(
        self, secret: Secret, what: str, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Do it, or wait for the task that does it already. `Unavailable`."""
        until, known = self._refused.get(secret, (0.0, None))
        if known is not None and self._now() < until:
            raise Unavailable(secret.name, known.why, again=known.again)
        task = self._running.get((secret, what))
        if task is None:
            task = asyncio.create_task(self._tried(secret, work))
            self._running[secret, what] = task
            task.add_done_callback(lambda _: self._running.pop((secret, what)))
        failed = await asyncio.shield(task)
        if failed is not None:
            raise Unavailable(secret.name, failed.why, again=failed.again)

    async def _tried(
        self, secret: Secret, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> Unavailable | None:
        try:
            await work()
        except Unavailable as error:
            rest = SOON if error.again else REST
            self._refused[secret] = self._now() + rest, error
            structlog.get_logger().error("credential_failed", secret=secret.name, why=error.why)
            with contextlib.suppress(sqlite3.Error):
                self._uses.failed(secret.name, self._clock(), error.why)
            return error
        except (OSError, sqlite3.Error, ValueError) as error:
            kind = type(error).__name__
            structlog.get_logger().error("credential_failed", secret=secret.name, why=kind)
            return Unavailable(secret.name, "the gateway can't read or write its files", again=True)
        self._refused.pop(secret, None)
        return None

    async def _print(self, secret: Secret, command: Command) -> None:
        text = await run(secret.name, command)
        until = self._now() + command.cache
        try:
            if secret.kind == "aws":
                until = min(until, key_pair(text).until or until)
            elif secret.oauth is not None:
                client(secret.oauth, text)
            else:
                fit(text)
        except ValueError as error:
            why = f"what its command printed is unfit: {error}"
            raise Unavailable(secret.name, why, again=False) from None
        self._texts[secret] = until, text

    async def _renew(self, secret: Secret, text: str) -> None:
        assert secret.oauth is not None  # noqa: S101 - of this kind only
        asked, mark = client(secret.oauth, text), self._uses.mark(secret, text)
        async with self._alone(secret):
            kept = await asyncio.to_thread(self._uses.tokens, secret.name, mark)
            token = Token(kept["value"], kept["since"], kept["until"]) if kept else None
            if token and token.until > self._now() and token.value != self._spent.get(secret):
                self._tokens[secret] = token  # another process has fetched it
                return
            if asked.refresh_token is not None and kept.get("refresh_token"):
                asked = replace(asked, refresh_token=kept["refresh_token"])
            token = await self._asked(secret, asked)
            refresh = token.refresh_token or kept.get("refresh_token")
            row = {"value": token.value, "since": token.since, "until": token.until}
            row["refresh_token"] = refresh
            await asyncio.to_thread(self._uses.keep, secret.name, mark, row)
        self._tokens[secret] = token
        self._spent.pop(secret, None)
        rotated = token.refresh_token not in (None, asked.refresh_token)
        log = structlog.get_logger()
        log.info("credential_renewed", secret=secret.name, rotated=rotated)

    async def _asked(self, secret: Secret, asked: Client) -> Token:
        assert secret.oauth is not None  # noqa: S101 - of this kind only
        headers, body = question(secret.oauth, asked)
        try:
            status, raw = await self._post(secret.oauth.token_url, headers, body)
            return answer(status, raw, asked, self._now())
        except Denied as error:
            how = "Nothing was sent." if error.again else f"{HOW} {secret.name}"
            raise Unavailable(secret.name, f"{error}. {how}", again=error.again) from None

    @contextlib.asynccontextmanager
    async def _alone(self, secret: Secret) -> AsyncIterator[None]:
        """No other process renews it meanwhile. The lock ends with its process."""
        path = self._folder / LOCK.format(secret.name)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(AGAIN)
            yield
        finally:
            os.close(handle)


async def run(name: str, command: Command) -> str:
    """The output of a command, run without a shell; its stderr is ignored. `Unavailable`.

    It is the operator's own command, and learns nothing of the request.
    """
    why, again, out = "", True, b""
    try:
        process = await asyncio.create_subprocess_exec(
            *command.words, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, process_group=0
        )
        assert process.stdout is not None  # noqa: S101 - a pipe
        try:
            async with asyncio.timeout(command.timeout):
                out = await _all(process.stdout)
                status = await process.wait() if len(out) <= PRINTED else 0
        finally:
            with contextlib.suppress(ProcessLookupError):  # what it started, too
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if len(out) > PRINTED:
            why, again = f"its command prints more than {PRINTED} bytes", False
        elif status:
            why = f"its command exits with {status}; the gateway's operator can run it to see why"
    except TimeoutError:
        why = f"its command gave no answer in {command.timeout:g} s"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        why, again = f"its command can't be run: {(reason or 'unfit words').lower()}", False
    if why:
        raise Unavailable(name, why, again=again)
    return out.decode("latin-1").rstrip("\r\n")


async def _all(stream: asyncio.StreamReader) -> bytes:
    """Everything that comes, or one byte more than a command may print."""
    try:
        return await stream.readexactly(PRINTED + 1)
    except asyncio.IncompleteReadError as error:
        return error.partial
