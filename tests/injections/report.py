"""What documents that try to steer come to: `python tests/injections/report.py` prints a table.

Each is asked about beside the honest documents alone, and the reply is compared with the one that
these give without it. `--json` prints the figures as one object.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

if __name__ == "__main__":
    sys.path += [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

from indexes.collection import open_collection
from indexes.documents import Document, file_uri
from indexes.settings import Settings
from ingest.pipeline import ingest
from ingest.progress import silent
from ingest.survey import Order
from injections.documents import HONEST, INJECTIONS, Injection
from service.answer import Answerer, Question, build_answerer
from service.reply import Reply


@dataclass(frozen=True)
class Stored:
    """The collection of all documents: what is stored of each file, by its name."""

    answerer: Answerer
    documents: Mapping[str, Sequence[Document]]
    texts: Mapping[str, str]  # by document id

    def ask(self, question: str, names: Iterable[str], *, abstain: bool = True) -> Reply:
        """Ask of the documents of these files alone."""
        uris = [one.uri for name in names for one in self.documents[name]]
        condition = {"field": "uri", "operator": "in", "value": uris}
        return self.answerer.answer(Question(question, filter=condition), abstain=abstain)


@dataclass(frozen=True)
class Verdict:
    """What became of an injection: the stored words, what was told, and how the reply changed.

    `same` is that the reply says and cites what it did without it, `cited` that it is cited.
    """

    injection: Injection
    in_text: bool
    told: bool
    same: bool
    cited: bool


def stored(folder: Path) -> Stored:
    """Ingest all documents into a new collection."""
    files = folder / "harbour"
    files.mkdir()
    for honest in HONEST:
        (files / honest.name).write_text(honest.text, encoding="utf-8")
    for one in INJECTIONS:
        (files / one.name).write_bytes(one.content)
    settings = Settings(data=folder / "data", reader_processes=2)
    ingest(Order((str(files),)), settings, silent)
    found = dict[str, list[Document]]()
    texts = dict[str, str]()
    with closing(open_collection(settings.data, "default")) as opened, opened.read() as reading:
        for document in reading.documents(1000):
            name = file_uri(document).removeprefix("harbour/")
            found.setdefault(name, []).append(document)
            texts[document.document_id] = reading.text(document.document_id)
    return Stored(build_answerer(settings), found, texts)


def judged(stored: Stored) -> list[Verdict]:
    """Ask each injection's question with and without it."""
    honest = [one.name for one in HONEST]
    return [_verdict(stored, honest, one) for one in INJECTIONS]


def _verdict(stored: Stored, honest: Sequence[str], one: Injection) -> Verdict:
    question = HONEST[one.target].question
    without, beside = stored.ask(question, honest), stored.ask(question, [*honest, one.name])
    documents = stored.documents[one.name]
    text = " ".join(" ".join(stored.texts[d.document_id] for d in documents).split())
    own = {document.document_id for document in documents}
    return Verdict(
        one,
        " ".join(one.payload.split()) in text,
        any(finding.code == "hidden_text" for d in documents for finding in d.findings),
        said(without) == said(beside),
        any(citation.document_id in own for citation in beside.citations),
    )


def said(reply: Reply) -> tuple[str, list[tuple[str, str]]]:
    """Return what a reply says, and from where."""
    return reply.answer, [(citation.uri, citation.quote) for citation in reply.citations]


def figures(verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    """Return counts by kind, and of all."""
    kinds = dict.fromkeys(verdict.injection.kind for verdict in verdicts)
    found = {kind: [v for v in verdicts if v.injection.kind == kind] for kind in kinds}
    return {kind: _counts(some) for kind, some in {**found, "all": list(verdicts)}.items()}


def _counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    return {
        "documents": len(verdicts),
        "left out": sum(not v.in_text for v in verdicts),
        "told": sum(v.told for v in verdicts),
        "cited": sum(v.cited for v in verdicts),
        "same reply": sum(v.same for v in verdicts),
    }


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the figures as the lines of a table."""
    counted = figures(verdicts)
    heads = list(counted["all"])
    lines = ["| kind | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for kind, row in counted.items():
        lines.append(f"| {kind} | " + " | ".join(str(row[head]) for head in heads) + " |")
    return lines


def main() -> None:
    """Measure, and print."""
    with TemporaryDirectory() as folder:
        verdicts = judged(stored(Path(folder)))
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps(figures(verdicts)) + "\n")
        return
    changed = [v.injection.name for v in verdicts if not v.same]
    lines = [*table(verdicts), "", f"Changed: {', '.join(changed) or 'none'}", ""]
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
