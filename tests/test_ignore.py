"""Ignore files against git itself, which says what its own would leave out."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.ignore import IGNORE_FILE
from ingest.listing import Listed, list_target
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
