"""Mails that are no cards: the one whose link makes a mailbox a person's."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Final

LIFETIME: Final = "It works once, within ten minutes."
WHAT: Final = "Whoever reads this mailbox could then approve requests of AI agents as {}."
STYLE: Final = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"


def invitation(
    account: str, person: str, by: str, link: str, inert: Callable[[str], str]
) -> dict[str, str]:
    """Subject, text and HTML of the mail to this mailbox. `inert`: no address in it is a link."""
    who = inert(person)
    asked = (
        f"{inert(by)} asked that the mailbox {inert(account)} be linked to {who} in Countersign."
    )
    lines = [asked, WHAT.format(who), f"If you are {who}, open this and press the button there:"]
    after = [LIFETIME, "If you expected no such mail, do nothing: then nothing is changed."]
    text = "\n\n".join([*lines, link, *after, ""])
    shown = [f"<p>{html.escape(line)}</p>" for line in lines]
    where = html.escape(link)
    shown += [f'<p><a href="{where}">Link this mailbox</a></p>']
    shown += [f"<p>{html.escape(line)}</p>" for line in after]
    head = '<meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    page = f'<!doctype html><html lang="en"><head>{head}<title>Link this mailbox</title></head>'
    page += f'<body style="margin:24px;max-width:600px;{STYLE}">{"".join(shown)}</body></html>'
    # Nobody's words: it stands on locked screens.
    return {"subject": "Link this mailbox to Countersign", "text": text, "html": page}
