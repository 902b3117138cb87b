"""The stages of a run, and the order in which they run, skip or refuse."""

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from rich.console import Console

from memhacl.stream.errors import DataError
from memhacl.stream.sources.registry import Source
from memhacl.train.config import Config
from memhacl.train.corpus.labels import said
from memhacl.train.corpus.prepare import Plan, prepare
from memhacl.train.corpus.scaling import load_scale, measure_scale
from memhacl.train.corpus.store import Corpus, load_corpus
from memhacl.train.folder import RunFolder
from memhacl.train.keys import STAGES, stage_keys
from memhacl.train.loops.distributed import from_first
from memhacl.train.loops.finetune import finetune, load_groups
from memhacl.train.loops.networks import pick_device
from memhacl.train.loops.pretrain import pretrain
from memhacl.train.loops.select import choose_as_folds, choose_none, chooses, kept_encoders, plan, select
from memhacl.train.loops.starts import starting_points
from memhacl.train.loops.work import Feed, Work, corpus_targets
from memhacl.train.measure.evaluate import evaluate
from memhacl.train.methods.registry import build_method
from memhacl.train.parents.hand_down import hand_down, inherited_starts
from memhacl.train.parents.inherit import Heritage, kept_key, open_heritage
from memhacl.train.progress import Bar, stage_bar, stage_line, waiting
from memhacl.train.protocols import Split, everybody, load_split, make_split


