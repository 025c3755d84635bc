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

from ingest.readers.packages import Parts
from ingest.readers.parts import Element, attribute, children, name
from ingest.readers.zipped import opened

_PROPERTIES: Final = {
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "created": "created",
    "modified": "changed",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to; `kind` is the last word of its type, `target` a part or an address."""

    kind: str
    target: str
    external: bool


class Package(Parts):
    """The parts of an Office Open XML file, and how they relate."""

    properties = _PROPERTIES

    def __init__(self, archive: zipfile.ZipFile) -> None:
        super().__init__(archive)
        self._parts = {one.lower(): one for one in reversed(archive.namelist())}
        self._relations: dict[str, Mapping[str, Relation]] = {}

    def _stored(self, part_name: str) -> str:
        # Names of parts are the same in small and capital letters.
        return self._parts.get(part_name.lower(), part_name)

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
    def stated(self) -> Mapping[str, str]:
        """The core properties by their names."""
        part_name = next(self.of_kind("", "core-properties"), "docProps/core.xml")
        root = self.tree(part_name)
        return {} if root is None else {name(one): one.text or "" for one in root}


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
