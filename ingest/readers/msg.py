"""Outlook's mails (MSG): the properties of an OLE file, as [MS-OXMSG] lays them out."""

import email
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from indexes.documents import Extract, Finding, stored_form
from indexes.errors import ReadFailure
from ingest.readers import OUTLOOK, Reading, ReadOptions
from ingest.readers.compressed_rtf import unpacked
from ingest.readers.eml import CID, headers_of
from ingest.readers.encodings import decode
from ingest.readers.html import declared_charset
from ingest.readers.inside import DEEPEST, read_inside
from ingest.readers.layout import Laid, lay_out
from ingest.readers.letters import Attachment, Content, Letter, best, documents
from ingest.readers.ole import FAULTS, streams

_SUBJECT, _CLASS, _HEADERS, _MESSAGE_ID = 0x0037, 0x001A, 0x007D, 0x1035
_BODY, _HTML, _RTF = 0x1000, 0x1013, 0x1009
_SENDER, _SENDER_SMTP, _SENDER_MAIL = 0x0C1A, 0x5D01, 0x0C1F
_SENT, _DELIVERED = 0x0039, 0x0E06
_CODEPAGE, _HTML_CODEPAGE = 0x3FFD, 0x3FDE
_KIND, _NAME, _SMTP, _MAIL = 0x0C15, 0x3001, 0x39FE, 0x3003
_LONG_NAME, _SHORT_NAME, _DATA, _CONTENT_ID, _HIDDEN, _MIME = (
    0x3707, 0x3704, 0x3701, 0x3712, 0x7FFE, 0x370E,
)  # fmt: skip
_UNICODE, _EIGHT_BIT, _BINARY, _OBJECT = 0x001F, 0x001E, 0x0102, 0x000D
_PROPERTIES: Final = "__properties_version1.0"
_ATTACHED: Final = "__attach_version1.0_#"
_RECEIVER: Final = "__recip_version1.0_#"
# The properties stream begins with a header: of a file, of a mail inside it, of anything else.
_FILE_HEADER, _INNER_HEADER, _PART_HEADER = 32, 24, 8
_ENTRY: Final = struct.Struct("<HHI8s")
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_RECEIVERS: Final = {1: "To", 2: "Cc"}
_UTF8_PAGE: Final = 65001


@dataclass(frozen=True)
class _Store:
    """A folder of an OLE file, with its streams by name and the folders in it."""

    streams: Mapping[str, bytes]
    folders: Mapping[str, "_Store"]
    header: int

    @cached_property
    def fixed(self) -> Mapping[int, bytes]:
        """The properties of fixed size, eight bytes each, by number."""
        data = self.streams.get(_PROPERTIES, b"")[self.header :]
        whole = data[: len(data) - len(data) % _ENTRY.size]
        return {number: value for _, number, _, value in _ENTRY.iter_unpack(whole)}

    def number(self, key: int) -> int | None:
        """Return a property that is a whole number."""
        value = self.fixed.get(key)
        return int.from_bytes(value[:4], "little") if value else None

    def binary(self, key: int) -> bytes:
        """Return a property that is bytes, none where it is not there."""
        return self.streams.get(_stream(key, _BINARY), b"")

    def words(self, key: int, page: int | None = None) -> str:
        """Return a property that is text; `page` is the code page of text that is not Unicode."""
        wide = self.streams.get(_stream(key, _UNICODE))
        if wide is not None:
            return stored_form(wide.decode("utf-16-le", "replace")).strip("\ufffd")
        return _decoded(self.streams.get(_stream(key, _EIGHT_BIT), b""), page)

    def all(self, beginning: str) -> Sequence["_Store"]:
        """Return the folders whose names begin so, in their order."""
        return [self.folders[name] for name in sorted(self.folders) if name.startswith(beginning)]


def _stream(key: int, kind: int) -> str:
    return f"__substg1.0_{key:04X}{kind:04X}"


def _decoded(data: bytes, page: int | None) -> str:
    return _in(data, "utf-8" if page == _UTF8_PAGE else f"cp{page}" if page else None)


