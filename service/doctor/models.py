"""The models: the bundled ones against their checksums, and those that the settings name."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from service.doctor.children import Ended, hub_trial, run_trials
from service.doctor.findings import Finding, Subject, amount, listed
from service.doctor.packages import INSTALL_HUB

BUNDLED: Final = "bundled"
_BRING_BACK: Final = "install Afterword again, or bring the file back (git checkout)"
_SECONDS: Final = 300.0
_SLIM: Final = "sentence_transformers"
_WRITER: Final = "language model"
_QUOTE: Final = "AFTERWORD_GENERATOR=quote"
_WITHOUT: Final = {
    "reader": "set AFTERWORD_READER=none, and tell us",
    "entailment": f"let no language model write ({_QUOTE}), and tell us",
}


def bundled_encoder(subject: Subject) -> Iterator[Finding]:
    """Compare the bundled encoder's files with their checksums, and tell how its trial went."""
    from indexes.encoder import FOLDER

    yield _bundled("encoder", FOLDER, subject.trials.get("encoder"))


def bundled_reader(subject: Subject) -> Iterator[Finding]:
    """Compare the bundled reader's files with their checksums, and tell how its trial went."""
    from service.readers import FOLDER

    yield _bundled("reader", FOLDER, subject.trials.get("reader"))


def bundled_entailment(subject: Subject) -> Iterator[Finding]:
    """Compare the files of the network that checks sentences, and tell how its trial went."""
    from service.entailment import FOLDER

    yield _bundled("entailment", FOLDER, subject.trials.get("entailment"))


def _bundled(role: str, folder: Path, trial: Ended | None) -> Finding:
    from indexes.errors import ModelMissing
    from indexes.network import load_manifest

    name, facts = f"bundled {role}", {"folder": str(folder)}
    try:
        manifest = load_manifest(folder)
    except ModelMissing as error:
        what, _, do = error.message.partition(". ")
        return Finding(name, "problem", what, do or _BRING_BACK, facts)
    facts["sha256"] = manifest.sha256
    if trial is not None and trial.fault:
        message = f"its files are right, but it does not run: {trial.fault}"
        return Finding(name, "problem", message, _for_trial(trial), facts)
    if trial is not None and not json.loads(trial.out).get("best", True):
        message = "its files are right, but it prefers what is wrong: the processor reckons wrongly"
        return Finding(name, "problem", message, _WITHOUT[role], facts)
    size = amount(sum((folder / file).stat().st_size for file in manifest.files))
    message = f"{folder}, {size}, sha256 {manifest.sha256[:12]}… as recorded, runs"
    return Finding(name, "ok", message, facts=facts)


def _for_trial(trial: Ended) -> str:
    if trial.status is not None and trial.status < 0:
        return (
            "the processor may lack instructions that OpenVINO needs, or memory ran out: try "
            "another machine, or more memory"
        )
    return "install Afterword again (`pip install .`), into an environment of its own"


def named_encoder(subject: Subject) -> Iterator[Finding]:
    """Tell where the encoder of new collections comes from."""
    name = subject.settings.encoder
    yield _named(subject, "encoder", "AFTERWORD_ENCODER", name, "of new collections")


def named_reader(subject: Subject) -> Iterator[Finding]:
    """Tell where the reader comes from."""
    name = subject.settings.reader
    if name == "none":
        message = "AFTERWORD_READER=none: candidates are weighed by their best sentences"
        yield Finding("reader", "ok", message, facts={"name": name})
        return
    if (Path(name) / "manifest.json").is_file():
        yield _network_reader(Path(name))
        return
    yield _named(subject, "reader", "AFTERWORD_READER", name, "of all collections")


def _network_reader(folder: Path) -> Finding:
    from indexes.errors import ModelMissing
    from indexes.network import load_manifest

    facts = {"name": str(folder)}
    try:
        facts["sha256"] = load_manifest(folder).sha256
    except ModelMissing as error:
        what, _, do = error.message.partition(". ")
        return Finding("reader", "problem", what, do, facts)
    return Finding("reader", "ok", f"{folder}, a network of `training.reader`", facts=facts)


def _named(subject: Subject, role: str, setting: str, name: str, whose: str) -> Finding:
    if name == BUNDLED:
        return Finding(role, "ok", f"the bundled one {whose}", facts={"name": name})
    source = source_of(name, setting)
    if source.level != "ok":
        return Finding(role, source.level, source.message, source.do, source.facts)
    trial = tried(subject, role, name)
    if trial is not None and trial.fault:
        message = f"{source.message}, but it cannot be loaded: {trial.fault}"
        advice = f"set {setting} to another, or unset it"
        return Finding(role, "problem", message, advice, source.facts)
    return Finding(role, "ok", f"{source.message}, {whose}", facts=source.facts)


def tried(subject: Subject, role: str, name: str) -> Ended | None:
    """Try a model that is not bundled, in full only: it takes seconds and much memory."""
    key = f"{role} {name}"
    if subject.full and key not in subject.trials:
        subject.trials.update(run_trials({key: hub_trial(role, name)}, _SECONDS))
    return subject.trials.get(key)


