"""Given paths, sources and listings, on real folders."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import BadName, UsageError
from ingest.listing import Listed, Outside, Unlisted, list_target
from ingest.names import stored_name
from ingest.sources import Selection, Target, check_source, find_targets, overlapping

NOWHERE = Path("/nowhere")


def make(folder: Path, *names: str) -> Path:
    """Make files that hold their own names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def relatives(
    target: Target, selection: Selection | None = None, skip: Path = NOWHERE
) -> list[str]:
    """List a target and return the relative paths found."""
    found = list_target(target, selection or Selection(), skip)
    return [entry.relative for entry in found if isinstance(entry, Listed)]


def test_listing_is_complete_in_order_and_leaves_hidden_out(tmp_path: Path) -> None:
    """Every visible file is listed once, folder by folder in the order of names."""
    root = make(
        tmp_path / "docs", "b.md", "a/z.md", "a/b/c.txt", ".git/config", "a/.hidden", "c/.x/y.md"
    )
    (root / "empty").mkdir()
    found = list(list_target(Target("docs", root), Selection(), NOWHERE))
    assert [e.relative for e in found] == ["a/b/c.txt", "a/z.md", "b.md"]
    for entry in found:
        assert isinstance(entry, Listed)
        status = (root / entry.relative).stat()
        assert (entry.size, entry.modified) == (status.st_size, status.st_mtime_ns)
        assert Path(entry.path) == root / entry.relative


def test_the_data_folder_is_no_source_of_documents(tmp_path: Path) -> None:
    """Ingesting the folder that holds the collections leaves the collections alone."""
    root = make(tmp_path / "docs", "a.md", "afterword-data/default/catalog.db")
    assert relatives(Target("docs", root), skip=root / "afterword-data") == ["a.md"]


def test_links_stay_within_the_folder(tmp_path: Path) -> None:
    """A link to a file inside is read, one that leads out is told, a folder's is not followed."""
    root = make(tmp_path / "docs", "a.md", ".data/real.md", "sub/b.md")
    outside = make(tmp_path / "other", "secret.md")
    (root / "inside.md").symlink_to(root / ".data/real.md")
    (root / "out.md").symlink_to(outside / "secret.md")
    (root / "outfolder").symlink_to(outside)
    (root / "again").symlink_to(root / "sub")
    (root / "round").symlink_to(root / "round")
    (root / "nothing.md").symlink_to(root / "absent.md")
    found = list(list_target(Target("docs", root), Selection(), NOWHERE))
    assert [e.relative for e in found if isinstance(e, Listed)] == ["a.md", "inside.md", "sub/b.md"]
    assert [e.relative for e in found if isinstance(e, Outside)] == ["out.md", "outfolder"]