def _in(data: bytes, encoding: str | None) -> str:
    try:
        return decode(data.rstrip(b"\x00"), encoding).text if data else ""
    except ReadFailure:
        return ""


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield a mail, and after it what is attached. Raises ReadFailure `damaged`, `empty`."""
    try:
        letter = _letter(_store(streams(path.read_bytes()), _FILE_HEADER), options)
    except (*FAULTS, RecursionError) as error:
        raise ReadFailure(
            "damaged",
            f"the mail cannot be opened ({error}); save it anew from Outlook, or as EML",
        ) from error
    yield from documents(letter, OUTLOOK, options)


def _store(found: Mapping[tuple[str, ...], bytes], header: int) -> _Store:
    folders = dict[str, dict[tuple[str, ...], bytes]]()
    for path, data in found.items():
        if len(path) > 1:
            folders.setdefault(path[0], {})[path[1:]] = data
    inner = {
        name: _store(held, _INNER_HEADER if name == _stream(_DATA, _OBJECT) else _PART_HEADER)
        for name, held in folders.items()
    }
    return _Store({path[0]: data for path, data in found.items() if len(path) == 1}, inner, header)


def _letter(mail: _Store, options: ReadOptions) -> Letter:
    page = mail.number(_CODEPAGE)
    html = _html(mail)
    bodies, findings = _bodies(mail, html, options)
    shown = frozenset(CID.findall(html))
    attachments = (_attachment(part, page, shown, options) for part in mail.all(_ATTACHED))
    return Letter(
        _headers(mail, page), bodies, tuple(a for a in attachments if a is not None), findings
    )


def _headers(mail: _Store, page: int | None) -> dict[str, str]:
    """Return the fields as they were sent, or as Outlook keeps them."""
    sent = headers_of(email.message_from_string(mail.words(_HEADERS, page)))
    sender = mail.words(_SENDER_SMTP, page) or mail.words(_SENDER_MAIL, page)
    moment = mail.fixed.get(_SENT) or mail.fixed.get(_DELIVERED)
    kept = {
        "From": _address(mail.words(_SENDER, page), sender),
        **_receivers(mail, page),
        "Date": _moment(moment) if moment else "",
        "Subject": mail.words(_SUBJECT, page),
        "Message-ID": mail.words(_MESSAGE_ID, page),
    }
    told = {name: " ".join(words.split()) for name, words in kept.items()}
    return {name: words for name, words in {**told, **sent}.items() if words}


def _receivers(mail: _Store, page: int | None) -> dict[str, str]:
    found = dict[str, list[str]]()
    for one in mail.all(_RECEIVER):
        name = _RECEIVERS.get(one.number(_KIND) or 0)
        address = one.words(_SMTP, page) or one.words(_MAIL, page)
        if name:
            found.setdefault(name, []).append(_address(one.words(_NAME, page), address))
    return {name: ", ".join(held) for name, held in found.items()}


def _address(name: str, address: str) -> str:
    """Return a name and an address as mails write them; Exchange's own paths are none."""
    given = address if "@" in address else ""
    if not given or name in {given, f"'{given}'"}:
        return given or name
    return f"{name} <{given}>" if name else given


def _moment(value: bytes) -> str:
    """Return a time, in tenths of microseconds since 1601, as mails write it."""
    return format_datetime(_EPOCH + timedelta(microseconds=int.from_bytes(value, "little") // 10))


def _html(mail: _Store) -> str:
    data = mail.binary(_HTML)
    page = mail.number(_HTML_CODEPAGE)
    if not data:
        return mail.words(_HTML, page)
    return _decoded(data, page) if page else _in(data, declared_charset(data))


def _bodies(
    mail: _Store, html: str, options: ReadOptions
) -> tuple[tuple[Laid, ...], tuple[Finding, ...]]:
    """Return the text: plain or a page, or what is kept as compressed RTF alone."""
    plain = mail.words(_BODY, mail.number(_HTML_CODEPAGE) or mail.number(_CODEPAGE))
    text = best(plain, lay_out(html) if html else Laid(""))
    if text.text.strip():
        return (text,), ()
    rtf = mail.binary(_RTF)
    if not rtf:
        return (), ()
    inner = ReadOptions("body.rtf", options.uri, options.passwords, options.depth + 1)
    try:
        items = [i for i in read_inside(unpacked(rtf), inner) if isinstance(i, Extract)]
    except ReadFailure as failure:
        if failure.reason == "empty":
            return (), ()
        message = f"the mail's text is kept as RTF, which could not be read: {failure.message}"
        return (), (Finding("damaged", message),)
    return tuple(Laid(i.text, i.headings, i.tables, i.findings) for i in items), ()


def _attachment(
    part: _Store, page: int | None, shown: frozenset[str], options: ReadOptions
) -> Attachment | None:
    """Return what is attached; None for pictures that the text shows, and for drawn objects."""
    name = part.words(_LONG_NAME, page) or part.words(_SHORT_NAME, page) or part.words(_NAME, page)
    if part.words(_MIME, page).startswith("image/") and (
        part.words(_CONTENT_ID, page).strip("<>") in shown or part.number(_HIDDEN)
    ):
        return None
    inner = part.folders.get(_stream(_DATA, _OBJECT))
    if inner is None:
        data = part.binary(_DATA)
        return Attachment(name or "attachment", data) if data.strip() else None
    if _PROPERTIES not in inner.streams:
        return None
    return Attachment(f"{name or 'message'}.msg", _inner_letter(inner, options))


def _inner_letter(mail: _Store, options: ReadOptions) -> Content:
    if options.depth >= DEEPEST:
        return ReadFailure("unsupported_format", f"it lies in more than {DEEPEST} other mails")
    inner = ReadOptions(options.name, options.uri, options.passwords, options.depth + 1)
    return _letter(mail, inner)
