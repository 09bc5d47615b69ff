"""E-mail, with Outlook's own cards."""
