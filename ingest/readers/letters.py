"""Mails of any format: the mail itself as one document, what is attached as others beside it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from indexes.documents import (
    Extract,
    Finding,
    Metadata,
    is_document_id,
    sha256_text,
    stored_form,
)
from indexes.errors import ReadFailure
from ingest.readers import Reading, ReadOptions, RecordFailure
from ingest.readers.composed import Composed
from ingest.readers.dates import iso_date
from ingest.readers.inside import DEEPEST, read_inside
from ingest.readers.layout import Laid

HEADERS: Final = ("From", "To", "Cc", "Date", "Subject")
_KEPT: Final = {"From": "from", "To": "to", "Cc": "cc", "Date": "date", "Message-ID": "message_id"}
_HASH: Final = 8


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail: its fields in words, its text, and what is attached.

    `bodies` are texts that follow each other; `findings` are of them.
    """

    headers: Mapping[str, str]
    bodies: Sequence[Laid] = ()
    attachments: Sequence["Attachment"] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file, or another mail, that came with a mail."""

    name: str
    content: "Content"


Content: TypeAlias = bytes | Letter | ReadFailure


@dataclass(slots=True)
class _Ids:
    """Gives each part of a mail an id that stays the same while its name does."""

    options: ReadOptions
    given: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, content: str) -> str | None:
        """Return the id of a part, None for one that is there already, word for word."""
        told = f"{name}~{sha256_text(content)[:_HASH]}"
        for candidate in (name, told):
            key = self.options.part_id(candidate)
            if key not in self.given:
                self.given[key] = content
                return key
            if self.given[key] == content:
                return None
        return None


def documents(letter: Letter, media_type: str, options: ReadOptions) -> Reading:
    """Yield a mail and what is attached to it.

    What is attached has ids of its own, made from the mail's uri and its name. A part that cannot
    be read is a failure that names it.
    """
    yield _mail(letter, media_type, options)
    ids = _Ids(options)
    for attachment in letter.attachments:
        yield from _attached(attachment, ids, media_type)


def _mail(letter: Letter, media_type: str, options: ReadOptions) -> Extract:
    composed = Composed()
    shown = (f"{name}: {letter.headers[name]}" for name in HEADERS if letter.headers.get(name))
    composed.paragraph("\n".join(shown))
    for body in letter.bodies:
        composed.include(body.text, body.headings, body.tables)
    if not composed.text:
        raise ReadFailure("empty", "the mail has neither fields nor text; fetch it again")
    as_of = iso_date(letter.headers.get("Date"))
    findings = letter.findings + tuple(f for body in letter.bodies for f in body.findings)
    return Extract(
        composed.text,
        media_type,
        letter.headers.get("Subject") or options.stem,
        headings=tuple(composed.headings),
        tables=tuple(composed.tables),
        as_of=as_of,
        as_of_source="content" if as_of else None,
        metadata=_metadata(letter),
        findings=tuple(dict.fromkeys(findings)),
    )


def _metadata(letter: Letter) -> Metadata:
    return {key: letter.headers[name] for name, key in _KEPT.items() if letter.headers.get(name)}


def _attached(attachment: Attachment, ids: _Ids, media_type: str) -> Reading:
    """Yield what is in an attachment, with ids that no other part has."""
    name, content = attachment.name, attachment.content
    key = ids.take(name, _digest(content))
    if key is None:
        return
    options = replace(
        ids.options, name=name, uri=f"{ids.options.uri}#{key}", depth=ids.options.depth + 1
    )
    try:
        for item in _items(content, media_type, options):
            if isinstance(item, RecordFailure):
                yield RecordFailure(
                    _failed(item, key, name, ids.options), _named(name, item.failure)
                )
            elif item.record_id is None:
                yield replace(item, record_id=key)
            elif (record := ids.take(f"{name}~{item.record_id}", item.text)) is not None:
                yield replace(item, record_id=record)
    except ReadFailure as failure:
        yield RecordFailure(key, _named(name, failure))


def _failed(item: RecordFailure, key: str, name: str, options: ReadOptions) -> str:
    """Return the id that a record in an attachment would have had, or where it stands."""
    if is_document_id(item.record):
        return options.part_id(f"{name}~{item.record}")
    return f"{key} {item.record}"


def _items(
    content: Content, media_type: str, options: ReadOptions
) -> Iterator[Extract | RecordFailure]:
    if isinstance(content, ReadFailure):
        raise content
    if isinstance(content, bytes):
        return read_inside(content, options)
    if options.depth > DEEPEST:
        raise ReadFailure("unsupported_format", f"it lies in more than {DEEPEST} other mails")
    return documents(content, media_type, options)


def _digest(content: Content) -> str:
    match content:
        case bytes():
            return hashlib.sha256(content).hexdigest()
        case Letter():
            return repr((sorted(content.headers.items()), [body.text for body in content.bodies]))
        case _:
            return content.message


def _named(name: str, failure: ReadFailure) -> ReadFailure:
    return ReadFailure(failure.reason, f"attachment {name!r}: {failure.message}", failure.pages)


def best(plain: str, page: Laid) -> Laid:
    """Return the better one of two forms of a text.

    Plain words are, unless they say much less: that the mail is to be read as a page, for example.
    """
    words = stored_form(plain).strip("\n")
    if words.strip() and len(words.split()) * 4 >= len(page.text.split()):
        return Laid(words)
    return page
