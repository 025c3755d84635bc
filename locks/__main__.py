"""Write `locks/*.txt` from the pins of `requirements*.txt`: `python -m locks`, or `make lock`.

Each pin gets the sha256 of every file that the package index has of that version, for all
platforms. With `--upgrade` the pins themselves are renewed first, to the newest versions that
pyproject.toml allows. torch has no hash: each index builds it in its own way. uv does the work; it
is the one program of `requirements-tools.txt` that asks the index.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / "locks"
LLAMA: Final = ("llama-cpp-python[server]>=0.3.16",)
TOOLS: Final = ("cyclonedx-bom", "setuptools>=80", "uv")
UNHASHED: Final = frozenset({"torch"})
# What only torch's build for graphics cards brings.
_CUDA: Final = re.compile(r"nvidia-|cuda-|triton")
_HUB: Final = frozenset({"sentence-transformers", "torch", "transformers"})
_MADE: Final = "# made by `python -m locks` from {name}; change it there\n"

Pins = Mapping[str, str]
"""A line `name==version` by the canonical name."""


def pins(name: str) -> dict[str, str]:
    """Return the pins of a file of requirements."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return _by_name(line for line in lines if line and not line.startswith("#"))


def locked() -> dict[str, tuple[str, Pins]]:
    """Return for each lock the file that it is made from, and its pins.

    `full` goes on where `slim` ends.
    """
    slim, full = pins("requirements-slim.txt"), pins("requirements.txt")
    more = {name: line for name, line in full.items() if name not in slim.keys() | UNHASHED}
    return {
        "slim": ("requirements-slim.txt", slim),
        "full": ("requirements.txt", more),
        "test": ("requirements-test.txt", pins("requirements-test.txt")),
        "model": ("requirements-model.txt", pins("requirements-model.txt")),
        "clients": ("requirements-clients.txt", pins("requirements-clients.txt")),
        "llama": ("requirements-llama.txt", pins("requirements-llama.txt")),
        "tools": ("requirements-tools.txt", pins("requirements-tools.txt")),
    }


def main() -> None:
    """Renew the pins where that is asked for, then write each lock."""
    if sys.argv[1:] == ["--upgrade"]:
        _upgrade()
    for name, (source, wanted) in locked().items():
        hashed = _uv(wanted.values(), "--no-deps", "--generate-hashes")
        first = "-r slim.txt\n" if name == "full" else ""
        text = _MADE.format(name=source) + first + hashed
        (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")


def _upgrade() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required: list[str] = project["dependencies"]
    extras: Mapping[str, list[str]] = project["optional-dependencies"]
    tests = [one for name in ("test", "gguf", "otel", "training") for one in extras[name]]
    tests = [one for one in tests if Requirement(one).name != project["name"]]
    everything = _newest([*required, *tests])
    full = _same(_newest(required), everything)
    slim = _newest(
        [one for one in required if canonicalize_name(Requirement(one).name) not in _HUB]
    )
    _write("requirements.txt", full)
    _write("requirements-slim.txt", _same(slim, everything))
    _write("requirements-test.txt", {k: v for k, v in everything.items() if k not in full})
    _write("requirements-tools.txt", _newest(TOOLS))
    _write("requirements-llama.txt", _newest(LLAMA))


def _newest(required: Iterable[str]) -> dict[str, str]:
    found = _by_name(_uv(required, "--upgrade").splitlines())
    return {name: line for name, line in found.items() if not _CUDA.match(name)}


def _same(some: Pins, everything: Pins) -> dict[str, str]:
    """Return the versions that go together with all the others."""
    return {name: everything[name] for name in some}


def _by_name(lines: Iterable[str]) -> dict[str, str]:
    return {canonicalize_name(Requirement(line).name): line for line in lines}


def _write(name: str, wanted: Pins) -> None:
    """Write pins under the comment that the file begins with."""
    path = ROOT / name
    known = path.read_text(encoding="utf-8").splitlines()
    head = [line for line in known if line.startswith("#")]
    lines = sorted(wanted.values(), key=str.lower)
    path.write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")


def _uv(lines: Iterable[str], *options: str) -> str:
    """Return what uv makes of some requirements. Ends the program with its message."""
    words = ["--quiet", "--no-header", "--no-annotate", "--python-version", "3.11", *options, "-"]
    done = subprocess.run(
        [os.environ.get("UV", "uv"), "pip", "compile", *words],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"uv cannot resolve the requirements: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
