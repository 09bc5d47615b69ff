"""Send me a link: a person types their name, and a sign-in link goes to an account of theirs.

1. The link goes to a mailbox or chat account that is linked to the person, never to an address that
   was typed. It works once, for ten minutes, and its secret is in no row, no job and no log: the
   link is made at the moment it is sent.
2. The answer is the same for known and unknown names: the request writes the same job, and the
   outbox looks the name up later. The outbox also counts a person's links, so that nobody can find
   out whether two names belong to one person.
3. GET shows a button and changes nothing; only the first POST of the button signs in.
4. A channel that is away is tried again while the link would be valid; then the job is parked,
   which the operator sees and the person does not.

The link proves that somebody reads that account: it is as strong as the mailbox or chat.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from approvals import audit
from approvals.model import Instant, Person, Refused
from approvals.people import EMAIL, Directory
from approvals.port import Channel, Letter, Whispers
from approvals.service import Service
from approvals.store import Job, Store
from approvals.text import clean
from approvals.web import credentials
from approvals.web.credentials import LINK
from approvals.web.guard import Form, open_get, open_post, slowed
from approvals.web.limits import Limit
from approvals.web.schemas import ID
from approvals.web.signin import admit
from approvals.web.site import Say, render, say
from approvals.web.views import Message

if TYPE_CHECKING:
    from approvals.web.deps import Deps

log = structlog.get_logger()
KIND: Final = "sign_in"
"""The outbox's jobs of this way."""
JOB: Final = "sign-in"
"""Stands where other jobs have a request's id."""
CORE: Final = ""
"""The outbox's lane for what needs no platform."""
LIVE: Final = 3
"""Live links of one person: nobody can fill a mailbox by knowing a name."""
WHO: Final = 254
"""Characters of a name or an e-mail address: RFC 5321, 4.5.3.1.3, erratum 1690."""

ON_ITS_WAY: Final = Message(
    "Check your mail or chat",
    (
        "If Countersign knows you, a link is on its way to your linked mailbox or chat account.",
        "It works once, for ten minutes. Nothing came? Ask whoever runs Countersign.",
    ),
    icon="key",
)


