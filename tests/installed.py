"""What an installation has: what its requirements bring, and processes that find no more."""

import importlib.metadata
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from indexes.hub import PACKAGES

ROOT: Final = Path(__file__).parent.parent
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_HUB: Final = {canonicalize_name(one) for one in PACKAGES}
# What is required, and that without what only models of the hub need.
REQUIRED: Final[tuple[str, ...]] = tuple(PROJECT["dependencies"])
SLIM: Final = tuple(one for one in REQUIRED if canonicalize_name(Requirement(one).name) not in _HUB)
EXTRAS: Final[Mapping[str, list[str]]] = PROJECT["optional-dependencies"]

_HIDE = """
import sys
from importlib.machinery import PathFinder

HIDDEN = frozenset({hidden!r})


class Finder:
    find_distributions = PathFinder.find_distributions
    invalidate_caches = PathFinder.invalidate_caches

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            return None
        return PathFinder.find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""


def closure(requirements: Iterable[str]) -> dict[str, set[str]]:
    """Return the canonical names of all distributions that are installed, with their extras."""
    found: dict[str, set[str]] = {}
    left = [(Requirement(one), {""}) for one in requirements]
    while left:
        wanted, asked = left.pop()
        if wanted.marker and not any(wanted.marker.evaluate({"extra": one}) for one in asked):
            continue
        name = canonicalize_name(wanted.name)
        extras = {"", *wanted.extras}
        if extras <= found.get(name, set()):
            continue
        found[name] = found.get(name, set()) | extras
        needs = importlib.metadata.distribution(name).requires or []
        left += [(Requirement(one), found[name]) for one in needs]
    return found


def modules_of(distributions: Iterable[str]) -> set[str]:
    """Return the top-level modules that these distributions bring."""
    wanted = set(distributions)
    return {
        module
        for module, names in importlib.metadata.packages_distributions().items()
        if wanted & {canonicalize_name(name) for name in names}
    }


def hiding(folder: Path, modules: Iterable[str]) -> str:
    """Return a PYTHONPATH with which processes, and their children, do not find these modules."""
    site = folder / "site"
    site.mkdir()
    code = _HIDE.format(hidden=sorted(modules))
    (site / "sitecustomize.py").write_text(code, encoding="utf-8")
    return os.pathsep.join([str(site), str(ROOT)])


def without_hub(folder: Path) -> dict[str, str]:
    """Return the environment of processes that find the slim installation and no other package."""
    installed = {canonicalize_name(one.name) for one in importlib.metadata.distributions()}
    slim = closure(SLIM)
    hidden = modules_of(installed - set(slim)) - modules_of(slim) - {"afterword"}
    hidden -= {module for module in hidden if (ROOT / module).is_dir()}
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": hiding(folder, hidden),
        "HOME": str(folder),
        "HF_HUB_OFFLINE": "1",
        "AFTERWORD_DATA": str(folder / "data"),
    }
