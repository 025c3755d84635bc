"""Which Attend a process uses: the bundled reader, another network, a cross-encoder, or none."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from indexes.errors import ModelMissing
from indexes.languages import ENGLISH, Language
from indexes.network import MANIFEST, PairCutter, PairNetwork, PairRead
from indexes.settings import BUNDLED, NO_READER
from service.attend import (
    THRESHOLD,
    WORDS_THRESHOLD,
    Blend,
    Encode,
    cross_attend,
    reader_attend,
    sentence_attend,
    words_attend,
)
from service.evidence import Attend
from service.language_model import Check

FOLDER: Final = Path(__file__).parent / "models" / "reader"
_loading: Final = threading.Lock()
BLEND: Final = "blend.json"
# A cross-encoder's scores are probabilities of relevance, more or less: this is an even chance.
CROSS_THRESHOLD: Final = 0.5
_AT_ONCE: Final = 32

Scores = npt.NDArray[np.float32]
Relevance = Callable[[str, Sequence[str]], Scores]


@dataclass(frozen=True, slots=True)
class Ranking:
    """How a reader ranks any texts.

    `attend` makes an Attend that asks its check as it goes on; what `cutter` gives it is read
    whole.
    """

    cutter: PairCutter
    attend: Callable[[Check], Attend]


@dataclass(frozen=True, slots=True)
class LoadedReader:
    """Makes an Attend for an encoder of documents; `threshold` is the least score of an answer.

    The encoder is None where it does not know the language. `ranking` is None where no network
    reads question and text together.
    """

    attend: Callable[[Encode | None], Attend]
    threshold: float
    ranking: Ranking | None = None


def reads(encoder: str, language: Language) -> bool:
    """Tell whether an encoder may be trusted with a language: the bundled one knows English."""
    return encoder != BUNDLED or language == ENGLISH


def reader_for(name: str, language: Language, encoder: str, threads: int = 0) -> LoadedReader:
    """Return what weighs candidates in a collection of this language and encoder.

    The bundled reader is English, and asked in English collections alone. Raises as `load_reader`.
    """
    if language == ENGLISH or name not in {BUNDLED, NO_READER}:
        return load_reader(name, threads=threads)
    return load_reader(NO_READER) if reads(encoder, language) else BY_WORDS


def load_reader(name: str, *, threads: int = 0) -> LoadedReader:
    """Load a reader once a process: "bundled", "none", a hub id, or the folder of a model.

    `threads` of 0 means all cores. Raises ModelMissing that says which file or model was looked
    for, where, and what to do.
    """
    with _loading:  # who asks at the same time waits for the one, and loads no other
        return _load(name, threads)


@lru_cache(maxsize=4)
def _load(name: str, threads: int) -> LoadedReader:
    if name == NO_READER:
        return LoadedReader(_by_sentences, THRESHOLD)
    folder = FOLDER if name == BUNDLED else Path(name)
    if name == BUNDLED or (folder / MANIFEST).is_file():
        return _network_reader(folder, threads)
    from service.hub_reader import load_hub_reader

    found = load_hub_reader(name, threads)

    def ranking(check: Check) -> Attend:
        return cross_attend(partial(_scored, found.relevance, check), None)

    attend = partial(cross_attend, found.relevance)
    able = Ranking(found.cutter, ranking) if found.cutter else None
    return LoadedReader(attend, CROSS_THRESHOLD, able)


def _by_sentences(encode: Encode | None) -> Attend:
    return sentence_attend(encode) if encode else words_attend


BY_WORDS: Final = LoadedReader(lambda _encode: words_attend, WORDS_THRESHOLD)


def _network_reader(folder: Path, threads: int) -> LoadedReader:
    network = PairNetwork(folder, threads)
    path = folder / BLEND
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        threshold = float(found.pop("threshold"))
        blend = Blend(**found)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelMissing(
            f"The reader's file {path} cannot be read ({error}). Install Afterword again, or bring "
            "the file back from its repository (git checkout), or set AFTERWORD_READER to another "
            "reader or to `none`."
        ) from error
    attend = reader_attend(network.run, blend)

    def ranking(check: Check) -> Attend:
        return reader_attend(partial(_read, network, check), blend)

    return LoadedReader(lambda _encode: attend, threshold, Ranking(network.cutter, ranking))


def _read(
    network: PairNetwork, check: Check, question: str, texts: Sequence[str]
) -> list[PairRead]:
    """Read some texts at a time, and ask `check` between."""
    found = list[PairRead]()
    for start in range(0, len(texts), _AT_ONCE):
        check()
        found += network.run(question, texts[start : start + _AT_ONCE])
    return found


def _scored(relevance: Relevance, check: Check, question: str, texts: Sequence[str]) -> Scores:
    """Score some texts at a time, and ask `check` between; shape (texts,)."""
    found = [np.zeros(0, np.float32)]
    for start in range(0, len(texts), _AT_ONCE):
        check()
        found.append(relevance(question, texts[start : start + _AT_ONCE]))
    return np.concatenate(found)
