"""What `afterword ask` and `search` show: lines for people, JSON for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from indexes.errors import UsageError
from service.reply import ANSWERED, NO_DOCUMENTS, Cell, Citation, Passage, Reply

_SHOWN_CHARACTERS = 300
_CLOSEST = 3
_DECIMALS = 2
_MOST_DECIMALS = 9


def parse_filter(text: str | None) -> dict[str, object] | None:
    """Return the filter that a person wrote as JSON. Raises UsageError."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--filter: {text!r:.80} is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise UsageError("--filter: expected a JSON object with field, operator and value")
    return value


def reply_json(reply: Reply) -> str:
    """Return the reply of POST /v1/query as one JSON object."""
    return json.dumps(reply.as_json(), ensure_ascii=False)


def passages_json(passages: Sequence[Passage]) -> str:
    """Return the reply of POST /v1/search as one JSON object."""
    return json.dumps({"passages": [asdict(one) for one in passages]}, ensure_ascii=False)


def reply_lines(reply: Reply) -> Iterator[str]:
    """Yield the status, the answer with its markers, and its numbered citations."""
    score, threshold = _told_apart(reply.score, reply.threshold)
    yield f"{reply.status}  (score {score}, threshold {threshold})"
    if reply.status == NO_DOCUMENTS:
        yield "  There is nothing to search: the collection is empty, or all was filtered out."
    elif reply.status == ANSWERED:
        if reply.citations and reply.answer_short != reply.citations[0].quote:
            yield f"  In short: {one_line(reply.answer_short)}"
        yield from _answer_lines(reply)
        for citation in reply.citations:
            yield ""
            yield from _citation_lines(citation)
    else:
        yield "  The documents do not answer this. The closest that was found:"
        for passage in reply.passages[:_CLOSEST]:
            yield ""
            yield from passage_lines(passage)
    yield from _generation_lines(reply)


def _answer_lines(reply: Reply) -> Iterator[str]:
    """Yield the answer, in the lines that a language model wrote; what is quoted in one."""
    told = reply.generation
    if told.model is None or told.fallback:
        yield f"  {one_line(reply.answer)}"
        return
    for line in reply.answer.split("\n"):
        words = one_line(line)
        indent = " " * (len(line) - len(line.lstrip()))
        yield f"  {indent}{words}" if words else ""


def _generation_lines(reply: Reply) -> Iterator[str]:
    """Yield what a language model did besides the answer; nothing where none was asked."""
    told = reply.generation
    if told.fallback:
        what = "Quoted" if reply.status == ANSWERED else "No answer"
        yield from ("", f"  {what}: {one_line(told.fallback)}.")
    if told.unsupported:
        yield from ("", "  Written, and not borne out by the evidence:")
        for one in told.unsupported:
            yield f'      "{one_line(one.text)}" ({one_line(one.reason)})'
    if told.reasoning:
        yield from ("", "  Reasoning (nothing of it is checked):")
        yield from (f"      {one_line(line)}" for line in told.reasoning.splitlines())
    if told.model and reply.usage:
        read, written = reply.usage["prompt_tokens"], reply.usage["completion_tokens"]
        cut = ", and was cut off there" if told.finish_reason == "length" else ""
        yield from ("", f"  {told.model} read {read} tokens and wrote {written}{cut}.")


def _told_apart(score: float, threshold: float) -> tuple[str, str]:
    """Return both numbers with two decimals, or with as many as it takes to see them differ."""
    for decimals in range(_DECIMALS, _MOST_DECIMALS):
        told = f"{score:.{decimals}f}", f"{threshold:.{decimals}f}"
        if told[0] != told[1] or score == threshold:
            return told
    return repr(score), repr(threshold)


def passage_lines(passage: Passage) -> Iterator[str]:
    """Yield where a passage stands, and its beginning."""
    place = _place(passage.page, passage.section, passage.as_of)
    yield f"  {passage.uri}{place}  ({passage.score:.2f})"
    words = one_line(passage.text)
    cut = "…" if len(words) > _SHOWN_CHARACTERS else ""
    yield f"      {words[:_SHOWN_CHARACTERS]}{cut}"


def _citation_lines(citation: Citation) -> Iterator[str]:
    place = _place(citation.page, citation.section, citation.as_of, citation.row)
    title = f"{one_line(citation.title)}, " if citation.title else ""
    yield f"  {citation.marker} {title}{citation.uri}{place}"
    yield f'      "{one_line(citation.quote)}"'
    if citation.cells:
        yield f"      {cells_line(citation.cells)}"


def cells_line(cells: Sequence[Cell]) -> str:
    """Return cells of a table with the names of their columns."""
    named = (f"{one.column}: {one.text}" if one.column else one.text for one in cells)
    return one_line("; ".join(named))


def _place(page: int | None, section: str, as_of: str | None, row: int | None = None) -> str:
    parts = [
        f"page {page}" if page is not None else "",
        f"row {row}" if row is not None else "",
        f"section {section}" if section else "",
        f"as of {as_of}" if as_of else "",
    ]
    return "".join(f", {one_line(part)}" for part in parts if part)


def one_line(text: str) -> str:
    """Return a text's words with single spaces between them."""
    return " ".join(text.split())
