"""Even out the channels of a BERT's activations, so that eight bits a number lose less of them.

A few channels are many times larger than the rest, and one scale for all leaves the rest too few
steps. Dividing a channel by a number and multiplying the weights that read it by the same number
changes nothing in the network, but moves the difficulty from the activation to the weights
(SmoothQuant, Xiao et al. 2022, arXiv:2211.10438). Here each place in the network gets the rule that
measures best for it: SmoothQuant's, or one that holds only the largest channels down to a cap.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import torch

WEIGHT_BITS: Final = 7
ACTIVATION_BITS: Final = 8
EXPONENTS: Final = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
# The cap is the size of the channel that this share of the channels exceeds.
CAPPED_SHARES: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.999)
ROWS: Final = 3000
LEAST: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Site:
    """A module whose input is read by the weights of `readers` and by nothing else."""

    name: str
    module: torch.nn.Module
    readers: tuple[torch.nn.Linear, ...]


def sites(bert: torch.nn.Module) -> Iterator[Site]:
    """Yield the four places in each layer where an activation meets weights.

    The layers are those of a BERT, at `encoder.layer`.
    """
    for number, layer in enumerate(cast("Any", bert).encoder.layer):
        heads, dense = layer.attention.self, layer.attention.output.dense
        yield Site(f"{number}.heads", heads, (heads.query, heads.key, heads.value))
        yield Site(f"{number}.attention", dense, (dense,))
        yield Site(f"{number}.intermediate", layer.intermediate, (layer.intermediate.dense,))
        yield Site(f"{number}.output", layer.output.dense, (layer.output.dense,))


def smooth(bert: torch.nn.Module, samples: Sequence[Mapping[str, torch.Tensor]]) -> None:
    """Give each site its best scales by what `samples` bring there; outputs stay the same."""
    found = activations(bert, samples)
    for site in sites(bert):
        _rescale(site, best_scales(found[site.name], [item.weight.data for item in site.readers]))


def activations(
    bert: torch.nn.Module, samples: Sequence[Mapping[str, torch.Tensor]]
) -> dict[str, torch.Tensor]:
    """Return what arrives at each site, shape (tokens of all samples, channels)."""
    found: dict[str, list[torch.Tensor]] = {site.name: [] for site in sites(bert)}
    hooks = [
        site.module.register_forward_pre_hook(
            lambda _, inputs, name=site.name: found[name].append(inputs[0].flatten(0, -2))
        )
        for site in sites(bert)
    ]
    with torch.no_grad():
        for sample in samples:
            bert(**sample)
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(parts) for name, parts in found.items()}


def best_scales(inputs: torch.Tensor, weights: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the divisor of each channel that leaves the least error after rounding."""
    largest = inputs.abs().amax(0).clamp(min=LEAST)
    rows = _telling_rows(inputs, largest)
    return min(
        _candidates(largest, weights), key=lambda scales: rounding_error(rows, weights, scales)
    )


def rounding_error(
    inputs: torch.Tensor, weights: Sequence[torch.Tensor], scales: torch.Tensor
) -> float:
    """Return the mean square error of the products in int8, as a share of their mean square."""
    scaled = inputs / scales
    low, high = scaled.min(), scaled.max()
    step = (high - low) / (2**ACTIVATION_BITS - 1)
    rounded = ((scaled - low) / step).round() * step + low
    error, size = torch.zeros(()), torch.zeros(())
    for weight in weights:
        whole = inputs @ weight.T
        error += (rounded @ _rounded_weight(weight * scales).T - whole).square().mean()
        size += whole.square().mean()
    return float(error / size)


def _candidates(largest: torch.Tensor, weights: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
    heaviest = torch.cat(list(weights)).abs().amax(0).clamp(min=LEAST)
    yield torch.ones_like(largest)
    for exponent in EXPONENTS:
        yield largest**exponent / heaviest ** (1 - exponent)
    falling = largest.sort(descending=True).values
    for share in CAPPED_SHARES:
        yield (largest / falling[int(share * len(falling))]).clamp(min=1)


def _rounded_weight(weight: torch.Tensor) -> torch.Tensor:
    step = weight.abs().amax(1, keepdim=True) / (2 ** (WEIGHT_BITS - 1) - 1)
    rounded: torch.Tensor = (weight / step).round() * step
    return rounded


def _telling_rows(inputs: torch.Tensor, largest: torch.Tensor) -> torch.Tensor:
    # Rows at random, and those that hold the extremes, which set the range.
    chosen = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0))[:ROWS]
    extreme = largest.topk(8).indices
    return torch.cat(
        [inputs[chosen], inputs[inputs.argmax(0)[extreme]], inputs[inputs.argmin(0)[extreme]]]
    )


def _rescale(site: Site, scales: torch.Tensor) -> None:
    inverse = 1 / scales
    site.module.register_forward_pre_hook(lambda _, inputs: (inputs[0] * inverse, *inputs[1:]))
    for reader in site.readers:
        reader.weight.data *= scales
