"""Models that would run code are refused before anything opens them, and nothing of them runs."""

import ast
import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save
from safetensors.torch import save_file

from indexes.encoder import FOLDER as ENCODER
from indexes.errors import ModelMissing
from indexes.hub_encoder import load_hub_encoder
from indexes.hub_files import faults, weights
from indexes.network import MANIFEST, load_manifest
from installed import ROOT
from service.hub_reader import load_hub_reader
from service.readers import FOLDER as READER
from test_encoder import make_tiny
from test_hub_reader import make_cross_encoder

PRODUCT = [
    ROOT / "afterword.py",
    *(p for n in ("indexes", "ingest", "service") for p in (ROOT / n).rglob("*.py")),
]
FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
}


class Evil:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        """Tell pickle to make a folder, as worse could be done."""
        return os.mkdir, (str(self.mark),)


def evil_pickle(path: Path, mark: Path) -> None:
    """Write a pickle that acts when it is read."""
    path.write_bytes(pickle.dumps(Evil(mark)))


def evil_code(path: Path, mark: Path) -> None:
    """Write a module that acts when it is imported."""
    path.write_text(f"import os\nos.mkdir({str(mark)!r})\n", encoding="utf-8")


def only_pickled(folder: Path, mark: Path) -> None:
    """Put a pickle in the place of the weights."""
    (folder / "model.safetensors").unlink()
    evil_pickle(folder / "pytorch_model.bin", mark)


def pickled_by_another_name(folder: Path, mark: Path) -> None:
    """Name a pickle as if it were safetensors."""
    evil_pickle(folder / "model.safetensors", mark)


def pickled_module(folder: Path, mark: Path) -> None:
    """Add a module of the library's own with pickled weights, beside sound ones at the root."""
    part = folder / "9_Dense"
    part.mkdir()
    settings = {
        "in_features": 24,
        "out_features": 24,
        "bias": True,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    (part / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    evil_pickle(part / "pytorch_model.bin", mark)
    add_module(folder, "sentence_transformers.models.Dense", "9_Dense")


def own_module(folder: Path, mark: Path) -> None:
    """Name a module of code that comes with the model."""
    evil_code(folder / "own.py", mark)
    add_module(folder, "own.Module", "")


def module_of_the_machine(folder: Path, mark: Path) -> None:
    """Name a class of another package, which importing would run."""
    del mark
    add_module(folder, "antigravity.Module", "")


def own_configuration(folder: Path, mark: Path) -> None:
    """Let transformers' configuration ask for code that comes with the model."""
    evil_code(folder / "own.py", mark)
    path = folder / "config.json"
    asked = {"model_type": "own", "auto_map": {"AutoConfig": "own.C", "AutoModel": "own.M"}}
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | asked), encoding="utf-8")


def own_tokenizer(folder: Path, mark: Path) -> None:
    """Let the tokenizer's configuration ask for code that comes with the model."""
    evil_code(folder / "own.py", mark)
    path = folder / "tokenizer_config.json"
    asked = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.T", "own.T"]}}
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | asked), encoding="utf-8")


def add_module(folder: Path, kind: str, path: str) -> None:
    """Append a module to a model of sentence-transformers, or begin the list."""
    listing = folder / "modules.json"
    known = json.loads(listing.read_text("utf-8")) if listing.is_file() else []
    entry = {"idx": len(known), "name": str(len(known)), "path": path, "type": kind}
    listing.write_text(json.dumps([*known, entry]), encoding="utf-8")


TOLD: dict[Callable[[Path, Path], None], str] = {
    only_pickled: r"no \*\.safetensors file",
    pickled_by_another_name: r"model\.safetensors is no safetensors file",
    pickled_module: r"9_Dense/pytorch_model\.bin is a pickle, which can run any code",
    own_module: r"names 'own\.Module', code of its own",
    module_of_the_machine: r"names 'antigravity\.Module', code of its own",
    own_configuration: r"cannot be loaded",
}


@pytest.mark.parametrize("spoil", TOLD)
@pytest.mark.parametrize("role", ["encoder", "reader"])
def test_a_model_that_would_run_code_is_refused(
    spoil: Callable[[Path, Path], None], role: str, tmp_path: Path
) -> None:
    """With what is wrong, where and what to do; and nothing of it has run."""
    mark = tmp_path / "mark"
    load: Callable[[str], object] = load_hub_encoder if role == "encoder" else load_hub_reader
    make = make_tiny if role == "encoder" else make_cross_encoder
    folder = make(tmp_path / "model")
    load(str(folder))
    spoil(folder, mark)
    with pytest.raises(ModelMissing, match=TOLD[spoil]) as caught:
        load(str(folder))
    assert f"The {role} {folder}" in caught.value.message
    assert "`bundled`" in caught.value.message
    assert not mark.exists()


