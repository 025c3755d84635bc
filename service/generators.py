"""Generators: how an answer comes from evidence, by the name that a request or a setting gives."""

from collections.abc import Iterator, Sequence

from indexes.encoder import Encoder
from indexes.errors import UsageError
from indexes.settings import Settings
from service.evidence import Asked, Evidence, Generator, Step
from service.generate import quote
from service.grounding import grounding
from service.language_model import Sampling
from service.models import LANGUAGE_MODELS, check_model, load_model
from service.prompts import Prompts
from service.strategies import strategy_named
from service.writing import Desk, writing

QUOTE = "quote"


def check_generator(name: str) -> None:
    """Raise UsageError, which names the generators there are, for one that there is not."""
    if name != QUOTE and name not in LANGUAGE_MODELS:
        known = ", ".join([QUOTE, *LANGUAGE_MODELS])
        raise UsageError(f"generator {name!r} is not known; use one of: {known}")


def check_writer(settings: Settings) -> None:
    """Load the language model of the settings, if they have one. Raises as `generator_of`."""
    if settings.generator != QUOTE:
        check_model(settings.generator, settings)


def generator_of(name: str, strategy: str, settings: Settings, encoder: Encoder) -> Generator:
    """Return the generator of that name; a language model is loaded when it is first asked for.

    Raises UsageError, ModelMissing and ModelFailed.
    """
    check_generator(name)
    if name == QUOTE:
        return _quoting
    desk = Desk(
        load_model(name, settings),
        Prompts(settings.prompts),
        Sampling(settings.answer_tokens, settings.temperature),
    )
    ground = grounding(encoder)
    return writing(desk, strategy_named(strategy), strategy, ground, settings.unsupported)


def _quoting(asked: Asked, evidence: Sequence[Evidence]) -> Iterator[Step]:
    yield from quote(asked.question, evidence)
