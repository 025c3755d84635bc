"""Who speaks in a conversation, in a form that the strictest chat template takes."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from service.language_model import Message


def joined(messages: Sequence[Message]) -> Iterator[Message]:
    """Yield the messages with those of one role in a row made one, since templates want turns."""
    for role, same in groupby(messages, key=lambda one: one.role):
        yield Message(role, "\n\n".join(one.text for one in same))


def without_system(messages: Sequence[Message]) -> list[Message]:
    """Return the messages with what the system says at the head of what the user says next."""
    told: list[Message] = []
    waiting: list[str] = []
    for one in messages:
        if one.role == "system":
            waiting.append(one.text)
        elif one.role == "user" and waiting:
            told.append(Message("user", "\n\n".join([*waiting, one.text])))
            waiting = []
        else:
            told.append(one)
    return [*told, *(Message("user", text) for text in waiting)]
