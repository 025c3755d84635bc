"""The passwords that are tried on documents which ask for one."""

from collections.abc import Sequence
from pathlib import Path

from indexes.errors import ReadFailure, UsageError


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


def no_password_fits(passwords: Sequence[str]) -> ReadFailure:
    """Say that the passwords given, if any, do not open a document."""
    if not passwords:
        return ReadFailure(
            "encrypted",
            "the file asks for a password; give a file of passwords, one a line, with "
            "--password-file or AFTERWORD_PASSWORD_FILE, or save a copy without one",
        )
    count = len(passwords)
    which = "that given does not" if count == 1 else f"none of the {count} given does"
    return ReadFailure(
        "wrong_password",
        f"the file asks for a password, and {which} open it; add the right one to the "
        "password file, or save a copy without one",
    )
