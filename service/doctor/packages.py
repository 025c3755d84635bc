"""Which packages are installed, against what the distribution's own metadata asks for."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from packaging.requirements import Requirement

NAME: Final = "afterword"
# Without these an installation is slim: its own encoder and reader need none of them.
HUB: Final = ("torch", "transformers", "sentence-transformers")
INSTALL_HUB: Final = (
    "pip install -r requirements.txt, which lies in the clone and beside the wheel (in containers: "
    "the full image)"
)
_ROOT: Final = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Required:
    """What Afterword asks for: `requirements` as packaging writes them, and where that stands."""

    version: str
    place: str
    installed: bool
    requirements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """One package that is asked for: the version that is there, None for none, and its fault."""

    name: str
    wanted: str
    version: str | None
    fault: str = ""


def asked(name: str = NAME, root: Path = _ROOT) -> Required | None:
    """Return what the installed distribution asks for, or the project file of a checkout.

    None where there is neither.
    """
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return _of_checkout(root)
    return Required(found.version, str(found.locate_file("")), True, tuple(found.requires or ()))


def _of_checkout(root: Path) -> Required | None:
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extras = (
            f"{requirement}; extra == '{extra}'"
            for extra, requirements in project.get("optional-dependencies", {}).items()
            for requirement in requirements
        )
        return Required(project["version"], str(root), False, (*project["dependencies"], *extras))
    except (OSError, KeyError, ValueError):
        return None


def packages(requirements: Sequence[str], extra: str = "") -> list[Package]:
    """Return the packages that are needed here, or that an extra adds, each once, by name."""
    found: dict[str, Package] = {}
    for requirement in _needed(requirements, extra):
        package = _package(requirement)
        if package.name not in found or package.fault:
            found[package.name] = package
    return [found[name] for name in sorted(found, key=str.lower)]


def _needed(requirements: Sequence[str], extra: str) -> Iterator["Requirement"]:
    """Yield what applies on this machine: without an extra, or only because of it."""
    from packaging.requirements import Requirement

    for text in requirements:
        requirement = Requirement(text)
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        if always if not extra else (not always and marker and marker.evaluate({"extra": extra})):
            yield requirement


def _package(requirement: "Requirement") -> Package:
    wanted = str(requirement.specifier)
    try:
        found = distribution(requirement.name)
    except PackageNotFoundError:
        return Package(requirement.name, wanted, None, "is not installed")
    if not requirement.specifier.contains(found.version, prereleases=True):
        return Package(requirement.name, wanted, found.version, f"is {found.version}, not {wanted}")
    return Package(requirement.name, wanted, found.version, _fault_of_extras(requirement, found))


def _fault_of_extras(requirement: "Requirement", found: Distribution) -> str:
    for extra in sorted(requirement.extras):
        for package in packages(found.requires or (), extra):
            if package.fault:
                return f"lacks its extra {extra}: {package.name} {package.fault}"
    return ""


def deeper_faults(roots: Sequence[Package]) -> dict[str, str]:
    """Return what is wrong with the packages that the given ones need, by who needs which."""
    faults: dict[str, str] = {}
    waiting, seen = [one.name for one in roots if one.version], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for package in packages(distribution(name).requires or ()):
            if package.fault:
                faults[f"{name} needs {package.name}"] = package.fault
            elif package.version:
                waiting.append(package.name)
    return faults


def build_of_torch() -> Mapping[str, object] | None:
    """Return torch's version, the CUDA that it was built for (None for none) and its bytes.

    torch is not imported, which takes seconds. None where it is not installed.
    """
    try:
        found = distribution("torch")
    except PackageNotFoundError:
        return None
    said = found.locate_file("torch/version.py")
    text = Path(str(said)).read_text(encoding="utf-8") if Path(str(said)).is_file() else ""
    line = next((line for line in text.splitlines() if line.startswith("cuda")), "cuda = None")
    cuda = line.partition("=")[2].strip().strip("'\"")
    return {
        "version": found.version,
        "cuda": None if cuda == "None" else cuda,
        "bytes": sum(map(_bytes_of, ("torch", "triton", *_of_nvidia(found)))),
    }


def _of_nvidia(torch: Distribution) -> list[str]:
    names = {package.name for package in packages(torch.requires or ())}
    return sorted(name for name in names if name.startswith("nvidia"))


def _bytes_of(name: str) -> int:
    """Return how large a distribution is by its own list of files."""
    try:
        files = distribution(name).files or ()
    except PackageNotFoundError:
        return 0
    return sum(file.size or 0 for file in files)