@dataclass(frozen=True, slots=True)
class Page:
    """The page that a link opens."""

    person: str
    link: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The way in by a link. `channels`: all that are on; those that can carry one do.

    `each` counts what one source asks for, `all` what everybody does.
    """

    store: Store
    service: Service
    channels: Mapping[str, Channel]
    origin: str
    clock: Callable[[], Instant]
    random: Callable[[int], bytes] = field(repr=False)
    each: Limit
    all: Limit
    name: str = "link"
    template: str = "signin/link.html.j2"

    @property
    def carried(self) -> bool:
        """Is there a channel that a link can be sent on?"""
        return any(isinstance(one, Whispers) for one in self.channels.values())

    def reaches(self, person: Person) -> bool:
        return bool(self._places(person))

    def routes(self, deps: Deps) -> list[web.RouteDef]:
        async def ask(request: web.Request, form: Form) -> web.StreamResponse:
            slowed(self.each.take, request.remote)
            slowed(self.all.take, None)
            who, back = form.get("who", "").strip(), form.get("back", "")
            asked = {"who": who if _plain(who) else "", "back": back if ID.fullmatch(back) else ""}
            now = self.clock()
            data = json.dumps({**asked, "until": now + LINK})
            await self.store.append([], [Job(KIND, JOB, CORE, now, data)])
            return say(ON_ITS_WAY)

        return [open_post(deps, "/sign-in/link", ask)]

    async def carry(self, job: Job) -> Sequence[Job]:
        """Do one job: find out who is meant, or send the link. Returns the jobs that follow.

        Raises `Busy` (again later) and `Refused` (parked).
        """
        asked = json.loads(job.data)
        if job.target == CORE:
            return await self._meant(asked)
        return await self._sent(job.target, asked)

    async def _meant(self, asked: Mapping[str, str | int]) -> Sequence[Job]:
        now, directory = self.clock(), self.service.trust.directory
        person = named(directory, str(asked["who"]))
        if person is None:
            log.info("sign_in_unknown")  # not what was typed: some people type a password there
            return ()
        places = self._places(person)
        live = await self.store.live_links(person.id, now)
        why = None if live < LIVE else f"{live} links are live already"
        if not places:
            why = "no account that a link can be sent to"
        back = asked["back"] or None
        said = {"person": person.id, "request": back, **({"refused": why} if why else {})}
        await self._note(audit.Kind.SIGN_IN_ASKED, **said)
        if why is not None:
            log.warning("sign_in_link_not_sent", person=person.id, why=why)
            return ()
        rest = {"person": person.id, "back": back, "until": asked["until"]}
        return [Job(KIND, JOB, places[0], now, json.dumps(rest))]

    async def _sent(self, channel: str, asked: Mapping[str, str | int]) -> Sequence[Job]:
        now, who = self.clock(), str(asked["person"])
        person = self.service.trust.directory.person(who)
        if person is None:
            raise Refused(f"{who!r} is not configured any more")
        if now >= int(asked["until"]):
            raise Refused(f"{channel} could not be reached in time: {who} has to ask again")
        one, account = self.channels.get(channel), person.accounts.get(channel)
        refused = "is not linked, or cannot carry a link, any more"
        if isinstance(one, Whispers) and account is not None:
            back = str(asked["back"]) if asked["back"] else None
            secret = await credentials.make_link(
                self.store,
                self.service.trust.ring,
                who,
                now=now,
                random=self.random,
                request_id=back,
            )
            letter = _letter(person, f"{self.origin}/login/{secret}")
            try:
                await one.whisper(account, letter)
            except BaseException as error:
                # Nobody may have received this one, so it is used up.
                await self.store.use_link(secret, now)
                if not isinstance(error, Refused):
                    raise
                refused = str(error)
            else:
                await self._note(audit.Kind.SIGN_IN_SENT, person=who, channel=channel)
                return ()
        # This account cannot be reached: try the person's next one, each once.
        places = self._places(person)
        rest = places[places.index(channel) + 1 :] if channel in places else ()
        if not rest:
            raise Refused(refused)
        log.warning("sign_in_link_refused", channel=channel, why=refused)
        return [Job(KIND, JOB, rest[0], now, json.dumps(dict(asked)))]

    def _places(self, person: Person) -> list[str]:
        """The channels on which a link reaches this person, mailboxes first."""
        able = [n for n, one in self.channels.items() if isinstance(one, Whispers)]
        return sorted((n for n in able if n in person.accounts), key=lambda n: n != EMAIL)

    async def _note(self, kind: audit.Kind, **content: object) -> None:
        entry = audit.entry(kind, self.clock(), self.random, None, **content)
        await self.store.append([entry])


def named(directory: Directory, who: str) -> Person | None:
    """Who is meant by an id, a display name or an e-mail address, whatever the case of letters.

    A display name that two people have means nobody.
    """
    folded = who.strip().casefold()
    if not folded:
        return None
    if (exact := directory.person(who)) is not None:
        return exact
    by_mail = directory.by_account(EMAIL, who)
    if by_mail is not None:
        return by_mail
    found = {
        person.id
        for person in directory.people()
        if folded
        in (
            person.id.casefold(),
            (person.name or "").casefold(),
            (person.email or "").casefold(),
            person.accounts.get(EMAIL, "").casefold(),
        )
    }
    return directory.person(found.pop()) if len(found) == 1 else None


def opened(deps: Deps, dead: Message) -> list[web.RouteDef]:
    """The page of a sign-in link and its form. `dead`: the message for a used link."""

    async def landing(request: web.Request) -> web.StreamResponse:
        secret = request.match_info["link"]
        ring, now = deps.service.trust.ring, deps.clock()
        link = await credentials.see_link(deps.store, ring, secret, now)
        person = deps.directory.person(link.person) if link else None
        if link is None or person is None:
            raise Say(410, dead)
        view = Page(clean(person.name or person.id), secret)
        return render("login", visitor=None, reader=person, view=view)

    async def sign_in(request: web.Request, form: Form) -> web.StreamResponse:
        ring, now = deps.service.trust.ring, deps.clock()
        link = await credentials.use_link(deps.store, ring, form.get("link", ""), now)
        person = deps.directory.person(link.person) if link else None
        if link is None or person is None:
            # Only failures are slowed down: others may come from the same address.
            slowed(deps.sign_ins.take, request.remote)
            raise Say(410, dead)
        return await admit(deps, request, person, "link", link.request_id)

    return [open_get(deps, "/login/{link}", landing), open_post(deps, "/login", sign_in)]


def _letter(person: Person, link: str) -> Letter:
    name = clean(person.name or person.id)
    return Letter(
        subject="Sign in to Countersign",
        before=(f"Somebody asked for a link that signs {name} in to Countersign.",),
        label="Sign in",
        link=link,
        after=(
            "It works once, within ten minutes.",
            "If it was not you, do nothing: then nobody is signed in. Do not forward it.",
        ),
    )


def _plain(who: str) -> bool:
    return 0 < len(who) <= WHO and who.isprintable()
