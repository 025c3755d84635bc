"""Office Open XML packages: parts, how they relate, and what the file says of itself."""

import posixpath
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from indexes.documents import Finding, Metadata, stored_form
from indexes.errors import ReadFailure
from ingest.readers.dates import iso_date
from ingest.readers.parts import Element, attribute, children, name, parsed, repaired
from ingest.readers.titles import stated_title
from ingest.readers.zipped import opened, part

_PROPERTIES: Final = {
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "created": "created",
    "modified": "changed",
}
_DATES: Final = frozenset(("created", "changed"))
SAVE_ANEW: Final = "open the file in the program it comes from and save it anew"


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to; `kind` is the last word of its type, `target` a part or an address."""

    kind: str
    target: str
    external: bool


class Package:
    """The parts of an open archive; what cannot be read is kept in `damaged`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._parts = {one.lower(): one for one in reversed(archive.namelist())}
        self._relations: dict[str, Mapping[str, Relation]] = {}
        self.damaged: dict[str, str] = {}

    def data(self, part_name: str) -> bytes | None:
        """Return a part's bytes, None where it is not there or damaged."""
        stored = self._parts.get(part_name.lower())
        if stored is None:
            return None
        try:
            return part(self._archive, stored)
        except ReadFailure as failure:
            self.damaged[part_name] = failure.message.partition(";")[0]
            return None

    def tree(self, part_name: str) -> Element | None:
        """Return a part's root, None where it is not there or nothing of it can be read."""
        data = self.data(part_name)
        if not data:
            return None
        try:
            return parsed(data)
        except ReadFailure as failure:
            self.damaged[part_name] = failure.message
            return repaired(data)

    def related(self, part_name: str) -> Mapping[str, Relation]:
        """Return what a part ("" for the package) refers to, by the ids that it uses."""
        if part_name not in self._relations:
            folder, file = posixpath.split(part_name)
            root = self.tree(posixpath.join(folder, "_rels", f"{file}.rels"))
            found = children(root, "Relationship")
            self._relations[part_name] = {
                attribute(one, "Id"): _relation(folder, one) for one in found
            }
        return self._relations[part_name]

    def of_kind(self, part_name: str, kind: str) -> Iterator[str]:
        """Yield the parts that a part refers to as one of a kind, such as `footnotes`."""
        for relation in self.related(part_name).values():
            if relation.kind == kind and not relation.external:
                yield relation.target

    def main(self, otherwise: str) -> str:
        """Return the name of the document's main part, `otherwise` where nothing says so."""
        stated = next(self.of_kind("", "officeDocument"), otherwise)
        return stated if stated.lower() in self._parts else otherwise

    @cached_property
    def _core(self) -> Mapping[str, str]:
        """The core properties by their names."""
        part_name = next(self.of_kind("", "core-properties"), "docProps/core.xml")
        root = self.tree(part_name)
        return {} if root is None else {name(one): one.text or "" for one in root}

    @property
    def title(self) -> str:
        """The title that somebody gave the document, else ""."""
        return stated_title(self._core.get("title", ""))

    @property
    def metadata(self) -> Metadata:
        """What the file says of itself; its dates tell when it was written and are no as_of."""
        found = dict[str, str]()
        for key, called in _PROPERTIES.items():
            words = " ".join(stored_form(self._core.get(key, "")).split())
            value = iso_date(words) if called in _DATES else words
            if value:
                found[called] = value
        return found

    def findings(self) -> tuple[Finding, ...]:
        """Say which parts could not be read in full."""
        if not self.damaged:
            return ()
        parts = "; ".join(f"{part} ({why})" for part, why in sorted(self.damaged.items()))
        return (Finding("damaged", f"damaged inside: {parts[:500]}; {SAVE_ANEW}"),)


def _relation(folder: str, element: Element) -> Relation:
    target = unquote(attribute(element, "Target"))
    external = attribute(element, "TargetMode") == "External"
    if not external:
        target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
    return Relation(attribute(element, "Type").rpartition("/")[2], target, external)


@contextmanager
def package(path: Path) -> Iterator[Package]:
    """Open a package. Raises ReadFailure `damaged`, `encrypted`, `too_large`."""
    with opened(path) as archive:
        yield Package(archive)