def test_what_is_no_ordinary_file_is_left_out(tmp_path: Path) -> None:
    """A pipe in a folder does not stop the listing."""
    root = make(tmp_path / "docs", "a.md")
    os.mkfifo(root / "pipe")
    assert relatives(Target("docs", root)) == ["a.md"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    """A folder without permission becomes an entry of its own."""
    root = make(tmp_path / "docs", "a.md", "closed/b.md")
    (root / "closed").chmod(0)
    try:
        found = list(list_target(Target("docs", root), Selection(), NOWHERE))
    finally:
        (root / "closed").chmod(0o755)
    assert [e.relative for e in found if isinstance(e, Unlisted)] == ["closed/"]


@contextmanager
def nested(root: Path, name: str, levels: int) -> Iterator[None]:
    """Make folders one in the other, deeper than `shutil.rmtree` could clear away."""
    before = Path.cwd()
    os.chdir(root)
    for _ in range(levels):
        Path(name).mkdir()
        os.chdir(name)
    Path("deep.md").write_text("deep")
    try:
        yield
    finally:
        Path("deep.md").unlink()
        for _ in range(levels):
            os.chdir("..")
            Path(name).rmdir()
        os.chdir(before)


def test_folders_may_nest_deeper_than_the_stack(tmp_path: Path) -> None:
    """A file 1,500 folders down is listed, in its place in the order."""
    root = make(tmp_path / "docs", "a.md", "z.md")
    with nested(root, "d", 1500):
        assert relatives(Target("docs", root)) == ["a.md", "d/" * 1500 + "deep.md", "z.md"]


def test_a_path_that_is_too_long_is_told(tmp_path: Path) -> None:
    """Where the system takes no longer path, the folder is named and the rest is listed."""
    root = make(tmp_path / "docs", "a.md", "z.md")
    with nested(root, "d" * 200, 25):
        found = list(list_target(Target("docs", root), Selection(), NOWHERE))
    first, deep, last = found
    assert (first.relative, last.relative) == ("a.md", "z.md")
    assert isinstance(deep, Unlisted)
    assert "too long" in deep.message
    assert "--exclude" in deep.message


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    """A root that vanished before it could be listed is no empty folder."""
    (entry,) = list_target(Target("docs", tmp_path / "gone"), Selection(), NOWHERE)
    assert isinstance(entry, Unlisted)
    assert entry.relative == ""
    assert "cannot be listed" in entry.message


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ((), (), ["a.md", "b.txt", "sub/c.md", "sub/deep/d.md", "vendor/e.md"]),
        (("*.md",), (), ["a.md", "sub/c.md", "sub/deep/d.md", "vendor/e.md"]),
        ((), ("vendor",), ["a.md", "b.txt", "sub/c.md", "sub/deep/d.md"]),
        ((), ("sub/deep/",), ["a.md", "b.txt", "sub/c.md", "vendor/e.md"]),
        (("sub/*.md",), (), ["sub/c.md"]),
        (("sub/**/*.md",), (), ["sub/c.md", "sub/deep/d.md"]),
        (("**/d.md", "b.*"), (), ["b.txt", "sub/deep/d.md"]),
        (("sub",), ("d.md",), ["sub/c.md"]),
        (("./sub/c.md",), (), ["sub/c.md"]),
        (("[ab].*",), ("*.txt",), ["a.md"]),
        (("*.pdf",), (), []),
    ],
)
def test_selection(
    tmp_path: Path, include: tuple[str, ...], exclude: tuple[str, ...], expected: list[str]
) -> None:
    """Patterns choose files by name, by folder and by path."""
    root = make(tmp_path, "a.md", "b.txt", "sub/c.md", "sub/deep/d.md", "vendor/e.md")
    assert relatives(Target("docs", root), Selection(include, exclude)) == expected


PARTS = st.lists(st.from_regex(r"[ab][ab.]{0,2}", fullmatch=True), min_size=1, max_size=4)


@given(PARTS)
def test_a_path_matches_itself_its_folders_and_any_depth(parts: list[str]) -> None:
    """A path is taken by its own pattern, by each folder above it and by `**`."""
    relative = "/".join(parts)
    above = "/".join(parts[: max(1, len(parts) - 1)])
    for pattern in (relative, above, f"**/{parts[-1]}", parts[-1]):
        assert Selection((pattern,)).takes(relative)
        assert not Selection((), (pattern,)).takes(relative)


def test_a_folder_is_a_source_of_its_name(tmp_path: Path) -> None:
    """A folder's name is its source unless another is given."""
    root = make(tmp_path / "docs", "a.md")
    assert find_targets([str(root)], None, {}) == (Target("docs", root),)
    assert find_targets([f"{root}/../docs/"], None, {}) == (Target("docs", root),)
    assert find_targets([str(root)], "hand book", {}) == (Target("hand book", root),)


def test_a_file_belongs_to_its_folder(tmp_path: Path) -> None:
    """A file alone gets the uri that it has when its folder is ingested."""
    root = make(tmp_path / "docs", "sub/a.md")
    path = str(root / "sub/a.md")
    assert find_targets([path], None, {}) == (Target("sub", root / "sub", "a.md", single=True),)
    known = {"docs": str(root)}
    expected = Target("docs", root, "sub/a.md", single=True)
    assert find_targets([path], None, known) == (expected,)
    assert relatives(expected) == ["sub/a.md"]


