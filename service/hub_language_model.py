"""Language models that run here: of the hub, of a folder, or of a GGUF file.

torch and transformers take seconds to import, so a model that is not there is told first.
"""

import logging
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stderr
from functools import partial
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from indexes.errors import ModelFailed, ModelMissing, ModelNotSet
from indexes.hub import Role, check_packages, model_folder
from service.chat_template import Chat
from service.language_model import LanguageModel, Sampling
from service.local_writing import Tokens, local_write

if TYPE_CHECKING:
    import torch

ROLE: Final = Role(
    "language model",
    "AFTERWORD_MODEL",
    "a model of transformers",
    "set AFTERWORD_GENERATOR to `quote` or `openai`",
    without="set AFTERWORD_GENERATOR to `quote`, which needs none",
    packages=("torch", "transformers"),
)
GGUF: Final = ".gguf"
_GGUF_PACKAGES: Final = ("gguf", "accelerate")
_MAGIC: Final = b"GGUF"
# Tokenizers that know no limit say a number with thirty digits.
_SANE: Final = 10_000_000
# What configurations call the context length.
_LENGTHS: Final = ("max_position_embeddings", "n_positions", "max_sequence_length", "n_ctx")
UNKNOWN_CONTEXT: Final = 8192
_BF16: Final = ("avx512_bf16", "amx_bf16", "bf16")
# So many of a model's file's own errors are told.
_TOLD: Final = 500


def load_hub_language_model(
    name: str | None, threads: int = 0, context: int | None = None
) -> LanguageModel:
    """Load the hub id, folder or GGUF file `name`; a model in the hub's cache is not asked again.

    `threads` (0 keeps torch's own choice) holds for the whole process; `context` is a limit below
    the model's own. It runs on a graphics card where torch finds one, in bfloat16 where the machine
    reckons with it. No code that comes with a model runs. Raises ModelMissing that says what was
    looked for, where, and what to do, and ModelFailed where memory does not suffice.
    """
    if name is None:
        raise ModelNotSet(
            "The generator `transformers` needs a language model: set AFTERWORD_MODEL to a hub id "
            "(owner/model), a folder or a GGUF file, or set AFTERWORD_GENERATOR to `quote`, which "
            "needs none."
        )
    check_packages(name, ROLE)
    file = Path(name)
    where = _gguf(file) if file.suffix == GGUF else model_folder(name, ROLE)
    tokenizer, model = _loaded(name, where, threads)
    chat = Chat(tokenizer)
    most = min(_context(model, tokenizer), context or _SANE)
    return LanguageModel(
        # A path is of this machine, and replies are read elsewhere.
        name=file.name if file.exists() else name,
        context_tokens=most,
        count_tokens=chat.count,
        write=local_write(
            chat,
            partial(_generate, model),
            partial(_text, tokenizer),
            _ends(model, tokenizer),
            most,
        ),
    )


def _gguf(file: Path) -> Path:
    """Return a GGUF file that can be read. Raises ModelMissing."""
    missing = [package for package in _GGUF_PACKAGES if find_spec(package) is None]
    if missing:
        raise ModelMissing(
            f"The language model {file} is a GGUF file, which needs {' and '.join(missing)}: pip "
            "install 'afterword[gguf]' (in a clone: pip install '.[gguf]'), or name a model with "
            "*.safetensors in AFTERWORD_MODEL."
        )
    try:
        with file.open("rb") as opened:
            is_gguf = opened.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise ModelMissing(
            f"The language model {file} cannot be read: {error.strerror}. Correct AFTERWORD_MODEL, "
            f"or {ROLE.without}."
        ) from None
    if not is_gguf:
        raise ModelMissing(
            f"The language model {file} is no GGUF file, whatever its name says. Download it "
            f"again, or {ROLE.without}."
        )
    return file


