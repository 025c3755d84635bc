"""The command `afterword`: the only module that may import both ingest and service."""

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from indexes.errors import AfterwordError, CollectionNotFound, UsageError, WorkerElsewhere
from indexes.languages import Language

if TYPE_CHECKING:
    from indexes.collection import Collection
    from indexes.settings import Settings

CollectionName = Annotated[str, typer.Option(help="Which collection.")]

app = typer.Typer(
    name="afterword",
    help="Answer questions from your own documents, with the exact words relied on.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

WRONG_USE = 2
COULD_NOT_RUN = 3
EXIT_STATUSES = {
    0: "All good. A question that the documents do not answer is 0 too: the status says so.",
    1: "Something was wrong with a part: inputs failed or gave nothing, questions could not be "
    "asked, or a figure is under its floor.",
    WRONG_USE: "Wrong use: an option, a path, a name, a filter or a setting is not allowed.",
    COULD_NOT_RUN: "It could not run: no such collection, a damaged index, a missing model, a full "
    "disk.",
    130: "Interrupted with Ctrl-C; what was stored is kept.",
}
"""What the command tells by its exit status; `--help` of a command says more where it differs."""
LOG_LEVEL = "AFTERWORD_LOG_LEVEL"


def _show_version(wanted: bool) -> None:  # noqa: FBT001 # as typer calls it
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"afterword {version('afterword')}")
        except PackageNotFoundError:
            typer.echo("afterword, from a checkout that is not installed")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", help="Show the version and end.", callback=_show_version, is_eager=True
    ),
]
documents = typer.Typer(help="List, show or delete the documents of a collection.")
app.add_typer(documents, name="documents", no_args_is_help=True)
keys = typer.Typer(help="Make, list or revoke the API keys of the service.")
app.add_typer(keys, name="keys", no_args_is_help=True)


@app.callback()
def afterword(version: Version = False) -> None:
    """Answer questions from your own documents, with the exact words relied on."""
    del version  # typer has shown it and ended


