"""What was said before a question: as much of it as is of use, and how a reply is remembered."""

from collections.abc import Sequence
from typing import Final

from service.evidence import Turn
from service.reply import ANSWERED, Status

# Of a longer conversation the end is read alone: what came before costs nothing.
MOST_TURNS: Final = 40
MOST_CHARACTERS: Final = 64_000
UNANSWERED: Final = "The documents do not answer this."


def recent(history: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return the last turns of a conversation, whole ones, within both limits."""
    kept = list[Turn]()
    size = 0
    for turn in reversed(history[-MOST_TURNS:]):
        size += len(turn.text)
        if size > MOST_CHARACTERS:
            break
        kept.append(turn)
    return tuple(reversed(kept))


def exchange(question: str, answer: str, status: Status) -> tuple[Turn, Turn]:
    """Return a question and its answer as turns of a history."""
    told = answer if status == ANSWERED else UNANSWERED
    return Turn("user", question), Turn("assistant", told)
