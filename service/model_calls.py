"""What a process has asked of its language models: tokens read and written, calls, and failures."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.language_model import Usage


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts since the process began, by the generator's name and what the label says.

    `tokens` are by `prompt` and `completion`, `calls` by `ok`, `stopped` or the error's code.
    """

    tokens: Mapping[tuple[str, str], int] = field(default_factory=dict)
    calls: Mapping[tuple[str, str], int] = field(default_factory=dict)


class ModelCalls:
    """Counts calls of language models; any number of threads may tell of theirs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: Counter[tuple[str, str]] = Counter()
        self._calls: Counter[tuple[str, str]] = Counter()

    def used(self, generator: str, usage: Usage) -> None:
        """Add the tokens that a call has read and written."""
        with self._lock:
            self._tokens[generator, "prompt"] += usage.prompt_tokens
            self._tokens[generator, "completion"] += usage.completion_tokens

    def ended(self, generator: str, how: str) -> None:
        """Count a call by how it ended."""
        with self._lock:
            self._calls[generator, how] += 1

    def counted(self) -> Counted:
        """Return the counts so far."""
        with self._lock:
            return Counted(dict(self._tokens), dict(self._calls))


CALLS = ModelCalls()
"""Those of this process, in which each model is loaded once."""
