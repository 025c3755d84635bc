"""Short texts of our own in other languages, with questions that they answer and some that not."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from indexes.languages import Language, language_named

FOLDER: Final = Path(__file__).parent / "languages"
NAMES: Final = ("ar", "de", "zh")


@dataclass(frozen=True)
class Paragraph:
    """A document of one paragraph."""

    id: str
    title: str
    text: str


@dataclass(frozen=True)
class Asked:
    """A question, the paragraph that answers it, and words of the answer as they stand there."""

    question: str
    relevant: str
    answer: str


@dataclass(frozen=True)
class Texts:
    """A language's paragraphs and questions."""

    language: Language
    paragraphs: tuple[Paragraph, ...]
    questions: tuple[Asked, ...]
    unanswerable: tuple[str, ...]


@cache
def load_texts(name: str) -> Texts:
    """Read `languages/NAME.json`."""
    found = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    language = language_named(found["language"])
    assert language is not None
    return Texts(
        language,
        tuple(Paragraph(**one) for one in found["paragraphs"]),
        tuple(Asked(**one) for one in found["questions"]),
        tuple(found["unanswerable"]),
    )
