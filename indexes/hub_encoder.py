"""Encoders of sentence-transformers: a model of the hub, or a folder that holds one.

torch and sentence-transformers take seconds to import, so a model that is not there is told first.
"""

import hashlib
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from indexes.encoding import Encoder, EncoderIdentity, Vectors
from indexes.errors import ModelMissing
from indexes.hub import Role, check_packages, fast_tokenizer, load_model, model_folder
from indexes.hub_files import weights
from indexes.network import token_counter

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

ROLE: Final = Role(
    "encoder",
    "AFTERWORD_ENCODER",
    "a model of sentence-transformers",
    "use `bundled` for new collections and bring this one to it (`afterword reindex --encoder "
    "bundled`)",
)
# E5 models (Wang et al. 2022 and 2024) want these before every text, and their files do not say so.
_E5: Final = re.compile(r"(?:multilingual-)?e5-(?:small|base|large)(?:-v2)?", re.IGNORECASE)
_E5_QUERY: Final = "query: "
_E5_DOCUMENT: Final = "passage: "
# For models that set no limit of their own (static embeddings).
LONGEST: Final = 8192


def load_hub_encoder(name: str, threads: int = 0) -> Encoder:
    """Load the hub id or folder `name`; a model in the hub's cache is not asked for again.

    `threads` (0 keeps torch's own choice) holds for the whole process. Prompts, pooling and length
    limit are the model's; E5 models, told by their names, get their prompts from here. Raises
    ModelMissing that says what was looked for, where, and what to do.
    """
    check_packages(name, ROLE)
    folder = model_folder(name, ROLE)
    model = _load(name, folder, threads)
    tokenizer_json = _tokenizer_json(name, model)
    count = token_counter(tokenizer_json)
    asked, prompt = _prompts(model, name)
    dimension = int(model.get_embedding_dimension() or 0)
    limit = int(min(model.max_seq_length or LONGEST, LONGEST))
    # The tokenizers of transformers are changed by every call.
    lock = threading.Lock()

    def encode_documents(texts: Sequence[str]) -> Vectors:
        with lock:
            found = model.encode_document(
                list(texts), prompt=prompt, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(found, np.float32).reshape(len(texts), dimension)

    def encode_query(text: str) -> Vectors:
        with lock:
            found = model.encode_query(
                text, prompt=asked, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(found, np.float32)

    return Encoder(
        identity=EncoderIdentity(
            name=str(folder.resolve()) if Path(name).is_dir() else name,
            sha256=_sha256(folder, tokenizer_json),
            dimension=dimension,
            max_tokens=limit - (count(prompt) - count("") if prompt else 0),
        ),
        encode_documents=encode_documents,
        encode_query=encode_query,
        count_tokens=count,
        tokenizer_json=tokenizer_json,
    )


def _load(name: str, folder: Path, threads: int) -> "SentenceTransformer":
    # Imported only now: a model that is not there is told at once.
    from sentence_transformers import SentenceTransformer

    return load_model(SentenceTransformer, name, folder, ROLE, threads)


def _tokenizer_json(name: str, model: "SentenceTransformer") -> str:
    found = fast_tokenizer(model.tokenizer)
    if found is None:
        raise ModelMissing(
            f"The encoder {name} has no fast tokenizer (tokenizer.json), which the splitter of "
            "documents needs. Choose a model that has one, or use `bundled`."
        )
    return found


def _prompts(model: "SentenceTransformer", name: str) -> tuple[str | None, str]:
    """Return the prompts of queries (None for the model's own) and of documents."""
    parts = re.split(r"[/\\_]|--", name)
    if not any(model.prompts.values()) and any(map(_E5.fullmatch, parts)):
        return _E5_QUERY, _E5_DOCUMENT
    # sentence-transformers gives every model an empty "document" prompt and then overlooks those
    # that are named otherwise.
    found = (model.prompts.get(name) for name in ("document", "passage", "corpus"))
    return None, next((prompt for prompt in found if prompt), "")


def _sha256(folder: Path, tokenizer_json: str) -> str:
    digest = hashlib.sha256(tokenizer_json.encode())
    for path in weights(folder):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"\n{path.relative_to(folder).as_posix()} {content}".encode())
    return digest.hexdigest()
