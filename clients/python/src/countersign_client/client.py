"""`Client` and `AsyncClient`: ask a person, and wait for a proven answer.

    with Client() as client:
        if client.ask(action="deploy", payload={"commit": sha}, note="Fixes the login."):
            deploy(sha)

A `Decision` is true only where a receipt that the pinned key signed approves exactly this action;
by then it is noted as used. Errors are `CountersignError`s, and each says what to do. A client that
observes asks nobody: `Decision.observed` is true, and `approved` is not.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from countersign_client import protocol, receipt, used
from countersign_client.digest import read_json
from countersign_client.errors import Misconfigured
from countersign_client.kept import ReceiptKey
from countersign_client.observe import Switch, observer
from countersign_client.protocol import (
    About,
    Action,
    Answer,
    Call,
    Decision,
    Http,
    Lost,
    Note,
    Opened,
    Pause,
    Steps,
)
from countersign_client.settings import Service

if TYPE_CHECKING:
    import httpx

CONNECT: Final = 10.0
READ: Final = 15.0
"""Seconds for an answer, beyond what a long poll waits."""
LONGEST: Final = 1024 * 1024
"""Bytes of an answer."""
PATIENCE: Final = 30.0
"""Seconds of pauses for which a service that is away is asked again."""
T = TypeVar("T")


class _Base:
    """`observe`: True holds nothing and records, False always holds. None holds too where `service`
    is given; else it is as COUNTERSIGN_OBSERVE says. A client that observes needs no service."""

    def __init__(
        self,
        service: Service | None = None,
        *,
        store: used.Store | None = None,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.time,
        observe: Switch = None,
    ) -> None:
        if observe is None and service is not None:
            observe = False  # whoever sets variables has no say in what the code has pinned
        self.observer = observer(observe, door="python")
        if service is None and self.observer is None:
            service = Service.from_environment()
        self._service = service
        # One that observes uses no approval, and looks for no folder: its user may have no home.
        holds = self.observer is None
        self._store = store or (used.default(os.environ) if holds else used.Memory())
        self._patience, self._clock = patience, clock
        self._keys: protocol.Keys = {}
        # With a store of its own, a client leaves nothing on disk.
        self._kept: ReceiptKey | None = None
        if holds and store is None and service is not None:
            kept = ReceiptKey(used.folder(os.environ) / "keys", service.receipt_key)
            if (jwk := kept.read()) is None:
                self._kept = kept
            else:
                self._keys[service.receipt_key] = jwk
        self._last = set[Any]()  # what goes on after its caller was cancelled

    @property
    def service(self) -> Service:
        """The service that is asked. `Misconfigured`: this client observes, and has none."""
        self._service = self._service or Service.from_environment()
        return self._service

    def _asking(self, action: Action, about: About, key: str | None) -> Steps[Decision]:
        if self.observer is not None:
            return _at_once(self.observer.ask(action.action, lambda: action))
        return protocol.ask(
            self.service, action, about, key=key or uuid.uuid4().hex, keys=self._keys,
            patience=self._patience,
        )  # fmt: skip

    def _settling(self, action: Action, request_id: str) -> Steps[Decision]:
        if self.observer is not None:
            return _at_once(self.observer.decision(request_id))
        return protocol.settle(
            self.service, action, request_id, keys=self._keys, patience=self._patience
        )

    def _opening(self, action: Action, about: About, key: str | None) -> Steps[Opened]:
        if self.observer is not None:
            seen = self.observer.ask(action.action, lambda: action)
            return _at_once(self.observer.opened(seen.request_id))
        return protocol.open_request(
            self.service, action, about, key=key or uuid.uuid4().hex, patience=self._patience
        )

    def _waiting(self, request_id: str, seconds: float) -> Steps[Opened]:
        """Long polls until it is decided, or `seconds` are over by the steady clock."""
        if self.observer is not None:
            return self.observer.opened(request_id)
        end = time.monotonic() + seconds
        while True:
            left = max(0.0, end - time.monotonic())
            opened = yield from protocol.poll(request_id, left, patience=self._patience)
            if opened.status != "pending" or left < 1:
                return opened

    def _told(self, steps: Steps[None]) -> Steps[None]:
        """What the service is told about a request. A client that observes has opened none."""
        return steps if self.observer is None else _at_once(None)

    def _note(self, note: Note) -> None:
        now = self._clock()
        expires = receipt.verify(
            note.token, note.jwk, pin=self.service.receipt_key, issuer=self.service.issuer,
            requester=self.service.requester, request_id=note.request_id, digest=note.digest,
            now=now,
        )  # fmt: skip
        self._store.note(note.request_id, expires=expires, now=now)
        if self._kept is not None:
            self._kept.write(note.jwk)
            self._kept = None

    def _reach(self) -> dict[str, Any]:
        """The arguments of httpx's clients."""
        if not self.service.url.startswith("http:"):
            return {}
        import ssl  # noqa: PLC0415 - as in `Client._do`

        # A proxy in the environment, ours for example, has no business between two programs here.
        # And to read all certificates takes longer than a decision: this context trusts none.
        return {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}

    def _request(self, call: Call) -> dict[str, Any]:
        """The arguments of `httpx.stream`."""
        import httpx  # noqa: PLC0415 - as in `_http`

        headers = {"Authorization": f"Bearer {self.service.key}"}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if call.key:
            headers["Idempotency-Key"] = call.key
        return {
            "method": call.method,
            "url": self.service.url + call.path,
            "content": call.body,
            "headers": headers,
            "timeout": httpx.Timeout(READ + call.wait, connect=CONNECT),
        }


