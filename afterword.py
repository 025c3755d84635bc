"""The command `afterword`: the only module that may import both ingest and service."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from indexes.errors import AfterwordError, UsageError

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


@app.callback()
def afterword() -> None:
    """Answer questions from your own documents, with the exact words relied on."""


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
    typer.echo(f"collection {collection}: {held.documents} documents, {held.chunks} chunks")


@app.command()
def reindex(
    collection: CollectionName = "default",
    encoder: Annotated[
        str | None, typer.Option(help="`bundled`, a hub id or a folder; else the setting.")
    ] = None,
    chunk_tokens: Annotated[int | None, typer.Option(help="Else the setting.", min=16)] = None,
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
        )
    typer.echo(f"collection {collection}: {chunks} chunks by {loaded.identity.name}")


def main() -> None:
    """Run the command and turn an AfterwordError into one line and an exit status."""
    try:
        app()
    except AfterwordError as error:
        sys.stderr.write(f"afterword: {error.message}\n")
        sys.exit(WRONG_USE if isinstance(error, UsageError) else COULD_NOT_RUN)


if __name__ == "__main__":
    main()
