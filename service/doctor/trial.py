"""What a child of the doctor runs: a model is loaded and asked, as the product does it."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Final

from indexes.errors import AfterwordError

_TOKENS = 12
_QUESTION = "Which river flows through Cologne?"
_CLAIM = "Cologne lies on the Rhine."
_TEXTS = ("A swift sleeps on the wing.", "The Rhine flows through Cologne.")


def main() -> None:
    """Try the model that the arguments name, and print what it gives as JSON."""
    role, name = sys.argv[1:]
    try:
        sys.stdout.write(json.dumps(_TRIALS[role](name)))
    except AfterwordError as error:
        sys.stderr.write(f"{error.message}\n")
        sys.exit(1)


def _encoder(name: str) -> dict[str, object]:
    from indexes.encoder import PROBES, load_encoder

    encoder = load_encoder(name)
    return {"sha256": encoder.identity.sha256, "vectors": encoder.encode_documents(PROBES).tolist()}


def _reader(name: str) -> dict[str, object]:
    import numpy as np

    from indexes.documents import Span, StoredChunk
    from service.evidence import Candidate, Query
    from service.readers import load_reader

    loaded = load_reader(name)
    chunks = [
        StoredChunk(number, "d", "u", "", "text/plain", None, "", Span(0, len(text)), text)
        for number, text in enumerate(_TEXTS)
    ]
    query = Query(_QUESTION, np.zeros(1, np.float32), {})
    found = loaded.attend(None)(query, [Candidate(chunk, None, None, 1.0) for chunk in chunks])
    return {"threshold": loaded.threshold, "best": found[0].candidate.chunk.text == _TEXTS[-1]}


def _entailment(_name: str) -> dict[str, object]:
    from service.entailment import load_entailment

    wrong, right = load_entailment()(_CLAIM, _TEXTS)
    return {"best": right > wrong}


def _language_model(name: str) -> dict[str, object]:
    from service.hub_language_model import load_hub_language_model
    from service.language_model import Message, Sampling

    model = load_hub_language_model(name)
    asked = [Message("user", _QUESTION)]
    *pieces, _ = model.write(asked, Sampling(_TOKENS), lambda: None)
    return {"context": model.context_tokens, "wrote": "".join(map(str, pieces))}


_TRIALS: Final[Mapping[str, Callable[[str], dict[str, object]]]] = {
    "encoder": _encoder,
    "reader": _reader,
    "entailment": _entailment,
    "language model": _language_model,
}
