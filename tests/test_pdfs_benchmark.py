"""The comparison of PDF files: which files it takes, and its figures."""

from pathlib import Path

import pytest

from benchmarks.pdfs import Run, pdf_files, shown


def test_folders_give_their_pdf_files(tmp_path: Path) -> None:
    """In the order of their names; a limit takes them by even steps."""
    (tmp_path / "more").mkdir()
    files = [tmp_path / name for name in ("a.pdf", "b.PDF", "c.pdf", "more/d.pdf", "z.txt")]
    for file in files:
        file.touch()
    assert pdf_files([tmp_path], None) == files[:4]
    assert pdf_files([tmp_path], 2) == [files[0], files[2]]
    assert pdf_files([files[4], tmp_path / "more"], 9) == [files[4], files[3]]
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="no PDF file in"):
        pdf_files([tmp_path / "empty"], None)


def test_figures_are_of_pairs_of_rounds() -> None:
    """The ratio is the median of each round's; memory is the most of any."""
    runs = {
        "afterword": [Run(2.0, 40, 5_000_000), Run(4.0, 40, 7_000_000)],
        "langchain": [Run(8.0, 44, 9_000_000), Run(8.0, 44, 9_000_000)],
    }
    found = shown(runs, 12)
    assert found["afterword"] == {
        "pages_a_second": 4.0,
        "pages_a_second_best": 6.0,
        "chunks": 40,
        "chunks_a_second": 13.3,
        "peak_mb": 7,
    }
    assert found["times_as_fast"] == 3.0
    assert "times_as_fast" not in shown({"afterword": runs["afterword"]}, 12)
