"""The passwords that are tried on documents which ask for one."""

from pathlib import Path

from indexes.errors import UsageError


def read_passwords(path: Path) -> tuple[str, ...]:
    """Return the lines of a file in UTF-8, in order. Raises UsageError where it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise UsageError(
            f"the password file {path} cannot be read ({why}); write one password a line"
        ) from error
    return tuple(dict.fromkeys(line for line in lines if line))