def _loaded(name: str, where: Path, threads: int) -> tuple[Any, Any]:
    import torch
    import transformers

    if threads:
        torch.set_num_threads(threads)
    _quiet()
    folder = where
    options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    weights: dict[str, Any] = {"use_safetensors": True}
    if where.suffix == GGUF:
        folder, options = where.parent, {**options, "gguf_file": where.name}
        weights = {"quantization_config": transformers.GgufConfig(dequantize=True)}
    try:
        # What reads GGUF files shows a bar that nothing else switches off.
        with redirect_stderr(StringIO()) if where.suffix == GGUF else nullcontext():
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=_dtype(), **weights, **options
            )
        return tokenizer, model.to(_device()).eval()
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, MemoryError) as error:
        raise _not_loaded(name, where, error) from error


def _not_loaded(name: str, where: Path, error: Exception) -> ModelMissing | ModelFailed:
    if is_out_of_memory(error):
        return ModelFailed(
            f"The language model {name} does not fit into memory: choose a smaller one, or give "
            "the machine more."
        )
    told = " ".join(str(error).split())[:_TOLD]
    return ModelMissing(
        f"The language model {name} in {where} cannot be loaded: {told} Choose {ROLE.kind} that "
        f"needs no code of its own, or {ROLE.without}."
    )


def _quiet() -> None:
    """Let the library print no bars, and log nothing below an error: what matters is raised."""
    from transformers.utils import logging as told

    told.disable_progress_bar()  # type: ignore[no-untyped-call] # it has no types
    told.set_verbosity(logging.ERROR)


def _device() -> "torch.device":
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _dtype() -> "torch.dtype":
    """Return what the machine reckons with natively: bfloat16, else float32."""
    import torch

    kind = _device().type
    if kind == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = torch.cpu.get_capabilities()
        fast = kind == "cpu" and any(able.get(name) for name in _BF16)
    return torch.bfloat16 if fast else torch.float32


def _context(model: Any, tokenizer: Any) -> int:
    """Return how many tokens the model reads and writes at once, as its files tell."""
    config = model.config.get_text_config()
    told = [getattr(config, name, None) for name in _LENGTHS]
    told.append(tokenizer.model_max_length)
    sane = [int(one) for one in told if isinstance(one, int | float) and 0 < one < _SANE]
    return min(sane, default=UNKNOWN_CONTEXT)


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer."""
    told = model.generation_config.eos_token_id
    several = told if isinstance(told, list | tuple) else [told]
    return frozenset(one for one in (*several, tokenizer.eos_token_id) if isinstance(one, int))


def _text(tokenizer: Any, tokens: Sequence[int]) -> str:
    found = tokenizer.decode(
        list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return str(found)


class _Streamer:
    """What transformers hands each token to, the prompt first; what it raises ends the work."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._is_prompt = True

    def put(self, value: "torch.Tensor") -> None:
        """Take the next token."""
        if self._is_prompt:
            self._is_prompt = False
            return
        for token in value.reshape(-1).tolist():
            self._tokens.put(token)

    def end(self) -> None:
        """Do nothing: who called it knows."""


def _generate(
    model: Any, prompt: Sequence[int], sampling: Sampling, ends: frozenset[int], tokens: Tokens
) -> None:
    """Let the model write behind a prompt, in this thread. Raises ModelFailed without memory."""
    import torch
    import transformers

    ids = torch.tensor([list(prompt)], device=model.device)
    wanted: dict[str, object] = {"do_sample": sampling.temperature > 0}
    if sampling.temperature > 0:
        wanted["temperature"] = sampling.temperature
    # Each layer asks first, so that a long prompt is no reason to go on for nobody.
    hooks = [
        layer.register_forward_pre_hook(lambda *_: tokens.stay())
        for part in model.modules()
        if isinstance(part, torch.nn.ModuleList)
        for layer in part
    ]
    try:
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            generation_config=transformers.GenerationConfig(  # type: ignore[no-untyped-call]
                max_new_tokens=sampling.max_tokens,
                num_beams=1,
                eos_token_id=sorted(ends) or None,
                pad_token_id=min(ends, default=0),
                **wanted,
            ),
            streamer=_Streamer(tokens),
        )
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise ModelFailed(
            "the language model ran out of memory; set AFTERWORD_MODEL_CONTEXT lower, ask with a "
            "smaller top_k, or choose a smaller model"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether an error says that memory did not suffice, on the card or beside it."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "not enough memory" in str(error)
