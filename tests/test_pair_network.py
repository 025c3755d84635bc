"""A compiled reader against the PyTorch model it was made of; order, cuts and places."""

from collections.abc import Iterable
from contextlib import suppress

import numpy as np
import pytest
import torch

from indexes.network import PAIR_STEP, PAIRS, Inputs, Keep, PairNetwork, PairRead
from small_reader import MAX_TOKENS, tokenizer, write_small_reader
from training.reader_model import ReaderModel

QUESTION = "When was the lamp at Gull Point lit?"
TEXTS = [
    "The lamp at Gull Point was lit in 1859.",
    "Ferries sail at 9:15 — “daily”, € 4.50, naïve 東京.",
    "",
    " ".join(["water"] * 200),
    "One.",
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[PairNetwork, ReaderModel]:
    """Return a tiny reader, compiled and as PyTorch model."""
    folder = tmp_path_factory.mktemp("reader")
    model = write_small_reader(folder)
    return PairNetwork(folder), model


def by_torch(model: ReaderModel, question: str, text: str) -> PairRead:
    """Return what the model says of one pair, tokens counted by hand."""
    encoding = tokenizer()
    encoding.enable_truncation(MAX_TOKENS, strategy="only_second")
    one = encoding.encode(question, text)
    inputs = (one.ids, one.attention_mask, one.type_ids)
    with torch.no_grad():
        pair, place = model(*(torch.tensor([values]) for values in inputs))
    second = [at for at, number in enumerate(one.sequence_ids) if number == 1]
    starts, ends = place[0, second, 0].numpy(), place[0, second, 1].numpy()
    offsets = [one.offsets[at] for at in second]
    return PairRead(float(pair[0, 0]), float(pair[0, 1]), starts, ends, offsets)


def test_it_says_what_the_model_says(small: tuple[PairNetwork, ReaderModel]) -> None:
    """Logits and places are the model's own for texts of any length, in the order given."""
    network, model = small
    found = network.run(QUESTION, TEXTS)
    for text, one in zip(TEXTS, found, strict=True):
        expected = by_torch(model, QUESTION, text)
        assert (one.relevance, one.answers) == pytest.approx(
            (expected.relevance, expected.answers), abs=1e-4
        )
        np.testing.assert_allclose(one.starts, expected.starts, atol=1e-4)
        np.testing.assert_allclose(one.ends, expected.ends, atol=1e-4)
        assert list(one.offsets) == list(expected.offsets)


def test_places_are_code_points_of_the_text(small: tuple[PairNetwork, ReaderModel]) -> None:
    """Words cut from the text by the offsets are right, behind signs of many bytes too."""
    network, _ = small
    text = TEXTS[1]
    words = [text[start:end] for start, end in network.run(QUESTION, [text])[0].offsets]
    assert [word for word in words if len(word) > 4] == ["Ferries", "daily", "naïve"]


def test_no_texts_give_nothing(small: tuple[PairNetwork, ReaderModel]) -> None:
    """An empty list is no error."""
    assert small[0].run(QUESTION, []) == []


def test_a_long_question_leaves_room_for_the_text(small: tuple[PairNetwork, ReaderModel]) -> None:
    """A question longer than the network takes is cut at half of it; the text still has places."""
    (one,) = small[0].run("lamp " * 500, [TEXTS[0]])
    assert TEXTS[0][one.offsets[0][0] : one.offsets[-1][1]] == TEXTS[0]


def test_pairs_come_in_few_lengths(
    small: tuple[PairNetwork, ReaderModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network meets one length for sixteen: it keeps kernels for each that it has met."""
    network, _ = small
    met = set[tuple[int, ...]]()

    def noted(inputs: Iterable[tuple[Inputs, list[int]]], _keep: Keep) -> None:
        met.update(batch["input_ids"].shape for batch, _ in inputs)

    monkeypatch.setattr(network._pairs._compiled, "run", noted)
    for count in range(1, MAX_TOKENS):
        with suppress(KeyError):  # nothing was kept
            network.run(QUESTION, [" ".join(["water"] * count)] * PAIRS)
    lengths = {length for _, length in met}
    assert {rows for rows, _ in met} == {PAIRS}
    assert all(length % PAIR_STEP == 0 or length == MAX_TOKENS for length in lengths)
    assert len(lengths) <= -(-MAX_TOKENS // PAIR_STEP)
