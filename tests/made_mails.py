"""Mails made for tests by the standard library."""

from collections.abc import Mapping
from email.message import EmailMessage


def mail(
    text: str = "Words.", attached: Mapping[str, bytes] | None = None, subject: str = "A subject"
) -> EmailMessage:
    """Return a mail with these files attached, by name."""
    made = EmailMessage()
    made["From"] = "Ann <ann@example.org>"
    made["To"] = "bob@example.org"
    made["Date"] = "Tue, 04 Mar 2025 10:00:00 +0100"
    made["Message-ID"] = "<1@example.org>"
    made["Subject"] = subject
    made.set_content(text)
    for name, data in (attached or {}).items():
        made.add_attachment(data, "application", "octet-stream", filename=name)
    return made