Paths = Annotated[
    list[str] | None, typer.Argument(help="Folders and files, and addresses of pages (https://…).")
]
Urls = Annotated[Path | None, typer.Option(help="A file of addresses to fetch, one a line.")]
SourceName = Annotated[
    str | None, typer.Option(help="Name of the source in uris; else the folder's name.")
]
Include = Annotated[
    list[str] | None, typer.Option(help="Only files like this, e.g. '*.pdf'; repeatable.")
]
Exclude = Annotated[
    list[str] | None, typer.Option(help="No files or folders like this; repeatable.")
]
MetadataPairs = Annotated[
    list[str] | None, typer.Option(help="KEY=VALUE for every document; repeatable.")
]
AsOf = Annotated[str | None, typer.Option(help="The date that the documents speak of, YYYY-MM-DD.")]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show the plan and change nothing; files are judged by size and first bytes.",
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Exit status 1 for partial documents too, those of earlier runs as well."
    ),
]
ReportJson = Annotated[bool, typer.Option("--json", help="One JSON object at the end.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="A line for each document as it is stored.")
]
MassRemoval = Annotated[
    bool,
    typer.Option(
        "--allow-mass-removal",
        help="Remove even over half of a source's documents (and more than three).",
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="Passwords to try on documents that ask, one a line."),
]
Watch = Annotated[
    bool,
    typer.Option("--watch", help="Stay, and ingest again whenever something changes."),
]
Poll = Annotated[
    float | None,
    typer.Option(
        help="With --watch: look for changes every so many seconds, where the system tells none.",
        min=1,
    ),
]
NewLanguage = Annotated[
    Language | None, typer.Option(help="Of a new collection; else the setting.")
]
Ocr = Annotated[
    bool,
    typer.Option("--ocr", help="Recognise text in scans and pictures; needs the extra ocr."),
]
Profile = Annotated[
    bool, typer.Option("--profile", help="Show where the time went: read, split, encode, commit.")
]
Worker = Annotated[bool, typer.Option("--worker", help="Ingest uploads until standard input ends.")]


@app.command()
def ingest(
    paths: Paths = None,
    urls: Urls = None,
    collection: CollectionName = "default",
    source: SourceName = None,
    include: Include = None,
    exclude: Exclude = None,
    metadata: MetadataPairs = None,
    as_of: AsOf = None,
    dry_run: DryRun = False,
    strict: Strict = False,
    as_json: ReportJson = False,
    verbose: Verbose = False,
    allow_mass_removal: MassRemoval = False,
    password_file: PasswordFile = None,
    language: NewLanguage = None,
    ocr: Ocr = False,
    profile: Profile = False,
    watch: Watch = False,
    poll: Poll = None,
    worker: Worker = False,
) -> None:
    """Read documents into a collection: new and changed ones are stored, vanished ones removed.

    Run it again at any time, after an interruption too: what is stored and unchanged is not read.
    A file .afterwordignore in a folder says what is left out, in the way of .gitignore.
    An address is fetched from the public internet; given again, only if it has changed.
    Exit status: 0 all good, 1 some inputs failed, 2 wrong use, 3 could not run.
    """
    settings = _ingest_settings(password_file, ocr=ocr)
    if worker:
        _work(settings)
        return
    if not paths and urls is None:
        raise UsageError("say what to ingest: afterword ingest PATH…")
    if (dry_run and watch) or (poll is not None and not watch):
        raise UsageError("--dry-run does not go with --watch, and --poll goes with --watch alone")
    from ingest.command import Manner, parse_date, parse_metadata, run, run_watching
    from ingest.plan import Given
    from ingest.sources import Selection
    from ingest.survey import Order
    from ingest.web import told_apart

    folders, pages = told_apart(paths or (), urls)
    if pages and (dry_run or watch):
        raise UsageError(
            "--dry-run and --watch go with folders and files alone: nothing is fetched"
        )
    order = Order(
        folders,
        collection,
        source,
        Selection(tuple(include or ()), tuple(exclude or ())),
        Given(parse_metadata(metadata or ()), parse_date(as_of)),
        language,
        dry_run=dry_run,
        allow_mass_removal=allow_mass_removal,
        urls=pages,
    )
    manner = Manner(as_json, verbose, strict, watching=watch, profile=profile)
    if watch:
        raise typer.Exit(run_watching(order, settings, manner, poll))
    raise typer.Exit(run(order, settings, manner))


def _ingest_settings(password_file: Path | None, *, ocr: bool) -> "Settings":
    """Return the settings with what the options say put over them."""
    from indexes.settings import NO_OCR, load_settings

    settings = load_settings()
    if password_file is not None:
        settings = settings.model_copy(update={"password_file": password_file})
    if ocr and settings.ocr == NO_OCR:
        settings = settings.model_copy(update={"ocr": "rapidocr"})
    return settings


def _work(settings: "Settings") -> None:
    """Ingest uploads until standard input ends."""
    from indexes.jobs import ELSEWHERE_STATUS
    from ingest.worker import work

    try:
        work(settings)
    except WorkerElsewhere as error:  # the service that keeps this worker tells by the status
        sys.stderr.write(f"afterword: {error.message}\n")
        raise typer.Exit(ELSEWHERE_STATUS) from None


@app.command()
def collections(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """List the collections: how much each holds, or what is wrong with it."""
    from indexes.settings import load_settings
    from ingest.shelf import collections_json, collections_lines, held

    found = held(load_settings().data)
    typer.echo(collections_json(found) if as_json else "\n".join(collections_lines(found)))


@documents.command("list")
def list_documents(
    collection: CollectionName = "default",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 1000,
    after: Annotated[str | None, typer.Option(help="Only ids past this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """List the documents of a collection in the order of their ids."""
    from ingest.shelf import listed_json, listed_lines, page

    found = page(_opened(collection), limit, after)
    typer.echo(listed_json(found) if as_json else "\n".join(listed_lines(found)))


@documents.command("show")
def show_document(
    document: Annotated[str, typer.Argument(help="A document's id or uri.")],
    collection: CollectionName = "default",
    text: Annotated[bool, typer.Option("--text", help="Its stored text instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what is stored of one document."""
    from ingest.shelf import shown_json, shown_lines

    with _opened(collection).read() as reading:
        found = reading.named(document)
        if text:
            typer.echo(reading.text(found.document_id), nl=False)
        else:
            typer.echo(shown_json(found) if as_json else "\n".join(shown_lines(found)))


@documents.command("delete")
def delete_documents(
    document: Annotated[list[str], typer.Argument(help="Ids or uris.")],
    collection: CollectionName = "default",
) -> None:
    """Erase documents: text, chunks and vectors are gone at once."""
    from indexes.settings import load_settings
    from ingest.shelf import delete

    for line in delete(load_settings().data, _opened(collection), document):
        typer.echo(line)


def _opened(collection: str) -> "Collection":
    from indexes.collection import open_collection
    from indexes.settings import load_settings

    return open_collection(load_settings().data, collection)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What it is for, as lists show it.")],
    scope: Annotated[
        Literal["read", "write", "admin"],
        typer.Option(help="What it may do; each may do what those before it may."),
    ] = "read",
    collection: Annotated[
        list[str] | None, typer.Option(help="Only this collection; repeatable. Else all.")
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(help="90d, 12h or 8w from now, or a day YYYY-MM-DD (UTC). Else never."),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(help="Requests a minute, 0 for no limit; else the setting.", min=0),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Make a key and show it: this once, for only its hash is stored.

    A running service knows it within a second.
    """
    from indexes.settings import load_settings
    from service.keys_command import created_json, created_lines, make_key

    made = make_key(load_settings().data, name, scope, collection, expires, rate)
    typer.echo(created_json(made) if as_json else "\n".join(created_lines(made)))


@keys.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """List the keys, revoked and expired ones too, without what opens anything."""
    from indexes.settings import load_settings
    from service.keys import stored_keys
    from service.keys_command import listed_json, listed_lines

    found = stored_keys(load_settings().data)
    typer.echo(listed_json(found) if as_json else "\n".join(listed_lines(found)))


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The key's id, as the list shows it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Let a key open nothing any more, for good; a running service knows within a second."""
    from indexes.settings import load_settings
    from service.keys import revoke
    from service.keys_command import key_json, key_line

    revoked = revoke(load_settings().data, key_id)
    typer.echo(key_json(revoked) if as_json else key_line(revoked))


UpTo = Annotated[str | None, typer.Option(help="Leave out documents of a later date, YYYY-MM-DD.")]
FilterText = Annotated[
    str | None, typer.Option("--filter", help="A filter over documents, as JSON.")
]
TopK = Annotated[int, typer.Option(help="How many passages an answer may rest on.")]
Candidates = Annotated[int, typer.Option(help="How many chunks are looked at.")]
GeneratorName = Annotated[
    str | None,
    typer.Option(
        help="quote, or a language model: transformers (here), openai (a server); else the setting."
    ),
]
StrategyName = Annotated[
    str, typer.Option(help="How a language model comes to an answer: direct or cot.")
]
ShowReasoning = Annotated[
    bool, typer.Option("--reasoning", help="Show how a language model reasoned; it is unchecked.")
]


@app.command()
def ask(
    question: Annotated[list[str], typer.Argument(help="The question; quotes keep a ? or * safe.")],
    collection: CollectionName = "default",
    as_of: UpTo = None,
    filter_: FilterText = None,
    top_k: TopK = 8,
    candidates: Candidates = 24,
    generator: GeneratorName = None,
    strategy: StrategyName = "direct",
    reasoning: ShowReasoning = False,
    as_json: Annotated[bool, typer.Option("--json", help="The whole reply as JSON.")] = False,
) -> None:
    """Answer a question from the documents, with the exact words relied on.

    Exit status 0 also where the documents do not answer: the status says so.
    """
    from indexes.settings import load_settings
    from service.answer import Question, build_answerer
    from service.command import parse_filter, reply_json, reply_lines

    asked = Question(
        " ".join(question),
        collection,
        parse_filter(filter_),
        as_of,
        top_k,
        candidates,
        generator,
        strategy,
        reasoning,
    )
    reply = build_answerer(load_settings()).answer(asked)
    typer.echo(reply_json(reply) if as_json else "\n".join(reply_lines(reply)))


@app.command()
def chat(
    collection: CollectionName = "default",
    as_of: UpTo = None,
    filter_: FilterText = None,
    top_k: TopK = 8,
    candidates: Candidates = 24,
    generator: GeneratorName = None,
    strategy: StrategyName = "direct",
    reasoning: ShowReasoning = False,
    as_json: Annotated[bool, typer.Option("--json", help="Each reply as a line of JSON.")] = False,
) -> None:
    """Ask question after question; each may lean on what was said before ("And in 2023?").

    On a terminal /new begins anew, /quit ends, /help shows these, Ctrl-C stops an answer. In a pipe
    each line is a question. Nothing of it is kept. Exit status 1 if a question could not be asked.
    """
    from indexes.settings import load_settings
    from service.answer import Question, build_answerer
    from service.chat import Chat, converse
    from service.command import parse_filter

    first = Question(
        "",
        collection,
        parse_filter(filter_),
        as_of,
        top_k,
        candidates,
        generator,
        strategy,
        reasoning,
    )
    answerer = build_answerer(load_settings())
    spoken = Chat(answerer, first, sys.stdout, sys.stderr, as_json=as_json)
    raise typer.Exit(converse(spoken, sys.stdin))


@app.command()
def search(
    query: Annotated[list[str], typer.Argument(help="What to search for.")],
    collection: CollectionName = "default",
    as_of: UpTo = None,
    filter_: FilterText = None,
    top_k: Annotated[int, typer.Option(help="How many passages.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="The passages as JSON.")] = False,
) -> None:
    """Find passages, best first, without looking for an answer in them."""
    from indexes.settings import load_settings
    from service.answer import build_answerer
    from service.command import parse_filter, passage_lines, passages_json

    answerer = build_answerer(load_settings())
    found = answerer.search(" ".join(query), collection, parse_filter(filter_), top_k, as_of)
    lines = (line for passage in found for line in passage_lines(passage))
    typer.echo(passages_json(found) if as_json else "\n".join(lines))


@app.command()
def summarize(
    collection: CollectionName = "default",
    document: Annotated[
        list[str] | None, typer.Option(help="A document's id or uri; repeatable. Else all.")
    ] = None,
    filter_: FilterText = None,
    as_of: UpTo = None,
    pages: Annotated[
        str | None, typer.Option(help="Only these pages of the one document: 7 or 3-10.")
    ] = None,
    length: Annotated[
        str, typer.Option(help="short, medium, long, or a number of sentences.")
    ] = "medium",
    focus: Annotated[
        str | None, typer.Option(help="What the summary is to be about, such as a question.")
    ] = None,
    generator: Annotated[
        str | None, typer.Option(help="quote, transformers or openai; else the setting.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole reply as JSON.")] = False,
) -> None:
    """Summarise documents, a selection of them or a whole collection, with citations.

    Exit status 0 also where nothing can be said: the status says so.
    """
    from indexes.settings import load_settings
    from service.summary_command import Options, run_summary

    options = Options(
        collection, tuple(document or ()), filter_, as_of, pages, length, focus, generator
    )
    typer.echo(run_summary(load_settings(), options, as_json=as_json))


@app.command("eval")
def evaluate(
    questions: Annotated[Path, typer.Argument(help="Questions, JSONL or JSONL.gz.")],
    collection: CollectionName = "default",
    given: Annotated[
        bool, typer.Option("--given", help="Read each line's context_id and nothing else.")
    ] = False,
    stage: Annotated[
        str, typer.Option(help="Rank by dense, lexical or fused alone, or by attend.")
    ] = "attend",
    limit: Annotated[int | None, typer.Option(help="Only the first so many.", min=1)] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(help="KEY=VALUE: ask with this change too, and compare; repeatable."),
    ] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(help="FIGURE=NUMBER: exit status 1 if it is lower; repeatable."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report, one HTML file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end.")] = False,
) -> None:
    """Measure how well questions with known answers are answered.

    Exit status 1 if a question could not be asked, or a figure is under what --fail-under wants.
    """
    from indexes.settings import load_settings
    from service.eval_command import Wanted, run_evaluation

    wanted = Wanted(
        questions,
        collection,
        given=given,
        stage=stage,
        limit=limit,
        as_json=as_json,
        compare=compare or (),
        fail_under=fail_under or (),
        html=html,
    )
    raise typer.Exit(run_evaluation(load_settings(), wanted))


@app.command()
def calibrate(
    questions: Annotated[Path, typer.Argument(help="Questions, JSONL or JSONL.gz.")],
    collection: CollectionName = "default",
    target_precision: Annotated[
        float | None,
        typer.Option(
            help="Answer so rarely that the documents do answer this share of what is answered "
            "(not: that this share of the answers is right).",
            min=0,
            max=1,
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Set threshold and reader in afterword.toml.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end.")] = False,
) -> None:
    """Find the score from which on to answer, with questions about your own documents.

    Each answerable question is asked again with its relevant documents left out: that must not be
    answered. Exit status 1 if no threshold has the precision, or a question could not be asked.
    """
    from indexes.settings import load_settings
    from service.calibrate_command import Wanted, run_calibration

    wanted = Wanted(questions, collection, target_precision, as_json=as_json, write=write)
    raise typer.Exit(run_calibration(load_settings(), wanted))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind (AFTERWORD_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to bind (AFTERWORD_PORT).")] = None,
) -> None:
    """Serve questions and uploads over HTTP until told to stop."""
    from indexes.settings import load_settings
    from service.app import serve as serve_until_stopped

    given = {"AFTERWORD_HOST": host, "AFTERWORD_PORT": port}
    chosen = {name: str(value) for name, value in given.items() if value is not None}
    serve_until_stopped(load_settings({**os.environ, **chosen}))


@app.command()
def mcp(
    collection: Annotated[
        str, typer.Option(help="Which collection, where a call names none.")
    ] = "default",
) -> None:
    """Offer search, ask, list and read to a language model's client (Model Context Protocol).

    The client starts this command and speaks to it over standard input and output. It reads the
    collections of the data folder itself; a running service offers the same at /mcp.
    """
    from indexes.settings import load_settings
    from service.mcp_command import run

    run(load_settings(), collection)


@app.command()
def snapshot(
    target: Annotated[Path, typer.Argument(help="The new file.")],
    collection: CollectionName = "default",
) -> None:
    """Write a collection, as it is now, into one file, while it is in use."""
    from indexes.collection import open_collection
    from indexes.settings import load_settings
    from indexes.snapshot import snapshot as write_snapshot

    write_snapshot(open_collection(load_settings().data, collection), target)
    typer.echo(f"collection {collection} is in {target}")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `snapshot` wrote.")],
    collection: CollectionName = "default",
    replace: Annotated[bool, typer.Option(help="Give up the collection of that name.")] = False,
) -> None:
    """Make a collection from a snapshot."""
    from indexes.settings import load_settings
    from indexes.snapshot import restore as read_snapshot

    restored = read_snapshot(load_settings().data, collection, source, replace=replace)
    with restored.read() as reading:
        held = reading.count()
    told = f"{held.documents} documents, {held.chunks} chunks, language {restored.language}"
    typer.echo(f"collection {collection}: {told}")


@app.command()
def reindex(
    collection: CollectionName = "default",
    encoder: Annotated[
        str | None, typer.Option(help="`bundled`, a hub id or a folder; else the setting.")
    ] = None,
    chunk_tokens: Annotated[int | None, typer.Option(help="Else the setting.", min=16)] = None,
    language: Annotated[
        Language | None, typer.Option(help="Else the collection keeps its own.")
    ] = None,
) -> None:
    """Cut and encode all documents of a collection anew, from their stored texts."""
    from rich.console import Console
    from rich.progress import Progress

    from indexes.catalog import SplitterSettings
    from indexes.collection import open_collection
    from indexes.encoder import load_encoder
    from indexes.settings import load_settings
    from ingest.reindex import reindex as index_anew

    settings = load_settings()
    opened = open_collection(settings.data, collection)
    loaded = load_encoder(encoder or settings.encoder, threads=settings.threads)
    splitter = SplitterSettings(chunk_tokens or settings.chunk_tokens)
    with Progress(console=Console(stderr=True)) as shown:
        task = shown.add_task("documents")
        chunks = index_anew(
            opened,
            loaded,
            splitter,
            lambda done, total: shown.update(task, completed=done, total=total),
            language,
        )
    told = f"{chunks} chunks by {loaded.identity.name}, language {opened.language}"
    typer.echo(f"collection {collection}: {told}")


@app.command()
def doctor(
    collection: Annotated[
        str | None, typer.Option(help="Look at this collection alone, not at all of them.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read every text and vector, and try models of the hub.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end.")] = False,
) -> None:
    """Look at the installation and its data, and say what is wrong and what to do about it.

    Nothing is changed, and nobody but this machine is asked. Exit status: 0 nothing to mend,
    1 a problem was found, 2 wrong use.
    """
    from service.doctor.command import run

    raise typer.Exit(run(collection, full=full, as_json=as_json))


def main() -> None:
    """Run the command and turn an error into one line and an exit status."""
    try:
        app()
    except AfterwordError as error:
        folder = error.folder if isinstance(error, CollectionNotFound) else ""
        where = f" (looked in {folder})" if folder else ""
        sys.stderr.write(f"afterword: {error.message}{where}\n")
        sys.exit(WRONG_USE if isinstance(error, UsageError) else COULD_NOT_RUN)
    except Exception as error:  # noqa: BLE001  # the edge of the process
        sys.stderr.write(_unforeseen(error))
        sys.exit(COULD_NOT_RUN)


def _unforeseen(error: Exception) -> str:
    """Say what nobody foresaw in one line, and at level debug where it came from."""
    if os.environ.get(LOG_LEVEL) == "debug":
        return "".join(traceback.format_exception(error))
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"afterword: internal error: {what}; run it with {LOG_LEVEL}=debug to see where\n"


if __name__ == "__main__":
    main()
