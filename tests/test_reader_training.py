"""What the reader is trained on, its losses against sums by hand, and a training run in small."""

import gzip
import json
import math
import random
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import Span
from small_reader import tokenizer, write_weights
from training.loop import Plan, train
from training.reader import Trainer, groups, training
from training.reader_features import collate
from training.reader_figures import Validation
from training.reader_model import Batch, Read, rank_loss, span_loss
from training.reader_pairs import (
    Asked,
    Pair,
    Paragraph,
    TrainingSet,
    pairs,
    read_set,
    without_answer,
)
from training.reader_twists import borrowed, denied, exchanged, frame, opposed, twisted

LAMP = Paragraph(
    "Lamps", "The lamp at Gull Point was lit in 1859. Its keeper was Anna Berg. She stayed long."
)
FERRY = Paragraph("Ferries", "The ferry sails at 9:15. It carries 120 people to Ness Island.")
DATA = TrainingSet(
    {"lamp": LAMP, "ferry": FERRY}, (), (), {"Lamps": ("Cape Roth", "1901"), "Ferries": ()}
)


def asked(question: str, answer: str) -> Asked:
    """Return a question of the lamp's paragraph with one answer in it."""
    start = LAMP.text.index(answer)
    return Asked(question, "lamp", (Span(start, start + len(answer)),))


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["1859", "Anna Berg", "Gull Point"]))
def test_pairs_mark_the_answer_where_it_stands(seed: int, answer: str) -> None:
    """Whatever is drawn, marked spans read as the answer, and pairs without one lack its words."""
    one = asked("When was the lamp at Gull Point lit, in 1860?", answer)
    own, *others = pairs(one, DATA, ["ferry"], random.Random(seed))
    assert [span.cut(own.text) for span in own.answers] == [answer]
    assert own.inside.cut(own.text) == LAMP.text
    for other in others:
        assert not other.answers
        if other.question.rstrip("?") == own.question.rstrip("?"):
            assert answer not in other.text
        else:
            assert not other.ranked
            assert other.text == own.text


def test_a_wrong_paragraph_that_has_the_answer_is_no_wrong_one() -> None:
    """A paragraph with the words of an answer may answer, so it is never shown as wrong."""
    one = asked("What year?", "1859")
    twin = Paragraph("Twin", "It was built in 1859.")
    data = TrainingSet({**DATA.paragraphs, "twin": twin}, (), (), DATA.topics)
    for seed in range(50):
        assert all(
            "It was built" not in pair.text
            for pair in pairs(one, data, ["twin"], random.Random(seed))
        )


def test_without_answer_drops_its_sentences() -> None:
    """The sentence that answers goes, the others stay as they were."""
    rest = without_answer(LAMP, asked("Who?", "Anna Berg").answers)
    assert rest is not None
    assert rest.text == "The lamp at Gull Point was lit in 1859. She stayed long."


def test_exchanged_questions_ask_for_something_else() -> None:
    """A name becomes another name, a number another number; without either there is no change."""
    made = {
        exchanged("Was it lit in 1860?", LAMP.text, ("Cape Roth", "1901"), random.Random(n))
        for n in range(20)
    }
    assert made == {"Was it lit in 1859?", "Was it lit in 1901?"}
    assert exchanged("Who kept it?", LAMP.text, ("1901",), random.Random(0)) is None


def test_denied_questions_have_one_verb_denied() -> None:
    """Both spellings are made; what denies already, and what has no auxiliary, stays."""
    made = {denied("When did it shine?", random.Random(n)) for n in range(20)}
    assert made == {"When didn't it shine?", "When did not it shine?"}
    assert denied("What did it not do?", random.Random(0)) is None
    assert denied("What can't it do?", random.Random(0)) is None
    assert denied("Name of the keeper?", random.Random(0)) is None


def test_opposed_questions_lead_back() -> None:
    """One word becomes its opposite, whose own opposite is the word again."""
    for word, other in (("first", "last"), ("before", "after"), ("largest", "smallest")):
        question = f"What was the {word} lamp?"
        made = opposed(question, random.Random(0))
        assert made == f"What was the {other} lamp?"
        assert opposed(made, random.Random(0)) == question
    assert opposed("What was lit?", random.Random(0)) is None


def test_twisted_questions_differ_or_are_none() -> None:
    """Every way comes up, and a question without name, number, opposite or verb has none."""
    others = ("Cape Roth", "1901")
    frames = [("When was ", " born?")]
    question = "How was it lit before 1860?"
    made = {twisted(question, LAMP.text, others, frames, random.Random(n)) for n in range(300)}
    assert made == {
        "How wasn't it lit before 1860?",
        "How was not it lit before 1860?",
        "How was it lit after 1860?",
        "How was it lit before 1859?",
        "How was it lit before 1901?",
        "When was Gull Point born?",
        "When was Anna Berg born?",
    }
    nothing = {twisted("Lamp?", LAMP.text, others, (), random.Random(n)) for n in range(50)}
    assert nothing == {None}


