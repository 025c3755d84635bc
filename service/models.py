"""The language models that can write, each loaded once a process when it is first asked for."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from indexes.settings import Settings
from service.language_model import LanguageModel

LANGUAGE_MODELS: Final[Mapping[str, Callable[[Settings], LanguageModel]]] = MappingProxyType({})


def load_model(name: str, settings: Settings) -> LanguageModel:
    """Return the language model behind the generator of that name. Raises ModelMissing."""
    return LANGUAGE_MODELS[name](settings)
