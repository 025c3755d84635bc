"""Where documents come from: what a given path means.

A folder is a source and a file's uri is `source/relative/path`. A path inside a folder that was
ingested before belongs to that folder's source, so that no document is stored twice.
"""

import errno
import os
import shlex
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from indexes.documents import UPLOADS, WEB
from indexes.errors import BadName, UsageError
from ingest.names import shown, stored_name

_SOURCE_LIMIT: Final = 128
# Their uris would look like addresses of the web.
_SCHEMES: Final = frozenset({"http:", "https:"})


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files a person asked for.

    A pattern without "/" is compared with each part of the relative path, another with its
    beginning; `*` and `?` stay within a part, a part `**` stands for any number of them.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def options(self) -> str:
        """The options of the command that ask for it, "" where all is asked for."""
        patterns = [("--include", p) for p in self.include] + [
            ("--exclude", p) for p in self.exclude
        ]
        return " ".join(f"{option} {shlex.quote(pattern)}" for option, pattern in patterns)

    def excludes(self, relative: str) -> bool:
        """Tell whether a file or folder is left out, by itself or by a folder above it."""
        return any(_matches(pattern, relative) for pattern in self.exclude)

    def takes(self, relative: str) -> bool:
        """Tell whether a file is asked for."""
        included = not self.include or any(_matches(p, relative) for p in self.include)
        return included and not self.excludes(relative)


def _matches(pattern: str, relative: str) -> bool:
    wanted = pattern.removeprefix("./").strip("/").split("/")
    parts = relative.split("/")
    if len(wanted) == 1:
        return any(fnmatchcase(part, wanted[0]) for part in parts)
    return _begins(parts, wanted)


def _begins(parts: list[str], wanted: list[str]) -> bool:
    if not wanted:
        return True
    if wanted[0] == "**":
        return any(_begins(parts[start:], wanted[1:]) for start in range(len(parts) + 1))
    fits = bool(parts) and fnmatchcase(parts[0], wanted[0])
    return fits and _begins(parts[1:], wanted[1:])


@dataclass(frozen=True, slots=True)
class Target:
    """A path that a person gave, as a part of a source.

    `root` is the source's folder; `below` is the part of it to look at, relative to the root
    ("" for all of it); `single` says that it is one file.
    """

    source: str
    root: Path
    below: str = ""
    single: bool = False

    @property
    def path(self) -> Path:
        """The folder or file to look at."""
        return self.root / self.below


def find_targets(
    paths: Sequence[str], source: str | None, roots: Mapping[str, str]
) -> tuple[Target, ...]:
    """Return what the given paths mean, `roots` being the folder of each source known so far.

    Raises UsageError that lists all mistakes.
    """
    known = dict(roots)
    targets: dict[Target, None] = {}
    mistakes: list[str] = []
    for path in paths:
        try:
            target = _target(_absolute(path), source, known)
        except UsageError as error:
            mistakes.append(error.message)
            continue
        known[target.source] = stored_name(str(target.root))
        targets[target] = None
    if mistakes:
        raise UsageError("; ".join(dict.fromkeys(mistakes)))
    return tuple(targets)


def _absolute(path: str) -> Path:
    # Links stay as given: `current` keeps its name and place when it points to another folder.
    return Path(os.path.normpath(Path.cwd() / path))


def check_source(name: str) -> None:
    """Raise BadName unless `name` may be the name of a source."""
    fits = 0 < len(name) <= _SOURCE_LIMIT and name.isprintable() and "/" not in name
    if (
        not fits
        or name in {".", ".."}
        or name.startswith((UPLOADS, WEB))
        or name.lower() in _SCHEMES
    ):
        raise BadName(
            f"{name!r} cannot be the name of a source: use --source with up to {_SOURCE_LIMIT} "
            f"printable characters, no '/', not beginning with {UPLOADS!r} or {WEB!r}"
        )


def _target(path: Path, source: str | None, roots: Mapping[str, str]) -> Target:
    single = not _is_folder(path)
    folder = path.parent if single else path
    within = _recorded(folder, source, roots)
    if within is not None:
        name, root = within
        below = "" if path == root else str(path.relative_to(root))
        return Target(name, root, below, single=single)
    if source is None and not folder.name:
        raise UsageError(
            f"the folder {shown(str(folder))} has no name that its source could have; give the "
            "source one with --source NAME"
        )
    name = stored_name(folder.name) if source is None else source
    check_source(name)
    _check_free(name, folder, roots, given=source is not None and not single)
    return Target(name, folder, path.name if single else "", single=single)


def _is_folder(path: Path) -> bool:
    """Tell a folder from a file. Raises UsageError for all else, without opening anything."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        why = {
            errno.ENOENT: "leads nowhere" if os.path.lexists(path) else "does not exist",
            errno.ELOOP: "is a link that leads in a circle",
        }.get(error.errno or 0, f"cannot be looked at ({error.strerror})")
        raise UsageError(f"{shown(str(path))} {why}; check the path") from error
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise UsageError(
            f"{shown(str(path))} is not a file or folder but a pipe, a socket or a device; write "
            "what it gives into a file, and ingest that"
        )
    return stat.S_ISDIR(mode)


def _recorded(
    folder: Path, source: str | None, roots: Mapping[str, str]
) -> tuple[str, Path] | None:
    """Return the source that `folder` lies in, the deepest one, and the path of its root."""
    names = [name for name in sorted(roots) if source in (None, name)]
    names.sort(key=lambda name: name != folder.name)
    for above in (folder, *folder.parents):
        for name in names:
            if _same_folder(above, roots[name]):
                return name, above
    return None


def _same_folder(one: Path, other: str) -> bool:
    try:
        return stored_name(str(one)) == other or one.samefile(other)
    except OSError:
        return False


def _check_free(name: str, folder: Path, roots: Mapping[str, str], *, given: bool) -> None:
    # A folder that was moved, or a checkout made anew and named with --source, takes over.
    root = roots.get(name)
    if root is None or given or not Path(root).is_dir():
        return
    raise UsageError(
        f"{shown(str(folder))} cannot be the source {name!r}: in this collection that is the "
        f"folder {shown(root)}; give this one a name of its own with --source NAME"
    )


def overlapping(targets: Sequence[Target], roots: Mapping[str, str]) -> dict[str, str]:
    """Return those sources, with their folders, that lie inside a target of another source.

    Their files are then in the collection twice.
    """
    return {
        name: root
        for name, root in roots.items()
        for target in targets
        if name != target.source and not target.single and target.path in Path(root).parents
    }
