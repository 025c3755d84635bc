"""The wheel: it has the product's files and no others, and works from where it is unpacked."""

import os
import shutil
import subprocess
import sys
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from example_documents import EXAMPLES
from installed import EXTRAS, PROJECT, ROOT

PACKAGES = ("indexes", "ingest", "service")


def expected() -> set[str]:
    """Return the names of the product's files, from the tree."""
    paths = [path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file()]
    kept = [path for path in paths if "__pycache__" not in path.parts and path.name[0] != "."]
    return {"afterword.py", *(path.relative_to(ROOT).as_posix() for path in kept)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of a copy of the tree, with nothing fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    for name in (*PACKAGES, "tests", "examples", "training", "benchmarks"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("afterword.py", "pyproject.toml", "README.md", "LICENSE", "requirements.txt"):
        shutil.copy(ROOT / name, tree)
    words = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder / "dist")]
    subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", "wheel", "--quiet", *words, str(tree)],
        check=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )
    return next((folder / "dist").glob("*.whl"))


def test_it_holds_the_product_and_nothing_else(wheel: Path) -> None:
    """Each file of the packages is in it with the same bytes, and no test, tool or document is."""
    with ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if ".dist-info/" not in name}
        assert held == expected()
        for name in held:
            assert packed.read(name) == (ROOT / name).read_bytes(), name


def test_its_metadata_are_those_of_the_project(wheel: Path) -> None:
    """Name, version, licence, command and extras; the README is its description."""
    with ZipFile(wheel) as packed:
        info = next(name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(packed.read(info).decode())
        commands = packed.read(info.replace("METADATA", "entry_points.txt")).decode()
        licence = packed.read(info.replace("METADATA", "licenses/LICENSE"))
    assert (metadata["Name"], metadata["Version"]) == ("afterword", PROJECT["version"])
    assert set(metadata.get_all("Provides-Extra", [])) == set(EXTRAS)
    assert "afterword = afterword:main" in commands
    assert licence == (ROOT / "LICENSE").read_bytes()
    needs = [one for one in metadata.get_all("Requires-Dist", []) if "extra ==" not in one]
    assert len(needs) == len(PROJECT["dependencies"])


def test_it_works_where_it_is_unpacked(wheel: Path, tmp_path: Path) -> None:
    """In an empty folder and without a checkout, documents are ingested and a question answered."""
    unpacked, empty = tmp_path / "unpacked", tmp_path / "empty"
    empty.mkdir()
    with ZipFile(wheel) as packed:
        packed.extractall(unpacked)
    documents = tmp_path / "documents"
    shutil.copytree(EXAMPLES / "documents", documents)

    def run(*words: str) -> str:
        program = f"import afterword; assert {str(unpacked)!r} in afterword.__file__; "
        program += "afterword.main()"
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(unpacked), "HOME": str(empty)}
        ended = subprocess.run(
            [sys.executable, "-P", "-c", program, *words],
            cwd=empty,
            env={**environ, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert "ingest" in run("--help")
    assert "added" in run("ingest", str(documents))
    told = run("ask", "When", "is", "the", "final", "release", "of", "Python", "3.15", "planned?")
    assert "In short: 1 October 2026" in told
    assert "documents/python-3.15.html" in told
    assert [path.name for path in empty.iterdir()] == ["afterword-data"]
