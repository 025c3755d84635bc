"""Compiled networks: order, batches, padding, threads, and files that are not as they should be."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from indexes import encoder as encoders
from indexes import network as networks
from indexes.encoder import FOLDER
from indexes.errors import ModelMissing
from indexes.network import BATCH, LENGTH_STEP, Network, Rows, _Compiled, batches, padded
from service import readers
from service.readers import FOLDER as READER

WORDS = (Path(__file__).parent.parent / "LICENSE").read_text(encoding="utf-8").split()
LIMIT = 256


@pytest.fixture(scope="module")
def network() -> Network:
    """Return the bundled encoder's network."""
    return Network(FOLDER)


def texts(count: int, seed: int = 0) -> list[str]:
    """Return texts of 0 to 100 words in no order of length."""
    lengths = np.random.default_rng(seed).integers(0, 101, count)
    return [" ".join(WORDS[at : at + length]) for at, length in enumerate(lengths)]


def assert_alike(rows: Rows, others: Rows) -> None:
    """Compare unit vectors row by row: kernels for other shapes round a few numbers otherwise."""
    assert rows.shape == others.shape
    np.testing.assert_allclose((rows * others).sum(1), 1, atol=5e-4)


def test_rows_come_in_the_order_of_the_texts(network: Network) -> None:
    """A text has the vector that it has when it runs alone, wherever it stood in the list."""
    given_texts = texts(BATCH + 5)
    rows = network.run(given_texts)["embedding"]
    assert (rows.shape, rows.dtype) == ((len(given_texts), 384), np.dtype(np.float32))
    alone = np.concatenate([network.run([text])["embedding"] for text in given_texts])
    assert_alike(rows, alone)


def test_more_texts_than_a_window_holds(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of texts are put together without a seam."""
    given_texts = texts(40, seed=1)
    whole = network.run(given_texts)["embedding"]
    monkeypatch.setattr(networks, "WINDOW", 7)
    assert_alike(network.run(given_texts)["embedding"], whole)


def test_no_texts_give_no_rows(network: Network) -> None:
    """An empty list gives an array of shape (0, 384)."""
    assert network.run([])["embedding"].shape == (0, 384)


def test_long_texts_are_cut_at_the_limit(network: Network) -> None:
    """What stands behind the last token that fits changes nothing; what stands before does."""
    words = ["water"] * (LIMIT - 2)
    assert network.count_tokens(" ".join(words)) == LIMIT
    rows = network.run(
        [" ".join(words), " ".join([*words, *["fire"] * 500]), " ".join(["fire", *words])]
    )["embedding"]
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)
    assert rows[0] @ rows[2] < 0.9999


def test_counting_is_the_tokenizers_own(network: Network) -> None:
    """Tokens are counted as the tokenizer file itself counts them, with both special tokens."""
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    for text in texts(20, seed=2):
        assert network.count_tokens(text) == len(tokenizer.encode(text).ids)
    assert network.count_tokens("") == 2
    assert tokenizer.truncation is None
    assert tokenizer.padding is None


def test_threads_may_call_at_once(network: Network) -> None:
    """Eight threads with their own texts get what one thread gets."""
    jobs = [texts(8, seed=seed) for seed in range(8)]
    expected = [network.run(job)["embedding"] for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda job: network.run(job)["embedding"], jobs * 2))
    for rows, wanted in zip(found, expected * 2, strict=True):
        assert_alike(rows, wanted)


def test_threads_may_load_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are compiled one after the other: two at a time waited for each other for ever."""
    within: list[int] = []
    most = 0

    def look(_model: object) -> None:
        nonlocal most
        within.append(1)
        most = max(most, len(within))
        time.sleep(0.05)
        within.pop()

    monkeypatch.setattr(networks, "_look_up_in_bytes", look)
    with ThreadPoolExecutor(3) as executor:
        loaded = [executor.submit(Network, FOLDER, 1, 1) for _ in range(3)]
        assert len({one.result().manifest.sha256 for one in loaded}) == 1
    assert most == 1


def test_threads_that_want_the_same_model_load_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoder and reader: the others wait for the one."""
    loads: list[str] = []

    def load(name: str) -> object:
        loads.append(name)
        time.sleep(0.05)
        return object()

    monkeypatch.setattr(encoders, "load_network_encoder", lambda *_: load("encoder"))
    monkeypatch.setattr(readers, "_network_reader", lambda *_: load("reader"))
    unlike_any_other = 97
    for wanted in (encoders.load_encoder, readers.load_reader):
        with ThreadPoolExecutor(4) as executor:
            asked = [executor.submit(wanted, "bundled", threads=unlike_any_other) for _ in range(4)]
            assert len({id(one.result()) for one in asked}) == 1
    assert loads == ["encoder", "reader"]


def test_a_failed_run_leaves_the_next_one_clean(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an error in the middle of a run the same thread can go on."""
    given_texts = texts(2 * BATCH, seed=3)
    expected = network.run(given_texts)["embedding"]
    calls = []

    def failing(tokens: Sequence[Sequence[int]], limit: int) -> Mapping[str, npt.NDArray[np.int64]]:
        calls.append(len(tokens))
        if len(calls) == 2:
            raise MemoryError
        return padded(tokens, limit)

    with monkeypatch.context() as patch:
        patch.setattr(networks, "padded", failing)
        with pytest.raises(MemoryError):
            network.run(given_texts)
    assert_alike(network.run(given_texts)["embedding"], expected)


@given(st.lists(st.integers(1, LIMIT), max_size=4 * BATCH))
def test_batches_take_each_text_once_the_longest_first(lengths: list[int]) -> None:
    """Batches are a permutation, fall in length, and only the last may be short."""
    found = list(batches(lengths))
    rows = [row for batch in found for row in batch]
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[row] for row in rows] == sorted(lengths, reverse=True)
    assert all(len(batch) == BATCH for batch in found[:-1])
    assert all(0 < len(batch) <= BATCH for batch in found[-1:])


