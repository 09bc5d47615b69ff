"""How e-mail is set up: what a person does there."""

from __future__ import annotations

from approvals.port.setup import Guide, Wishes


def guide(events: str | None, wishes: Wishes) -> Guide:
    section = (
        "channels:\n  email:\n    host: …  # your provider's submission server\n    user: …\n"
        '    password: "${SMTP_PASSWORD}"\n    from: Countersign <…>\n'
    )
    steps = (
        "At your mail provider make a mailbox, or a sender, of its own for this, with a password "
        "for SMTP.",
        "Let the provider sign for its domain (DKIM), and publish SPF and DMARC for it: unsigned "
        "mail ends up as spam.",
        "Switch click tracking off: it would rewrite the links and open them by itself.",
        "Put the password into the environment as SMTP_PASSWORD.",
        "People get their mails at `people.NAME.email`, or at a mailbox that they link: "
        "`countersign link NAME email --to ADDRESS`. Links in mails need server.public_url.",
    )
    return Guide("email", steps, section, None)
