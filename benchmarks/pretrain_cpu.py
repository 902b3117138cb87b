"""How fast pretraining is on a CPU at the paper's size, beside a plain transcription of the paper.

    python -m benchmarks.pretrain_cpu [--threads N ...] [--rounds N] [--steps N]

Claims: a step takes two thirds of the transcription's time at most, and all that the loop does beside forward,
backward and optimiser (sampler, feed, views, figures for the log, looking for NaN) at most 5 %. Windows of
36 x 128, P = 8, Q = 2, width 1.0, attention, dropout 0.5, Adam; random numbers for signals.

Three loops take turns, each in a process of its own: `plain` is benchmarks/plain_pretraining.py; `bare` does
forward, backward and optimiser on one minibatch, with what the product uses; `memhacl` is the stage 'pretrain'.
What comes once an epoch (a line of the log, measures, checkpoints) is not in the turns. First the two networks are
compared: on the same weights and views they must give the same loss.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks import plain_pretraining as plainly
from benchmarks.machine import console
from benchmarks.paced import Pace, turns
from memhacl.stream.spec import SignalSpec
from memhacl.train.config import Config
from memhacl.train.corpus.scaling import Scale
from memhacl.train.corpus.store import INDEX, Corpus, Manifest
from memhacl.train.corpus.trials import Trials
from memhacl.train.loops.course import Course, Learner
from memhacl.train.loops.networks import pick_device
from memhacl.train.loops.pretrain import pretrain
from memhacl.train.loops.run_log import NoLog
from memhacl.train.loops.work import Feed, Work
from memhacl.train.methods.registry import build_method
from memhacl.train.progress import stage_bar
from memhacl.train.protocols import Split
from memhacl.train.settings import load_config

CLIPS, PEOPLE = 1680, 5  # the paper's number of training clips, an epoch of 210 steps; enough people for Q = 2
FASTER, LOOP = 1.5, 5.0  # the claims: times, %
Turn = Callable[[], float]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="pretrain_cpu", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[torch.get_num_threads(), 1])
    parser.add_argument("--rounds", type=int, default=9, help="turns that each loop takes")
    parser.add_argument("--steps", type=int, default=3, help="steps in a turn")
    given = parser.parse_args(arguments)
    screen = console()
    ours, theirs = losses()
    screen.print(f"the same network: loss {ours:.9f} here, {theirs:.9f} transcribed")
    assert abs(ours - theirs) < 1e-9
    table = Table(title=f"a step of pretraining: median (best) of {given.rounds} turns of {given.steps} steps")
    for name in ("threads", "plain, ms", "memhacl, ms", f"times faster (claim {FASTER})"):
        table.add_column(name)
    table.add_column("bare, ms")
    table.add_column(f"the loop adds (claim {LOOP:.0f} %)")
    for threads in dict.fromkeys(given.threads):
        table.add_row(*row(threads, given.rounds, given.steps))
    screen.print(table)


def row(threads: int, rounds: int, steps: int) -> list[str]:
    """Let the loops take turns; return a row of the table."""
    with ExitStack() as stack:
        loops: list[Turn] = [stack.enter_context(turns(loop, steps, threads)) for loop in (plain, product, bare)]
        for turn in loops:  # the first allocates the optimiser's moments
            turn()
        times = 1e3 * np.array([[turn() for turn in loops] for _ in range(rounds)])  # (rounds, loops) ms a step
    said = [f"{median:.0f} ({best:.0f})" for median, best in zip(np.median(times, 0), times.min(0), strict=True)]
    faster = np.median(times[:, 0] / times[:, 1])
    more = 100 * np.median(times[:, 1] / times[:, 2] - 1)
    return [str(threads), said[0], said[1], f"{faster:.2f}", said[2], f"{more:+.1f} %"]


def plain(pace: Pace, threads: int) -> None:
    """The transcription."""
    torch.set_num_threads(threads)
    spec = settings(threads).spec
    signals = windows(spec, CLIPS * PEOPLE).reshape(CLIPS, PEOPLE, *spec.shape)
    for _ in plainly.train(signals, 8, 2, seed=0):
        pace()


def product(pace: Pace, threads: int) -> None:
    """The stage 'pretrain' on a corpus in memory."""
    work = work_of(threads, pace)
    with tempfile.TemporaryDirectory(prefix="memhacl-") as run, stage_bar("pretrain", Console(quiet=True)) as bar:
        folder = Path(run) / "stage" / "pretrain"
        folder.mkdir(parents=True)
        pretrain(work, folder, bar)


def bare(pace: Pace, threads: int) -> None:
    """Forward, backward and optimiser on the same views again and again."""
    work = work_of(threads, lambda: None)
    course = Course(work, NoLog())
    views = work.method.views(work.feed(next(course.rows_of(1))), course.views)
    while True:
        pace()
        loss = course.learner(views).loss
        course.adam.zero_grad(set_to_none=True)
        loss.backward()
        course.adam.step()


def work_of(threads: int, pace: Callable[[], None]) -> Work:
    """Return what the stage 'pretrain' needs, with a corpus in memory; every batch that is fed calls ``pace``."""
    config = settings(threads)
    corpus = corpus_of(config.spec, CLIPS, PEOPLE)
    return work_on(corpus, config, _Paced(corpus, unscaled(config.spec), pick_device(config), pace))


def unscaled(spec: SignalSpec) -> Scale:
    """Return the scaling of random numbers: none."""
    channels = spec.shape[0]
    return Scale(np.zeros(channels, np.float32), np.ones(channels, np.float32))


def work_on(corpus: Corpus, config: Config, feed: Feed) -> Work:
    """Return what the stage 'pretrain' needs to learn from all of ``corpus``."""
    method = build_method(config.method.name, config.method.settings, config.spec)
    rows = np.arange(len(corpus.windows))
    split = Split("none", (), 0, 0, {}, train=rows, validation=rows[:0], test=rows[:0], left_out=0)
    return Work(config, method, corpus, split, unscaled(config.spec), feed)


class _Paced(Feed):
    """A feed that calls ``pace`` before every batch: the loop reads one a step."""

    def __init__(self, corpus: Corpus, scale: Scale, device: torch.device, pace: Callable[[], None]):
        super().__init__(corpus, scale, device)
        self._pace = pace

    def __call__(self, rows: NDArray[np.int64]) -> torch.Tensor:
        self._pace()
        return super().__call__(rows)


def settings(threads: int) -> Config:
    """Return configs/deap.yaml's, on the CPU, without a checkpoint."""
    config = load_config("deap")
    return config.model_copy(update={"device": "cpu", "threads": threads, "checkpoint": 1e9})


