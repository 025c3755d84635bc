"""Ignore files against git itself, which says what its own would leave out."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.ignore import IGNORE_FILE, parse
from ingest.listing import Entry, Ignored, Listed, Unlisted, list_target
from ingest.sources import Selection, Target

NOWHERE = Path("/nowhere")
PATHS = (
    "a",
    "b.md",
    "ab/a",
    "ab/b.md",
    "ab/ab/a",
    "b/a/b.md",
    "b/ab",
    "ba/x-y",
    "[a]",
    "ab/!a",
    "#a",
)


def tree(root: Path, paths: Sequence[str], rules: Mapping[str, str]) -> Path:
    """Make files, and an ignore file in each folder that `rules` names."""
    for name in (*paths, *(f"{folder}/{IGNORE_FILE}" for folder in rules)):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for folder, text in rules.items():
        (root / folder / IGNORE_FILE).write_text(text)
    return root


def listed(root: Path, below: str = "", *, single: bool = False) -> list[str]:
    """Return what is listed."""
    target = Target("docs", root, below, single=single)
    found = list_target(target, Selection(), NOWHERE)
    return [entry.relative for entry in found if isinstance(entry, Listed)]


def taken_by_git(root: Path) -> list[str]:
    """Return what git would add, our ignore files being its own."""
    git = ["git", "-c", "core.excludesFile=/dev/null", "-C", str(root)]
    if not (root / ".git").exists():
        subprocess.run([*git, "init", "-q"], check=True)
        (root / ".git/info/exclude").unlink(missing_ok=True)
    shown = subprocess.run(
        [*git, "ls-files", "-z", "--others", f"--exclude-per-directory={IGNORE_FILE}"],
        check=True,
        capture_output=True,
    )
    names = (os.fsdecode(name) for name in shown.stdout.split(b"\0") if name)
    return [name for name in names if not any(part.startswith(".") for part in name.split("/"))]


LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "", "!", "/", "!/", "**/", "a/", "ab/**/"]),
        st.sampled_from(
            [
                "a",
                "*",
                "ab",
                "a*",
                "*a",
                "*.md",
                "?",
                "b?*",
                "[ab]",
                "[!a]*",
                "**",
                "b/a",
                "*/a",
                "ab/*",
                "*b*",
                "\\[a]",
                "[[:alpha:]]",
                "[a-b]?*",
                "\\#a",
                "!a",
                "#a",
                "x[,-.]y",
            ]
        ),
        st.sampled_from(["", "", "", "/", "/**", "  ", "\r", "/*", "\\ "]),
    ).map("".join),
    max_size=5,
).map("\n".join)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.sampled_from([".", "ab", "ab/ab", "b"]), LINES, max_size=3))
def test_what_is_left_out_is_what_git_leaves_out(tmp_path: Path, rules: dict[str, str]) -> None:
    """Whatever the patterns, and in whatever folders, the same files are taken."""
    for left in tmp_path.rglob(IGNORE_FILE):
        left.unlink()
    root = tree(tmp_path, PATHS, rules)
    assert sorted(listed(root)) == sorted(taken_by_git(root))


def found(root: Path, below: str = "", *, single: bool = False) -> list[Entry]:
    """Return all that a walk finds."""
    return list(list_target(Target("docs", root, below, single=single), Selection(), NOWHERE))


def test_files_and_folders_left_out_are_counted_once(tmp_path: Path) -> None:
    """A folder is one entry, whatever is in it; hidden files are none."""
    root = tree(
        tmp_path, ["a.md", "b.txt", "old/x.md", "old/y/z.md", ".c.txt"], {".": "*.txt\nold/"}
    )
    left = [entry.relative for entry in found(root) if isinstance(entry, Ignored)]
    assert left == ["b.txt", "old/"]
    assert listed(root) == ["a.md"]


def test_ignore_files_above_a_part_of_a_source_count(tmp_path: Path) -> None:
    """A folder or file that is given by itself is left out where its folder's files say so."""
    root = tree(tmp_path, ["sub/a.md", "sub/b.md", "sub/deep/b.md"], {".": "b.md", "sub": "deep/"})
    assert listed(root, "sub") == ["sub/a.md"]
    assert found(root, "sub/deep") == [Ignored("sub/deep/")]
    assert found(root, "sub/b.md", single=True) == [Ignored("sub/b.md")]
    assert listed(root, "sub/a.md", single=True) == ["sub/a.md"]
    (root / "sub" / IGNORE_FILE).write_text("!b.md")
    assert listed(root, "sub/b.md", single=True) == ["sub/b.md"]


def test_a_file_of_the_name_of_its_folder_is_ruled_by_both(tmp_path: Path) -> None:
    """The ignore file beside it counts, as it does for any other file."""
    root = tree(tmp_path, ["notes/notes", "notes/b.md"], {"notes": "notes"})
    assert listed(root) == ["notes/b.md"]
    assert found(root, "notes/notes", single=True) == [Ignored("notes/notes")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"caf\xe9\n", "is not UTF-8 (at byte 4)"),
        (b"# fine\n\n[abc\n", "has a mistake in line 3 ('[abc'): a bracket is not closed"),
        (b"a\\\n", "has a mistake in line 1 ('a\\\\'): a backslash at the end escapes nothing"),
        (b"ok\r\n!\r\n", "has a mistake in line 2 ('!'): it names nothing"),
        (b"[[:wide:]]\n", "there is no kind of character [:wide:]"),
        (b"x" * (2**20 + 1), "has over 1048576 bytes"),
    ],
)
def test_a_broken_ignore_file_keeps_its_folder_from_being_read(
    tmp_path: Path, content: bytes, said: str
) -> None:
    """What was to be left out cannot be known, so nothing of the folder is taken, or removed."""
    root = tree(tmp_path, ["a.md", "sub/b.md", "sub/deep/c.md"], {})
    (root / "sub" / IGNORE_FILE).write_bytes(content)
    taken, refused = found(root)
    assert isinstance(taken, Listed)
    assert isinstance(refused, Unlisted)
    assert refused.relative == "sub/"
    assert said in refused.message
    assert found(root, "sub/deep") == [refused]


@pytest.mark.parametrize("kind", ["folder", "pipe", "circle"])
def test_an_ignore_file_that_is_none_is_told(tmp_path: Path, kind: str) -> None:
    """A pipe is not waited for."""
    root = tree(tmp_path, ["a.md"], {})
    path = root / IGNORE_FILE
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path)
    (refused,) = found(root)
    assert isinstance(refused, Unlisted)
    assert refused.message.startswith(f"was left as it is, for its {IGNORE_FILE} ")
    assert refused.message.endswith("; mend it, or remove it")


def test_a_mark_before_the_first_line_is_no_part_of_it(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    root = tree(tmp_path, ["a.md", "b.md"], {})
    (root / IGNORE_FILE).write_bytes("\ufeffa.md\r\n".encode())
    assert listed(root) == ["b.md"]


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "**/" * 30 + "x", "?*" * 60 + "b", "*" * 999])
def test_no_pattern_takes_long(pattern: str) -> None:
    """A folder from elsewhere can bring an ignore file along: it must not stop a run."""
    (made,) = parse(pattern)
    started = time.process_time()
    assert made.fits(["a" * 255] * 15, is_folder=False) is (pattern == "*" * 999)
    assert time.process_time() - started < 1.0
