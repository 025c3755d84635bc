"""The command `afterword`: the only module that may import both ingest and service."""

import os
import sys
from typing import Annotated

import typer

from indexes.errors import AfterwordError, UsageError

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


def main() -> None:
    """Run the command and turn an AfterwordError into one line and an exit status."""
    try:
        app()
    except AfterwordError as error:
        sys.stderr.write(f"afterword: {error.message}\n")
        sys.exit(WRONG_USE if isinstance(error, UsageError) else COULD_NOT_RUN)


if __name__ == "__main__":
    main()
