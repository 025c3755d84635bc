"""OpenDocument packages: parts, and what the file says of itself."""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final

from indexes.errors import ReadFailure
from ingest.readers.packages import Parts
from ingest.readers.parts import attribute, child, name
from ingest.readers.zipped import opened

_ENCRYPTED: Final = b"encryption-data"
_PROPERTIES: Final = {
    "initial-creator": "author",
    "creator": "author",
    "subject": "subject",
    "keyword": "keywords",
    "creation-date": "created",
    "date": "changed",
}


class OdfPackage(Parts):
    """The parts of an OpenDocument file."""

    properties = _PROPERTIES

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Raise ReadFailure `encrypted` where the parts are locked with a password."""
        super().__init__(archive)
        if _ENCRYPTED in (self.data("META-INF/manifest.xml") or b""):
            raise ReadFailure(
                "encrypted",
                "the file asks for a password, and OpenDocument files with one are not unlocked "
                "here; open it in the program it comes from and save a copy without",
            )

    @cached_property
    def stated(self) -> Mapping[str, str]:
        """What the file states of itself, and how many pages were counted."""
        root = child(self.tree("meta.xml"), "meta")
        found = dict[str, str]()
        for one in root if root is not None else ():
            found.setdefault(name(one), one.text or "")
            if name(one) == "document-statistic":
                found["page-count"] = attribute(one, "page-count")
        return found

    @property
    def page_count(self) -> int | None:
        """How many pages the program had counted."""
        stated = self.stated.get("page-count", "")
        return int(stated) if stated.isdecimal() else None


@contextmanager
def odf_package(path: Path) -> Iterator[OdfPackage]:
    """Open a package. Raises ReadFailure `damaged`, `encrypted`, `too_large`."""
    with opened(path) as archive:
        yield OdfPackage(archive)