def test_a_folder_inside_a_source_is_a_part_of_it(tmp_path: Path) -> None:
    """A folder in one that was ingested updates that one's documents, the deepest one's."""
    root = make(tmp_path / "docs", "sub/deep/a.md")
    known = {"handbook": str(root), "lower": str(root / "sub")}
    assert find_targets([str(root)], None, known) == (Target("handbook", root),)
    part = Target("lower", root / "sub", "deep")
    assert find_targets([str(root / "sub/deep")], None, known) == (part,)
    assert relatives(part) == ["deep/a.md"]
    assert find_targets([str(root / "sub")], "docs", known) == (Target("docs", root / "sub"),)


def test_a_root_reached_by_a_link_is_the_same_root(tmp_path: Path) -> None:
    """Another path to the same folder finds the same source."""
    root = make(tmp_path / "docs", "a.md")
    (tmp_path / "alias").symlink_to(root)
    (target,) = find_targets([str(tmp_path / "alias")], None, {"docs": str(root)})
    assert (target.source, target.below) == ("docs", "")


def test_two_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """A second folder of the same name needs a name of its own; a moved one takes over."""
    one, two = make(tmp_path / "one/docs", "a.md"), make(tmp_path / "two/docs", "a.md")
    with pytest.raises(UsageError, match="--source NAME"):
        find_targets([str(one), str(two)], None, {})
    known = {"docs": str(one)}
    with pytest.raises(UsageError, match=str(one)):
        find_targets([str(two / "a.md")], None, known)
    assert find_targets([str(two)], "docs", known) == (Target("docs", two),)
    with pytest.raises(UsageError, match="of its own"):
        find_targets([str(two / "a.md")], "docs", known)
    gone = {"docs": str(tmp_path / "moved/docs")}
    assert find_targets([str(two)], None, gone) == (Target("docs", two),)


def test_all_wrong_paths_are_told_at_once(tmp_path: Path) -> None:
    """Each path that is not there is named, and none is ingested."""
    os.mkfifo(tmp_path / "pipe")
    paths = [str(tmp_path), str(tmp_path / "nil"), str(tmp_path / "pipe"), str(tmp_path / "none")]
    with pytest.raises(UsageError) as error:
        find_targets(paths, None, {})
    assert "nil does not exist" in error.value.message
    assert "none does not exist" in error.value.message
    assert "pipe is not a file or folder" in error.value.message


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "upload:x", "a\nb", "x" * 129])
def test_names_that_no_source_may_have(name: str) -> None:
    """A source's name must fit into a uri and not look like an upload."""
    with pytest.raises(BadName, match="--source"):
        check_source(name)


def test_a_folder_without_a_name_asks_for_one() -> None:
    """The root of the file system is no source until it is given a name."""
    with pytest.raises(UsageError, match=r"the folder / has no name .* --source NAME"):
        find_targets(["/"], None, {})
    assert find_targets(["/"], "all", {}) == (Target("all", Path("/")),)


def test_sources_inside_a_new_one_are_noticed(tmp_path: Path) -> None:
    """A folder above an ingested one would store its documents twice: that is told."""
    root = make(tmp_path / "docs", "sub/a.md")
    known = {"sub": str(root / "sub"), "far": str(tmp_path / "far")}
    assert overlapping([Target("docs", root)], known) == {"sub": str(root / "sub")}
    assert overlapping([Target("sub", root / "sub")], known) == {}


def test_names_that_are_no_unicode_can_be_stored() -> None:
    """Bytes that are no UTF-8 become an escape; other names stay as they are."""
    assert stored_name(os.fsdecode(b"caf\xe9.md")) == "caf\\xe9.md"
    assert stored_name("café.md") == "café.md"
