"""Cross-encoders of sentence-transformers: a model of the hub, or a folder that holds one.

torch and sentence-transformers take seconds to import, so a model that is not there is told first.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from indexes.errors import ModelMissing
from indexes.hub import Role, check_packages, fast_tokenizer, load_model, model_folder
from indexes.network import PairCutter

if TYPE_CHECKING:
    import torch
    from sentence_transformers import CrossEncoder

ROLE: Final = Role(
    "reader", "AFTERWORD_READER", "a cross-encoder", "set AFTERWORD_READER to `bundled` or `none`"
)

# For models that set no limit of their own.
LONGEST: Final = 8192

Relevance = Callable[[str, Sequence[str]], npt.NDArray[np.float32]]
"""Gives the logit of each text's relevance to a question, shape (texts,)."""


@dataclass(frozen=True, slots=True)
class HubReader:
    """A loaded cross-encoder; what `cutter` gives it is read whole.

    There is none where the model's tokenizer does not tell where its tokens stand.
    """

    relevance: Relevance
    cutter: PairCutter | None


def load_hub_reader(name: str, threads: int = 0) -> HubReader:
    """Load the cross-encoder with the hub id or folder `name`.

    `threads` (0 keeps torch's own choice) holds for the whole process. Length limit and prompt are
    the model's. Raises ModelMissing that says what was looked for, where, and what to do.
    """
    model = _load(name, threads)
    # The tokenizers of transformers are changed by every call.
    lock = threading.Lock()

    def relevance(question: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        pairs = [(question, text) for text in texts]
        with lock:
            found = model.predict(pairs, activation_fn=_as_it_is, show_progress_bar=False)
        return np.asarray(found, np.float32).reshape(len(texts))

    limit = min(model.max_seq_length or LONGEST, LONGEST)
    tokenizer = fast_tokenizer(model.tokenizer)
    return HubReader(relevance, PairCutter(tokenizer, limit) if tokenizer else None)


def _as_it_is(logits: "torch.Tensor") -> "torch.Tensor":
    return logits


def _load(name: str, threads: int) -> "CrossEncoder":
    check_packages(name, ROLE)
    folder = model_folder(name, ROLE)
    from sentence_transformers import CrossEncoder

    model: CrossEncoder = load_model(CrossEncoder, name, folder, ROLE, threads)
    if model.num_labels != 1:
        raise ModelMissing(
            f"The reader {name} gives {model.num_labels} scores for a pair of texts, and one is "
            "needed: its relevance. Choose a cross-encoder that was trained for ranking, or use "
            "`bundled`."
        )
    return model
