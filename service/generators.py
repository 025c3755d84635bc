"""Generators: how an answer comes from evidence, by the name that a request or a setting gives."""

from collections.abc import Iterator, Sequence
from typing import Final

from indexes.errors import UsageError
from indexes.settings import Settings
from service.evidence import Asked, Evidence, Generator, Ground, Step
from service.generate import quote
from service.language_model import Check, Sampling, go_on
from service.models import LANGUAGE_MODELS, OPENAI, TRANSFORMERS, check_model, load_model
from service.prompts import Prompts
from service.strategies import strategy_named
from service.writing import Desk, Manner, writing

QUOTE: Final = "quote"


def check_generator(name: str) -> None:
    """Raise UsageError, which names the generators there are, for one that there is not."""
    if name != QUOTE and name not in LANGUAGE_MODELS:
        known = ", ".join([QUOTE, *LANGUAGE_MODELS])
        raise UsageError(f"generator {name!r} is not known; use one of: {known}")


def offered_generators(settings: Settings) -> tuple[str, ...]:
    """Return the generators that the settings make usable, their own first; `quote` always is."""
    if settings.generator != QUOTE:
        return (settings.generator, QUOTE)
    if settings.openai_base_url:
        return (QUOTE, OPENAI)
    return (QUOTE, TRANSFORMERS) if settings.model else (QUOTE,)


def check_writer(settings: Settings) -> None:
    """Load the language model of the settings, if they have one. Raises as `desk_for`."""
    if settings.generator != QUOTE:
        check_model(settings.generator, settings)


def desk_for(name: str, settings: Settings, check: Check = go_on) -> Desk | None:
    """Return the language model of a generator with its prompts; None for `quote`, which has none.

    A model is loaded when it is first asked for, which `check` may end as in `load_model`. Raises
    UsageError, ModelMissing and ModelFailed.
    """
    check_generator(name)
    if name == QUOTE:
        return None
    return Desk(
        load_model(name, settings, check),
        Prompts(settings.prompts),
        Sampling(settings.answer_tokens, settings.temperature),
    )


def generator_of(desk: Desk | None, strategy: str, ground: Ground, manner: Manner) -> Generator:
    """Return what writes with the model of a desk, or quotes where there is none."""
    if desk is None:
        return _quoting
    return writing(desk, strategy_named(strategy), strategy, ground, manner)


def _quoting(asked: Asked, evidence: Sequence[Evidence]) -> Iterator[Step]:
    yield from quote(asked.question, evidence)
