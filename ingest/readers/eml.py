"""E-mails (EML): parsed by the standard library, told in words whatever they are encoded in."""

import codecs
import email
import re
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from pathlib import Path, PurePath
from typing import Final

from indexes.documents import Finding, stored_form
from indexes.errors import ReadFailure
from ingest.readers import MAIL, Reading, ReadOptions
from ingest.readers.encodings import decode, unmarked_utf16
from ingest.readers.layout import Laid, lay_out
from ingest.readers.letters import HEADERS, Attachment, Letter, best, documents

_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_HEAD: Final = 4096
_FOLD: Final = re.compile(r"\r?\n[ \t]*")
_BETWEEN_WORDS: Final = re.compile(r"(\?=)[ \t\r\n]+(=\?)")
_WORD: Final = re.compile(r"=\?[^?\s]+\?[bBqQ]\?([^?]*)\?=")
CID: Final = re.compile(r"(?i)cid:([^\s\"'<>)]+)")
_SIGNATURES: Final = frozenset(
    ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature",
     "application/pgp-keys", "text/x-amp-html")
)  # fmt: skip
_LOCKED: Final = frozenset(
    ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")
)
_SUFFIXES: Final = {
    "message/rfc822": ".eml", "text/calendar": ".ics", "text/plain": ".txt", "text/html": ".html",
    "text/csv": ".csv", "application/pdf": ".pdf",
}  # fmt: skip
_LOCKED_WORDS: Final = (
    "its text is encrypted (S/MIME or PGP); open it in the program that has the key, and save it "
    "without encryption"
)


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield a mail, and after it what is attached.

    Raises ReadFailure `wrong_type` for what is no mail, `encrypted`, `damaged`, `empty`.
    """
    try:
        message = email.message_from_bytes(_in_bytes(path.read_bytes()).lstrip())
        letter = _letter(message)
    except RecursionError:
        raise ReadFailure(
            "damaged", "its parts lie hundreds of levels deep in each other; fetch it again"
        ) from None
    if not letter.headers:
        raise ReadFailure(
            "wrong_type",
            "the file does not begin with a mail's fields (From:, Date:, Subject:); save the mail "
            "anew from the program that shows it",
        )
    yield from documents(letter, MAIL, options)


def _in_bytes(data: bytes) -> bytes:
    """Return a mail as mails are sent; an editor may have saved it in UTF-16, or with a mark."""
    if data.startswith(_MARKS) or unmarked_utf16(data[:_HEAD]):
        return decode(data).text.encode()
    return data


def headers_of(message: Message) -> dict[str, str]:
    """Return the fields of a mail that matter, in words."""
    told = {name: _header(message, name) for name in (*HEADERS, "Message-ID")}
    return {name: words for name, words in told.items() if words}


def _letter(message: Message) -> Letter:
    headers = headers_of(message)
    opened = _Opened(_referred(message))
    opened.visit(message)
    if opened.locked and not opened.bodies and not opened.attachments:
        if not headers:
            raise ReadFailure("encrypted", _LOCKED_WORDS)
        opened.findings.append(Finding("encrypted", _LOCKED_WORDS))
    return Letter(headers, tuple(opened.bodies), tuple(opened.attachments), tuple(opened.findings))


# --- fields --------------------------------------------------------------------------------------


def _header(message: Message, name: str) -> str:
    """Return all fields of a name in words."""
    values = (str(value) for key, value in message.raw_items() if key.lower() == name.lower())
    return ", ".join(words for value in values if (words := decoded_words(value)))


def decoded_words(raw: str) -> str:
    """Return a field in words: encoded words decoded, bytes beyond ASCII read as text."""
    text = _BETWEEN_WORDS.sub(r"\1\2", _FOLD.sub(" ", _as_text(raw)))
    return " ".join(stored_form(_WORD.sub(_decoded_word, text)).split())


def _as_text(raw: str) -> str:
    """Return a field whose bytes beyond ASCII were kept as surrogates."""
    if raw.isascii():
        return raw
    try:
        return decode(raw.encode("ascii", "surrogateescape")).text
    except (UnicodeEncodeError, ReadFailure):
        return raw


def _decoded_word(match: re.Match[str]) -> str:
    try:
        ((words, charset),) = decode_header(match[0])
        return words if isinstance(words, str) else decode(words, charset).text
    except (HeaderParseError, ValueError):
        return match[0]
    except ReadFailure:  # nothing but spaces, or nothing that can be decoded
        return match[0] if match[1].strip("_ ") else " "


# --- parts ---------------------------------------------------------------------------------------


def _referred(message: Message) -> frozenset[str]:
    """Return the ids of the parts that the mail's pages show in themselves."""
    pages = (part for part in message.walk() if part.get_content_type() == "text/html")
    return frozenset(found for page in pages for found in CID.findall(_text(page)[0]))


