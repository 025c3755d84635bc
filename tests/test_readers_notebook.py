"""The notebook reader, against notebooks written here in both formats."""

import json
from pathlib import Path

import pytest

from ingest.readers import NOTEBOOK
from read_one import check_damaged, headings, read_one, refused

CELLS = [
    {
        "cell_type": "markdown",
        "source": ["# On *Swans*\n", "\n", "| a | b |\n|---|---|\n| 1 | 2 |"],
    },
    {
        "cell_type": "code",
        "source": "print('x')\n```",
        "outputs": [
            {"output_type": "stream", "text": ["one\n", "\x1b[31mred\x1b[0m\n"]},
            {
                "output_type": "display_data",
                "data": {"image/png": "aWNl", "text/plain": "<Figure>"},
            },
            {"output_type": "execute_result", "data": {"text/html": "<p>A <b>page</b></p>"}},
            {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []},
            {"output_type": "display_data", "data": {"image/png": "aWNl"}},
        ],
    },
    {"cell_type": "raw", "source": "raw words"},
    {"cell_type": "markdown", "source": "```\nnever closed"},
    {"cell_type": "markdown", "source": "## Next"},
]
FOUR = {
    "nbformat": 4,
    "metadata": {"language_info": {"name": "python"}, "kernelspec": {"language": "python"}},
    "cells": CELLS,
}


def test_a_notebook(tmp_path: Path) -> None:
    """Cells follow each other: Markdown as written, code and output in fences, no pictures."""
    extract = read_one(tmp_path / "a.ipynb", NOTEBOOK, json.dumps(FOUR).encode())
    assert extract.text == (
        "# On *Swans*\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "````python\nprint('x')\n```\n````\n\n```\none\nred\n```\n\n```\n<Figure>\n```\n\n"
        "A page\n\n```\nValueError: no\n```\n\nraw words\n\n```\nnever closed\n\n## Next"
    )
    assert headings(extract) == [(1, "On *Swans*"), (2, "Next")]
    assert (extract.title, extract.metadata) == ("On Swans", {"language": "python"})
    (table,) = extract.tables
    assert table.rows[0].cut(extract.text) == "| 1 | 2 |"


def test_the_older_format(tmp_path: Path) -> None:
    """Format 3 has worksheets, headings as cells, and outputs without a folder of forms."""
    three = {
        "nbformat": 3,
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": "Old"},
                    {
                        "cell_type": "code",
                        "language": "python",
                        "input": ["1+1"],
                        "outputs": [{"output_type": "pyout", "text": ["2"], "png": "aWNl"}],
                    },
                ]
            }
        ],
    }
    extract = read_one(tmp_path / "a.ipynb", NOTEBOOK, json.dumps(three).encode())
    assert extract.text == "Old\n\n```python\n1+1\n```\n\n```\n2\n```"
    assert headings(extract) == [(2, "Old")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[]", "damaged"),
        ("{}", "damaged"),
        ("{", "damaged"),
        ("[" * 100_000, "damaged"),
        ('{"cells": []}', "empty"),
        ('{"cells": [1, {"source": 5}, {"cell_type": "code", "outputs": {}}]}', "empty"),
    ],
)
def test_what_is_no_notebook(tmp_path: Path, content: str, reason: str) -> None:
    """A file under the name of a notebook need not be one."""
    assert refused(tmp_path / "a.ipynb", NOTEBOOK, content.encode()).reason == reason


def test_damaged_files(tmp_path: Path) -> None:
    """Cut or turned bytes are read or refused."""
    check_damaged(tmp_path / "a.ipynb", NOTEBOOK, json.dumps(FOUR).encode())
