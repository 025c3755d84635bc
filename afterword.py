"""The command `afterword`: the only module that may import both ingest and service."""

import typer

app = typer.Typer(
    name="afterword",
    help="Answer questions from your own documents, with the exact words relied on.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Run the command and turn an AfterwordError into one line and an exit status."""
    app()


if __name__ == "__main__":
    main()
