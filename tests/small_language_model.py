"""Tiny language models with random weights, and a tokenizer of bytes, as folders."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CONTEXT = 512
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
# As Gemma's does.
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}" + TEMPLATE
)
# As some old ones do.
OVERLOOKS_SYSTEM = (
    "{% for message in messages %}{% if message['role'] != 'system' %}<|{{ message['role'] }}|>"
    "{{ message['content'] }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
THINKS = TEMPLATE.replace("<|assistant|>{% endif %}", "<|assistant|><think>\n{% endif %}")
MARKS = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")


def bytes_tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    """Return a tokenizer with a token for each byte, and one for each mark of the template."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={one: at for at, one in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(one, normalized=False) for one in MARKS])
    made = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, eos_token="<|end|>"
    )
    made.chat_template = template
    return made


def write_language_model(
    folder: Path, template: str | None = TEMPLATE, seed: int = 11, **config: Any
) -> Path:
    """Write a Llama of two layers and 32 dimensions, its tokenizer beside it."""
    tokenizer = bytes_tokenizer(template)
    torch.manual_seed(seed)
    settings: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.6,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
    }
    LlamaForCausalLM(LlamaConfig(**settings | config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def let_it_write(folder: Path, text: str, *, eos: bool = True) -> None:
    """Change the weights so that the model writes this text, whatever it has read.

    Each of its characters must be of one byte and stand in it once.
    """
    tokenizer = bytes_tokenizer()
    model = LlamaForCausalLM.from_pretrained(folder)
    chain = [tokenizer.convert_tokens_to_ids("<|assistant|>")]
    chain += tokenizer(text, add_special_tokens=False)["input_ids"]
    chain += [tokenizer.eos_token_id] if eos else []
    width = int(model.config.hidden_size)
    assert len(set(chain)) == len(chain) <= width
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.zero_()
        model.lm_head.weight.zero_()
        for at, token in enumerate(chain):
            model.model.embed_tokens.weight[token, at] = 1.0
            if at:
                model.lm_head.weight[token, at - 1] = 1.0
        if not eos:
            model.lm_head.weight[chain[1], len(chain) - 1] = 1.0
    model.save_pretrained(folder)


def by_transformers(
    folder: Path, prompt: Sequence[int], most: int, dtype: torch.dtype
) -> list[int]:
    """Return the tokens that transformers alone lets the model write, the likeliest each time."""
    model: Any = LlamaForCausalLM.from_pretrained(folder, dtype=dtype)
    model.eval()
    ids = torch.tensor([list(prompt)])
    found = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=most, do_sample=False
    )
    return [int(one) for one in found[0, len(prompt) :]]
