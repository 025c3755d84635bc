"""Prompts: files of Markdown that a person can read, and replace by files of their own.

A file has a part for each message, under a heading `# system`, `# user` or `# assistant`; what
stands in it as `$name` is filled in.
"""

import hashlib
import re
from collections.abc import Sequence
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
        path = self._path(name)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the prompt {path} cannot be read: {error}") from None
        parts = _PART.split(text)
        if len(parts) == 1 or parts[-2] != "user":
            raise UsageError(
                f"the prompt {path} does not end with a part of the user; write a line `# user`, "
                "and the message under it"
            )
        return [
            Message(cast("Role", role), _filled(path, part.strip(), words))
            for role, part in zip(parts[1::2], parts[2::2], strict=True)
        ]

    def _path(self, name: str) -> Path:
        if self.folder and not self.folder.is_dir():
            raise UsageError(
                f"AFTERWORD_PROMPTS: {self.folder} is no folder; make it, or leave the setting out"
            )
        own = self.folder / f"{name}.md" if self.folder else None
        return own if own is not None and own.exists() else FOLDER / f"{name}.md"


def _filled(path: Path, text: str, words: dict[str, str]) -> str:
    try:
        return Template(text).substitute(words)
    except (KeyError, ValueError) as error:
        known = ", ".join(f"${name}" for name in words)
        raise UsageError(
            f"the prompt {path} has a place that nothing fills ({error}); there are {known}, and "
            "$$ for the sign itself"
        ) from None


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
