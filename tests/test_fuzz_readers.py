"""Damaged files of the formats that are written by hand, and PDF, through real reader processes.

What office programs, mail programs and others write is damaged in the tests of each reader.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from fpdf import FPDF

from indexes.documents import Extract
from ingest.pool import Limits, ReaderPool, ReadJob

TRIES = 100
SEED = 7
RST = """Lamps
=====

:date: 2026-01-02

+---+---+
| a | b |
+===+===+
| 1 | 2 |
+---+---+

.. note:: Lit.
"""
TEX = r"""\documentclass{article}\title{Lamps}\date{2026-01-02}
\begin{document}\section{Lit} 1859 % no
\end{document}
"""
MARKDOWN = """---
title: Lamps
date: 2026-01-02
tags: [a, b]
---
# Lit

| a | b |
|---|---|
| 1 | 2 |

> - *x* `y`
"""
HTML = """<!doctype html><meta charset=utf-8><title>Lamps</title><h1>Lit</h1>
<table><tr><th>a<th>b<tr><td>1<td>2</table><ol start=3><li>x<li>y</ol><pre> z</pre>
"""


def paper() -> bytes:
    """Return a PDF of two pages with a table, an outline and a link."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    for page in range(2):
        pdf.add_page()
        pdf.start_section(f"Part {page}")
        pdf.cell(text="Seven lamps were lit.", link="https://lamps.example")
        pdf.ln()
        with pdf.table() as table:
            for row in (("Year", "Lamps"), ("1859", "7"), ("1860", "9"), ("1861", "12")):
                table.row(row)
    return bytes(pdf.output())


SAMPLES = {
    "a.pdf": paper(),
    "a.html": HTML.encode(),
    "a.md": MARKDOWN.encode(),
    "a.rst": RST.encode(),
    "a.tex": TEX.encode(),
    "a.csv": 'name,"age, or so"\n"Ada ""A""",36\nBob,\n'.encode("utf-16"),
    "a.tsv": b"name\tage\nAda\t36\n",
    "a.jsonl": b'{"id": "a", "text": "Lit.", "metadata": {"n": 1}}\n{"id": "b", "text": "x"}\n',
    "a.txt": "Größe: 7 Lampen.\n\nDie Lampe brennt.\n".encode("latin-1"),
}


def damaged(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """Yield the file cut short, with bytes changed, left out, doubled, and mixed."""
    for _ in range(TRIES):
        out = bytearray(data)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(out) + 1)
            end = min(len(out), at + chance.choice((1, 2, 8, 64)))
            match chance.randrange(5):
                case 0:
                    del out[at:]
                case 1:
                    out[at:end] = chance.randbytes(end - at)
                case 2:
                    del out[at:end]
                case 3:
                    out[at:at] = out[at:end] * chance.choice((1, 50))
                case _:
                    out[at:end] = chance.choice((b"\x00", b"\xff\xfe", b"<", b"99999999999", b"]]"))
        yield bytes(out)


@pytest.mark.parametrize("name", SAMPLES)
def test_damage_has_an_honest_end(name: str, tmp_path: Path) -> None:
    """Text whose places are true, or a failure that says why: no reader is taken by surprise."""
    files = list(damaged(SAMPLES[name], random.Random(SEED)))
    jobs = []
    for number, content in enumerate(files):
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(content)
        jobs.append(ReadJob(str(number), path, name))
    ended = set[str]()
    with ReaderPool(1, Limits(20, 512, 64)) as pool:
        for result in pool.results(jobs):
            where = f"{name} {result.job.key}"
            for extract in result.extracts:
                check(extract, where)
            if result.failure is not None:
                assert "its reader failed" not in result.failure.message, where
                assert "crashed" not in result.failure.message, where
                assert result.failure.reason not in {"time_limit", "memory_limit"}, where
            if result.last:
                ended.add(result.job.key)
    assert len(ended) == len(files)


def check(extract: Extract, where: str) -> None:
    """All spans lie in the text, and the text can be stored."""
    extract.text.encode()
    assert "\x00" not in extract.text, where
    spans = [page.span for page in extract.pages]
    spans += [heading.span for heading in extract.headings]
    spans += [span for table in extract.tables for span in (table.header, *table.rows)]
    for span in spans:
        assert 0 <= span.start <= span.end <= len(extract.text), where