class Pipeline:
    """A run: ``execute`` does one stage, or says why it need not or cannot.

    ``workers`` (0: one a core) is how many processes read recordings at once.
    """

    def __init__(
        self, config: Config, folder: RunFolder, source: Source | None, console: Console, workers: int = 0
    ):
        self.config = config
        self.workers = workers
        self.folder = folder
        self.source = source
        self._console = console
        self._classes_said = False

    @cached_property
    def keys(self) -> dict[str, str]:
        """Keys by stage for these settings and the data given, or else the data that was prepared."""
        if self.source is None and "prepare" not in self.folder.done():
            raise DataError(f"{self.folder.path}: no corpus has been prepared here; give the data with --data")
        start = self._start_key()
        data = self._corpus_here().manifest.fingerprint if self.source is None else self._fingerprint
        return stage_keys(self.config, data, start)

    def _start_key(self) -> str:
        """Return the key of the model to start from; one that has gone is known by what the run kept of it."""
        if not self.config.init:
            return ""
        kept = None if Path(self.config.init).exists() else kept_key(self.config, self.folder.path)
        return kept or self._heritage.record.key

    @cached_property
    def _heritage(self) -> Heritage:
        return open_heritage(self.config, self.folder.path)

    @cached_property
    def _fingerprint(self) -> str:
        """Hash of the data's content, read once: it may be many gigabytes."""
        if self.source is None:
            return ""
        with waiting("reading all data, to tell whether it has changed", self._console):
            return self.source.fingerprint()

    @cached_property
    def work(self) -> Work:
        """Corpus, split, scaling and method, opened once."""
        corpus = self._corpus_here()
        scale = load_scale(self.folder.path / "scale.npz")
        method = build_method(self.config.method.name, self.config.method.settings, corpus.spec)
        feed = Feed(corpus, scale, pick_device(self.config))
        return Work(self.config, method, corpus, self._split_of(corpus), scale, feed)

    def execute(self, stage: str, force: bool = False) -> None:
        """Run ``stage``, or skip it where its key and output stand; print which, and why.

        Raises
        ------
        DataError
            An earlier stage has not run under these settings, or the data is bad.
        ConfigError
            The settings do not work with the data.
        """
        self._require_earlier(stage)
        key = self.keys[stage]
        if stage == "finetune":
            self.say_classes()
        if not force and self.folder.has(stage, key):
            self._keep_config()
            self._say(stage, f"skipped: same settings and data as last time (key {key[:8]}); --force redoes it")
            return
        run: Callable[[Path, Bar], None] = getattr(self, f"_{stage}")
        with stage_bar(stage, self._console) as bar, self.folder.making(stage, key, self.config, force) as partial:
            run(partial, bar)

    def say_classes(self) -> None:
        """Print, once, how the training windows fall into each task's classes.

        Raises
        ------
        DataError
            The data does not tell a task's classes.
        """
        if self._classes_said:
            return
        self._classes_said = True
        corpus = self._corpus_here()
        train = self._split_of(corpus).train
        for task, target in corpus_targets(corpus, self.config.labels).items():
            self._say("classes", f"{task}, {len(train)} training windows: {said(target.of(train))}")

    def _keep_config(self) -> None:
        """Write the config, unless a finished stage would then no longer have run under the settings in it."""
        if all(entry.key == self.keys[stage] for stage, entry in self.folder.done().items()):
            self.folder.keep(self.config)

    def _require_earlier(self, stage: str) -> None:
        """Refuse before anything is touched; only for the stage right after is a split, or no choice, made."""
        before = STAGES[: STAGES.index(stage)]
        missing = [earlier for earlier in before if not self.folder.has(earlier, self.keys[earlier])]
        # These take seconds and need nothing from the user.
        by_itself = ("split",) if chooses(self.config) else ("split", "select")
        if missing and missing == list(before[-1:]) and missing[0] in by_itself:
            self.execute(missing[0])
        elif missing:
            needed = next((earlier for earlier in missing if earlier not in by_itself), missing[0])
            raise DataError(
                f"{self.folder.path}: '{stage}' needs '{needed}', which {self._state(needed)}; run 'memhacl-train "
                f"{needed}' first, or 'memhacl-train run' for all stages"
            )

    def _state(self, stage: str) -> str:
        entry = self.folder.done().get(stage)
        if entry is None:
            return "has not run"
        return "has lost its output" if entry.key == self.keys[stage] else "has run under other settings"

    def _prepare(self, partial: Path, bar: Bar) -> None:
        if self.source is None:
            raise DataError(f"{self.folder.path}: 'prepare' needs data; give --data")
        plan = Plan(self.config.spec, self.config.trials, self.config.people, self._fingerprint)
        prepare(self.source, plan, partial, bar, self.workers)

    def _split(self, partial: Path, bar: Bar) -> None:
        bar.start(2)
        corpus = self._corpus_here()
        split = (everybody if self.config.refits else make_split)(corpus, self.config.protocol)
        bar.step("scaling")
        measure_scale(corpus, split.train).save(partial / "scale.npz")
        (partial / "split.json").write_text(json.dumps(split.as_json(), indent=1) + "\n", encoding="utf-8")
        sizes = f"{len(split.train)} train, {len(split.validation)} validation, {len(split.test)} test windows"
        bar.finish(f"{split.meaning}: {sizes}, {split.left_out} left out because they mix")

    def _pretrain(self, partial: Path, bar: Bar) -> None:
        if self.config.init:
            hand_down(self._heritage, self.work, partial / "pretrain", bar)
        elif self.work.method.pretrains:
            from_first(partial)  # the other processes, which wait in `assist`, join in
            pretrain(self.work, partial / "pretrain", bar)
        else:
            bar.finish(f"nothing to do: method '{self.work.method.name}' does not pretrain")

    def _select(self, partial: Path, bar: Bar) -> None:
        pretrained = self.folder.path / "pretrain"
        if self.config.refit.encoders:
            choose_as_folds(self.work, pretrained, partial / "select", bar)
        elif chooses(self.config) and len(kept_encoders(pretrained)) > 1:
            self._say("select", plan(self.work, pretrained))
            select(self.work, pretrained, partial / "select", bar)
        else:
            choose_none(self.work, partial / "select", bar)

    def _finetune(self, partial: Path, bar: Bar) -> None:
        run, work = self.folder.path, self.work
        starts = inherited_starts(work, run / "pretrain") if self.config.init else starting_points(work, run)
        finetune(work, starts, partial / "finetune", bar)

    def _evaluate(self, partial: Path, bar: Bar) -> None:
        if self.config.refits:
            raise DataError(
                f"{self.folder.path}: a refit has no test windows; its numbers are those of the folds, from "
                "'memhacl-train crossvalidate'"
            )
        groups, temperatures = load_groups(self.work, self.folder.path / "finetune")
        evaluate(self.work, groups, temperatures, partial / "evaluate", bar)

    def _corpus_here(self) -> Corpus:
        return load_corpus(self.folder.path / "corpus")

    def _split_of(self, corpus: Corpus) -> Split:
        return load_split(self.folder.path / "split.json", corpus)

    def _say(self, stage: str, what: str) -> None:
        self._console.print(stage_line(stage, what), soft_wrap=True)
