"""Strategies: the ways in which a language model comes from evidence to an answer, a file each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from indexes.errors import UsageError
from service.strategies.cot import cot
from service.strategies.direct import direct
from service.writing import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = MappingProxyType({"direct": direct, "cot": cot})


def strategy_named(name: str) -> Strategy:
    """Return the strategy of that name. Raises UsageError that names those there are."""
    try:
        return STRATEGIES[name]
    except KeyError:
        raise UsageError(
            f"strategy {name!r} is not known; use one of: {', '.join(STRATEGIES)}"
        ) from None
