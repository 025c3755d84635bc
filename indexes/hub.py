"""Models of a hub, or folders that hold one: where they lie on this machine."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeVar

from huggingface_hub import constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from indexes.errors import ModelMissing
from indexes.hub_files import faults, weights

# Weights as safetensors only: the older formats are pickles, which can run any code.
WANTED: Final = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model")
# The same weights once more, for other engines.
UNWANTED: Final = ("onnx/*", "openvino/*", "original/*", "consolidated*.safetensors")
TOKENIZER: Final = "tokenizer.json"
# So many faults of a folder are told.
_TOLD: Final = 3
# What only models of the hub need, as it is imported; requirements-slim.txt is without it.
PACKAGES: Final = ("sentence_transformers", "torch", "transformers")


Model = TypeVar("Model")


@dataclass(frozen=True, slots=True)
class Role:
    """What a model is to do, as messages call it, the setting that names it, and its kind.

    `instead` says how the bundled one takes its place, and `without`, shorter, how to do without
    the model. `packages` are those that its kind needs.
    """

    name: str
    setting: str
    kind: str
    instead: str
    without: str = "use `bundled`"
    packages: tuple[str, ...] = PACKAGES


def check_packages(name: str, role: Role) -> None:
    """Raise ModelMissing where this installation cannot load models of the hub.

    The packages are looked for and not imported, which takes seconds.
    """
    missing = [package for package in role.packages if find_spec(package) is None]
    if missing:
        raise ModelMissing(
            f"The {role.name} {name} needs {', '.join(missing)}, which this installation does not "
            "have: it knows the bundled models alone. Install them (pip install -r "
            "requirements.txt; in containers, the full image in the place of `slim`), or "
            f"{role.instead}."
        )


def model_folder(name: str, role: Role) -> Path:
    """Return the folder of the hub id or folder `name`, downloaded where that is allowed.

    A model in the hub's cache is not asked for again. Raises ModelMissing that says what was looked
    for, where, and what to do; also where the folder holds pickles in the place of safetensors, or
    names code of its own: it is looked at before any library opens it.
    """
    folder = _found(name, role)
    if not weights(folder):
        raise ModelMissing(
            f"The {role.name} {name} has no *.safetensors file in {folder}, and other formats of "
            "weights are not loaded because they can run code. Convert the model, choose another, "
            f"or {role.without}."
        )
    if wrong := list(faults(folder)):
        raise ModelMissing(
            f"The {role.name} {name} in {folder} is not loaded: {' '.join(wrong[:_TOLD])} Convert "
            f"the model, choose another, or {role.without}."
        )
    return folder


def load_model(
    make: Callable[..., Model], name: str, folder: Path, role: Role, threads: int
) -> Model:
    """Load the model of `folder` by a class of sentence-transformers, on the processor.

    No code that comes with a model runs, and nothing is downloaded. `threads` (0 keeps torch's own
    choice) holds for the whole process. Raises ModelMissing where the model cannot be loaded.
    """
    if threads:
        import torch

        torch.set_num_threads(threads)
    try:
        return make(
            str(folder),
            device="cpu",
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise ModelMissing(
            f"The {role.name} {name} in {folder} cannot be loaded: {error} Choose {role.kind} that "
            "needs no code of its own, or use `bundled`."
        ) from error


def fast_tokenizer(tokenizer: Any) -> str | None:
    """Return a model's tokenizer as the tokenizers library writes it, None where it is no such.

    It truncates nothing, and fills nothing up.
    """
    fast = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not hasattr(fast, "to_str"):
        return None
    found = json.loads(fast.to_str())
    return json.dumps({**found, "truncation": None, "padding": None}, ensure_ascii=False)


def _found(name: str, role: Role) -> Path:
    if Path(name).is_dir():
        return Path(name)
    try:
        cached = cached_folder(name)
    except HFValidationError:
        raise ModelMissing(
            f"The {role.name} {name} is neither a folder nor a name of the hub (owner/model). Set "
            f"{role.setting} to one of these, or {role.without}."
        ) from None
    if cached is not None:
        return cached
    if offline():
        raise ModelMissing(
            f"The {role.name} {name} is not on this machine: no folder of that name, and it is not "
            f"in the hub's cache {constants.HF_HUB_CACHE}; HF_HUB_OFFLINE forbids to download it. "
            f"{_remedy(role)}, or unset HF_HUB_OFFLINE."
        )
    return _download(name, role)


def cached_folder(name: str) -> Path | None:
    """Return the folder of a hub id in the hub's cache, None where its weights are not there.

    Opens no connection. Raises HFValidationError where the hub could have no such name.
    """
    try:
        cached = Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return cached if weights(cached) else None


def _download(name: str, role: Role) -> Path:
    try:
        return Path(
            snapshot_download(name, allow_patterns=list(WANTED), ignore_patterns=list(UNWANTED))
        )
    except OSError as error:
        raise ModelMissing(
            f"The {role.name} {name} is not on this machine (no folder of that name, not in "
            f"{constants.HF_HUB_CACHE}) and could not be downloaded: {error} {_remedy(role)}."
        ) from error


def _remedy(role: Role) -> str:
    return (
        f"Download it on a machine with network (`hf download`) and set {role.setting} to that "
        f"folder, or {role.without}"
    )


def tokenizer_file(name: str, setting: str) -> Path:
    """Return the `tokenizer.json` that `name` is, or that the folder or hub id `name` has.

    One in the hub's cache is not asked for again. Raises ModelMissing.
    """
    path = Path(name)
    if path.is_dir() or path.is_file():
        return path / TOKENIZER if path.is_dir() else path
    try:
        return Path(hf_hub_download(name, TOKENIZER, local_files_only=offline()))
    except (OSError, ValueError) as error:
        raise ModelMissing(
            f"The tokenizer {name} is no file or folder here, and could not be had from the hub: "
            f"{error} Correct {setting}, or unset it: tokens are then estimated."
        ) from error


def offline() -> bool:
    """Tell whether HF_HUB_OFFLINE forbids to ask the hub."""
    return constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").upper() in {
        "1",
        "ON",
        "YES",
        "TRUE",
    }
