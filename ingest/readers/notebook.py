"""Notebooks (IPYNB): Markdown cells as they are written, code in fences, outputs as text."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from indexes.documents import Extract, Metadata, stored_form
from indexes.errors import ReadFailure
from ingest.readers import NOTEBOOK, Reading, ReadOptions
from ingest.readers.composed import Composed
from ingest.readers.encodings import decode
from ingest.readers.layout import lay_out
from ingest.readers.markdown import Blocks, plain

_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_TICKS: Final = re.compile(r"`{3,}")
_NO_NOTEBOOK: Final = (
    "the file is not a notebook ({}); open it in the program it comes from and save it anew"
)


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield the one document of a notebook, of format 3 or 4.

    Raises ReadFailure `damaged` for what is no notebook, `empty`, `wrong_type`.
    """
    decoded = decode(path.read_bytes())
    notebook = _notebook(decoded.text)
    language = _language(notebook)
    composed = Composed()
    for cell in _cells(notebook):
        _put_cell(composed, cell, language)
    if not composed.text:
        raise ReadFailure("empty", "the notebook has no cell with text; fill it, or leave it out")
    first = composed.headings[0].span.cut(composed.text) if composed.headings else ""
    stated = _words(_mapping(notebook.get("metadata")).get("title"))
    yield Extract(
        composed.text,
        NOTEBOOK,
        " ".join(stated.split()) or plain(first) or options.stem,
        headings=tuple(composed.headings),
        tables=tuple(composed.tables),
        metadata=_metadata(language),
        findings=decoded.findings,
    )


def _metadata(language: str) -> Metadata:
    return {"language": language} if language else {}


def _notebook(text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReadFailure("damaged", _NO_NOTEBOOK.format(error)) from error
    if not isinstance(value, dict) or not isinstance(
        value.get("cells", value.get("worksheets")), list
    ):
        raise ReadFailure("damaged", _NO_NOTEBOOK.format("it has no cells"))
    return value


def _language(notebook: Mapping[str, object]) -> str:
    metadata = _mapping(notebook.get("metadata"))
    kernel, info = _mapping(metadata.get("kernelspec")), _mapping(metadata.get("language_info"))
    return stored_form(_words(info.get("name")) or _words(kernel.get("language"))).strip()


def _cells(notebook: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yield the cells; format 3 has them in worksheets."""
    for sheet in [notebook, *_list(notebook.get("worksheets"))]:
        for cell in _list(_mapping(sheet).get("cells")):
            if isinstance(cell, dict):
                yield cell


def _put_cell(composed: Composed, cell: Mapping[str, object], language: str) -> None:
    source = _words(cell.get("source", cell.get("input")))
    match cell.get("cell_type"):
        case "markdown":
            _put_markdown(composed, source)
        case "heading":  # format 3
            level = cell.get("level")
            composed.heading(level if isinstance(level, int) and 0 < level < 7 else 1, source)  # noqa: PLR2004
        case "code":
            _put_fenced(composed, source, _words(cell.get("language")) or language)
            for output in _list(cell.get("outputs")):
                _put_output(composed, _mapping(output))
        case _:
            composed.paragraph(source)


def _put_markdown(composed: Composed, source: str) -> None:
    text = stored_form(source).strip("\n")
    if text.strip():
        blocks = Blocks(text)
        composed.include(text, blocks.headings, blocks.tables)


def _put_fenced(composed: Composed, words: str, language: str = "") -> None:
    """Add text between fences that are longer than any inside."""
    if words.strip():
        fence = "`" * max([3, *(len(ticks) + 1 for ticks in _TICKS.findall(words))])
        composed.paragraph(f"{fence}{language}\n{words.strip(chr(10))}\n{fence}")


def _put_output(composed: Composed, output: Mapping[str, object]) -> None:
    """Add what a cell printed, gave, or failed with; pictures are left out."""
    kind = output.get("output_type")
    if kind == "stream":
        _put_fenced(composed, _shown(output.get("text")))
    elif kind in {"error", "pyerr"}:
        name, value = _shown(output.get("ename")), _shown(output.get("evalue"))
        _put_fenced(composed, f"{name}: {value}")
    else:
        data = _mapping(output.get("data", output))  # format 3 has no `data`
        if markdown := _words(data.get("text/markdown", data.get("markdown"))):
            _put_markdown(composed, markdown)
        elif words := _shown(data.get("text/plain", data.get("text"))):
            _put_fenced(composed, words)
        elif html := _words(data.get("text/html", data.get("html"))):
            page = lay_out(html)
            composed.include(page.text, page.headings, page.tables)
        elif latex := _words(data.get("text/latex", data.get("latex"))):
            composed.paragraph(latex)


def _shown(value: object) -> str:
    """Return printed words as a terminal shows them: without the signs for colours."""
    return _ANSI.sub("", _words(value))


def _words(value: object) -> str:
    """Return a text that may be given in lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
