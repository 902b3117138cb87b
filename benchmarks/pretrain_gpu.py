"""How fast pretraining is on a GPU, in several ways, and how long the paper's whole schedule takes at that.

    python -m benchmarks.pretrain_gpu [--steps N] [--device cuda|cpu] [--width W]

Aim: on one H200 the whole DEAP schedule (4,000 epochs of 210 steps of P = 8, Q = 2) in less than 30 minutes, which
is 2.1 ms a step. A corpus of random numbers as large as DEAP's (1,680 clips seen by 32 people, 36 x 128, float32,
1 GB) lies on the device; a minibatch is made there by indexing, its views by the method, and nothing is read back.
Network, objective, views and sampler are the product's.

The FLOPs are those of the convolutions and matrix products of one step, forward and backward, as torch counts
them; the peak is what the same card does in a product of bfloat16 matrices of 8192 x 8192. Without a GPU: exit
code 2. With --device cpu it tries the ways that a CPU has, on a small corpus; add --width 0.0625 --steps 3.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import console
from benchmarks.pretrain_cpu import corpus_of, unscaled, work_on
from memhacl.train.loops.course import Learner
from memhacl.train.loops.pretrain import pretrain
from memhacl.train.loops.work import Feed
from memhacl.train.methods.contract import Clips, Method
from memhacl.train.methods.registry import build_method
from memhacl.train.progress import stage_bar
from memhacl.train.settings import load_config

CLIPS, PEOPLE = 1680, 32
SMALL = 64  # clips, on a CPU
SCHEDULE = 4000 * 210  # steps
AIM = 30  # minutes
WARM = 12  # steps before the clock starts
PRODUCT = {"cuda": 8192, "cpu": 512}  # rows and columns of the matrices that tell the peak
# The product's own stage on the same corpus: name -> settings.
STAGE: Mapping[str, Mapping[str, Any]] = {
    "memhacl, bfloat16, --compile": {"precision": "bfloat16", "compile": True},
    "memhacl, bfloat16": {"precision": "bfloat16", "compile": False},
    "memhacl, float32": {"precision": "float32", "compile": False},
}
EPOCHS = 4  # of the stage; the first ones compile and try, the last is timed
Step = Callable[[Tensor], Tensor]  # views -> loss


@dataclass(frozen=True)
class Way:
    """How steps are taken; ``mode`` is torch.compile's, None for eager; ``graph``: one CUDA graph a step."""

    name: str
    half: bool = True
    mode: str | None = None
    graph: bool = False


