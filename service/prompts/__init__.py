"""Prompts: files of Markdown that a person can read, and replace by files of their own.

A file has a part for each message, under a heading `# system`, `# user` or `# assistant`; what
stands in it as `$name` is filled in. Which names there are to a prompt, our own file of it tells.
"""

import difflib
import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final, cast

from indexes.errors import UsageError
from service.evidence import Evidence
from service.language_model import Message, Role

FOLDER: Final = Path(__file__).parent
NOT_FOUND: Final = "NOT_FOUND"
_ABSTAINED: Final = re.compile(rf"\W*{re.escape(NOT_FOUND)}\W*")
_PART: Final = re.compile(r"^# (system|user|assistant)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of a process: files of `folder` stand before our own of the same name."""

    folder: Path | None = None

    def fill(self, name: str, **words: str) -> list[Message]:
        """Return the messages of a prompt with words in the places that it names.

        Raises UsageError that names the file and what is wrong with it.
        """
        parts = _parts(self._path(name), words)
        return [
            Message(cast("Role", role), Template(part.strip()).substitute(words))
            for role, part in zip(parts[1::2], parts[2::2], strict=True)
        ]

    def _path(self, name: str) -> Path:
        if self.folder:
            _check_folder(self.folder)
        own = self.folder / f"{name}.md" if self.folder else None
        return own if own is not None and own.exists() else FOLDER / f"{name}.md"


def check_prompts(folder: Path | None) -> None:
    """Raise UsageError that tells of each file of a folder of prompts that cannot be used.

    What is named as no prompt would be overlooked, so it is a mistake; but for hidden files and a
    README.
    """
    if folder is None:
        return
    _check_folder(folder)
    if mistakes := list(_mistakes(folder)):
        raise UsageError("AFTERWORD_PROMPTS: " + "; ".join(mistakes))


def _mistakes(folder: Path) -> Iterator[str]:
    known = sorted(path.name for path in FOLDER.glob("*.md"))
    for path in _files(folder):
        if path.name.startswith((".", "README")) or path.is_dir():
            continue
        if path.name not in known:
            near = difflib.get_close_matches(path.name.lower(), known, n=1)
            meant = f", {near[0]} may be meant" if near else ""
            yield f"{path} is no prompt's name{meant}; there are {', '.join(known)}"
            continue
        ours = Template((FOLDER / path.name).read_text(encoding="utf-8"))
        try:
            _parts(path, ours.get_identifiers())
        except UsageError as error:
            yield error.message


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(
            f"AFTERWORD_PROMPTS: {folder} cannot be listed: {error.strerror}; let this user read it"
        ) from None


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(
            f"AFTERWORD_PROMPTS: {folder} is no folder; make it, or leave the setting out"
        )


def _parts(path: Path, known: Collection[str]) -> list[str]:
    """Return what is ahead of the first part, and then each role with its message.

    Every place in it is one that is `known`. Raises UsageError.
    """
    text = _text(path)
    parts = _PART.split(text)
    if len(parts) == 1 or parts[-2] != "user":
        raise UsageError(
            f"the prompt {path} does not end with a part of the user; write a line `# user`, "
            "and the message under it"
        )
    for place in Template.pattern.finditer(text):
        name = place["named"] or place["braced"]
        if place["invalid"] is not None or (name is not None and name not in known):
            there = ", ".join(f"${one}" for one in sorted(known))
            raise UsageError(
                f"the prompt {path} has a place in line {text.count(chr(10), 0, place.start()) + 1}"
                f" that nothing fills (${name or ''}); there are {there}, and $$ for the sign "
                "itself"
            )
    return parts


def _text(path: Path) -> str:
    try:
        written = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the prompt {path} cannot be read: {error.strerror}") from None
    try:
        text = written.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = written.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"the prompt {path} is not UTF-8: byte {error.start} (0x{written[error.start]:02x}), "
            f"in line {line}, stands for no character; save it as UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def abstains(sentence: str) -> bool:
    """Tell whether a model wrote what the prompts ask for where nothing answers."""
    return _ABSTAINED.fullmatch(sentence) is not None


def fenced(evidence: Sequence[Evidence]) -> str:
    """Return the evidence as numbered elements, from 1, whose end no document can write.

    The elements' name has in it a hash of all that stands in them.
    """
    texts = [one.candidate.chunk.text for one in evidence]
    name = f"evidence-{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:8]}"
    return "\n".join(_element(name, number, one) for number, one in enumerate(evidence, 1))


def _element(name: str, number: int, evidence: Evidence) -> str:
    chunk = evidence.candidate.chunk
    about = [f'number="{number}"', f'title="{_attribute(chunk.title)}"']
    if chunk.section:
        about.append(f'section="{_attribute(chunk.section)}"')
    if chunk.as_of:
        about.append(f'as_of="{chunk.as_of}"')
    return f"<{name} {' '.join(about)}>\n{chunk.text}\n</{name}>"


def _attribute(text: str) -> str:
    return " ".join(text.split()).replace('"', "'")