class Client(_Base):
    """Blocking. Use it from one thread at a time, as a context manager or with `close`."""

    _open: httpx.Client | None = None

    def ask(
        self,
        *,
        action: str,
        payload: Any = None,
        http: Http | None = None,
        title: str | None = None,
        note: str | None = None,
        risk: str | None = None,
        expires_in: int | None = None,
        key: str | None = None,
    ) -> Decision:
        """Ask, and wait until somebody has decided or the request has expired.

        `payload`: any JSON value, or `http`: what will run, exactly. `title`, `note`: your words,
        shown as unverified. `key`: with the same key and action, a program that was restarted takes
        up the request it opened before. Interrupted (Ctrl-C), it withdraws the request. Raises
        `CountersignError`; a decline is a `Decision` that is false.
        """
        what = Action(action=action, payload=payload, http=http)
        about = About(title=title, note=note, risk=risk, expires_in=expires_in)
        return self._run(self._asking(what, about, key))

    def open(
        self,
        *,
        action: str,
        payload: Any = None,
        http: Http | None = None,
        title: str | None = None,
        note: str | None = None,
        risk: str | None = None,
        expires_in: int | None = None,
        key: str | None = None,
    ) -> Opened:
        """As `ask`, without waiting: store the `id`; later `wait` for it and use its `receipt`."""
        what = Action(action=action, payload=payload, http=http)
        about = About(title=title, note=note, risk=risk, expires_in=expires_in)
        return self._run(self._opening(what, about, key))

    def wait(self, request_id: str, *, seconds: float = protocol.POLL) -> Opened:
        """The request once it is decided, or as it is after `seconds`. It proves nothing yet."""
        return self._run(self._waiting(request_id, seconds))

    def receipt(
        self, request_id: str, *, action: str, payload: Any = None, http: Http | None = None
    ) -> Decision:
        """Verify the approval of a decided request for what is about to run, and use it."""
        what = Action(action=action, payload=payload, http=http)
        return self._run(self._settling(what, request_id))

    def withdraw(self, request_id: str) -> None:
        """Take a pending request back."""
        self._run(self._told(protocol.withdraw(request_id, patience=self._patience)))

    def report(self, request_id: str, *, delivered: bool | None, error: str | None = None) -> None:
        """Tell the approvers what came of it; None: unknown."""
        steps = protocol.report(
            request_id, delivered=delivered, error=error, patience=self._patience
        )
        self._run(self._told(steps))

    def identity(self) -> tuple[str, str, str]:
        """Requester, issuer and kind, as the service says. A person compares them."""
        return self._run(protocol.identity(self._patience))

    def published(self) -> list[dict[str, Any]]:
        """The public keys (JWK) that the service publishes. Only a pinned one counts."""
        return self._run(protocol.published(self._patience))

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._do(step)
                except BaseException as error:  # also an interrupt: the request is withdrawn
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value

    def _do(self, step: protocol.Step) -> Answer | None:
        match step:
            case Pause(seconds):
                threading.Event().wait(seconds)
                return None
            case Note():
                self._note(step)
                return None
        import httpx  # noqa: PLC0415 - it takes longer than all of this package

        if self._open is None:
            with _made(httpx):
                self._open = httpx.Client(**self._reach())
        raw = bytearray()
        with _lost(httpx), self._open.stream(**self._request(step)) as answer:
            for piece in answer.iter_bytes():
                raw += piece
                _bounded(raw)
        return _answer(answer, bytes(raw))


