"""What the entailment network is trained on: statements, swaps, claims; and a training in small."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import Span
from small_reader import tokenizer, write_weights
from training.claims import PARTS, Claims
from training.entailment import Trainer, auroc, order_loss
from training.entailment_claims import Gathering, of_marked
from training.entailment_pairs import Source, claims
from training.entailment_statements import as_they_are, statement
from training.entailment_swaps import (
    exchanged_value,
    negated,
    opposed,
    other_value,
    other_word,
    otherwise_formed,
    shortened,
    turned,
    twice_denied,
    with_more,
)
from training.loop import Plan, train
from training.passages import Marked, evidence_of
from training.reader_model import ReaderModel
from training.reader_pairs import Asked, Paragraph, TrainingSet

LAMP = Paragraph(
    "Lamps",
    "The lamp at Gull Point was lit in 1859 by Anna Berg. The keeper, a sailor, came from Ness"
    " Island in 1861, and he never left. It was not small.",
)
FERRY = Paragraph("Ferries", "The ferry sails at 9:15 from Cape Roth. It carries 120 people.")


def asked(question: str, answer: str, paragraph: str = "lamp") -> Asked:
    """Return a question with one answer, or none."""
    start = LAMP.text.index(answer) if answer else 0
    return Asked(question, paragraph, (Span(start, start + len(answer)),) if answer else ())


QUESTIONS = (
    asked("When was the lamp at Gull Point lit?", "1859"),
    asked("Who lit the lamp at Gull Point?", "Anna Berg"),
    asked("From where did the keeper come?", "Ness Island"),
)
SOURCE = Source.of(TrainingSet({"lamp": LAMP, "ferry": FERRY}, QUESTIONS, (), {}))


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("Who founded Motown?", "Berry Gordy", "Berry Gordy founded Motown."),
        ("When was the mill built?", "1392", "The mill was built in 1392."),
        ("What is the capital of Peru?", "Lima", "The capital of Peru is Lima."),
        ("What language was spoken there?", "Cornish", "Cornish was spoken there."),
        ("How many people came?", "120", "120 people came."),
        ("How many pages of notes were copied?", "9", "9 pages of notes were copied."),
        ("In what year did the war end?", "1918", "The war end in 1918."),
        ("By 1910, what did he study?", "law", "By 1910, he study law."),
        ("The war was ended by which treaty?", "Varnik", "The war was ended by Varnik."),
        ("Is it open?", "yes", "Is it open? Yes."),
    ],
)
def test_a_question_and_its_answer_say_something(question: str, answer: str, said: str) -> None:
    """In the words of the question, near enough to a sentence."""
    assert statement(question, answer) == said


def test_ways_to_be_wrong_change_one_place() -> None:
    """A value, two names of the claim, a denial, a word, or more at the end."""
    draw = random.Random(1)
    claim = "The lamp at Gull Point was lit in 1859 by Anna Berg."
    assert other_value("1859", ["Anna Berg", "1861", "1859"], draw) == "1861"
    assert exchanged_value("It was lit in 1859.", ["1861"], draw) == "It was lit in 1861."
    assert turned(claim, draw) == "The lamp at Anna Berg was lit in 1859 by Gull Point."
    assert opposed("He opened the mill.", draw) == "He closed the mill."
    denied = {negated("It was lit.", random.Random(seed)) for seed in range(20)}
    affirmed = {negated("It was never lit.", random.Random(seed)) for seed in range(20)}
    assert denied == {"It was not lit.", "It wasn't lit."}
    assert affirmed == {"It was lit.", "It was always lit."}
    assert other_word("The lamp broke.", "A ship came.", "", draw) in {
        "The lamp came.",
        "The ship broke.",
    }
    assert with_more("It was lit.", ["He left with his dog."], draw) == "It was lit with his dog."
    assert exchanged_value("It was lit.", ["1861"], draw) is None
    assert turned("It was lit.", draw) is None


def test_ways_to_say_it_otherwise_keep_it_true() -> None:
    """Numbers in other forms, an opposite denied, and less than the whole sentence."""
    draw = random.Random(1)
    forms = {otherwise_formed("It took 5 days and 1,200 men.", random.Random(s)) for s in range(9)}
    assert forms == {"It took five days and 1,200 men.", "It took 5 days and 1200 men."}
    assert otherwise_formed("on 6 May", draw) == "on May 6"
    assert otherwise_formed("She went.", draw) == "She went."
    assert twice_denied("The hall was open.", draw) == "The hall was not closed."
    assert twice_denied("The hall stood.", draw) is None
    assert shortened("The keeper (a sailor) came home.", draw) == "The keeper came home."


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(QUESTIONS))
def test_true_claims_have_their_answer_in_the_evidence(seed: int, one: Asked) -> None:
    """Whatever is drawn; wrong ones differ from each true one of the same evidence.

    Where two answers have changed places in the evidence, it is the other one.
    """
    made = list(claims(one, SOURCE, ["ferry"], random.Random(seed)))
    assert made[0].entailed
    (answer,) = (
        text
        for text in SOURCE.answers("lamp")
        if made[0].of in {statement(one.question, text), as_they_are(one.question, text)}
    )
    assert answer in made[0].evidence
    for wrong in made:
        if not wrong.entailed:
            same = [x.claim for x in made if x.entailed and x.evidence == wrong.evidence]
            assert wrong.claim not in same
    elsewhere = [x for x in made if x.kind == "elsewhere"]
    assert all(answer not in x.evidence for x in elsewhere)


def test_a_question_without_answer_gives_a_wrong_claim() -> None:
    """With the answer of the question that is most like it."""
    (made,) = claims(
        asked("Who lit the lamp at Cape Roth?", ""), SOURCE, ["ferry"], random.Random(3)
    )
    assert made.claim == "Anna Berg lit the lamp at Cape Roth."
    assert not made.entailed


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    """An even pair counts half."""
    assert auroc([3.0, 1.0], [2.0, 1.0]) == (1 + 1 + 0 + 0.5) / 4


def test_what_is_wrong_is_compared_with_what_it_was_made_of() -> None:
    """The order's loss is that of a true claim above each wrong one of its group, no others."""
    logits = torch.tensor([2.0, 1.0, -1.0, 5.0])
    entailed, group = np.array([True, False, False, False]), np.array([1, 1, 1, 2], np.int32)
    expected = (np.log1p(np.exp(1.0 - 2.0)) + np.log1p(np.exp(-1.0 - 2.0))) / 2
    assert float(order_loss(logits, entailed, group)) == pytest.approx(expected)
    assert float(order_loss(logits[:1], entailed[:1], group[:1])) == 0


