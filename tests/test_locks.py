"""What is installed is what was pinned, to the byte, and its licences are known."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.generate.licences import licences
from installed import EXTRAS, ROOT
from locks.__main__ import FOLDER, UNHASHED, locked, pins

LOCKS = {name: (FOLDER / f"{name}.txt").read_text(encoding="utf-8") for name in locked()}
# Whoever passes the product on may do so under these; a new one needs a look, and a place here.
PERMISSIVE = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CNRI-Python",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}


def entries(name: str) -> dict[str, tuple[str, list[str]]]:
    """Return the version and hashes of each package in a lock."""
    text = LOCKS[name].replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and line[0] not in "#-"]
    found: dict[str, tuple[str, list[str]]] = {}
    for line in lines:
        pin, *options = line.split(" --hash=")
        found[canonicalize_name(Requirement(pin.strip()).name)] = (
            pin.strip().partition("==")[2],
            [one.strip() for one in options],
        )
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_each_pin_has_its_hashes_and_nothing_else_is_locked(name: str) -> None:
    """`make lock` was run since the pins were changed."""
    _, wanted = locked()[name]
    found = entries(name)
    versions = {one: pin.partition("==")[2] for one, pin in wanted.items()}
    assert {one: version for one, (version, _) in found.items()} == versions, "run `make lock`"
    for one, (_, hashes) in found.items():
        assert hashes, one
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), one
        assert len(set(hashes)) == len(hashes), one


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_place(name: str) -> None:
    """Which index is asked is for the machine that installs to say."""
    assert "://" not in LOCKS[name]
    options = set(re.findall(r"^\s*(-[-\w]+)", LOCKS[name], re.MULTILINE))
    assert options <= {"--hash", "-r"}


def test_the_full_lock_goes_on_where_slim_ends() -> None:
    """Together they are all of requirements.txt but torch, which each index builds in its way."""
    assert LOCKS["full"].splitlines()[1] == "-r slim.txt"
    both = entries("slim").keys() | entries("full").keys()
    assert both == pins("requirements.txt").keys() - UNHASHED
    assert not entries("slim").keys() & entries("full").keys()


def test_make_installs_by_hash() -> None:
    """From a lock and without looking for more; what follows finds all but torch there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = re.findall(r"\binstall (.*)", makefile)
    by_hash = [one for one in commands if one.startswith("--require-hashes --no-deps -r locks/")]
    rest = [one for one in commands if one not in by_hash and not one.startswith(("p", "$(RUN)"))]
    names = [one.split("/")[-1].removesuffix(".txt") for one in by_hash]
    assert names == ["full", "test", "model", "llama", "clients", "tools"]
    assert [one for one in rest if "-r " in one] == [
        "$(INDEX) -r requirements.txt",
        "-r requirements-test.txt",
    ]
    for one in (one for one in rest if "-r " not in one and "--" in one):
        assert "--no-deps --no-build-isolation" in one, one


def test_the_extra_for_traces_is_locked_with_the_tests() -> None:
    """It is run by them."""
    wanted = {canonicalize_name(Requirement(one).name) for one in EXTRAS["otel"]}
    assert wanted <= entries("test").keys()


def test_every_licence_is_known_and_none_asks_for_the_source() -> None:
    """Of each package that is passed on; of a choice one that is permissive is enough."""
    found = dict(licences())
    assert len(found) > 60
    for name, licence in found.items():
        for part in re.split(r" AND ", licence.strip("()")):
            choices = {one.strip("() ") for one in part.split(" OR ")}
            assert choices & PERMISSIVE, (name, licence)


def test_the_wheels_folder_has_the_locks() -> None:
    """`make wheel` lays them beside the pins, with the list of what the product is made of."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "cp locks/slim.txt locks/full.txt dist/locks/" in makefile
    assert re.search(r"^wheel: sbom ", makefile, re.MULTILINE)
