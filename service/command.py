"""What `afterword ask`, `search` and `eval` show: lines for people, JSON for programs."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich import progress
from rich.console import Console

from indexes.errors import UsageError
from indexes.settings import Settings
from service.reply import ANSWERED, NO_DOCUMENTS, Citation, Passage, Reply

_SHOWN_CHARACTERS = 300
_CLOSEST = 3


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
    yield f"{reply.status}  (score {reply.score:.2f}, threshold {reply.threshold:.2f})"
    if reply.status == NO_DOCUMENTS:
        yield "  There is nothing to search: the collection is empty, or all was filtered out."
    elif reply.status == ANSWERED:
        yield f"  {_in_one_line(reply.answer)}"
        for citation in reply.citations:
            yield ""
            yield from _citation_lines(citation)
    else:
        yield "  The documents do not answer this. The closest that was found:"
        for passage in reply.passages[:_CLOSEST]:
            yield ""
            yield from passage_lines(passage)


def passage_lines(passage: Passage) -> Iterator[str]:
    """Yield where a passage stands, and its beginning."""
    place = _place(passage.page, passage.section, passage.as_of)
    yield f"  {passage.uri}{place}  ({passage.score:.2f})"
    words = _in_one_line(passage.text)
    cut = "…" if len(words) > _SHOWN_CHARACTERS else ""
    yield f"      {words[:_SHOWN_CHARACTERS]}{cut}"


def _citation_lines(citation: Citation) -> Iterator[str]:
    place = _place(citation.page, citation.section, citation.as_of)
    title = f"{_in_one_line(citation.title)}, " if citation.title else ""
    yield f"  {citation.marker} {title}{citation.uri}{place}"
    yield f'      "{_in_one_line(citation.quote)}"'


def _place(page: int | None, section: str, as_of: str | None) -> str:
    parts = [
        f"page {page}" if page is not None else "",
        f"section {section}" if section else "",
        f"as of {as_of}" if as_of else "",
    ]
    return "".join(f", {_in_one_line(part)}" for part in parts if part)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def run_evaluation(
    settings: Settings,
    questions: Path,
    *,
    collection: str,
    given: bool,
    stage: str,
    limit: int | None,
    as_json: bool,
) -> int:
    """Run an evaluation and show its figures; return the exit status."""
    from service.answer import build_answerer
    from service.evaluate import STAGES, Asked, Failed, Outcome, evaluate, read_lines, summarise

    chosen = next((one for one in STAGES if one == stage), None)
    if chosen is None:
        raise UsageError(f"--stage {stage}: use one of {', '.join(STAGES)}")
    lines = read_lines(questions, limit)
    answerer = build_answerer(settings)
    answerer.collection(collection)
    asked = Asked(collection, given, chosen)
    outcomes: list[Outcome] = []
    failed: list[Failed] = []
    bar = progress.Progress(console=Console(stderr=True), transient=True)
    with bar:
        for one in bar.track(evaluate(lines, answerer, asked), len(lines), description="questions"):
            if isinstance(one, Failed):
                failed.append(one)
            else:
                outcomes.append(one)
    figures = summarise(outcomes, asked)
    sys.stdout.write((json.dumps(figures) if as_json else "\n".join(figure_lines(figures))) + "\n")
    for one in failed:
        sys.stderr.write(f"{one.id}: {one.message}\n")
    return 1 if failed else 0


def figure_lines(figures: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """Yield a line for each figure that there is truth for."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from figure_lines(value, f"{prefix}{name} ")
        elif value is not None:
            yield f"  {prefix}{name:<{24 - len(prefix)}} {value}"
