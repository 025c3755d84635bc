"""Direct: one prompt, one answer."""

from collections.abc import Iterator, Sequence

from service.evidence import Asked, Evidence, Thought
from service.language_model import Ended
from service.writing import Desk


def direct(
    desk: Desk, asked: Asked, evidence: Sequence[Evidence]
) -> Iterator[str | Thought | Ended]:
    """Yield what the model writes when it is given question and evidence."""
    yield from desk.write(desk.messages("direct", asked, evidence), asked.check)
