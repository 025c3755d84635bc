"""The questions that guard answer quality: true of their documents, new, and with known floors."""

import re
from pathlib import Path

import pytest

from example_documents import (
    EXAMPLES,
    Question,
    assert_answers_stand,
    assert_unanswerable_name_nothing,
    passages,
    questions,
    stored_passages,
)
from service.eval_command import floors
from service.evaluate import read_lines

ROOT = Path(__file__).parent.parent
PATH = ROOT / "tests" / "eval" / "questions.jsonl"
PASSAGES = passages()
STORED = stored_passages()
QUESTIONS = list(questions(PATH))
ANSWERABLE = [question for question in QUESTIONS if question.answerable]


def test_there_are_enough_of_both_kinds_and_of_every_document() -> None:
    """40 or more, 12 or more without an answer; each id once, each document asked about."""
    assert len(QUESTIONS) >= 40
    assert len(QUESTIONS) - len(ANSWERABLE) >= 12
    assert len({question.question_id for question in QUESTIONS}) == len(QUESTIONS)
    asked = {where.partition("#")[0] for question in ANSWERABLE for where in question.relevant}
    documents = {f"documents/{path.name}" for path in (EXAMPLES / "documents").iterdir()}
    records = {where for where in PASSAGES if not where.startswith("documents/")}
    assert documents - asked == {"documents/new-holidays.jsonl", "documents/web-baseline.jsonl"}
    assert asked & records


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question.question_id)
def test_every_answer_stands_in_its_document(question: Question) -> None:
    """Each relevant passage contains each answer, in the file and in the text that is stored."""
    assert_answers_stand(question, PASSAGES, STORED)


def test_questions_without_answer_name_nothing() -> None:
    """A question that the documents do not answer has no answers and no relevant passages."""
    assert_unanswerable_name_nothing(QUESTIONS)


def test_no_question_is_one_of_the_examples() -> None:
    """What people try first is not what is guarded."""
    examples = {line.question for line in read_lines(EXAMPLES / "questions.jsonl")}
    assert not examples & {question.question for question in QUESTIONS}


def test_the_floors_are_of_figures_that_the_questions_have() -> None:
    """Those of the Makefile, by the names of `eval --fail-under`; `.ci/run` runs them."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^FLOORS := (.*)$", makefile, re.MULTILINE)
    assert len(floors(listed.split())) >= 4
    assert "make measure" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
