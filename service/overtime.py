"""A language model whose time is over: what it has read and written by then is counted."""

from collections.abc import Iterator, Sequence

from indexes.errors import ModelTooSlow
from service.language_model import Check, Ended, LanguageModel, Message, Sampling, Usage


def counting(
    model: LanguageModel, messages: Sequence[Message], sampling: Sampling, check: Check
) -> Iterator[str | Ended]:
    """Yield what a model writes; a ModelTooSlow that it raises has its tokens.

    They are counted as the model counts, or estimates, its prompts: nobody told them.
    """
    pieces: list[str] = []
    try:
        for piece in model.write(messages, sampling, check):
            if isinstance(piece, str):
                pieces.append(piece)
            yield piece
    except ModelTooSlow as error:
        error.tokens = error.tokens or _tokens(model, messages, "".join(pieces))
        raise


def used_until(error: ModelTooSlow) -> Usage:
    """Return what a model had used when its time was over; nothing where nobody counted."""
    return Usage(*error.tokens) if error.tokens else Usage()


def _tokens(model: LanguageModel, messages: Sequence[Message], text: str) -> tuple[int, int]:
    around = model.count_tokens([Message("assistant", "")])
    written = model.count_tokens([Message("assistant", text)]) - around
    return model.count_tokens(messages), max(0, written)
