"""Which files are there: the walk over a target, folder by folder, in the order of names.

Hidden files and folders are left out, what an ignore file names, and all that is no file: pipes,
sockets, devices, links that lead nowhere or in a circle. Links to files are followed within the
source's folder, links to folders never: what they lead to is found where it is.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.ignore import IGNORE_FILE, BadIgnoreFile, Rules, ignored, load_rules
from ingest.names import stored_name
from ingest.sources import Selection, Target

# A link that leads nowhere, or round in a circle, or through a file.
_NOWHERE: Final = frozenset({errno.ENOENT, errno.ELOOP, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that was found: `relative` to the source's folder, `size` in bytes, time in ns."""

    relative: str
    path: str
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A folder or file that could not be looked at; `relative` ends in "/" for a folder."""

    relative: str
    message: str


@dataclass(frozen=True, slots=True)
class Outside:
    """A link that leads out of the folder and is not followed."""

    relative: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """What an ignore file leaves out; `relative` ends in "/" for a folder."""

    relative: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is looked into; `prefix` is its relative path with a "/" at the end."""

    prefix: str
    path: str
    rules: tuple[Rules, ...] = ()


Entry = Listed | Unlisted | Outside | Ignored


@dataclass(frozen=True, slots=True)
class _Walk:
    """What stays the same on the way: the folder that links may not leave, and what to skip."""

    root: str
    selection: Selection
    skip: str


def list_target(target: Target, selection: Selection, skip: Path) -> Iterator[Entry]:
    """Find the files of a target, but for the folder `skip`."""
    return (one for one in _walk(target, selection, skip) if not isinstance(one, Folder))


def list_folders(target: Target, selection: Selection, skip: Path) -> Iterator[str]:
    """Find the folders whose files `list_target` finds."""
    return (one.path for one in _walk(target, selection, skip) if isinstance(one, Folder))


def _walk(target: Target, selection: Selection, skip: Path) -> Iterator[Entry | Folder]:
    """Walk the tree without recursion: folders may nest deeper than Python's stack."""
    root = target.root.resolve()
    walk = _Walk(str(root), selection, str(skip.resolve()))
    start = _start(target, root)
    if not isinstance(start, Folder):
        yield start
        return
    if target.single:
        if selection.takes(relative := stored_name(target.below)):
            yield _file(relative, str(target.path))
        return
    yield start
    ways = [_entries(walk, start)]
    while ways:
        match next(ways[-1], None):
            case None:
                ways.pop()
            case Folder() as folder:
                yield folder
                ways.append(_entries(walk, folder))
            case entry:
                yield entry


def _start(target: Target, root: Path) -> Folder | Ignored | Unlisted:
    """Return the folder to begin in, with the rules of all ignore files above it.

    Returns what an ignore file leaves out where that is the target itself, or a folder above it.
    """
    folder = Folder("", str(root))
    parts = Path(target.below).parts
    for place, name in enumerate(parts, start=1):
        ruled = _ruled(folder)
        if isinstance(ruled, Unlisted):
            return ruled
        relative = folder.prefix + stored_name(name)
        is_file = target.single and place == len(parts)
        if ignored(relative if is_file else f"{relative}/", ruled.rules):
            return Ignored(relative if is_file else f"{relative}/")
        if is_file:
            return ruled
        folder = Folder(f"{relative}/", f"{folder.path}/{name}", ruled.rules)
    return folder


def _ruled(folder: Folder) -> Folder | Unlisted:
    """Return the folder with the rules of its ignore file, if it has one."""
    try:
        rules = load_rules(folder.path, folder.prefix)
    except FileNotFoundError:
        return folder
    except BadIgnoreFile as error:
        what = f"was left as it is, for its {IGNORE_FILE} {error}; mend it, or remove it"
        return Unlisted(folder.prefix, what)
    return Folder(folder.prefix, folder.path, (*folder.rules, rules))


def _entries(walk: _Walk, folder: Folder) -> Iterator[Entry | Folder]:
    try:
        with os.scandir(folder.path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        why = f"cannot be listed ({error.strerror})"
        yield Unlisted(folder.prefix, f"{why}; make it readable, or leave it out with --exclude")
        return
    if any(entry.name == IGNORE_FILE for entry in entries):
        ruled = _ruled(folder)
        if isinstance(ruled, Unlisted):
            yield ruled
            return
        folder = ruled
    for entry in entries:
        if not entry.name.startswith(".") and entry.path != walk.skip:
            yield from _entry(walk, folder, entry)


def _entry(walk: _Walk, folder: Folder, entry: os.DirEntry[str]) -> Iterator[Entry | Folder]:
    relative = folder.prefix + stored_name(entry.name)
    if walk.selection.excludes(relative):
        return
    try:
        is_folder = entry.is_dir(follow_symlinks=False)
        if folder.rules and ignored(f"{relative}/" if is_folder else relative, folder.rules):
            yield Ignored(f"{relative}/" if is_folder else relative)
        elif is_folder:
            yield Folder(f"{relative}/", entry.path, folder.rules)
        elif entry.is_symlink():
            yield from _link(walk, relative, entry.path)
        elif entry.is_file(follow_symlinks=False) and walk.selection.takes(relative):
            found = entry.stat(follow_symlinks=False)
            yield Listed(relative, entry.path, found.st_size, found.st_mtime_ns)
    except OSError as error:
        yield _unseen(relative, error)


def _link(walk: _Walk, relative: str, path: str) -> Iterator[Entry]:
    real = Path(os.path.realpath(path))  # unlike resolve(), it bears links that go in circles
    if not real.is_relative_to(walk.root):
        yield Outside(relative)
        return
    try:
        found = Path(path).stat()
    except OSError as error:
        if error.errno in _NOWHERE:
            return
        raise
    if stat.S_ISREG(found.st_mode) and walk.selection.takes(relative):
        yield Listed(relative, path, found.st_size, found.st_mtime_ns)


def _file(relative: str, path: str) -> Entry:
    """Return what is at the path that was given for one file."""
    try:
        found = Path(path).stat()
    except OSError as error:
        return _unseen(relative, error)
    if not stat.S_ISREG(found.st_mode):
        return Unlisted(relative, "is no ordinary file; name another")
    return Listed(relative, path, found.st_size, found.st_mtime_ns)


def _unseen(relative: str, error: OSError) -> Unlisted:
    return Unlisted(relative, f"cannot be looked at ({error.strerror}); check the file")
