"""Chain of thought: the model reasons in steps before it answers (Wei et al. 2022).

The prompt shows how, by the examples that stand in it (arXiv:2201.11903).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from service.evidence import Asked, Evidence, Thought
from service.language_model import Ended
from service.thoughts import ahead_of
from service.writing import Desk

ANSWER: Final = "Answer:"


def cot(desk: Desk, asked: Asked, evidence: Sequence[Evidence]) -> Iterator[str | Thought | Ended]:
    """Yield the model's reasoning as thoughts, and what it writes behind `Answer:`.

    Where it forgets to write that, its last line is the answer.
    """
    written = desk.write(desk.messages("cot", asked, evidence), asked.check)
    yield from ahead_of(ANSWER, written)
