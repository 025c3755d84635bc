"""A training that can be stopped and gone on with: an even part, then one that falls to nothing."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypedDict, TypeVar, cast

import torch

QUESTIONS_A_STEP: Final = 16
BLOCK: Final = 1024
# Rows of alike lengths run together, so that little is padding.
MICRO_BATCHES: Final = 3
WEIGHT_DECAY: Final = 0.01
WARM_UP: Final = 100
FALLING: Final = 0.25
TELL_SECONDS: Final = 20
SAVE_SECONDS: Final = 120
CHECK_SECONDS: Final = 120
EVEN: Final = "even.pt"

Step = TypeVar("Step")


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to train: questions at an even rate, then with a falling one; seconds bound both."""

    even: int
    falling: int
    seconds: float | None


class State(TypedDict):
    """What a checkpoint holds; `position` counts the questions trained on."""

    model: dict[str, torch.Tensor]
    optimiser: dict[str, object]
    position: int


@dataclass(frozen=True, slots=True)
class Part:
    """Modules of a network and the rate at which they learn."""

    modules: Sequence[torch.nn.Module]
    rate: float


class Descent:
    """A network, its optimiser, and how many questions it was trained on."""

    def __init__(self, network: torch.nn.Module, parts: Sequence[Part], device: str) -> None:
        """Train what is not frozen in the parts."""
        self.network = network
        self.position = 0
        self._device = device
        self._rates = [part.rate for part in parts]
        groups = [
            {
                "params": [
                    one
                    for module in part.modules
                    for one in module.parameters()
                    if one.requires_grad
                ],
                "lr": part.rate,
            }
            for part in parts
        ]
        self.optimiser = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = cast("State", torch.load(path, map_location=self._device, weights_only=True))
        self.network.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.position = state["position"]

    def save(self, path: Path, *, whole: bool = True) -> None:
        """Write a checkpoint beside and put it in place; not `whole` leaves the optimiser out."""
        state: dict[str, object] = {"model": self.network.state_dict(), "position": self.position}
        if whole:
            state["optimiser"] = self.optimiser.state_dict()
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def step(
        self, losses: Mapping[str, torch.Tensor], factor: float, questions: int
    ) -> dict[str, float]:
        """Bring the sum of the losses of some questions down; the rates are times `factor`."""
        warm = min(1.0, (self.position / questions + 1) / WARM_UP)
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor * warm
        self.optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.position += questions
        return {name: float(loss.detach()) for name, loss in losses.items()}


@dataclass(frozen=True)
class Training(Generic[Step]):
    """What is trained, on what, and what is told of it.

    `steps` yields what each step trains on, from the position on, for ever; `step` trains on it at
    a share of the rate; `figures` measures. The weights go to `out`/`name`.
    """

    descent: Descent
    steps: Callable[[], Iterator[Step]]
    step: Callable[[Step, float], dict[str, float]]
    figures: Callable[[], Mapping[str, float]]
    out: Path
    name: str


def train(training: Training[Step], plan: Plan) -> None:
    """Train as planned, saving on the way; the weights are written last."""
    descent = training.descent
    began, first = time.monotonic(), descent.position
    falling_from: int | None = None
    falling = plan.falling
    told = saved = checked = began
    since: list[dict[str, float]] = []
    for given in training.steps():
        now = time.monotonic()
        late = plan.seconds is not None and now - began > plan.seconds * (1 - FALLING)
        if falling_from is None and (descent.position >= first + plan.even or late):
            falling_from = descent.position
            if plan.seconds is not None:
                falling = round((falling_from - first) * FALLING / (1 - FALLING))
            descent.save(training.out / EVEN)
            tell(descent, began, {"falling": float(falling)})
        left = 1.0
        if falling_from is not None:
            done = descent.position - falling_from
            if done >= falling:
                break
            left -= done / falling
        since.append(training.step(given, left))
        if now - told >= TELL_SECONDS:
            tell(descent, began, {one: _mean(since, one) for one in since[0]})
            told, since = now, []
        if falling_from is None and now - saved >= SAVE_SECONDS:
            descent.save(training.out / EVEN)
            saved = now
        if now - checked >= CHECK_SECONDS:
            tell(descent, began, training.figures())
            checked = now
    descent.save(training.out / training.name, whole=False)
    tell(descent, began, training.figures())


def _mean(told: Sequence[Mapping[str, float]], name: str) -> float:
    return sum(one[name] for one in told) / len(told)


def tell(descent: Descent, began: float, values: Mapping[str, float]) -> None:
    """Print a line of figures."""
    rounded = {name: round(value, 4) for name, value in values.items()}
    seconds = round(time.monotonic() - began)
    print(json.dumps({"questions": descent.position, "seconds": seconds} | rounded), flush=True)


def parser(program: str, description: str | None) -> argparse.ArgumentParser:
    """Return what reads a training's command line."""
    asking = argparse.ArgumentParser(prog=program, description=description)
    asking.add_argument("--out", type=Path, required=True, help="folder of checkpoints and work")
    asking.add_argument("--resume", action="store_true", help="go on from OUT/even.pt")
    asking.add_argument("--minutes", type=float, help="end after so many, the falling part too")
    asking.add_argument("--even", type=int, default=10**9, help="questions at an even rate")
    asking.add_argument("--falling", type=int, default=16384, help="questions at a falling rate")
    return asking


def begin(descent: Descent, given: argparse.Namespace) -> Plan:
    """Go on from a checkpoint if the command line says so, and return its plan."""
    given.out.mkdir(parents=True, exist_ok=True)
    checkpoint = given.out / EVEN
    if given.resume and checkpoint.exists():
        descent.load(checkpoint)
    elif checkpoint.exists():
        sys.exit(f"{checkpoint} is there: add --resume to go on from it, or remove it.")
    return Plan(given.even, given.falling, given.minutes * 60 if given.minutes else None)
