"""Collections and generators as model names: `reports`, `reports:quote`, `reports:openai:cot`.

Which there are is read from the disk: not on the event loop.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from indexes.collection import collection_names, is_collection_name
from indexes.documents import stored_form
from indexes.errors import AfterwordError, ModelNotFound
from indexes.settings import Settings
from service.access import Caller
from service.generators import QUOTE, offered_generators
from service.models import LANGUAGE_MODELS
from service.strategies import STRATEGIES

DIRECT: Final = "direct"
_APART: Final = ":"
_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class Model:
    """A collection, and how answers from it are written where the name says so."""

    collection: str
    generator: str | None = None
    strategy: str | None = None

    @property
    def name(self) -> str:
        """What clients call it."""
        return _APART.join(filter(None, (self.collection, self.generator, self.strategy)))


def model_named(name: str, who: Caller, settings: Settings) -> Model:
    """Return the model of that name. Raises ModelNotFound that names those there are.

    Of a collection that is hidden from the caller nothing is told, but noted.
    """
    collection, *how = name.split(_APART)
    if is_collection_name(collection):
        who.trail.collection = collection
    known = collection in collection_names(settings.data)
    if known and who.sees(collection):
        found = _written(collection, how)
        if found is not None:
            return found
    error = unknown_model(name, (one.name for one in models_for(who, settings)))
    raise error if who.sees(collection) else who.hidden(error)


def check_part(name: str, part: str, who: Caller, settings: Settings) -> bool:
    """Tell whether a name is that of encoder or reader; else it must be a collection's.

    Raises ModelNotFound that names those there are.
    """
    if name == part:
        return True
    if is_collection_name(name):
        who.trail.collection = name
    if name in collection_names(settings.data) and who.sees(name):
        return False
    error = unknown_model(name, [part, *filter(who.sees, collection_names(settings.data))])
    raise error if who.sees(name) else who.hidden(error)


def models_for(who: Caller, settings: Settings) -> Iterator[Model]:
    """Give the models that a caller may ask, by name."""
    for collection in filter(who.sees, collection_names(settings.data)):
        yield from _offered(collection, settings)


def created(model: Model, settings: Settings) -> int:
    """Return when the folder of a model's collection last changed, in seconds since 1970."""
    with suppress(OSError):  # it was deleted meanwhile
        return int((settings.data / model.collection).stat().st_mtime)
    return 0


def unknown_model(name: str, known: Iterable[str]) -> AfterwordError:
    """Return the error of a name that no model has for whoever asks."""
    names = list(known)
    told = ", ".join(names[:_TOLD]) + (", …" if len(names) > _TOLD else "")
    there = f"There are: {told}." if names else "There is none yet: ingest documents first."
    return ModelNotFound(f"There is no model {stored_form(name)!r}. {there}")


def _offered(collection: str, settings: Settings) -> Iterator[Model]:
    """Give a collection's own name, `quote`, and what the settings let a language model do."""
    yield Model(collection)
    yield Model(collection, QUOTE)
    for writer in offered_generators(settings):
        if writer != QUOTE:
            yield Model(collection, writer)
            yield from (Model(collection, writer, one) for one in STRATEGIES if one != DIRECT)


def _written(collection: str, how: list[str]) -> Model | None:
    """Return the model that a name means; one that is not offered may be asked for all the same."""
    match how:
        case []:
            return Model(collection)
        case [generator] if generator == QUOTE or generator in LANGUAGE_MODELS:
            return Model(collection, generator)
        case [generator, strategy] if generator in LANGUAGE_MODELS and strategy in STRATEGIES:
            return Model(collection, generator, strategy)
    return None