@dataclass(slots=True)
class _Opened:
    """The texts and the attachments of a mail, in their order."""

    referred: frozenset[str]
    bodies: list[Laid] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    locked: bool = False

    def visit(self, part: Message) -> None:
        """Take a part with all that is in it. Raises RecursionError where that is too deep."""
        kind = part.get_content_type()
        if kind in _LOCKED and "signed" not in str(part.get_param("smime-type", "")):
            self.locked = True
        elif kind == "message/rfc822" or _is_attached(part):
            self._attach(part, kind)
        elif kind == "multipart/alternative":
            self._choose(part)
        elif part.is_multipart():
            for inner in _parts(part):
                self.visit(inner)
        elif part.get_content_maintype() == "text":
            self._add(part, kind)
        elif kind not in _SIGNATURES and not kind.startswith("image/"):
            self._attach(part, kind)

    def _add(self, part: Message, kind: str) -> None:
        text, findings = _text(part)
        self.findings += findings
        page = lay_out(text) if kind == "text/html" else Laid(text.strip("\n"))
        if page.text.strip():
            self.bodies.append(page)

    def _choose(self, part: Message) -> None:
        """Take one of several forms of the same text, and what is attached to any of them."""
        forms = list[tuple[str, list[Laid]]]()
        for inner in _parts(part):
            opened = _Opened(self.referred)
            opened.visit(inner)
            self.attachments += opened.attachments
            self.locked |= opened.locked
            self.findings += opened.findings
            kind = inner.get_content_type()
            if opened.bodies and kind != "text/calendar":
                forms.append((kind, opened.bodies))
        plain = next((bodies for kind, bodies in forms if kind == "text/plain"), [])
        rich = next((bodies for kind, bodies in reversed(forms) if kind != "text/plain"), [])
        if plain and rich:
            page = best(plain[0].text, rich[0])
            self.bodies += rich if page is rich[0] else [page]
        else:
            self.bodies += plain or rich

    def _attach(self, part: Message, kind: str) -> None:
        if kind in _SIGNATURES or (kind.startswith("image/") and self._is_inline(part)):
            return
        name = _file_name(part)
        if kind == "message/rfc822" and part.is_multipart():
            letter = _letter(_parts(part)[0])
            named = name or f"{letter.headers.get('Subject', 'message')}.eml"
            self.attachments.append(Attachment(named, letter))
            return
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and content.strip():
            named = name or f"part{_SUFFIXES.get(kind, '')}"
            self.attachments.append(Attachment(named, content))

    def _is_inline(self, part: Message) -> bool:
        """Tell whether a picture is shown in the text, as those of signatures are."""
        identity = str(part.get("Content-ID", "")).strip().strip("<>")
        return identity in self.referred or part.get_content_disposition() != "attachment"


def _parts(part: Message) -> list[Message]:
    payload = part.get_payload()
    return (
        [inner for inner in payload if isinstance(inner, Message)]
        if isinstance(payload, list)
        else []
    )


def _is_attached(part: Message) -> bool:
    return not part.is_multipart() and (
        part.get_content_disposition() == "attachment" or bool(_file_name(part))
    )


def _file_name(part: Message) -> str:
    """Return the last part of a file's name in words, "" where it has none."""
    try:
        given = part.get_filename()
    except (LookupError, TypeError, ValueError):  # parameters in encodings that are none
        return ""
    return PurePath(decoded_words(given or "").replace("\\", "/")).name


def _text(part: Message) -> tuple[str, tuple[Finding, ...]]:
    """Return the words of a part, in whatever encoding, and what is to be told of them."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return "", ()
    try:
        decoded = decode(content, _charset(part))
    except ReadFailure as failure:
        told = () if failure.reason == "empty" else (Finding("damaged", failure.message),)
        return "", told
    return decoded.text, decoded.findings


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (LookupError, TypeError, ValueError):
        return None