def test_a_frame_is_a_short_question_without_its_one_name() -> None:
    """Questions with no name, with two, or with much else have none."""
    assert frame("When was Anna Berg born?") == ("When was ", " born?")
    assert frame("When was it lit?") is None
    assert frame("Did Anna Berg see Gull Point?") is None
    assert frame("Which lamp that was lit last year did Anna Berg keep?") is None
    assert borrowed("it has none.", [("When was ", " born?")], random.Random(0)) is None


def test_groups_hold_ranked_pairs_only() -> None:
    """A question's own pair comes first; pairs with another question are left out."""
    own, wrong = Pair("q", "a", Span(0, 1)), Pair("q", "b", Span(0, 1))
    other = Pair("p", "a", Span(0, 1), ranked=False)
    assert groups([[own, other], [own, wrong, other, wrong]]) == [[2, 3, 5]]


def test_rank_loss_is_the_softmax_of_a_group() -> None:
    """Two groups of two and three pairs, against the formula."""
    scores = torch.tensor([1.0, 0.0, 2.0, 2.0, 1.0])
    first = -math.log(math.e / (math.e + 1))
    second = -math.log(math.e**2 / (2 * math.e**2 + math.e))
    assert float(rank_loss(scores, [[0, 1], [2, 3, 4]])) == pytest.approx((first + second) / 2)


def test_span_loss_counts_every_right_place() -> None:
    """Any of two right starts will do, and pairs without an answer add nothing."""
    span = torch.zeros(2, 4, 2)
    starts = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 0]], dtype=torch.bool)
    ends = torch.tensor([[0, 1, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)
    nothing = torch.zeros(0)
    batch = Batch(nothing, nothing, nothing, nothing, starts, ends, nothing)
    found = float(span_loss(Read(nothing, nothing, span), batch))
    assert found == pytest.approx((math.log(2) + math.log(4)) / 2)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["1859", "Anna Berg", "lamp at Gull Point", "She stayed long."]))
def test_collated_places_are_the_answers_tokens(answer: str) -> None:
    """The tokens from a marked start to its end cover the answer; none lies outside the chunk."""
    own = next(pairs(asked("Which?", answer), DATA, [], random.Random(3)))
    encoded = tokenizer().encode(own.question, own.text)
    batch = collate([own, own], [encoded, encoded], "cpu")
    (first,), (last,) = (
        marks[0].nonzero().flatten().tolist() for marks in (batch.starts, batch.ends)
    )
    assert own.text[encoded.offsets[first][0] : encoded.offsets[last][1]] == answer
    inside = [place for place, there in enumerate(batch.inside[0].tolist()) if there]
    assert own.text[encoded.offsets[inside[0]][0] : encoded.offsets[inside[-1]][1]] == LAMP.text


def write_set(folder: Path, articles: int) -> None:
    """Write a data set of some articles with two paragraphs and two questions each."""
    folder.mkdir(parents=True)
    corpus, questions = [], []
    for article in range(articles):
        for part in range(2):
            name, year = f"a{article}-{part}", str(1800 + 2 * article + part)
            text = f"The mill number {part} of Town{article} was built in {year}. It still turns."
            corpus.append({"id": name, "title": f"Town{article}", "text": text})
            questions.append(
                {
                    "id": f"q{name}",
                    "question": f"When was mill number {part} of Town{article} built?",
                    "answers": [year],
                    "relevant": [name],
                    "answerable": True,
                    "starts": [[text.index(year)]],
                    "context_id": name,
                }
            )
    for file, rows in (("corpus", corpus), ("questions", questions)):
        with gzip.open(folder / f"{file}.jsonl.gz", "wt", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)


def test_a_killed_training_goes_on_where_it_was(tmp_path: Path) -> None:
    """Two sittings of one step each end with the weights of one sitting of two steps."""
    write_set(tmp_path / "data" / "squad-train", 30)
    write_set(tmp_path / "data" / "squad2-train", 3)
    held_out = {one.paragraph for one in read_set(tmp_path / "data" / "squad-train").held_out}
    assert len(held_out) == 24
    whole = run(tmp_path, "whole", Plan(32, 0, None))
    run(tmp_path, "parts", Plan(16, 0, None))
    parts = run(tmp_path, "parts", Plan(16, 0, None))
    assert whole.descent.position == parts.descent.position == 32
    for name, weights in whole.model.state_dict().items():
        torch.testing.assert_close(weights, parts.model.state_dict()[name], msg=name)


def run(folder: Path, out: str, plan: Plan) -> Trainer:
    """Train as planned, from the checkpoint where there is one."""
    (folder / out).mkdir(exist_ok=True)
    trainer = Trainer(folder / "data", folder / out, write_weights(folder / "weights"), "cpu")
    if (folder / out / "even.pt").exists():
        trainer.descent.load(folder / out / "even.pt")
    trainer.model.train()
    validation = Validation.drawn(trainer.squad, trainer.miner, trainer.tokenizer)
    train(training(trainer, validation), plan)
    assert (folder / out / "reader.pt").exists()
    return trainer
