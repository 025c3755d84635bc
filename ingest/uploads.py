"""Uploads: files that were handed in under a name, and which document each becomes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from indexes.collection import Writer
from indexes.documents import UPLOADS, Document, part_prefix
from ingest.names import stored_name
from ingest.plan import Given, Step, record_uri
from ingest.readers import JSONL, READERS

_EXTENSIONS: Final = {media_type: entry.suffix for media_type, entry in READERS.items()}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was handed in under a name; `path` is where it lies, `size` in bytes.

    `media_type` is what the sender calls it, if anything; it counts where the name says nothing.
    """

    collection: str
    filename: str
    path: Path
    size: int
    given: Given
    media_type: str | None = None

    @property
    def is_file(self) -> bool:
        """Whether it came as a file, whose kind only its content tells, and not as a text."""
        return self.media_type is None

    @property
    def name(self) -> str:
        """The file's name with an extension, if the media type has a usual one."""
        usual = _EXTENSIONS.get(self.media_type or "", "")
        known = Path(self.filename).suffix.lower() in _EXTENSIONS.values()
        return self.filename if known else f"{self.filename}{usual}"


def upload_step(upload: Upload, writer: Writer, *, keep: bool) -> Step:
    """Return the step that reads an upload, with the documents whose places it takes.

    Its bytes are to be stored too if it is a file and uploads are to be kept.
    """
    uri = f"{UPLOADS}{stored_name(upload.filename)}"
    known = writer.known_file(UPLOADS, uri)
    key = upload.given.document_id
    if key and any(d.uri == uri and d.document_id != key for d in known):
        # Two documents of one file name, told apart by the ids that they were given.
        uri = record_uri(uri, key)
    known = [one for one in known if _comes_from(one, uri)]
    path, size = str(upload.path), upload.size
    kept = keep and upload.is_file
    return Step(uri, UPLOADS, path, size, 0, tuple(known), name=upload.name, kept=kept)


def _comes_from(document: Document, uri: str) -> bool:
    """Tell whether an upload of that uri gave the document: itself, a record, or a part.

    An upload that was given an id has the uri of a record, but is a file of its own.
    """
    if document.uri != record_uri(uri, document.document_id):
        return document.uri == uri
    is_record = document.media_type == JSONL
    return is_record or document.document_id.startswith(part_prefix(uri))