def gathered() -> Gathering:
    """Return claims of all parts, in tokens of the small tokenizer."""
    gathering = Gathering(tokenizer())
    draw = random.Random(1)
    for one in QUESTIONS:
        gathering.add(claims(one, SOURCE, ["ferry"], draw), "squad")
    marked = Marked("lamp", (evidence_of(LAMP.text, "Lamps"),), MARKED, ("It was sold.",))
    for part in ("passages", "held passages"):
        gathering.add(of_marked(marked, draw), part)
    return gathering


MARKED = (
    "{@Anna Berg|Ness Island} {!lit|put out} the lamp.",
    "The lamp was {!not small|small}{+| but blue}.",
)


def test_marked_sentences_are_true_and_wrong_in_each_place() -> None:
    """On the sentences that are nearest, and on all where they are few."""
    marked = Marked("lamp", (evidence_of(LAMP.text, "Lamps"),), MARKED, ("It was sold.",))
    made = list(of_marked(marked, random.Random(1)))
    assert {(one.claim, one.kind, one.entailed) for one in made} == {
        ("Anna Berg lit the lamp.", "true", True),
        ("Ness Island lit the lamp.", "name", False),
        ("Anna Berg put out the lamp.", "negation", False),
        ("The lamp was not small.", "true", True),
        ("The lamp was small.", "negation", False),
        ("The lamp was not small but blue.", "added", False),
        ("It was sold.", "invented", False),
    }
    assert all(one.evidence.startswith("Lamps\n") for one in made)
    assert any(" ".join(LAMP.text.split()) in one.evidence for one in made)


