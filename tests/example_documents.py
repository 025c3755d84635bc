"""The example documents: their words with and without our readers, and questions."""

import importlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from indexes.documents import Extract
from ingest.readers import CSV, HTML, JSONL, MARKDOWN, PDF, PLAIN, READERS, ReadOptions

EXAMPLES = Path(__file__).parent.parent / "examples"
DOCUMENTS = sorted((EXAMPLES / "documents").iterdir())
TAG = re.compile(r"<[^>]*>")
MEDIA_TYPES = {
    ".csv": CSV,
    ".html": HTML,
    ".jsonl": JSONL,
    ".md": MARKDOWN,
    ".pdf": PDF,
    ".txt": PLAIN,
}


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a file of questions about the example documents."""

    question_id: str
    question: str
    answers: tuple[str, ...]
    relevant: tuple[str, ...]
    answerable: bool


def questions(path: Path) -> Iterator[Question]:
    """Read a file of questions."""
    for line in path.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        yield Question(
            item["id"],
            item["question"],
            tuple(item["answers"]),
            tuple(item["relevant"]),
            item["answerable"],
        )


def assert_answers_stand(
    question: Question, told: Mapping[str, str], stored: Mapping[str, str]
) -> None:
    """Assert that each relevant passage contains each answer, in the file and as it is stored.

    `told` and `stored` are what `passages` and `stored_passages` return.
    """
    assert question.answers
    assert question.relevant
    for where in question.relevant:
        for answer in question.answers:
            assert answer in told[where], f"{answer!r} is not in {where}"
            assert answer in stored[where], f"{answer!r} is not in the stored text of {where}"


def assert_unanswerable_name_nothing(asked: Iterable[Question]) -> None:
    """Assert that a question without an answer has no answers and no relevant passages."""
    for question in asked:
        assert question.answerable == bool(question.answers) == bool(question.relevant)


def pdf_pages(path: Path) -> list[str]:
    """Return the text of each page with its lines joined."""
    document = importlib.import_module("pypdfium2").PdfDocument(path)
    texts = [cast("str", page.get_textpage().get_text_range()) for page in document]
    return [" ".join(text.split()) for text in texts]


@cache
def passages() -> dict[str, str]:
    """Map everything that a question may call relevant to its words, read without our readers.

    Keys are uris, for a PDF with its page, and ids for the records of a JSONL file.
    """
    found: dict[str, str] = {}
    for path in DOCUMENTS:
        uri = f"documents/{path.name}"
        if path.suffix == ".pdf":
            pages = pdf_pages(path)
            found |= {f"{uri}#page={number}": text for number, text in enumerate(pages, 1)}
        elif path.suffix == ".jsonl":
            records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
            found |= {record["id"]: record["text"] for record in records}
        elif path.suffix == ".html":
            found[uri] = TAG.sub("", path.read_text(encoding="utf-8"))
        else:
            found[uri] = path.read_text(encoding="utf-8")
    return found


def extracts(path: Path) -> list[Extract]:
    """Read a document with the reader of its format; every record must be good."""
    found = []
    for item in READERS[MEDIA_TYPES[path.suffix]].load()(path, ReadOptions(path.name)):
        assert isinstance(item, Extract)
        found.append(item)
    return found


@cache
def stored_passages() -> dict[str, str]:
    """Map the same keys as `passages` to the text that our readers store."""
    found: dict[str, str] = {}
    for path in DOCUMENTS:
        uri = f"documents/{path.name}"
        for extract in extracts(path):
            found[extract.record_id or uri] = extract.text
            for page in extract.pages:
                joined = " ".join(page.span.cut(extract.text).split())
                found[f"{uri}#page={page.number}"] = joined
    return found
