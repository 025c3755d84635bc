"""Chain of thought: the model reasons in steps before it answers (Wei et al. 2022).

The prompt shows how, by the examples that stand in it (arXiv:2201.11903).
"""

from collections.abc import Iterator, Sequence

from service.answer_line import behind_answer_line
from service.evidence import Asked, Evidence, Thought
from service.language_model import Ended
from service.writing import Desk


def cot(desk: Desk, asked: Asked, evidence: Sequence[Evidence]) -> Iterator[str | Thought | Ended]:
    """Yield the model's reasoning as thoughts, and what it writes behind the line `Answer:`.

    Where it forgets to write that, all that it writes besides its steps is the answer.
    """
    written = desk.write(desk.messages("cot", asked, evidence), asked.check)
    yield from behind_answer_line(written)