class AsyncClient(_Base):
    """For asyncio. The same methods as `Client`, awaited; cancelled, it withdraws the request."""

    _open: httpx.AsyncClient | None = None

    async def ask(
        self,
        *,
        action: str,
        payload: Any = None,
        http: Http | None = None,
        title: str | None = None,
        note: str | None = None,
        risk: str | None = None,
        expires_in: int | None = None,
        key: str | None = None,
    ) -> Decision:
        """As `Client.ask`."""
        what = Action(action=action, payload=payload, http=http)
        about = About(title=title, note=note, risk=risk, expires_in=expires_in)
        return await self._run(self._asking(what, about, key))

    async def open(
        self,
        *,
        action: str,
        payload: Any = None,
        http: Http | None = None,
        title: str | None = None,
        note: str | None = None,
        risk: str | None = None,
        expires_in: int | None = None,
        key: str | None = None,
    ) -> Opened:
        """As `Client.open`."""
        what = Action(action=action, payload=payload, http=http)
        about = About(title=title, note=note, risk=risk, expires_in=expires_in)
        return await self._run(self._opening(what, about, key))

    async def wait(self, request_id: str, *, seconds: float = protocol.POLL) -> Opened:
        """As `Client.wait`."""
        return await self._run(self._waiting(request_id, seconds))

    async def receipt(
        self, request_id: str, *, action: str, payload: Any = None, http: Http | None = None
    ) -> Decision:
        """As `Client.receipt`."""
        what = Action(action=action, payload=payload, http=http)
        return await self._run(self._settling(what, request_id))

    async def withdraw(self, request_id: str) -> None:
        """As `Client.withdraw`."""
        await self._run(self._told(protocol.withdraw(request_id, patience=self._patience)))

    async def abandon(self, *, action: str, payload: Any = None, key: str) -> None:
        """Withdraw what this key may have opened, as the caller is being cancelled."""
        if self.observer is not None:
            return
        what = Action(action=action, payload=payload)
        await self._ended(protocol.abandon(self.service, what, About(), key=key), None)

    async def report(
        self, request_id: str, *, delivered: bool | None, error: str | None = None
    ) -> None:
        """As `Client.report`."""
        steps = protocol.report(
            request_id, delivered=delivered, error=error, patience=self._patience
        )
        await self._run(self._told(steps))

    async def aclose(self) -> None:
        if self._last:
            import asyncio  # noqa: PLC0415 - as in `_ended`

            await asyncio.gather(*self._last, return_exceptions=True)
        if self._open is not None:
            await self._open.aclose()
            self._open = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    answer = await self._do(step)
                except Exception as error:
                    step = steps.throw(error)
                except BaseException as error:
                    await self._ended(steps, error)
                    raise
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value

    async def _ended(self, steps: Steps[Any], error: BaseException | None) -> None:
        """What remains to be done once the caller is cancelled: it withdraws the request. In a task
        of its own, since a caller may be cancelled more than once. `error`: thrown into `steps`."""
        import asyncio  # noqa: PLC0415 - a third of what importing this package would take

        async def rest() -> None:
            with contextlib.suppress(BaseException):  # at its end it raises `error` again
                step = next(steps) if error is None else steps.throw(error)
                while True:
                    try:
                        answer = await self._do(step)
                    except Exception as why:
                        step = steps.throw(why)
                    else:
                        step = steps.send(answer)

        last = asyncio.ensure_future(rest())
        self._last.add(last)
        last.add_done_callback(self._last.discard)
        await asyncio.shield(last)

    async def _do(self, step: protocol.Step) -> Answer | None:
        import asyncio  # noqa: PLC0415 - as in `_ended`

        match step:
            case Pause(seconds):
                await asyncio.sleep(seconds)
                return None
            case Note():
                await asyncio.to_thread(self._note, step)
                return None
        import httpx  # noqa: PLC0415 - as in `Client._do`

        if self._open is None:
            with _made(httpx):
                self._open = httpx.AsyncClient(**self._reach())
        raw = bytearray()
        with _lost(httpx):
            async with self._open.stream(**self._request(step)) as answer:
                async for piece in answer.aiter_bytes():
                    raw += piece
                    _bounded(raw)
        return _answer(answer, bytes(raw))


def _at_once(value: T) -> Steps[T]:
    """Of a client that observes: there is nobody to wait for."""
    yield from ()
    return value


@contextlib.contextmanager
def _lost(httpx: Any) -> Generator[None]:
    """What goes wrong on the wire, without the words of a library or the address's own."""
    try:
        yield
    except httpx.ConnectError as error:
        why = str(error)[:200] or type(error).__name__
        raise Lost(f"nothing answers there ({why})") from None
    except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
        # ValueError: of a host that is no name
        raise Lost(type(error).__name__) from None


@contextlib.contextmanager
def _made(httpx: Any) -> Generator[None]:
    """A client of httpx reads the environment: which proxy, which certificates. The words for an
    address that is none may hold a password, and are left out."""
    try:
        yield
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Misconfigured(
            f"This machine's proxy or certificates cannot be used: {why}.",
            "Look at HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE; a SOCKS proxy also needs "
            "`pip install 'httpx[socks]'`. Nothing was run.",
        ) from None


def _bounded(raw: bytearray) -> None:
    if len(raw) > LONGEST:
        raise Lost("an answer that is too long")


def _answer(answer: httpx.Response, raw: bytes) -> Answer:
    try:
        value = read_json(raw) if raw else {}
    except ValueError:
        raise Lost(f"HTTP {answer.status_code}, and an answer that is not JSON") from None
    if not isinstance(value, dict) or 300 <= answer.status_code < 400:
        raise Lost("an answer that is not that of a Countersign service")
    said = answer.headers.get("Retry-After", "")
    seconds = float(said[:6]) if said.isascii() and said.isdigit() else 0.0
    return Answer(answer.status_code, value, seconds)