def windows(spec: SignalSpec, rows: int) -> NDArray[np.float32]:
    """Random windows (rows, channels, samples), those of a clip together."""
    return np.random.default_rng(0).standard_normal((rows, *spec.shape), dtype=np.float32)


def corpus_of(spec: SignalSpec, clips: int, people: int) -> Corpus:
    """Return a corpus of random windows, in memory: all ``people`` saw all ``clips``."""
    index = np.zeros(clips * people, INDEX)
    index["hop"], index["subject"] = np.divmod(np.arange(clips * people), people)
    manifest = Manifest(
        source="random numbers", fingerprint="", simulated=True, signals=spec, stimuli=("noise",), trials=0,
        people=tuple(f"p{number}" for number in range(people)), windows=len(index),
    )  # fmt: skip
    nothing = np.zeros(0, np.int32)
    return Corpus(
        windows(spec, len(index)), index, Trials(nothing, nothing, {}, {}, {}, np.zeros((0, 2))), manifest
    )


def losses() -> tuple[float, float]:
    """Loss of memhacl's network and of the transcribed one, small, on the same weights and views, no dropout."""
    config = settings(1)
    method = build_method("me-mhacl", {"width": 0.125, "dropout": 0.0}, config.spec)
    torch.manual_seed(0)
    encoder = method.encoder()
    learner = Learner(method, encoder, method.objective(int(encoder.features))).double()  # type: ignore[arg-type]
    other = plainly.Network(width=0.125, dropout=0.0).double()
    with torch.no_grad():
        for mine, its in zip(learner.parameters(), other.parameters(), strict=True):
            its.copy_(mine)
    views = torch.randn(2, 8, 2, *config.spec.shape, dtype=torch.float64)
    return learner(views).loss.item(), other(views).item()


if __name__ == "__main__":
    main()
