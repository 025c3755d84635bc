"""The installation: versions, packages, compiled libraries, torch, extras, character encoding."""

import platform
import sys
from collections.abc import Iterator
from typing import Final

from service.doctor.findings import Finding, Subject, amount, listed
from service.doctor.packages import (
    HUB,
    INSTALL_HUB,
    asked,
    build_of_torch,
    deeper_faults,
    packages,
)

_AGAIN: Final = "install Afterword again (`pip install .`), into an environment of its own"
_OLDEST: Final = (3, 11)
_OCR: Final = "ocr"
# What does not work where a trial of compiled code fails.
_LOST: Final = {
    "numpy": "nothing works without it",
    "faiss": "no collection can be searched or written",
    "tantivy": "no collection can be searched or written",
    "readers": "documents of some formats cannot be read",
}


def version(subject: Subject) -> Iterator[Finding]:
    """Tell the versions of Afterword and Python, and where they are."""
    del subject
    found = asked()
    python = platform.python_version()
    facts: dict[str, object] = {
        "python": python,
        "executable": sys.executable,
        "platform": platform.platform(),
    }
    if sys.version_info < _OLDEST:
        yield Finding("python", "problem", f"Python {python} is too old", "use Python 3.11", facts)
    else:
        where = f"Python {python} ({sys.executable}) on {platform.platform()}"
        yield Finding("python", "ok", where, facts=facts)
    if found is None:
        yield Finding("afterword", "problem", "the installation has no metadata", _AGAIN)
        return
    facts = {"version": found.version, "path": found.place, "installed": found.installed}
    if found.installed:
        yield Finding("afterword", "ok", f"{found.version} in {found.place}", facts=facts)
    else:
        yield Finding(
            "afterword",
            "note",
            f"{found.version} runs from {found.place} and is not installed; its pyproject.toml "
            "says what it needs",
            facts=facts,
        )


def needed(subject: Subject) -> Iterator[Finding]:
    """Tell of every package that is needed, whether it is there in a fitting version."""
    del subject
    found = asked()
    needs = packages(found.requirements) if found else []
    needs = [one for one in needs if one.name not in HUB]
    facts = {one.name: {"wanted": one.wanted, "version": one.version} for one in needs}
    wrong = [one for one in needs if one.fault]
    for one in wrong:
        message = f"{one.name} {one.fault}; Afterword needs {one.name}{one.wanted}"
        yield Finding(one.name, "problem", message, _AGAIN, facts[one.name])
    if needs and not wrong:
        message = f"{len(needs)} are installed in fitting versions"
        yield Finding("packages", "ok", message, facts=facts)
    deeper = deeper_faults(needs)
    for who, fault in deeper.items():
        yield Finding("packages of packages", "warning", f"{who}, which {fault}", _AGAIN)


def compiled(subject: Subject) -> Iterator[Finding]:
    """Tell whether the compiled libraries load; a processor that is too old shows here."""
    faults = {name: subject.trials[name].fault for name in _LOST if name in subject.trials}
    for name, fault in faults.items():
        if fault:
            yield Finding(name, "problem", f"does not load: {fault}; {_LOST[name]}", _for(fault))
    if faults and not any(faults.values()):
        yield Finding("compiled libraries", "ok", f"{', '.join(faults)} load")


def _for(fault: str) -> str:
    if "SIGILL" in fault:
        return (
            "the processor, or the virtual one of this machine, lacks instructions that the "
            "library was built with: choose another type of machine, or build the library there"
        )
    return _AGAIN


def torch(subject: Subject) -> Iterator[Finding]:
    """Tell whether models of the hub can be loaded, and what torch's build costs."""
    del subject
    found = asked()
    needs = [one for one in packages(found.requirements) if one.name in HUB] if found else []
    missing = [one.name for one in needs if one.version is None]
    wrong = [one for one in needs if one.fault and one.version is not None]
    for one in wrong:
        facts: dict[str, object] = {"needed for": "hub models"}
        yield Finding(one.name, "warning", f"{one.name} {one.fault}", INSTALL_HUB, facts)
    if len(missing) == len(HUB):
        message = (
            "slim: without torch, transformers and sentence-transformers. The bundled encoder and "
            "reader need none of them; models of the hub and folders of such cannot be loaded"
        )
        yield Finding("hub models", "note", message, facts={"slim": True})
    elif missing:
        message = f"cannot be loaded: {listed(missing)} missing"
        yield Finding("hub models", "warning", message, INSTALL_HUB)
    elif needs and not wrong:
        yield Finding("hub models", "ok", f"{', '.join(HUB)} are installed", facts={"slim": False})
    yield from _build()


def _build() -> Iterator[Finding]:
    facts = build_of_torch()
    if facts is None:
        return
    cost = amount(float(str(facts["bytes"])))
    if facts["cuda"] is None:
        message = f"{facts['version']} for the processor, {cost}"
        yield Finding("torch", "ok", message, facts=facts)
    else:
        message = f"{facts['version']} for CUDA {facts['cuda']}, {cost}; nothing here uses CUDA"
        advice = "the build for processors is a tenth of that: see docs/how-to/install.md"
        yield Finding("torch", "note", message, advice, facts)


def extras(subject: Subject) -> Iterator[Finding]:
    """Tell whether text recognition is installed, and whether the settings ask for it."""
    found = asked()
    needs = packages(found.requirements, _OCR) if found else []
    missing = [one.name for one in needs if one.fault]
    wanted = subject.settings.ocr
    facts = {one.name: one.version for one in needs}
    if not missing:
        yield Finding("text recognition", "ok", "the extra `ocr` is installed", facts=facts)
    elif wanted == "none":
        message = "the extra `ocr` is not installed; scans and pictures are not read"
        yield Finding("text recognition", "note", message, facts=facts)
    else:
        message = f"AFTERWORD_OCR={wanted}, but {listed(missing)} cannot be used"
        advice = (
            "pip install '.[ocr]' in a clone, or pip install './afterword-….whl[ocr]' beside the "
            "wheel, or unset AFTERWORD_OCR"
        )
        yield Finding("text recognition", "problem", message, advice, facts)


def characters(subject: Subject) -> Iterator[Finding]:
    """Tell whether names of files are taken as UTF-8."""
    del subject
    found = sys.getfilesystemencoding()
    if found.lower() == "utf-8":
        yield Finding("characters", "ok", "names of files are UTF-8", facts={"encoding": found})
    else:
        message = f"names of files are taken as {found}, so others than ASCII are misread"
        advice = "set PYTHONUTF8=1, or a locale of UTF-8 such as LC_ALL=C.UTF-8"
        yield Finding("characters", "warning", message, advice, {"encoding": found})
