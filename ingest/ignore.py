"""Ignore files: `.afterwordignore` in a folder says what is left out, as `.gitignore` does.

As in git the last pattern that fits decides, a file deeper in the tree over those above it, and
nothing below a folder that is left out can be taken in again. Matching takes time linear in the
name's length, whatever the pattern: who writes such a file cannot stop a run.
"""

import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

IGNORE_FILE: Final = ".afterwordignore"
_MOST_BYTES: Final = 1024 * 1024
_TRAILING_SPACES: Final = re.compile(r"(?<!\\) +$")
# What may stand in a part of a pattern: an escaped character, a set, stars, or any other one.
_TOKEN: Final = re.compile(
    r"\\(?P<escaped>.)"
    r"|(?P<set>\[[!^]?\]?+(?:\[:[a-z]+:\]|\\.|[^\]\\])*\])"
    r"|(?P<stars>\*+)"
    r"|(?P<one>[^\\])",
    re.DOTALL,
)
_IN_SET: Final = re.compile(
    r"\[:(?P<kind>[a-z]+):\]"
    r"|(?P<low>\\.|[^\\])-(?P<high>\\.|[^\\])"
    r"|(?P<one>\\.|[^\\])",
    re.DOTALL,
)
_KINDS: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t\\n\\r\\f\\v",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class BadIgnoreFile(Exception):
    """An ignore file cannot be used; the message says why. Never reaches a user by itself."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line: `parts` are matched with those of a path, None standing for any number of them.

    A pattern that is not `anchored` is matched with a path's last part alone.
    """

    parts: tuple[re.Pattern[str] | None, ...]
    anchored: bool
    folders_only: bool
    leaves_out: bool

    def fits(self, parts: Sequence[str], *, is_folder: bool) -> bool:
        """Tell whether the pattern fits a path, given as its parts."""
        if self.folders_only and not is_folder:
            return False
        if not self.anchored:
            return _is(self.parts[0], parts[-1])
        return _fit(self.parts, parts)


def _fit(wanted: tuple[re.Pattern[str] | None, ...], parts: Sequence[str]) -> bool:
    """Match from left to right; where a part fails, only the last `**` can take one more."""
    place = at = 0
    again: tuple[int, int] | None = None
    while at < len(parts):
        if wanted[place : place + 1] == (None,):
            # At the end `**` stands for all that is in a folder, not for the folder.
            if place + 1 == len(wanted):
                return True
            place += 1
            again = (place, at)
        elif place < len(wanted) and _is(wanted[place], parts[at]):
            place, at = place + 1, at + 1
        elif again is not None:
            place, at = again[0], again[1] + 1
            again = (place, at)
        else:
            return False
    return place == len(wanted)


def _is(wanted: re.Pattern[str] | None, part: str) -> bool:
    return wanted is not None and wanted.fullmatch(part) is not None


@dataclass(frozen=True, slots=True)
class Rules:
    """One ignore file: its patterns, and the folder it lies in (relative, with "/" at the end)."""

    prefix: str
    patterns: tuple[Pattern, ...]

    def decide(self, relative: str) -> bool | None:
        """Tell whether a path is left out (True) or taken in; None where no pattern fits."""
        path = relative[len(self.prefix) :]
        parts = path.rstrip("/").split("/")
        for pattern in reversed(self.patterns):
            if pattern.fits(parts, is_folder=path.endswith("/")):
                return pattern.leaves_out
        return None


def ignored(relative: str, rules: Sequence[Rules]) -> bool:
    """Tell whether a path is left out; a folder's ends in "/". The last of `rules` is the deepest.

    The folders above it must have been looked at before.
    """
    decisions = (one.decide(relative) for one in reversed(rules))
    return next((decision for decision in decisions if decision is not None), False)


def load_rules(folder: str, prefix: str) -> Rules:
    """Read the ignore file of a folder. Raises BadIgnoreFile, and FileNotFoundError for none."""
    path = Path(folder, IGNORE_FILE)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise BadIgnoreFile("is no ordinary file")
        if found.st_size > _MOST_BYTES:
            raise BadIgnoreFile(f"has over {_MOST_BYTES} bytes")
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadIgnoreFile(f"is not UTF-8 (at byte {error.start + 1})") from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadIgnoreFile(f"cannot be read ({error.strerror})") from error
    return Rules(prefix, tuple(parse(text)))


def parse(text: str) -> Iterator[Pattern]:
    """Yield the patterns of an ignore file. Raises BadIgnoreFile that names the line."""
    for number, line in enumerate(text.split("\n"), start=1):
        written = _TRAILING_SPACES.sub("", line.removesuffix("\r"))
        try:
            if written and not written.startswith("#"):
                yield _pattern(written)
        except ValueError as error:
            raise BadIgnoreFile(f"has a mistake in line {number} ({written!r}): {error}") from error


def _pattern(written: str) -> Pattern:
    leaves_out = not written.startswith("!")
    words = written.removeprefix("!")
    folders_only = words.endswith("/")
    words = words.removesuffix("/")
    anchored = "/" in words
    words = words.removeprefix("/")
    if not words:
        raise ValueError("it names nothing")
    if not anchored:
        return Pattern((_expression(words),), anchored, folders_only, leaves_out)
    parts = tuple(None if part == "**" else _expression(part) for part in words.split("/"))
    return Pattern(parts, anchored, folders_only, leaves_out)


def _expression(part: str) -> re.Pattern[str]:
    """Return what matches one part of a path.

    Behind a star the words up to the next star are taken where they first fit, for good: that is
    enough, and keeps the time linear.
    """
    pieces = [""]
    place = 0
    while place < len(part):
        token = _TOKEN.match(part, place)
        if token is None:
            raise ValueError("a backslash at the end escapes nothing")
        place = token.end()
        if token["stars"]:
            pieces.append("")
        else:
            pieces[-1] += _one(token)
    first, *others = pieces
    if others:
        *middle, last = others
        first += "".join(f"(?>.*?{words})" for words in middle if words)
        first += f".*{last}"
    return re.compile(first, re.DOTALL)


def _one(token: re.Match[str]) -> str:
    """Return the expression of one character."""
    if token["set"]:
        return _set(token["set"][1:-1])
    if token["escaped"]:
        return re.escape(token["escaped"])
    if token["one"] == "[":
        raise ValueError("a bracket is not closed; write \\[ for the sign itself")
    return "." if token["one"] == "?" else re.escape(token["one"])


def _set(words: str) -> str:
    """Return the expression of a set, written without its brackets."""
    negated = words[:1] in {"!", "^"}
    found = []
    for token in _IN_SET.finditer(words[negated:]):
        if token["kind"]:
            if token["kind"] not in _KINDS:
                raise ValueError(f"there is no kind of character [:{token['kind']}:]")
            found.append(_KINDS[token["kind"]])
        elif token["low"]:
            low, high = token["low"][-1], token["high"][-1]
            if low <= high:  # others have nothing in them
                found.append(f"{re.escape(low)}-{re.escape(high)}")
        else:
            found.append(re.escape(token["one"][-1]))
    if not found:
        return "." if negated else "(?!)"
    return f"[{'^' * negated}{''.join(found)}]"
