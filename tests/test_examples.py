"""The example documents and questions agree with each other and with their sources' table."""

import importlib.util
import re
from datetime import date
from pathlib import Path

import pytest

from example_documents import (
    DOCUMENTS,
    EXAMPLES,
    Question,
    assert_answers_stand,
    assert_unanswerable_name_nothing,
    extracts,
    passages,
    pdf_pages,
    questions,
    stored_passages,
)

ISO_DATE = re.compile(r"\b20[0-9]{2}-[01][0-9]-[0-3][0-9]\b")
DATED = {".html", ".jsonl", ".md"}

PASSAGES = passages()
STORED = stored_passages()
QUESTIONS = list(questions(EXAMPLES / "questions.jsonl"))
ANSWERABLE = [question for question in QUESTIONS if question.answerable]


def test_there_are_enough_documents_formats_and_questions() -> None:
    """At least 14 documents in 6 formats, 18 questions with an answer and 6 without."""
    assert len(DOCUMENTS) >= 14
    assert len({path.suffix for path in DOCUMENTS}) >= 6
    assert len(ANSWERABLE) >= 18
    assert len(QUESTIONS) - len(ANSWERABLE) >= 6
    assert len({question.question_id for question in QUESTIONS}) == len(QUESTIONS)


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question.question_id)
def test_every_answer_stands_in_its_document(question: Question) -> None:
    """Each relevant passage contains each answer, in the file and in the text that is stored."""
    assert_answers_stand(question, PASSAGES, STORED)


def test_questions_without_answer_name_nothing() -> None:
    """A question that the documents do not answer has no answers and no relevant passages."""
    assert_unanswerable_name_nothing(QUESTIONS)


def test_the_demo_comes_first() -> None:
    """Three answers from three formats, one of them page 2 of a PDF, then one that is not found."""
    demo = QUESTIONS[:4]
    assert [question.answerable for question in demo] == [True, True, True, False]
    assert demo[0].relevant == ("documents/clock-changes.pdf#page=2",)
    formats = {Path(question.relevant[0].partition("#")[0]).suffix for question in demo[:3]}
    assert len(formats) == 3


def source_rows() -> dict[str, str]:
    """Map each document in SOURCES.md to its date."""
    table = (EXAMPLES / "SOURCES.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(documents/[^`]+)` \| (\S+) \|", table, flags=re.MULTILINE))


def test_sources_list_every_document() -> None:
    """SOURCES.md has a dated row for each document and for nothing else."""
    assert set(source_rows()) == {f"documents/{path.name}" for path in DOCUMENTS}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_document_says_its_date_and_source(path: Path) -> None:
    """The date of SOURCES.md is in the document itself, after 2024, beside the word source."""
    stated = source_rows()[f"documents/{path.name}"]
    assert date(2025, 1, 1) <= date.fromisoformat(stated) <= date(2026, 12, 31)
    if path.suffix == ".pdf":
        text = " ".join(pdf_pages(path))
        day = date.fromisoformat(stated)
        assert f"As of {day.day} {day:%B %Y}." in text
    else:
        text = path.read_text(encoding="utf-8")
        assert stated in ISO_DATE.findall(text)
    assert re.search(r"\bsources?\b", text, flags=re.IGNORECASE)


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if path.suffix in DATED], ids=lambda path: path.name
)
def test_the_readers_find_the_dates(path: Path) -> None:
    """Formats that can say which day they speak of give the date that SOURCES.md states."""
    stated = source_rows()[f"documents/{path.name}"]
    assert {extract.as_of for extract in extracts(path)} == {stated}


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if path.suffix == ".pdf"], ids=lambda path: path.name
)
def test_the_pdf_documents_are_what_the_script_makes(path: Path) -> None:
    """make_pdf.py gives the committed bytes, and each PDF has two pages or more."""
    spec = importlib.util.spec_from_file_location("make_pdf", EXAMPLES / "make_pdf.py")
    assert spec is not None
    assert spec.loader is not None
    make_pdf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_pdf)
    text = (EXAMPLES / "pdf" / f"{path.stem}.txt").read_text(encoding="utf-8")
    assert make_pdf.render(text) == path.read_bytes()
    assert len(pdf_pages(path)) >= 2
