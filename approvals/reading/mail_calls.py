"""Calls that send or save a mail, as one `mail` meaning whatever the provider. Pure.

Each reader recognises its calls by host and path. A mail in base64 is decoded in its place
(`Meaning.inside`); one that is written as JSON or as a form gives the same values (`mail.VALUES`).
What is there and cannot be read gives `UNCLEAR` for every value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from approvals.reading.encoded import base64_bytes
from approvals.reading.headers import ContentType
from approvals.reading.mail import addresses, attachment, html_leaf, read_mail, unclear_values
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
)


def message(reading: Reading) -> Meaning | None:
    """A body that is a mail itself, or an upload with exactly one in it, on any host.

    The metadata of an upload must not hold a mail of its own
    (https://developers.google.com/gmail/api/guides/uploads, read 28 November 2026).
    """
    body = reading.body
    if body.kind == "mail":
        piece = any(header.name.lower() == "content-range" for header in reading.headers)
        return Meaning(name="mail", values=unclear_values() if piece else _values(body))
    if body.kind != "parts":
        return None
    mails = [
        leaf.inside
        for leaf in body.leaves
        if isinstance(leaf, Leaf) and isinstance(leaf.inside, Part) and leaf.inside.kind == "mail"
    ]
    if not mails:
        return None
    others = [part for part in body.tree.values() if isinstance(part, Mapping)]
    twofold = sum(part is not mails[0].tree and "raw" in _names(part) for part in others)
    clear = len(mails) == 1 and not twofold
    return Meaning(name="mail", values=_values(mails[0]) if clear else unclear_values())


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


def graph(reading: Reading) -> Meaning | None:
    """sendMail, messages, reply, replyAll, forward and their drafts, as JSON or as MIME in base64
    (https://learn.microsoft.com/graph/api/user-sendmail, read 28 November 2026)."""
    call = _call(reading, r"graph\.microsoft\.(?:com|us)|microsoftgraph\.chinacloudapi\.cn")
    if call is None or _GRAPH.fullmatch(call) is None:
        return None
    tree = reading.body.tree
    if reading.body.kind == "text" and reading.body.leaves and reading.body.unclear is None:
        return _encoded(_leaf(reading.body), (), _ANY)
    if not isinstance(tree, dict):
        return _unclear()
    message: Path = ("message",) if isinstance(_get(tree, "message"), dict) else ()
    mail = _Mail()
    fields = _at(tree, message)
    for key, place in (("toRecipients", "to"), ("ccRecipients", "cc"), ("bccRecipients", "bcc")):
        for holder in (fields, tree) if message else (tree,):
            mail.to(place, _graph_people(_get(holder, key)))
    mail.sender = _one(_graph_people([_get(fields, "from") or _get(fields, "sender")]))
    mail.reply_to = _one(_graph_people(_get(fields, "replyTo")))
    mail.text("subject", _get(fields, "subject"))
    body = _get(fields, "body")
    html = str(_get(body, "contentType")).lower() == "html"
    mail.content((*message, "body", "content"), _get(body, "content"), html=html)
    mail.content(("comment",), _get(tree, "comment"), html=False)
    for at, file in enumerate(mail.objects(_get(fields, "attachments"))):
        mail.file((*message, "attachments", at), file, ("contentBytes", "name", "contentType"))
    return mail.meaning()


def sendgrid(reading: Reading) -> Meaning | None:
    """Mail Send of v3 (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send,
    read 28 November 2026). Several personalizations are several mails: their recipients add up."""
    call = _call(reading, r"api\.(?:eu\.)?sendgrid\.com")
    if call != "/v3/mail/send":
        return None
    tree = reading.body.tree
    if not isinstance(tree, dict):
        return _unclear()
    mail = _Mail()
    subjects = [_get(tree, "subject")]
    for one in mail.objects(_get(tree, "personalizations")):
        for place in ("to", "cc", "bcc"):
            mail.to(place, [_get(person, "email") for person in _list(_get(one, place))])
        subjects.append(_get(one, "subject"))
    several = list(dict.fromkeys(subject for subject in subjects if subject is not None))
    mail.text("subject", several[0] if len(several) == 1 else UNCLEAR if several else None)
    mail.sender = _one([_get(_get(tree, "from"), "email")])
    mail.reply_to = _one([_get(_get(tree, "reply_to"), "email")])
    for at, part in enumerate(mail.objects(_get(tree, "content"))):
        html = str(_get(part, "type")).lower() == "text/html"
        mail.content(("content", at, "value"), _get(part, "value"), html=html)
    for at, file in enumerate(mail.objects(_get(tree, "attachments"))):
        mail.file(("attachments", at), file, ("content", "filename", "type"))
    return mail.meaning()


def ses(reading: Reading) -> Meaning | None:
    """SendEmail of SES v2 (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail,
    read 28 November 2026). Where there is a Destination, the mail goes there, whatever a raw mail
    says."""
    call = _call(reading, r"email\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?")
    if call != "/v2/email/outbound-emails":
        return None
    tree = reading.body.tree
    if not isinstance(tree, dict):
        return _unclear()
    mail = _Mail()
    for place, key in (("to", "ToAddresses"), ("cc", "CcAddresses"), ("bcc", "BccAddresses")):
        mail.to(place, _list(_at(tree, ("Destination", key))))
    mail.sender = _one([_get(tree, "FromEmailAddress")])
    mail.reply_to = ", ".join(map(str, _list(_get(tree, "ReplyToAddresses"))))
    raw = ("Content", "Raw", "Data")
    if _at(tree, raw) is not None:
        found = _encoded(tree, raw, _ANY)
        listed = [*mail.people["to"], *mail.people["cc"], *mail.people["bcc"]]
        over = {**mail.people, "recipients": listed} if listed and not mail.doubt else {}
        if mail.doubt:
            return Meaning(name="mail", values=unclear_values(), inside=found.inside)
        return Meaning(name="mail", values={**found.values, **over}, inside=found.inside)
    simple: Path = ("Content", "Simple")
    mail.text("subject", _at(tree, (*simple, "Subject", "Data")))
    for key in ("Text", "Html"):
        path: Path = (*simple, "Body", key, "Data")
        mail.content(path, _at(tree, path), html=key == "Html")
    for at, file in enumerate(mail.objects(_at(tree, (*simple, "Attachments")))):
        names = ("RawContent", "FileName", "ContentType")
        mail.file((*simple, "Attachments", at), file, names)
    return mail.meaning()


def postmark(reading: Reading) -> Meaning | None:
    """A single mail (https://postmarkapp.com/developer/api/email-api, read 28 November 2026)."""
    call = _call(reading, r"api\.postmarkapp\.com")
    if call not in ("/email", "/email/withTemplate"):
        return None
    tree = reading.body.tree
    if not isinstance(tree, dict):
        return _unclear()
    mail = _Mail()
    for key in ("To", "Cc", "Bcc"):
        mail.to(key.lower(), _listed(_get(tree, key)))
    mail.sender = _one(_listed(_get(tree, "From")))
    mail.reply_to = _one(_listed(_get(tree, "ReplyTo")))
    mail.text("subject", _get(tree, "Subject"))
    mail.content(("TextBody",), _get(tree, "TextBody"), html=False)
    mail.content(("HtmlBody",), _get(tree, "HtmlBody"), html=True)
    for at, file in enumerate(mail.objects(_get(tree, "Attachments"))):
        mail.file(("Attachments", at), file, ("Content", "Name", "ContentType"))
    return mail.meaning()


def mailgun(reading: Reading) -> Meaning | None:
    """Messages (https://documentation.mailgun.com/docs/mailgun/api-reference, read 28 November
    2026): a form, in which `to`, `cc` and `bcc` may be given several times."""
    call = _call(reading, r"api\.(?:eu\.)?mailgun\.net")
    if call is None or re.fullmatch(r"/v3/[^/]+/messages", call) is None:
        return None
    tree = reading.body.tree
    if not isinstance(tree, dict) or reading.body.kind not in ("form", "multipart"):
        return _unclear()
    mail = _Mail()
    for place in ("to", "cc", "bcc"):
        given = tree.get(place)
        texts = given.texts if isinstance(given, Repeated) else () if given is None else (given,)
        for text in texts:
            mail.to(place, _listed(text))
    mail.sender = _one(_listed(tree.get("from")))
    mail.reply_to = _one(_listed(tree.get("h:Reply-To")))
    mail.text("subject", tree.get("subject"))
    mail.content(("text",), tree.get("text"), html=False)
    mail.content(("html",), tree.get("html"), html=True)
    mail.files = [
        in_words(leaf.name, leaf.media_type, leaf.size)
        for key in ("attachment", "inline")
        if isinstance(leaf := tree.get(key), Opaque)
    ]
    mail.doubt = mail.doubt or any(tree.get(key) is UNCLEAR for key in ("attachment", "inline"))
    return mail.meaning()


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

    def text(self, name: str, given: Any) -> None:
        if given is not None:
            self.doubt = self.doubt or not isinstance(given, str)
            setattr(self, name, given)

    def content(self, path: Path, given: Any, *, html: bool) -> None:
        """A text; of HTML, its words are what it says."""
        if given is None:
            return
        if not isinstance(given, str):
            self.doubt = True
        elif html:
            part = html_leaf(path, given).inside
            assert isinstance(part, Part)  # noqa: S101 - for mypy: it always is
            self.inside[path] = part
            self.texts.append(str(_leaf(part)))
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

    def meaning(self) -> Meaning:
        if self.doubt:
            return Meaning(name="mail", values=unclear_values(), inside=self.inside)
        values = {
            **self.people,
            "from": self.sender,
            "reply_to": self.reply_to,
            "recipients": [one for listed in self.people.values() for one in listed] or None,
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


def _names(value: Mapping[str, Any]) -> Iterator[str]:
    """Every name in nested mappings."""
    stack: list[Any] = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, Mapping):
            yield from (str(name).lower() for name in one)
            stack += one.values()
        elif isinstance(one, list):
            stack += one


_URL_SAFE: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_ANY: Final = re.compile(r"[A-Za-z0-9+/_\r\n-]+={0,2}\s{0,2}")
_GRAPH: Final = re.compile(
    r"/(?:v1\.0|beta)/(?:me|users/[^/]+)/(?:mailFolders/[^/]+/)?"
    r"(?:sendMail|messages(?:/[^/]+(?:/(?:microsoft\.graph\.)?(?:reply|replyAll|forward"
    r"|createReply|createReplyAll|createForward))?)?)"
)
