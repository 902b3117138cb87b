"""Stage 'pretrain': the encoder learns without labels, from the training rows alone."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from memhacl.stream.errors import ConfigError
from memhacl.train.loops.checkpoint import Checkpoint
from memhacl.train.loops.course import Course, Learner
from memhacl.train.loops.curves import pretrain_curves
from memhacl.train.loops.distributed import average_gradients, first_says, world
from memhacl.train.loops.divergence import Watch
from memhacl.train.loops.held_out import SCORE, HeldOut
from memhacl.train.loops.networks import save_state, save_weights
from memhacl.train.loops.reproduce import deterministic
from memhacl.train.loops.run_log import NoLog, RunLog
from memhacl.train.loops.work import Work
from memhacl.train.methods.contract import Outcome
from memhacl.train.progress import Bar


def pretrain(work: Work, folder: Path, bar: Bar) -> None:
    """Train the method's encoder on its own objective; interrupted at any moment, go on from the last checkpoint.

    Writes encoder.safetensors, epoch-<number>.safetensors of kept epochs, log.jsonl, curves.png and outcome.json
    (epochs, and the one of encoder.safetensors) to ``folder``, checkpoint.pt beside it, and what is said of a
    divergence, and to TensorBoard, to the run's folder. Where several processes train, each calls this with the
    same arguments, and the first one writes.

    Raises
    ------
    ConfigError
        The loss is no longer finite, or what settings ask for cannot be had.
    DataError
        The split leaks.
    """
    config, run = work.config, folder.parent.parent
    work.split.check(work.corpus)
    board = run / "tensorboard" / "pretrain" if config.tensorboard else None
    report = run / "pretrain.diverged.json"
    checkpoint = Checkpoint(folder.parent / "checkpoint.pt", config.checkpoint)
    first = world().first
    with deterministic(config.deterministic), RunLog(folder / "log.jsonl", board) if first else NoLog() as log:
        course, resumed = _begin(work, checkpoint, log)
        place = f"; went on from epoch {course.epoch}, step {course.step}" if resumed else ""
        if first:
            _forget_kept(folder, course.epoch)
        with _compiling(config.compile):
            _train(course, work, checkpoint, Watch(work, course, report), folder, bar)
        if not first:
            return
        said = _write(course, work, folder)
    report.unlink(missing_ok=True)  # of an earlier attempt
    bar.finish(f"{said}; {work.method.name}{place}")


def _begin(work: Work, checkpoint: Checkpoint, log: RunLog) -> tuple[Course, bool]:
    """Return the course, and whether it goes on from ``checkpoint``: as the first process can read it, all do."""
    if world().first:
        course, resumed = checkpoint.resume(lambda: Course(work, log))
        if not resumed:
            log.begin()
        return course, first_says(resumed)
    course = Course(work, log)
    state = checkpoint.load() if first_says(False) else None
    if state is not None:
        course.load_state(state)
    return course, state is not None


def _train(course: Course, work: Work, checkpoint: Checkpoint, watch: Watch, folder: Path, bar: Bar) -> None:
    """Train from where ``course`` is to the end; the log's lines, kept encoders and checkpoints are written."""
    settings, learner, here = work.config.pretrain, course.learner, world()
    forward = _compiled(learner, work.feed.device) if work.config.compile else learner
    half = torch.autocast(work.feed.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")
    held_out = HeldOut(work)
    norm: torch.Tensor | None = None
    bar.start(settings.epochs - course.epoch + 1)
    while course.epoch <= settings.epochs and not course.given_up():
        for rows in course.rows_of(course.epoch, course.step):
            views = work.method.views(work.feed(rows), course.views)  # the method's own shape, ending in C, T
            course.adam.zero_grad(set_to_none=True)
            with half:
                outcome = forward(work.method.part(views, here.rank, here.count))
            watch.see(outcome.loss, norm)
            outcome.loss.backward()
            average_gradients(learner.parameters())
            figures = {"loss": outcome.loss, **outcome.metrics}
            if settings.clip:
                norm = torch.nn.utils.clip_grad_norm_(learner.parameters(), settings.clip)
                figures["gradient_norm"] = norm
            course.advance(figures)
            if first_says(checkpoint.due()):
                watch.check()
                state = course.state()
                if here.first:
                    checkpoint.save(state)
        watch.check()
        line = course.line()
        if held_out.due(course.epoch):
            line |= held_out.measure(learner)
            if SCORE in line:
                course.note_score(line[SCORE])
        if here.first and settings.keep and course.epoch % settings.keep == 0:
            save_weights(learner.encoder, folder / kept_name(course.epoch))
        course.log.write(line)
        bar.step(f"loss {line['loss']:.3f}")
        course.next_epoch()


def _compiled(learner: Learner, device: torch.device) -> Callable[[torch.Tensor], Outcome]:
    """Compile for views of one shape; on a GPU forward and backward are each launched at once, as CUDA graphs."""
    if device.type != "cuda":
        return torch.compile(learner, dynamic=False)
    graphed = torch.compile(learner, mode="reduce-overhead", dynamic=False)

    def step(views: torch.Tensor) -> Outcome:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]  # what it left goes
        outcome: Outcome = graphed(views)
        return outcome

    return step


@contextmanager
def _compiling(wanted: bool) -> Iterator[None]:
    """Say in one line, where ``wanted``, that torch.compile does not work here: it finds out in the first step."""
    if not wanted:
        yield
        return
    from torch._dynamo.exc import TorchDynamoException  # takes a second to load

    try:
        yield
    except TorchDynamoException as problem:
        reason = str(problem).strip().splitlines()[0]
        raise ConfigError(f"compile: torch cannot compile here ({reason}); leave --compile away") from None


def kept_name(epoch: int) -> str:
    """Name of the file in which the encoder is kept as it was after ``epoch``."""
    return f"epoch-{epoch:04d}.safetensors"


def _forget_kept(folder: Path, epoch: int) -> None:
    """Remove the encoders of ``epoch`` and later that an interrupted process had kept: they come again."""
    for path in folder.glob("epoch-*.safetensors"):
        if int(path.stem.removeprefix("epoch-")) >= epoch:
            path.unlink()


def _write(course: Course, work: Work, folder: Path) -> str:
    """Write the encoder, under ``pretrain.patience`` the best, else the last, and curves; return what to say."""
    epochs = course.epoch - 1
    said, chosen = f"{epochs} epochs of {len(work.split.train)} windows", None
    if work.config.pretrain.patience and course.best:
        chosen = course.best_epoch
        said += f", encoder of epoch {chosen} (contrastive accuracy {course.best_score:.3f} on validation people)"
    encoder = course.learner.encoder.state_dict() if chosen is None else course.best
    save_state(encoder, folder / "encoder.safetensors")
    outcome = {"epochs": epochs, "epoch": chosen or epochs}
    (folder / "outcome.json").write_text(json.dumps(outcome) + "\n", encoding="utf-8")
    title, simulated = work.config.name, work.corpus.manifest.simulated
    pretrain_curves(course.log.lines(), folder / "curves.png", title, simulated, chosen)
    return said
