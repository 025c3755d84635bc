"""What a language model is to the steps that write: one callable that streams, and what it counts.

`service/models.py` has the table of those there are.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]
Reason = Literal["stop", "length"]

Check = Callable[[], None]
"""Asked again and again while a model works; what it raises ends the work."""


def go_on() -> None:
    """Let the work go on: the check of whoever has nothing to ask."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of what a model is given."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """How many tokens a model read and wrote; those of several calls can be added."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )

    def as_json(self) -> dict[str, int]:
        """Return the numbers by the names that clients know."""
        total = self.prompt_tokens + self.completion_tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": total,
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """The last that a model gives: why it ended, what it used, and its name."""

    reason: Reason
    usage: Usage
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model is to write: `max_tokens` at most, the likeliest words at temperature 0."""

    max_tokens: int
    temperature: float = 0.0
    stop: tuple[str, ...] = ()


Write = Callable[[Sequence[Message], Sampling, Check], Iterator[str | Ended]]
"""Gives the model's text in pieces as they come, and `Ended` as the last.

`check` is asked at least every quarter of a second, also while nothing comes. Who closes the
iterator, or raises from `check`, stops the model's work. Raises ModelMissing, ModelFailed and
PromptTooLong.
"""


@dataclass(frozen=True, slots=True, eq=False)
class LanguageModel:
    """A language model that is loaded, or a server that was named.

    `name` is what replies call it. `context_tokens` are those that prompt and answer may have
    together. `count_tokens` tells how many the messages take as the model is given them, its chat
    template included; where `counts_exactly` is false it is not the model's own count but one that
    is hardly ever too low.
    """

    name: str
    context_tokens: int
    count_tokens: Callable[[Sequence[Message]], int]
    write: Write
    counts_exactly: bool = True
