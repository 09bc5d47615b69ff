"""Mails that are no cards: a few lines and one link."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Final

from approvals.port import Letter

STYLE: Final = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"


def invitation(
    account: str, person: str, by: str, link: str, inert: Callable[[str], str]
) -> dict[str, str]:
    """The mail whose link makes a mailbox a person's."""
    asked = f"{by} asked that the mailbox {account} be linked to {person} in Countersign."
    what = f"Whoever reads this mailbox could then approve requests of AI agents as {person}."
    letter = Letter(
        subject="Link this mailbox to Countersign",
        before=(asked, what, f"If you are {person}, open this and press the button there:"),
        label="Link this mailbox",
        link=link,
        after=(
            "It works once, within ten minutes.",
            "If you expected no such mail, do nothing: then nothing is changed.",
        ),
    )
    return drawn(letter, inert)


def drawn(letter: Letter, inert: Callable[[str], str]) -> dict[str, str]:
    """Subject, text and HTML. `inert`: no address in the lines is a link."""
    before, after = [*map(inert, letter.before)], [*map(inert, letter.after)]
    text = "\n\n".join([*before, letter.link, *after, ""])
    where, label = html.escape(letter.link), html.escape(letter.label)
    shown = [f"<p>{html.escape(line)}</p>" for line in before]
    shown += [f'<p><a href="{where}">{label}</a></p>']
    shown += [f"<p>{html.escape(line)}</p>" for line in after]
    head = '<meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    page = f'<!doctype html><html lang="en"><head>{head}<title>{label}</title></head>'
    page += f'<body style="margin:24px;max-width:600px;{STYLE}">{"".join(shown)}</body></html>'
    # Nobody's words in the subject: it stands on locked screens.
    return {"subject": letter.subject, "text": text, "html": page}
