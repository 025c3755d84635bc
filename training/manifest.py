"""The manifest of a model's folder: what it says of itself, and the sha256 of each file."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from indexes.network import MANIFEST


def write_manifest(folder: Path, about: Mapping[str, object], names: Iterable[str]) -> None:
    """Write a manifest that begins with `about` and lists the files `names`."""
    manifest = {**about, "files": {name: file_sha256(folder / name) for name in names}}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def list_file(folder: Path, name: str) -> None:
    """Add a file to the manifest of its folder, or bring its hash up to date there."""
    about = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    write_manifest(folder, about, dict.fromkeys([*about["files"], name]))


def file_sha256(path: Path) -> str:
    """Return the hexadecimal sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