@given(st.lists(st.lists(st.integers(1, 30000), min_size=1, max_size=LIMIT), min_size=1))
def test_padding_adds_only_masked_zeros(tokens: list[list[int]]) -> None:
    """The masked part is the tokens, the rest is 0, and the width is the least allowed one."""
    found = padded(tokens, LIMIT)
    ids, mask = found["input_ids"], found["attention_mask"]
    longest = max(map(len, tokens))
    assert longest <= ids.shape[1] < longest + LENGTH_STEP
    assert ids.shape[1] % LENGTH_STEP == 0
    for row, text in enumerate(tokens):
        assert ids[row][mask[row] == 1].tolist() == text
        assert not ids[row, len(text) :].any()
        assert not mask[row, len(text) :].any()


@given(st.integers(1, 100), st.integers(0, 99))
def test_padding_never_passes_the_limit(limit: int, less: int) -> None:
    """A limit that is no multiple of the step still bounds the width."""
    length = max(1, limit - less)
    assert length <= padded([[1] * length], limit)["input_ids"].shape[1] <= limit


def copy_of_model(folder: Path) -> Path:
    """Return a copy of the bundled model that a test may break."""
    return Path(shutil.copytree(FOLDER, folder / "model"))


@pytest.mark.parametrize("name", ["manifest.json", "model.bin", "model.xml", "tokenizer.json"])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    """A file that is not there is named with its place and the remedy."""
    folder = copy_of_model(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ModelMissing) as caught:
        Network(folder)
    assert f"{folder / name} is missing" in caught.value.message
    assert "Install Afterword again" in caught.value.message


@pytest.mark.parametrize("name", ["model.bin", "model.xml", "tokenizer.json"])
def test_a_changed_byte_is_noticed(name: str, tmp_path: Path) -> None:
    """A file of the right size with one other byte is refused before it is used."""
    folder = copy_of_model(tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelMissing) as caught:
        Network(folder)
    assert f"{folder / name} is not the expected file" in caught.value.message


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": "x", "max_tokens": "many"}'])
def test_a_manifest_that_cannot_be_read(content: str, tmp_path: Path) -> None:
    """A manifest without the expected fields is refused by name."""
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelMissing, match=r"manifest\.json cannot be read"):
        Network(tmp_path)


def test_identity_follows_the_files_alone(tmp_path: Path) -> None:
    """Another hash of any file is another identity; another folder or order is not."""
    folder = copy_of_model(tmp_path)
    original = networks.load_manifest(FOLDER)
    found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found["files"] = dict(reversed(found["files"].items()))
    (folder / "manifest.json").write_text(json.dumps(found), encoding="utf-8")
    assert networks.load_manifest(folder).sha256 == original.sha256
    for name in original.files:
        files = {**original.files, name: "0" * 64}
        changed = networks.Manifest(original.name, 256, 384, files)
        assert changed.sha256 != original.sha256


def test_one_thread_gives_the_same_vectors(network: Network) -> None:
    """The number of threads is a matter of speed alone."""
    given_texts = texts(BATCH + 3, seed=4)
    rows = Network(FOLDER, threads=1).run(given_texts)["embedding"]
    assert_alike(rows, network.run(given_texts)["embedding"])


@pytest.mark.parametrize("folder", [FOLDER, READER], ids=["encoder", "reader"])
def test_tables_of_tokens_stay_bytes(folder: Path) -> None:
    """No table of numbers is left in what is compiled, and its outputs are the same to the bit."""
    path = folder / networks.NETWORK
    core = networks.import_openvino().Core()
    as_it_comes = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    ours = _Compiled(folder, 0).network
    assert largest_numbers(as_it_comes) == 30_522 * 384
    assert largest_numbers(ours) < 1_000_000
    rows = {"input_ids": np.arange(1_000, 1_064).reshape(2, 32), "attention_mask": np.ones((2, 32))}
    rows["attention_mask"][1, 20:] = 0
    if len(ours.inputs) > len(rows):
        rows["token_type_ids"] = np.repeat([0, 1], 16) * np.ones((2, 1))
    given_rows = {name: values.astype(np.int64) for name, values in rows.items()}
    expected, found = as_it_comes(given_rows), ours(given_rows)
    for place in range(len(ours.outputs)):
        assert np.array_equal(found[place], expected[place])


def largest_numbers(compiled: Any) -> int:
    """Return how many numbers of four bytes the largest constant of a network has."""
    return max(
        int(np.prod(list(op.get_output_shape(0))))
        for op in compiled.get_runtime_model().get_ops()
        if op.get_rt_info()["layerType"].value == "Const"
        and op.get_rt_info()["outputPrecisions"].value == "f32"
    )