WAYS = (
    Way("float32, eager", half=False),
    Way("bfloat16, eager"),
    Way("bfloat16, compiled", mode="default"),
    Way("bfloat16, reduce-overhead", mode="reduce-overhead"),
    Way("bfloat16, CUDA graph", graph=True),
    Way("bfloat16, compiled, CUDA graph", mode="default", graph=True),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="pretrain_gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=420, help="steps that are timed in each way")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--width", type=float, default=1.0)
    given = parser.parse_args(arguments)
    if given.device == "cuda" and not torch.cuda.is_available():
        Console(soft_wrap=True).print("torch finds no usable GPU here; try --device cpu --width 0.0625 --steps 3")
        return 2
    screen = console()
    device = torch.device(given.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    peak = peak_of(device)
    screen.print(f"torch {torch.__version__} on {name}; bfloat16 product of matrices: {peak / 1e12:.3g} TFLOP/s")
    trial = Trial(device, given.width)
    table = Table(title=f"pretraining at width {given.width:g}, 36 x 128, P = 8, Q = 2: {given.steps} steps")
    for column in ("way", "ms a step", "steps/s", "samples/s", "TFLOP/s", "of peak", f"schedule (aim {AIM} min)"):
        table.add_column(column)
    for name, measured in rows(trial, given.steps, peak, screen):
        screen.print(f"{name}: {', '.join(measured)}")  # compiling takes minutes: what is known is shown
        table.add_row(name, *measured)
    screen.print(table)
    return 0


def rows(trial: "Trial", steps: int, peak: float, screen: Console) -> Iterator[tuple[str, list[str]]]:
    """Yield names and figures: the product's stage, and bare steps in several ways."""
    for name, more in STAGE.items():
        yield name, stage_figures(trial, more, peak, screen)
    for way in WAYS:
        yield way.name, figures(trial, way, steps, peak, screen)


def figures(trial: "Trial", way: Way, steps: int, peak: float, screen: Console) -> list[str]:
    """Return what a row of the table says of ``way``; why it does not work is printed."""
    if trial.device.type == "cpu" and (way.graph or way.mode == "reduce-overhead"):
        return ["needs a GPU"]
    try:
        seconds, loss = trial.run(way, steps)
    except Exception as problem:  # the other ways are still worth knowing
        screen.print(f"{way.name}: {type(problem).__name__}: {problem}", markup=False)
        return ["failed"]
    assert np.isfinite(loss)
    return cells(trial, seconds, peak)


def stage_figures(trial: "Trial", more: Mapping[str, Any], peak: float, screen: Console) -> list[str]:
    """Return the same of the stage 'pretrain' as users run it: its log tells the last epoch's seconds."""
    config = load_config("deap")
    config = config.model_copy(
        update={
            "device": trial.device.type,
            "checkpoint": 1e9,
            "compile": more["compile"],
            "method": config.method.model_copy(
                update={"settings": config.method.settings | {"width": trial.width}}
            ),
            "pretrain": config.pretrain.model_copy(update={"epochs": EPOCHS, "precision": more["precision"]}),
        }
    )
    try:
        with tempfile.TemporaryDirectory(prefix="memhacl-") as run:
            folder = Path(run) / "stage" / "pretrain"
            folder.mkdir(parents=True)
            with stage_bar("pretrain", Console(quiet=True)) as bar:
                pretrain(work_on(trial.known, config, trial.feed), folder, bar)
            last = json.loads((folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    except Exception as problem:
        screen.print(f"{more}: {type(problem).__name__}: {problem}", markup=False)
        return ["failed"]
    return cells(trial, last["seconds"] / last["steps"], peak)


def cells(trial: "Trial", seconds: float, peak: float) -> list[str]:
    """Return a row's figures for steps of so many ``seconds``."""
    rate = trial.flops / seconds
    return [
        f"{1e3 * seconds:.2f}",
        f"{1 / seconds:.1f}",
        f"{trial.samples / seconds:.0f}",
        f"{rate / 1e12:.3g}",
        f"{100 * rate / peak:.0f} %",
        f"{SCHEDULE * seconds / 60:.0f} min ({SCHEDULE * seconds / 3600:.1f} h)",
    ]


def peak_of(device: torch.device) -> float:
    """FLOP/s of a product of two square bfloat16 matrices: the median of 20."""
    size = PRODUCT[device.type]
    left, right = torch.randn(2, size, size, device=device, dtype=torch.bfloat16)
    times = []
    for _ in range(25):
        wait(device)
        began = time.perf_counter()
        left @ right
        wait(device)
        times.append(time.perf_counter() - began)
    return 2 * size**3 / median(times[5:])


def wait(device: torch.device) -> None:
    """Wait until the device has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Trial:
    """A corpus on the device and the method of configs/deap.yaml at ``width``."""

    def __init__(self, device: torch.device, width: float):
        self.device, self.width = device, width
        config = load_config("deap")
        settings = config.method.settings | {"width": width}
        self.method: Method = build_method("me-mhacl", settings, config.spec)
        clips = CLIPS if device.type == "cuda" else SMALL
        self.known = corpus_of(config.spec, clips, PEOPLE)
        self.feed = Feed(self.known, unscaled(config.spec), device)
        self.windows = torch.from_numpy(self.known.windows).to(device)  # (rows, C, T)
        subject, clip = np.tile(np.arange(PEOPLE), clips), np.repeat(np.arange(clips), PEOPLE)
        self._sampler = self.method.sampler(Clips(subject, clip), seed=0)
        self.generator = torch.Generator(device).manual_seed(0)
        views = next(self.views())
        self.samples = views.shape[:-2].numel()
        self.flops = self._flops(views)

    def views(self) -> Iterator[Tensor]:
        """Yield views (2, P, Q, C, T) without end; an epoch's rows go to the device together."""
        assert self._sampler is not None
        for epoch in count(1):
            rows = torch.from_numpy(np.stack(list(self._sampler.epoch(epoch)))).to(self.device)  # (steps, P, 2Q)
            for batch in rows:
                yield self.method.views(self.windows[batch], self.generator)

    def learner(self) -> Learner:
        """Return fresh networks on the device."""
        torch.manual_seed(0)
        encoder = self.method.encoder()
        objective = self.method.objective(int(encoder.features))  # type: ignore[arg-type]
        return Learner(self.method, encoder, objective).to(self.device).train()

    def run(self, way: Way, steps: int) -> tuple[float, float]:
        """Seconds that a step takes in this ``way``, views included, and the last loss."""
        torch.compiler.reset()
        torch.backends.cudnn.benchmark = way.half  # tries its algorithms at the first step, and keeps the fastest
        step, views = self.step(way), self.views()
        for some in islice(views, WARM):
            loss = step(some)
        wait(self.device)
        began = time.perf_counter()
        for some in islice(views, steps):
            loss = step(some)
        wait(self.device)
        return (time.perf_counter() - began) / steps, loss.item()

    def step(self, way: Way) -> Step:
        """Return a function that takes a training step on views and returns the loss, without waiting for it."""
        learner: nn.Module = self.learner()
        parameters = list(learner.parameters())
        if way.mode is not None:
            learner = torch.compile(learner, mode=way.mode)  # type: ignore[assignment]
        adam = torch.optim.Adam(parameters, lr=1e-4, fused=way.half, capturable=way.graph)

        def step(views: Tensor) -> Tensor:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
            with torch.autocast(self.device.type, torch.bfloat16, enabled=way.half):
                loss: Tensor = learner(views).loss
            adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            return loss.detach()

        return captured(step, next(self.views())) if way.graph else step

    def _flops(self, views: Tensor) -> int:
        with FlopCounterMode(display=False) as counter:
            self.learner()(views).loss.backward()
        return int(counter.get_total_flops())


def captured(step: Step, example: Tensor) -> Step:
    """Return ``step`` as one CUDA graph: views are copied to where it reads them, and all is launched at once.

    Dropout goes on drawing: a graph advances torch's own generator.
    """
    place = example.clone()
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # what is made at the first steps must not be part of the graph
        for _ in range(WARM):
            step(place)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step(place)

    def replay(views: Tensor) -> Tensor:
        place.copy_(views)
        graph.replay()
        return loss

    return replay


if __name__ == "__main__":
    raise SystemExit(main())
