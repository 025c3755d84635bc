"""Cross-encoders as readers: scores are transformers' own, evidence comes from sentences."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
)

from indexes.encoder import FOLDER
from indexes.errors import ModelMissing
from indexes.lexical import terms
from service.attend import cross_attend
from service.evidence import Candidate, Query
from service.hub_reader import load_hub_reader
from small_encoder import encode, small_encoder
from stored_chunks import stored_chunk
from test_attend import QUESTION, candidate

TEXTS = ["Swans sing at dusk.", "Owls hunt at night, it is said.", "x"]


def make_cross_encoder(folder: Path, labels: int = 1) -> Path:
    """Write a random cross-encoder of one layer that gives `labels` scores."""
    torch.manual_seed(3)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(FOLDER / "tokenizer.json"),
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    )
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    config.num_labels = labels
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def by_transformers(folder: Path, text: str) -> float:
    """Return the logit that transformers alone gives to one pair."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        found = model(**tokenizer(QUESTION, text, return_tensors="pt"))
    return float(found.logits[0, 0])


def test_without_an_encoder_evidence_is_found_by_words() -> None:
    """A multilingual cross-encoder beside an encoder that does not know the language."""
    text = "钟楼建于一九零六年。钟声每天早上六点敲响。"
    chunk = replace(stored_chunk(text), language="cjk")
    question = "钟声几点敲响？"
    query = Query(
        question, np.zeros(32, np.float32), dict.fromkeys(terms(question, "cjk"), 1.0), "cjk"
    )
    attend = cross_attend(lambda _question, texts: np.ones(len(texts), np.float32), None)
    (found,) = attend(query, [Candidate(chunk, None, 1.0, 0.5)])
    assert [one.span.cut(text) for one in found.sentences] == [
        "钟声每天早上六点敲响。",
        "钟楼建于一九零六年。",
    ]
    assert found.sentences[0].score > found.sentences[1].score


def test_logits_are_the_models_own(tmp_path: Path) -> None:
    """Each text's logit is what the model gives the pair alone, in the order of the texts."""
    folder = make_cross_encoder(tmp_path / "cross")
    found = load_hub_reader(str(folder)).relevance(QUESTION, TEXTS)
    assert (found.shape, found.dtype) == ((3,), np.dtype(np.float32))
    np.testing.assert_allclose(found, [by_transformers(folder, text) for text in TEXTS], atol=1e-4)
    assert load_hub_reader(str(folder)).relevance(QUESTION, []).shape == (0,)


def test_attend_ranks_by_the_cross_encoder(tmp_path: Path) -> None:
    """Order and score follow its logits; the evidence is the sentence nearest to the question."""
    folder = make_cross_encoder(tmp_path / "cross")
    texts = ["Owls hunt. Swans sing at dusk. It rains.", "Geese fly.", "Terns dive at noon."]
    candidates = [candidate(text, number) for number, text in enumerate(texts, start=1)]
    query = Query(
        QUESTION, small_encoder().encode_query(QUESTION), dict.fromkeys(terms(QUESTION), 1.0)
    )
    evidence = cross_attend(load_hub_reader(str(folder)).relevance, encode)(query, candidates)
    logits = {one.chunk.text: by_transformers(folder, one.chunk.encoded) for one in candidates}
    assert [one.candidate.chunk.text for one in evidence] == sorted(texts, key=lambda t: -logits[t])
    for one in evidence:
        logit = logits[one.candidate.chunk.text]
        assert one.score == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-4)
    swans = next(one for one in evidence if one.candidate.chunk.text == texts[0])
    assert swans.sentences[0].span.cut(texts[0]) == "Swans sing at dusk."


def test_nothing_is_asked_of_nothing() -> None:
    """Without candidates the cross-encoder is not called."""
    query = Query("x", small_encoder().encode_query("x"), {})
    assert cross_attend(lambda _question, _texts: pytest.fail("asked"), encode)(query, []) == ()


def test_a_classifier_is_refused_by_name(tmp_path: Path) -> None:
    """A model with three scores a pair is no ranking model."""
    folder = make_cross_encoder(tmp_path / "nli", labels=3)
    with pytest.raises(ModelMissing, match=r"gives 3 scores.*trained for ranking"):
        load_hub_reader(str(folder))


def test_a_missing_reader_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the reader and its setting."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelMissing, match=r"reader acme/none is not on this .*AFTERWORD_READER"):
        load_hub_reader("acme/none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelMissing, match=r"reader .*empty has no \*.safetensors"):
        load_hub_reader(str(tmp_path / "empty"))
