"""What a look finds, and what every look is given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from indexes.settings import Found, Settings
    from service.doctor.children import Ended

Level = Literal["ok", "note", "warning", "problem"]
LEVELS: Final[tuple[Level, ...]] = ("problem", "warning", "note", "ok")

_STEP: Final = 1024
# From here on a decimal says nothing.
_ROUND: Final = 100
_UNITS: Final = ("bytes", "KB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `message` says what was found, `do` what to do next.

    `do` is empty where nothing is to be done; `facts` are for programs.
    """

    name: str
    level: Level
    message: str
    do: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


class Unlooked(Exception):
    """A look cannot be made, for a reason that is told elsewhere; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at, and what the trials in children gave.

    `folder` is where the files of settings lie, and `given` are the settings, or why they cannot
    be read at all. `collection` is the only one that is looked at, None for all. `trials`
    are by the names of `children.TRIALS`, and those of other models that were tried since.
    """

    folder: Path
    given: "Found | ImportError"
    trials: dict[str, "Ended"]
    collection: str | None = None
    full: bool = False

    @property
    def found(self) -> "Found":
        """The settings with where they stand. Raises Unlooked where they cannot be read."""
        if isinstance(self.given, ImportError):
            raise Unlooked("the settings cannot be read")
        return self.given

    @property
    def settings(self) -> "Settings":
        """The settings, mistakes left out. Raises Unlooked where they cannot be read."""
        return self.found.settings

    @property
    def data(self) -> Path:
        """The folder of the collections. Raises Unlooked where the settings cannot be read."""
        return self.settings.data


def amount(count: float) -> str:
    """Return a number of bytes as people say it."""
    unit = 0
    while count >= _STEP and unit < len(_UNITS) - 1:
        count, unit = count / _STEP, unit + 1
    decimals = 1 if unit > 1 and count < _ROUND else 0
    return f"{count:.{decimals}f} {_UNITS[unit]}"


def many(number: int, thing: str) -> str:
    """Return a number with its thing, in the plural where it is not one."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names in one line, the first few of many."""
    all_names = list(names)
    more = f" and {len(all_names) - most} more" if len(all_names) > most else ""
    return ", ".join(all_names[:most]) + more