@pytest.mark.parametrize("make", [make_tiny, make_cross_encoder])
def test_code_that_a_tokenizer_names_does_not_run(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    """Whether the model is refused or read with a tokenizer of the library's own."""
    mark, folder = tmp_path / "mark", make(tmp_path / "model")
    own_tokenizer(folder, mark)
    load: Callable[[str], object] = load_hub_encoder if make is make_tiny else load_hub_reader
    try:
        load(str(folder))
    except ModelMissing as error:
        assert str(folder) in error.message  # noqa: PT017 # either is good
    assert not mark.exists()


def test_the_traps_of_these_tests_work(tmp_path: Path) -> None:
    """Read by those who do not look, the pickle acts: else the tests above would show nothing."""
    evil_pickle(tmp_path / "x.bin", tmp_path / "mark")
    with (tmp_path / "x.bin").open("rb") as file:
        pickle.load(file)  # noqa: S301 # a pickle of this test's own
    assert (tmp_path / "mark").is_dir()


def test_pickles_beside_safetensors_are_left_alone(tmp_path: Path) -> None:
    """Many models of the hub have both; the sound one is read, and the other never opened."""
    folder, mark = make_tiny(tmp_path / "model"), tmp_path / "mark"
    evil_pickle(folder / "pytorch_model.bin", mark)
    (folder / "onnx").mkdir()
    evil_pickle(folder / "onnx" / "model.bin", mark)
    load_hub_encoder(str(folder))
    assert not mark.exists()


@given(st.data())
def test_a_file_that_is_cut_or_grown_is_no_safetensors_file(data: st.DataObject) -> None:
    """Its header tells its length to the byte."""
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "a": np.arange(data.draw(st.integers(0, 9)), dtype=np.float32),
        "b": np.ones((2, 3), np.float32),
    }
    content = save(arrays)
    kept = data.draw(st.integers(0, len(content)))
    more = data.draw(st.binary(max_size=4)) if kept == len(content) else b""
    with TemporaryDirectory() as folder:
        (Path(folder) / "model.safetensors").write_bytes(content[:kept] + more)
        assert (list(faults(Path(folder))) == []) is (kept == len(content) and not more)


def test_a_header_that_promises_the_moon_costs_nothing(tmp_path: Path) -> None:
    """A length beyond the file, and a header that is no table of tensors."""
    path = tmp_path / "model.safetensors"
    for content in (
        struct.pack("<Q", 1 << 60),
        struct.pack("<Q", 2) + b"[]",
        b'\x04\0\0\0\0\0\0\0{"a"',
    ):
        path.write_bytes(content)
        assert len(list(faults(tmp_path))) == 1
    save_file({"a": torch.ones(2)}, path, metadata={"format": "pt"})
    assert list(faults(tmp_path)) == []
    assert weights(tmp_path) == [path]


@pytest.mark.parametrize("folder", [ENCODER, READER])
def test_one_changed_byte_of_the_bundled_weights_is_found(folder: Path, tmp_path: Path) -> None:
    """In each file that the manifest lists, before any of it is used; every file is listed."""
    copy = Path(shutil.copytree(folder, tmp_path / "model"))
    listed = set(load_manifest(copy).files)
    assert listed >= {"model.bin", "model.xml", "tokenizer.json"}
    assert {path.name for path in folder.iterdir()} - listed <= {
        MANIFEST,
        "MODEL_CARD.md",
        ".gitattributes",
        "blend.json",
    }
    for name in sorted(listed):
        content = (copy / name).read_bytes()
        middle = len(content) // 2
        spoiled = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        (copy / name).write_bytes(spoiled)
        with pytest.raises(ModelMissing, match=f"{name} is not the expected file"):
            load_manifest(copy)
        (copy / name).write_bytes(content)
    load_manifest(copy)


def test_the_product_reads_no_pickle_and_trusts_no_code() -> None:
    """By its own source: no module that unpickles, and each switch of others is off."""
    for path in PRODUCT:
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            assert not {name.partition(".")[0] for name in names} & FORBIDDEN_MODULES, path
            if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
                assert (node.arg, node.value.value) not in {
                    ("trust_remote_code", True),
                    ("allow_pickle", True),
                    ("weights_only", False),
                }, path
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "yaml.load", "torch.load", "np.load"}, path
