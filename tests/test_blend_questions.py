"""The questions that the blend is fitted on, made from those with known answers."""

from dataclasses import replace

from indexes.documents import Span
from service.evaluate import Line
from training.reader_blend import SETS, twists
from training.reader_pairs import Asked, Paragraph, TrainingSet

LAMP = Paragraph("Gull Point", "The lamp was lit in 1859. Anna Berg kept it. She stayed long.")
KEEPER = Paragraph("Gull Point", "The keeper had a boat. It sank in 1880.")
FERRY = Paragraph("Ferries", "The ferry carries 120 people.")
DATA = TrainingSet(
    {"lamp": LAMP, "keeper": KEEPER, "ferry": FERRY},
    (),
    tuple(Asked("When?", name, (Span(0, 3),)) for name in ("lamp", "keeper", "lamp", "ferry")),
    {"Gull Point": ("1880", "1901"), "Ferries": ()},
)
LINE = Line(
    "1", "Was it first lit in 1859?", ("1859",), ("lamp",), answerable=True, context_id=None
)


def test_twists_ask_for_what_no_document_says() -> None:
    """A question that cannot be twisted gives none; the others change and lose their answer."""
    plain = replace(LINE, question="Lamp?")
    (found,) = twists([plain, LINE], DATA)
    assert found.question != LINE.question
    assert (found.answers, found.answerable, found.relevant) == (None, False, ("lamp",))
    (asked,) = (one for one in SETS if one.kind == "twisted")
    assert asked.left_out(found) is None


def test_only_questions_without_own_lose_their_documents() -> None:
    """What is relevant is left out where a set says so."""
    kinds = {one.kind: one.left_out(LINE) for one in SETS}
    assert kinds == {"": None, "without own": ("lamp",), "twisted": None}
