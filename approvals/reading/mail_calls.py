"""Calls that send or save a mail, as one `mail` meaning whatever the provider. Pure.

Each reader recognises its calls by host and path. A mail in base64 is decoded in its place
(`Meaning.inside`); one that is written as JSON or as a form gives the same values (`mail.VALUES`).
What is there and cannot be read gives `UNCLEAR` for every value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from approvals.reading.encoded import base64_bytes
from approvals.reading.headers import ContentType
from approvals.reading.html_text import html_as_text
from approvals.reading.mail import addresses, attachment, read_mail, unclear_values
from approvals.reading.mail import named as in_words
from approvals.reading.values import (
    UNCLEAR,
    Leaf,
    Meaning,
    Opaque,
    Part,
    Path,
    Reading,
    Repeated,
    nodes,
)

Fields: TypeAlias = Mapping[str, Any]


def message(reading: Reading) -> Meaning | None:
    """A body that is a mail itself, or an upload with exactly one in it, on any host.

    The metadata of an upload must not hold a mail of its own
    (https://developers.google.com/gmail/api/guides/uploads, read 28 November 2026).
    """
    body = reading.body
    if body.kind == "mail":
        piece = any(header.name.lower() == "content-range" for header in reading.headers)
        return _unclear() if piece else Meaning(name="mail", values=_values(body))
    if body.kind != "parts":
        return None
    inner = [leaf.inside for leaf in body.leaves if isinstance(leaf, Leaf)]
    mails = [part for part in inner if isinstance(part, Part) and part.kind == "mail"]
    if not mails:
        return None
    others = [part for part in body.tree.values() if isinstance(part, Mapping)]
    twofold = any(part is not mails[0].tree and "raw" in _names(part) for part in others)
    if len(mails) > 1 or twofold:
        return _unclear()
    return Meaning(name="mail", values=_values(mails[0]))


def gmail(reading: Reading) -> Meaning | None:
    """`raw` of a message, or `message.raw` of a draft: base64url of RFC 5322
    (https://developers.google.com/gmail/api/reference/rest/v1/users.messages#Message)."""
    call = _call(reading, r"(?:gmail|www)\.googleapis\.com")
    if call is None or not re.search(r"/gmail/v1/users/[^/]+/(messages|drafts)", call):
        return None
    if reading.body.kind not in ("json", "text", "opaque"):
        return None  # an upload: `message`
    draft = re.search(r"/drafts(/|$)", call) is not None
    tree = reading.body.tree
    if not isinstance(tree, dict):
        return _unclear()
    places: list[Path] = [("raw",), ("message", "raw")]
    given = [path for path in places if _at(tree, path) is not None]
    if not given:
        return None
    path: Path = ("message", "raw") if draft else ("raw",)
    return _unclear() if given != [path] else _encoded(tree, path, _URL_SAFE)


def fields(reading: Reading) -> Meaning | None:
    """A mail that is written in fields, in the way of the provider at this host."""
    for host, path, write in _PROVIDERS:
        call = _call(reading, host)
        if call is not None and re.fullmatch(path, call):
            tree, mail = reading.body.tree, _Mail()
            if not isinstance(tree, dict):
                return _unclear()
            return write(reading.body, tree, mail) or mail.meaning()
    return None


def _graph(body: Part, tree: Fields, mail: _Mail) -> Meaning | None:
    """sendMail, messages, reply, replyAll, forward and their drafts, as JSON or as MIME in base64
    (https://learn.microsoft.com/graph/api/user-sendmail, read 28 November 2026)."""
    if body.kind == "text" and body.leaves:
        return _encoded(_leaf(body), (), _ANY)
    message: Path = ("message",) if isinstance(tree.get("message"), dict) else ()
    fields = _at(tree, message)
    for key, place in (("toRecipients", "to"), ("ccRecipients", "cc"), ("bccRecipients", "bcc")):
        for holder in (fields, tree) if message else (tree,):
            mail.to(place, _graph_people(_get(holder, key)))
    mail.sender = _one(_graph_people([_get(fields, "from") or _get(fields, "sender")]))
    mail.reply_to = _one(_graph_people(_get(fields, "replyTo")))
    mail.titled(_get(fields, "subject"))
    content = _get(fields, "body")
    html = str(_get(content, "contentType")).lower() == "html"
    mail.content((*message, "body", "content"), _get(content, "content"), html=html)
    mail.content(("comment",), tree.get("comment"), html=False)
    for at, file in enumerate(mail.objects(_get(fields, "attachments"))):
        mail.file((*message, "attachments", at), file, ("contentBytes", "name", "contentType"))
    return None


def _sendgrid(_: Part, tree: Fields, mail: _Mail) -> None:
    """Mail Send of v3 (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send,
    read 28 November 2026). Several personalizations are several mails: their recipients add up."""
    subjects = [tree.get("subject")]
    for one in mail.objects(tree.get("personalizations")):
        for place in ("to", "cc", "bcc"):
            mail.to(place, [_get(person, "email") for person in _list(_get(one, place))])
        subjects.append(_get(one, "subject"))
    several = list(dict.fromkeys(subject for subject in subjects if subject is not None))
    mail.titled(several[0] if len(several) == 1 else UNCLEAR if several else None)
    mail.sender = _one([_at(tree, ("from", "email"))])
    mail.reply_to = _one([_at(tree, ("reply_to", "email"))])
    for at, part in enumerate(mail.objects(tree.get("content"))):
        html = str(_get(part, "type")).lower() == "text/html"
        mail.content(("content", at, "value"), _get(part, "value"), html=html)
    for at, file in enumerate(mail.objects(tree.get("attachments"))):
        mail.file(("attachments", at), file, ("content", "filename", "type"))


def _ses(_: Part, tree: Fields, mail: _Mail) -> Meaning | None:
    """SendEmail of SES v2 (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail,
    read 28 November 2026). Where there is a Destination, the mail goes there, whatever a raw mail
    says."""
    for place, key in (("to", "ToAddresses"), ("cc", "CcAddresses"), ("bcc", "BccAddresses")):
        mail.to(place, _list(_at(tree, ("Destination", key))))
    mail.sender = _one([tree.get("FromEmailAddress")])
    mail.reply_to = ", ".join(map(str, _list(tree.get("ReplyToAddresses"))))
    raw = ("Content", "Raw", "Data")
    if _at(tree, raw) is not None:
        found = _encoded(tree, raw, _ANY)
        if mail.doubt:
            return replace(found, values=unclear_values())
        if (recipients := mail.recipients()) is None:
            return found
        return replace(found, values={**found.values, **mail.people, "recipients": recipients})
    simple: Path = ("Content", "Simple")
    mail.titled(_at(tree, (*simple, "Subject", "Data")))
    for key in ("Text", "Html"):
        path: Path = (*simple, "Body", key, "Data")
        mail.content(path, _at(tree, path), html=key == "Html")
    for at, file in enumerate(mail.objects(_at(tree, (*simple, "Attachments")))):
        names = ("RawContent", "FileName", "ContentType")
        mail.file((*simple, "Attachments", at), file, names)
    return None


def _postmark(_: Part, tree: Fields, mail: _Mail) -> None:
    """A single mail (https://postmarkapp.com/developer/api/email-api, read 28 November 2026)."""
    for key in ("To", "Cc", "Bcc"):
        mail.to(key.lower(), _listed(tree.get(key)))
    mail.sender = _one(_listed(tree.get("From")))
    mail.reply_to = _one(_listed(tree.get("ReplyTo")))
    mail.titled(tree.get("Subject"))
    mail.content(("TextBody",), tree.get("TextBody"), html=False)
    mail.content(("HtmlBody",), tree.get("HtmlBody"), html=True)
    for at, file in enumerate(mail.objects(tree.get("Attachments"))):
        mail.file(("Attachments", at), file, ("Content", "Name", "ContentType"))


def _mailgun(body: Part, tree: Fields, mail: _Mail) -> Meaning | None:
    """Messages (https://documentation.mailgun.com/docs/mailgun/api-reference, read 28 November
    2026): a form, in which `to`, `cc` and `bcc` may be given several times."""
    if body.kind not in ("form", "multipart"):
        return _unclear()
    for place in ("to", "cc", "bcc"):
        given = tree.get(place)
        texts = given.texts if isinstance(given, Repeated) else () if given is None else (given,)
        for text in texts:
            mail.to(place, _listed(text))
    mail.sender = _one(_listed(tree.get("from")))
    mail.reply_to = _one(_listed(tree.get("h:Reply-To")))
    mail.titled(tree.get("subject"))
    mail.content(("text",), tree.get("text"), html=False)
    mail.content(("html",), tree.get("html"), html=True)
    mail.files = [
        in_words(leaf.name, leaf.media_type, leaf.size)
        for key in ("attachment", "inline")
        if isinstance(leaf := tree.get(key), Opaque)
    ]
    mail.doubt = mail.doubt or any(tree.get(key) is UNCLEAR for key in ("attachment", "inline"))
    return None


@dataclass(slots=True)
class _Mail:
    """A mail that is written in fields. `doubt`: one of them is not what it should be."""

    people: dict[str, list[str]] = field(default_factory=lambda: {"to": [], "cc": [], "bcc": []})
    sender: Any = ""
    reply_to: Any = ""
    subject: Any = ""
    texts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    inside: dict[Path, Part | Opaque] = field(default_factory=dict)
    doubt: bool = False

    def to(self, place: str, given: Any) -> None:
        """Recipients, each as one address."""
        for one in given if isinstance(given, list) else [UNCLEAR]:
            found = addresses(one) if isinstance(one, str) else None
            if found is None or len(found) != 1:
                self.doubt = True
            else:
                self.people[place] += found

    def objects(self, given: Any) -> list[Any]:
        """A list of mappings; without those that are none, which make it doubtful."""
        items = _list(given)
        self.doubt = self.doubt or not all(isinstance(one, Mapping) for one in items)
        return items

    def titled(self, given: Any) -> None:
        if given is not None:
            self.doubt = self.doubt or not isinstance(given, str)
            self.subject = given

    def content(self, path: Path, given: Any, *, html: bool) -> None:
        """A text; of HTML, its words are what it says."""
        if given is None:
            return
        if not isinstance(given, str):
            self.doubt = True
        elif html:
            words = html_as_text(given)
            self.inside[path] = Part(kind="text", leaves=(Leaf((), words),))
            self.texts.append(words)
        else:
            self.texts.append(given)

    def file(self, path: Path, given: Any, names: tuple[str, str, str]) -> None:
        """An attachment: what its base64 holds, in its place. `names`: of content, name, type."""
        encoded, name, media_type = (_get(given, key) for key in names)
        if encoded is None:  # a reference to something that is stored elsewhere
            self.files.append(f"{name or 'without a name'} (by reference)")
            return
        raw = base64_bytes(encoded) if isinstance(encoded, str) else None
        if raw is None:
            self.doubt = True
            return
        kind = ContentType(str(media_type or "").lower())
        called = name if isinstance(name, str) else None
        shown = attachment(raw, kind, called, ())
        self.inside[(*path, names[0])] = (
            shown[0] if isinstance(shown[0], Opaque) else Part(kind="text", leaves=shown)
        )
        self.files.append(in_words(called, kind.media_type or "no type", len(raw)))

    def recipients(self) -> list[str] | None:
        return [one for listed in self.people.values() for one in listed] or None

    def meaning(self) -> Meaning:
        if self.doubt:
            return Meaning(name="mail", values=unclear_values(), inside=self.inside)
        values = {
            **self.people,
            "from": self.sender,
            "reply_to": self.reply_to,
            "recipients": self.recipients(),
            "subject": self.subject,
            "text": "\n".join(self.texts),
            "html": "",
            "attachments": self.files,
        }
        return Meaning(name="mail", values=values, inside=self.inside)


def _call(reading: Reading, host: str) -> str | None:
    """The path of a call that changes something at this host; None for all others."""
    target = reading.target
    if target is None or target.method not in ("POST", "PUT", "PATCH"):
        return None
    return target.path if re.fullmatch(host, target.host) else None


def _unclear() -> Meaning:
    return Meaning(name="mail", values=unclear_values())


def _values(mail: Part) -> Mapping[str, Any]:
    return mail.tree if isinstance(mail.tree, dict) else unclear_values()


def _encoded(tree: Any, path: Path, alphabet: re.Pattern[str]) -> Meaning:
    """A whole mail in base64."""
    given = _at(tree, path)
    raw = None
    if isinstance(given, str) and alphabet.fullmatch(given):
        raw = base64_bytes(given)
    if raw is None:
        return _unclear()
    part = read_mail(raw)
    return Meaning(name="mail", values=_values(part), inside={path: part})


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = _get(value, str(step))
    return value


def _list(value: Any) -> list[Any]:
    """A list; what stands there and is none is a list of one that no reader understands."""
    return value if isinstance(value, list) else [] if value is None else [UNCLEAR]


def _leaf(part: Part) -> Any:
    first = part.leaves[0] if part.leaves else None
    return first.value if isinstance(first, Leaf) else None


def _listed(value: Any) -> list[Any]:
    """`a@x.example, Bob <b@x.example>` as a list of addresses."""
    if value is None or value == "":
        return []
    found = addresses(value) if isinstance(value, str) else None
    return [UNCLEAR] if found is None else list(found)


def _graph_people(value: Any) -> list[Any]:
    people = [person for person in _list(value) if person is not None]
    return [_at(person, ("emailAddress", "address")) for person in people]


def _one(given: list[Any]) -> Any:
    texts = [one for one in given if one is not None]
    if any(not isinstance(one, str) for one in texts):
        return UNCLEAR
    return ", ".join(texts)


def _names(value: Mapping[str, Any]) -> set[str]:
    """Every name in nested mappings, in lower case."""
    fields = (node for node in nodes(value) if isinstance(node, Mapping))
    return {str(name).lower() for one in fields for name in one}


_URL_SAFE: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_ANY: Final = re.compile(r"[A-Za-z0-9+/_\r\n-]+={0,2}\s{0,2}")
_GRAPH: Final = (
    r"/(?:v1\.0|beta)/(?:me|users/[^/]+)/(?:mailFolders/[^/]+/)?"
    r"(?:sendMail|messages(?:/[^/]+(?:/(?:microsoft\.graph\.)?(?:reply|replyAll|forward"
    r"|createReply|createReplyAll|createForward))?)?)"
)
_PROVIDERS: Final[tuple[tuple[str, str, Callable[[Part, Fields, _Mail], Meaning | None]], ...]] = (
    (r"graph\.microsoft\.(?:com|us)|microsoftgraph\.chinacloudapi\.cn", _GRAPH, _graph),
    (r"api\.(?:eu\.)?sendgrid\.com", "/v3/mail/send", _sendgrid),
    (r"email\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?", "/v2/email/outbound-emails", _ses),
    (r"api\.postmarkapp\.com", "/email(?:/withTemplate)?", _postmark),
    (r"api\.(?:eu\.)?mailgun\.net", "/v3/[^/]+/messages", _mailgun),
)
"""Host and path of the calls that send or save a mail, and what puts their fields into a `_Mail`,
or gives the meaning itself."""