def test_claims_are_kept_as_tokens(tmp_path: Path) -> None:
    """What is read from the file is what was gathered; a text that comes twice is kept once."""
    made = gathered().claims()
    made.save(tmp_path / "claims.npz")
    found = Claims.load(tmp_path / "claims.npz")
    assert found.kinds == made.kinds
    for name in ("tokens", "starts", "claim", "evidence", "entailed", "group", "part", "kind"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    texts = [tuple(found.tokens[a:b]) for a, b in zip(found.starts, found.starts[1:], strict=False)]
    assert len(texts) == len(set(texts))
    lit = tokenizer().encode("Anna Berg lit the lamp.", add_special_tokens=False).ids
    assert texts[found.claim[found.part == PARTS.index("passages")][0]] == tuple(lit)


def test_the_network_takes_in_claim_and_evidence(tmp_path: Path) -> None:
    """Token by token as the tokenizer itself pairs them, padded behind."""
    trainer = small_trainer(tmp_path)
    rows = trainer.rows("passages")
    inputs = {name: x.numpy() for name, x in trainer.inputs(rows).items()}
    marked = Marked("lamp", (evidence_of(LAMP.text, "Lamps"),), MARKED, ("It was sold.",))
    draw = random.Random(1)
    for one in QUESTIONS:
        list(claims(one, SOURCE, ["ferry"], draw))
    for at, made in enumerate(of_marked(marked, draw)):
        pair = tokenizer().encode(made.claim, made.evidence)
        size = len(pair.ids)
        assert inputs["input_ids"][at, :size].tolist() == pair.ids
        assert inputs["token_type_ids"][at, :size].tolist() == pair.type_ids
        assert inputs["attention_mask"][at].sum() == size
        assert not inputs["input_ids"][at, size:].any()


def test_a_killed_training_goes_on_where_it_was(tmp_path: Path) -> None:
    """Two sittings of one step each end with the weights of one sitting of two steps."""
    whole = run(tmp_path, "whole", Plan(128, 0, None))
    run(tmp_path, "parts", Plan(64, 0, None))
    parts = run(tmp_path, "parts", Plan(64, 0, None))
    assert whole.descent.position == parts.descent.position == 128
    for name, weights in whole.model.state_dict().items():
        torch.testing.assert_close(weights, parts.model.state_dict()[name], msg=name)


def small_trainer(folder: Path) -> Trainer:
    """Return a trainer of a tiny network on a few claims."""
    weights = folder / "weights"
    if not weights.exists():
        write_weights(weights, layers=2)
    torch.manual_seed(1)  # for the heads, which are new
    return Trainer(gathered().claims(), ReaderModel(weights), "cpu")


def run(folder: Path, out: str, plan: Plan) -> Trainer:
    """Train as planned, from the checkpoint where there is one; the shared layers stay."""
    (folder / out).mkdir(exist_ok=True)
    trainer = small_trainer(folder)
    before = {name: value.clone() for name, value in trainer.lower.state_dict().items()}
    fresh = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    if (folder / out / "even.pt").exists():
        trainer.descent.load(folder / out / "even.pt")
    trainer.model.train()
    train(trainer.training(folder / out), plan)
    after = trainer.model.state_dict()
    assert any(not torch.equal(value, after[name]) for name, value in fresh.items())
    for name, value in trainer.lower.state_dict().items():
        assert torch.equal(value, before[name])
    assert set(trainer.figures()) == {
        f"held passages: {kind}" for kind in ("added", "all", "invented", "name", "negation")
    }
    return trainer
