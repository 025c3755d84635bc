"""Which reader answers: none, a network's folder or a cross-encoder; bad ones are named."""

import json
import shutil
from pathlib import Path

import pytest

from bundled_documents import birds, make_collection
from indexes.errors import ModelMissing
from indexes.languages import ENGLISH
from indexes.settings import Settings
from service.answer import Answerer, Question
from service.attend import THRESHOLD
from service.command import reply_lines
from service.readers import BLEND, CROSS_THRESHOLD, load_reader, reader_for
from small_reader import write_small_reader
from test_hub_reader import make_cross_encoder

QUESTION = Question("Where do kingfishers dig their nests?", "birds")
BLENDED = {
    "relevance": 0.1,
    "answers": 0.1,
    "outer": 2,
    "scale": 1,
    "offset": 0,
    "threshold": 0.25,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with a collection of birds."""
    folder = tmp_path_factory.mktemp("data")
    make_collection(folder, "birds", birds())
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny reader with its blend."""
    folder = tmp_path_factory.mktemp("reader")
    write_small_reader(folder)
    (folder / BLEND).write_text(json.dumps(BLENDED), encoding="utf-8")
    return folder


def test_a_network_reads_and_its_quotes_are_exact(data: Path, network: Path) -> None:
    """Its blend's threshold is in the reply; whatever it saw, a quote is the stored text."""
    answerer = Answerer(Settings(data=data, reader=str(network)))
    reply = answerer.answer(QUESTION, abstain=False)
    assert reply.threshold == 0.25
    first = reply.citations[0]
    with answerer.collection("birds").read() as reading:
        text = reading.text(first.document_id)
    assert first.quote == text[first.start : first.end]
    assert reply.answer_short
    assert reply.answer_short in first.quote
    assert len(reply.answer_short) < len(first.quote)
    assert list(reply_lines(reply))[1] == f"  In short: {reply.answer_short}"
    assert [one.score for one in reply.passages] == sorted(
        (one.score for one in reply.passages), reverse=True
    )
    answerer.close()


def test_a_cross_encoder_reads_by_its_folder(data: Path, tmp_path: Path) -> None:
    """Scores are its own, the threshold an even chance, the quote a sentence."""
    folder = make_cross_encoder(tmp_path / "cross")
    answerer = Answerer(Settings(data=data, reader=str(folder)))
    reply = answerer.answer(QUESTION, abstain=False)
    assert reply.threshold == CROSS_THRESHOLD
    assert reply.answer_short == reply.citations[0].quote
    assert not any("In short" in line for line in reply_lines(reply))
    answerer.close()


def test_a_threshold_that_is_set_goes_over_the_readers(data: Path, network: Path) -> None:
    """AFTERWORD_THRESHOLD counts whichever reader there is; with none the signs' own counts."""
    for reader in ("none", str(network)):
        answerer = Answerer(Settings(data=data, reader=reader, threshold=0.99))
        assert answerer.answer(QUESTION).threshold == 0.99
        answerer.close()
    assert load_reader("none").threshold == THRESHOLD


def test_a_reader_is_loaded_once(data: Path, network: Path) -> None:
    """What readiness has loaded is what questions are read by."""
    answerer = Answerer(Settings(data=data, reader=str(network)))
    assert answerer.ready() == []
    loaded = load_reader(str(network))
    assert load_reader(str(network), threads=0) is loaded
    assert reader_for(str(network), ENGLISH, "bundled") is loaded
    assert reader_for(str(network), ENGLISH, "bundled", 0) is loaded
    answerer.close()


def test_a_reader_that_cannot_be_loaded_is_named(data: Path, network: Path, tmp_path: Path) -> None:
    """Readiness and each question say which file is wrong and what to do."""
    broken = tmp_path / "broken"
    shutil.copytree(network, broken)
    for content in ("{", "{}", '{"threshold": 0.5, "tilt": 1}', "[]"):
        (broken / BLEND).write_text(content, encoding="utf-8")
        with pytest.raises(ModelMissing, match=r"broken/blend\.json cannot be read .*`none`"):
            load_reader(str(broken))
    (broken / "model.bin").unlink()
    answerer = Answerer(Settings(data=data, reader=str(broken)))
    (reason,) = answerer.ready()
    assert "model.bin is missing" in reason
    assert "AFTERWORD_READER" in reason
    with pytest.raises(ModelMissing, match=r"model\.bin is missing"):
        answerer.answer(QUESTION)
    answerer.close()