def language_model(subject: Subject) -> Iterator[Finding]:
    """Tell which language model writes answers; a server is not asked, nor is the hub."""
    settings = subject.settings
    if settings.generator == "quote":
        message = "AFTERWORD_GENERATOR=quote: answers are quoted, and none is needed"
        yield Finding(_WRITER, "ok", message, facts={"generator": "quote"})
    elif settings.generator == "openai":
        yield _served(subject)
    elif settings.model is None:
        message = "AFTERWORD_GENERATOR=transformers, and AFTERWORD_MODEL names no model"
        advice = "set AFTERWORD_MODEL to a hub id, a folder or a GGUF file"
        yield Finding(_WRITER, "problem", message, advice)
    else:
        yield _local(subject, settings.model)


def _served(subject: Subject) -> Finding:
    from indexes.errors import ModelMissing
    from service.loopback import is_loopback
    from service.openai_address import address_of

    settings = subject.settings
    key = settings.openai_api_key is not None
    facts: dict[str, object] = {"generator": "openai", "model": settings.model, "key": key}
    try:
        address = address_of(settings.openai_base_url)
    except ModelMissing as error:
        what, _, do = error.message.partition(": ")
        return Finding(_WRITER, "problem", what, do, facts)
    facts["server"] = address.shown
    model = settings.model or "the only model"
    told = f"{model} of {address.shown}, {'with' if key else 'without'} a key"
    if address.base.startswith("http:") and not is_loopback(address.host):
        advice = "where others can listen, let the server speak https"
        message = f"{told}: questions and passages go there as plain text"
        return Finding(_WRITER, "note", message, advice, facts)
    return Finding(_WRITER, "ok", f"{told}; it was not asked", facts=facts)


def _local(subject: Subject, name: str) -> Finding:
    path = Path(name)
    source = _gguf(path) if path.suffix == ".gguf" else source_of(name, "AFTERWORD_MODEL", _QUOTE)
    if source.level != "ok":
        return Finding(_WRITER, source.level, source.message, source.do, source.facts)
    trial = tried(subject, _WRITER, name)
    if trial is not None and trial.fault:
        message = f"{source.message}, but it cannot be used: {trial.fault}"
        return Finding(_WRITER, "problem", message, f"name another, or {_QUOTE}", source.facts)
    wrote = f"; it wrote {json.loads(trial.out)['wrote']!r}" if trial is not None else ""
    return Finding(_WRITER, "ok", f"{source.message}{wrote}", facts=source.facts)


def _gguf(file: Path) -> Finding:
    missing = [one for one in ("accelerate", "gguf") if find_spec(one) is None]
    facts: dict[str, object] = {"name": str(file)}
    if missing:
        message = f"{file} needs {listed(missing)}, not installed"
        advice = "pip install '.[gguf]' in a clone, or name a model with *.safetensors"
        return Finding(str(file), "problem", message, advice, facts)
    size = file.stat().st_size
    return Finding(str(file), "ok", f"{file}, {amount(size)}", facts={**facts, "bytes": size})


def source_of(name: str, setting: str, instead: str = "") -> Finding:
    """Tell where a hub id or folder is found, without asking the hub.

    Not found, it would be downloaded at the start, or is a problem where that is forbidden.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import HFValidationError

    from indexes.hub import cached_folder
    from indexes.hub_files import weights

    facts: dict[str, object] = {"name": name, "cache": str(constants.HF_HUB_CACHE)}
    if find_spec(_SLIM) is None:
        message = f"{name} needs torch, transformers and sentence-transformers, not all installed"
        advice = f"{INSTALL_HUB}, or {instead or f'{setting}=bundled'}"
        return Finding(name, "problem", message, advice, facts)
    if Path(name).is_dir():
        if weights(Path(name)):
            return _there(name, Path(name), facts)
        message = f"the folder {name} has no *.safetensors file"
        return Finding(name, "problem", message, f"name another folder in {setting}", facts)
    try:
        cached = cached_folder(name)
    except HFValidationError:
        message = f"{name} is neither a folder nor a name of the hub (owner/model)"
        return Finding(name, "problem", message, f"set {setting} to one of these", facts)
    return _there(name, cached, facts) if cached is not None else _away(name, setting, facts)


def _away(name: str, setting: str, facts: dict[str, object]) -> Finding:
    from indexes.hub import offline

    told = f"{name} is not in the hub's cache {facts['cache']}"
    if offline():
        advice = (
            f"download it on a machine with network (`hf download {name}`) and set {setting} to "
            "that folder, or unset HF_HUB_OFFLINE"
        )
        return Finding(
            name, "problem", f"{told}, and HF_HUB_OFFLINE forbids to download it", advice, facts
        )
    advice = f"while there is a network: hf download {name}; then set HF_HUB_OFFLINE=1"
    return Finding(name, "warning", f"{told}; a start downloads it", advice, facts)


def _there(name: str, folder: Path, facts: dict[str, object]) -> Finding:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    facts |= {"folder": str(folder), "bytes": size}
    return Finding(name, "ok", f"{name} in {folder}, {amount(size)}", facts=facts)


def hub(subject: Subject) -> Iterator[Finding]:
    """Tell where the hub's cache is, and whether a model may be asked for over the network."""
    del subject
    from huggingface_hub import constants

    from indexes.hub import offline

    forbidden = offline()
    facts = {"cache": str(constants.HF_HUB_CACHE), "offline": forbidden}
    may = "HF_HUB_OFFLINE forbids downloads" if forbidden else "models may be downloaded"
    yield Finding("hub", "ok", f"cache {constants.HF_HUB_CACHE}; {may}", facts=facts)
