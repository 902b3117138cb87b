"""A loss that is no longer finite: found soon, and told with what was fed, so that its cause can be seen."""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memhacl.stream.errors import ConfigError
from memhacl.train.loops.course import Course
from memhacl.train.loops.distributed import world
from memhacl.train.loops.work import Work

_HELD = 50  # losses that a GPU collects before they are looked at: reading one makes it wait


@dataclass(frozen=True)
class Seen:
    """A step's place, learning rate and loss, and the gradient's norm in the step before where it is known."""

    epoch: int
    step: int
    lr: float
    loss: Tensor
    gradient: Tensor | None


class Watch:
    """Looks at every loss: at once on a CPU, fifty at a time on a GPU; the file ``report`` tells of a bad one."""

    def __init__(self, work: Work, course: Course, report: Path):
        self._work = work
        self._course = course
        self._report = report
        self._held: list[Seen] = []
        self._last: Seen | None = None
        self._most = 1 if work.feed.device.type == "cpu" else _HELD

    def see(self, loss: Tensor, gradient: Tensor | None) -> None:
        """Look at the loss of the course's next step, now or later; ``gradient`` is the norm in the step before.

        Raises
        ------
        ConfigError
            A loss is not finite; the report is written.
        """
        course = self._course
        lr = float(course.adam.param_groups[0]["lr"])
        self._last = Seen(
            course.epoch, course.step + 1, lr, loss.detach().clone(), gradient
        )  # a CUDA graph writes the next loss over it
        self._held.append(self._last)
        if len(self._held) >= self._most:
            self._look()

    def check(self) -> None:
        """Look at all losses so far and at the weights that they led to: before anything of these is kept.

        Raises
        ------
        ConfigError
            One of them is not finite; the report is written.
        """
        self._look()
        good = torch.stack([weight.isfinite().all() for weight in self._course.learner.parameters()]).all()
        if self._last is not None and not good:
            self._stop(replace(self._last, gradient=self._gradient()), "weights")

    def _look(self) -> None:
        held, self._held = self._held, []
        good = torch.stack([seen.loss for seen in held]).isfinite().tolist() if held else []
        if not all(good):
            self._stop(held[good.index(False)], "loss")

    def _gradient(self) -> Tensor:
        """Norm of the gradient that the weights still hold."""
        weights = self._course.learner.parameters()
        return torch.nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])

    def _stop(self, seen: Seen, what: str) -> None:
        """Write the report of a step and raise."""
        fed = Fed(self._work, next(self._course.rows_of(seen.epoch, seen.step - 1)), "pretrain")
        gradient = seen.gradient
        if gradient is None and self._most == 1 and seen.step > 1:  # a GPU has gone on since
            gradient = self._gradient()
        report = {
            "what": what,
            "blame": "data" if fed.bad else "optimisation",
            "epoch": seen.epoch,
            "step": seen.step,
            "loss": _plain(seen.loss.item()),
            "lr": seen.lr,
            "gradient_norm": None if gradient is None else _plain(gradient.item()),
            "simulated": self._work.corpus.manifest.simulated,
            **fed.tell(),
        }
        if world().first:
            self._report.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        became = f"the loss became {seen.loss.item()}" if what == "loss" else "weights are no longer finite"
        raise ConfigError(
            f"pretrain: {became} in epoch {seen.epoch}, step {seen.step}; {fed.advice()}; see {self._report}"
        )


class Fed:
    """The standardised windows of ``rows`` that a step was fed, and what is wrong with them."""

    def __init__(self, work: Work, rows: NDArray[np.int64], stage: Literal["pretrain", "finetune"]):
        self._work = work
        self._stage = stage
        self._rows = rows.reshape(-1)
        self._windows = work.feed(self._rows).double().cpu().numpy()  # (N, C, T)
        self._wrong = ~np.isfinite(self._windows)
        for part in work.corpus.spec.rows.values():
            absent = np.isnan(self._windows[:, part]).all(axis=(1, 2))  # (N,)
            self._wrong[absent, part] = False
        self.bad = int(self._wrong.sum())  # samples that are not finite, those of absent modalities left out

    def advice(self) -> str:
        """Say whether data or optimisation is to blame, and what to do."""
        config, manifest = self._work.config, self._work.corpus.manifest
        lr = config.pretrain.lr if self._stage == "pretrain" else config.finetune.lr
        if self.bad:
            window, channel, _ = np.argwhere(self._wrong)[0]
            index = self._work.corpus.index[self._rows[window]]
            person, stimulus = manifest.people[index["subject"]], manifest.stimuli[index["stimulus"]]
            name = self._work.corpus.spec.channels[channel]
            return (
                f"{self.bad} samples that were fed are not finite, the first in channel {name} of person "
                f"{person}, stimulus {stimulus}: mend the data, or leave people out with --people.leave_out"
            )
        values = self._windows[np.isfinite(self._windows)]
        return (
            f"lower --{self._stage}.lr (now {lr:g}) or set --{self._stage}.clip: what was fed is finite, from "
            f"{values.min(initial=0):.3g} to {values.max(initial=0):.3g} deviations"
        )

    def tell(self) -> dict[str, Any]:
        """Each channel's range, and each window with what it is."""
        corpus = self._work.corpus
        channels = [_channel(values) for values in self._windows.swapaxes(0, 1)]
        windows = []
        for row, wrong in zip(self._rows.tolist(), self._wrong, strict=True):
            index = corpus.index[row]
            windows.append(
                {
                    "row": row,
                    "person": corpus.manifest.people[index["subject"]],
                    "stimulus": corpus.manifest.stimuli[index["stimulus"]],
                    "hop": int(index["hop"]),
                    "not_finite": int(wrong.sum()),
                }
            )
        named = dict(zip(corpus.spec.channels, channels, strict=True))
        return {"unit": "deviations of the training windows", "channels": named, "windows": windows}


def _channel(values: NDArray[np.float64]) -> dict[str, float | str | None]:
    """Range, mean and deviation of the finite ones among a channel's samples (N, T), and how many are not."""
    good = values[np.isfinite(values)]
    found: dict[str, float | str | None] = {"not_finite": values.size - good.size}
    for name, of in (("min", np.min), ("max", np.max), ("mean", np.mean), ("std", np.std)):
        found[name] = _plain(float(of(good))) if good.size else None
    return found


def _plain(value: float) -> float | str:
    """Return ``value``, as a word where JSON has no number for it."""
    return value if math.isfinite(value) else str(value)
