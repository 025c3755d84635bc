"""The page on commands: each with its arguments and options, and the exit statuses."""

from collections.abc import Iterator
from typing import Final, get_args

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from afterword import EXIT_STATUSES, app
from docs.generate.markdown import code, page, paragraphs, table

_ABOUT: Final = (
    "What `afterword COMMAND --help` says, on one page. The settings that stand behind options are "
    "in [settings](settings.md), and some commands have a page in the [how-to guides]"
    "(../README.md)."
)
_KINDS: Final = {"str": "TEXT", "Path": "PATH", "int": "NUMBER", "float": "NUMBER"}


def commands_page() -> str:
    """Return the page."""
    root = typer.main.get_command(app)
    return page("Commands", _ABOUT, _commands("afterword", root), _statuses())


def _commands(name: str, command: object) -> Iterator[str]:
    """Give a command, or all commands of a group."""
    if isinstance(command, TyperGroup):
        for part, one in command.commands.items():
            yield from _commands(f"{name} {part}", one)
    if isinstance(command, TyperCommand):
        yield from _command(name, command)


def _command(name: str, command: TyperCommand) -> Iterator[str]:
    arguments = [one for one in command.params if isinstance(one, TyperArgument)]
    options = [one for one in command.params if isinstance(one, TyperOption)]
    yield f"## `{name}`"
    yield from paragraphs(command.help or "")
    yield code(" ".join([name, *map(_argument, arguments), *["[OPTIONS]"] * bool(options)]))
    rows = [(code(_argument(one)), "needed" * one.required, one.help or "") for one in arguments]
    rows += [(_option(one), _default(one), one.help or "") for one in options]
    if rows:
        yield table(("argument or option", "default", "meaning"), rows)


def _argument(one: TyperArgument) -> str:
    return f"{one.name}".rstrip("_").upper() + "…" * (one.nargs < 0)


def _option(one: TyperOption) -> str:
    names = ", ".join(code(name) for name in (*one.opts, *one.secondary_opts))
    return names if one.is_flag else f"{names} {_value(one)}"


def _value(one: TyperOption) -> str:
    """Return what an option takes: one of some words, or a kind of value with its bounds."""
    wanted = one.type_descriptor.annotation
    parts = get_args(wanted)
    if parts and all(isinstance(part, str) for part in parts):
        return " or ".join(map(code, parts))
    bounds = (("from", one.min), ("to", one.max))
    words = [f"{word} {limit:g}" for word, limit in bounds if limit is not None]
    return " ".join([_KINDS[(parts[0] if parts else wanted).__name__], *words])


def _default(one: TyperOption) -> str:
    return "" if one.is_flag or one.default is None else code(str(one.default))


def _statuses() -> Iterator[str]:
    yield "## Exit statuses"
    rows = [(str(status), meaning) for status, meaning in EXIT_STATUSES.items()]
    yield table(("status", "meaning"), rows)
