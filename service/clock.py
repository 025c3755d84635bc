"""How long the steps of a piece of work take, for its reply and for traces."""

import time

from service.traces import note_step


class Clock:
    """Takes the time of each step, in milliseconds; `steps` that do not happen took none."""

    def __init__(self, *steps: str) -> None:
        self._began = self._last = time.perf_counter()
        self.laps: dict[str, float] = dict.fromkeys(steps, 0.0)

    def lap(self, step: str) -> None:
        """End a step; what comes from now on is the next one."""
        now = time.perf_counter()
        self.laps[step] = (now - self._last) * 1000
        self._last = now
        note_step(step, self.laps[step])

    @property
    def total(self) -> float:
        """The time since the beginning."""
        return (time.perf_counter() - self._began) * 1000
