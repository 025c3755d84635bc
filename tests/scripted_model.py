"""A language model that says what it is told to, counts words, and keeps what it was given."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from service.language_model import Check, Ended, LanguageModel, Message, Reason, Sampling, Usage


def words_of(messages: Sequence[Message]) -> int:
    """Return how many words messages have: the tokens of this model."""
    return sum(len(message.text.split()) for message in messages)


@dataclass
class Script:
    """What the model says, call after call; the last goes on. `given` is what it was asked."""

    says: Sequence[str]
    context_tokens: int = 4096
    size: int = 7
    given: list[list[Message]] = field(default_factory=list)
    between: Callable[[], None] = lambda: None
    closed: int = 0
    reason: Reason = "stop"

    def model(self) -> LanguageModel:
        """Return the model."""
        return LanguageModel("scripted", self.context_tokens, words_of, self._write)

    def _write(
        self, messages: Sequence[Message], sampling: Sampling, check: Check
    ) -> Iterator[str | Ended]:
        self.given.append(list(messages))
        assert words_of(messages) + sampling.max_tokens <= self.context_tokens
        text = self.says[min(len(self.given), len(self.says)) - 1]
        try:
            for start in range(0, len(text), self.size):
                self.between()
                check()
                yield text[start : start + self.size]
            yield Ended(self.reason, Usage(words_of(messages), len(text.split())))
        finally:
            self.closed += 1
