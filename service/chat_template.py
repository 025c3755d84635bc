"""Messages become the tokens that a local model reads, by its own chat template if it has one."""

import threading
from collections.abc import Sequence
from typing import Any, Final

from jinja2 import TemplateError

from indexes.errors import ModelFailed
from service.language_model import Message
from service.roles import joined, without_system

# How a model without a template is given a conversation: nobody trained it on another form.
_NAMES: Final = {"user": "User", "assistant": "Assistant"}
PLAIN_STOP: Final = "\nUser:"
_THINK: Final = "<think>"
_PROBE: Final = (Message("system", "Be brief, qz1."), Message("user", "Hello, qz2."))
# What a template may raise besides an error of its own.
_ERRORS: Final = (TemplateError, TypeError, ValueError, KeyError, IndexError, AttributeError)


class Chat:
    """The chat template of one tokenizer of transformers; any number of threads may use it.

    A system message goes into the first message of the user where the template refuses or overlooks
    that role. What looks like one of the model's own marks in a message is read as text, so that no
    document can end a message.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        # The tokenizers of transformers are changed by every call.
        self._lock = threading.Lock()
        self.is_templated = bool(tokenizer.chat_template)
        self._has_system = self.is_templated and self._keeps_system()

    @property
    def stop(self) -> tuple[str, ...]:
        """What ends an answer besides the model's own mark."""
        return () if self.is_templated else (PLAIN_STOP,)

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of messages, and of what lets the model answer them.

        Raises ModelFailed where the template refuses the messages.
        """
        if not self.is_templated:
            return self._plain_tokens(messages)
        turns = list(joined(messages if self._has_system else without_system(messages)))
        try:
            return self._templated(turns)
        except _ERRORS as error:
            raise ModelFailed(
                f"the chat template of the language model refuses a conversation: {error}; choose "
                "another model"
            ) from error

    def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens messages have; a part of a conversation may be counted too."""
        if not messages:
            return 0
        try:
            return len(self.tokens(messages))
        except ModelFailed:
            return len(self._plain_tokens(messages))

    def begins_inside_think(self, tokens: Sequence[int]) -> bool:
        """Tell whether the prompt itself opens the model's reasoning, as some templates do."""
        with self._lock:
            end = str(self._tokenizer.decode(list(tokens[-8:]), skip_special_tokens=False))
        return self.is_templated and end.rstrip().endswith(_THINK)

    def _templated(self, messages: Sequence[Message]) -> list[int]:
        conversation = [{"role": one.role, "content": one.text} for one in messages]
        with self._lock:
            found = self._tokenizer.apply_chat_template(
                conversation,
                add_generation_prompt=True,
                sanitize_control_tokens=True,
                return_dict=False,
            )
        return [int(one) for one in found]

    def _plain_tokens(self, messages: Sequence[Message]) -> list[int]:
        with self._lock:
            found = self._tokenizer(plain_prompt(messages), split_special_tokens=True)
        return [int(one) for one in found["input_ids"]]

    def _keeps_system(self) -> bool:
        conversation = [{"role": one.role, "content": one.text} for one in _PROBE]
        try:
            told = self._tokenizer.apply_chat_template(conversation, tokenize=False)
        except _ERRORS:
            return False
        return all(one.text in told for one in _PROBE)


def plain_prompt(messages: Sequence[Message]) -> str:
    """Return a conversation as plain text, up to where the assistant is to go on."""
    parts = [
        one.text if one.role == "system" else f"{_NAMES[one.role]}: {one.text}" for one in messages
    ]
    return "\n\n".join([*parts, "Assistant:"])
