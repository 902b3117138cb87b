"""The settings of an experiment: defaults here, what differs in a YAML file, the rest on the command line."""

import re
from typing import Annotated, Any, Literal, Self

import tyro
import yaml
from pydantic import BeforeValidator, Field, model_validator

from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import Strict
from memhacl.train.fold_settings import CrossvalidateConfig, RefitConfig

BaselineName = Literal["majority", "person", "stimulus", "time", "lda", "svm", "peripheral"]
ProtocolName = Literal["paper", "subject", "stimulus", "trial", "subject+stimulus"]
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")  # a task is a word of a message's topic


def is_word(name: str) -> bool:
    """Tell whether ``name`` can be a task."""
    return _WORD.fullmatch(name) is not None


def _read_mapping(text: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise ValueError(f"is not valid YAML: {' '.join(str(problem).split())}") from None
    if not isinstance(values, dict):
        raise ValueError(f"expected a mapping such as {{valence: 4}}, found {text!r}")
    return values


def _yaml(form: str) -> Any:
    """Say that a setting is one argument on the command line: a YAML mapping of this ``form``."""
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=form,
        instance_from_str=lambda arguments: _read_mapping(arguments[0]),
        is_instance=lambda value: isinstance(value, dict),
        str_from_instance=lambda value: [yaml.safe_dump(value, default_flow_style=True, sort_keys=False).strip()],
    )


class PeopleConfig(Strict):
    """Which of the source's people take part."""

    leave_out: tuple[str, ...] = Field((), description="People that are left out, by the source's names.")
    complete: bool = Field(False, description="Only people who saw every stimulus of the data take part.")


class TrialConfig(Strict):
    """Which part of each trial is its rest and which its stimulus, where not all of it is used."""

    rest_within: float = Field(
        0.0,
        ge=0,
        description="Seconds at the beginning of each stimulus that stand for its rest; 0: the rest before it.",
    )
    seconds: float | None = Field(
        None, gt=0, description="At most so many seconds of each stimulus (after `rest_within`); none: all."
    )


class LabelConfig(Strict):
    """How ratings and categories become classes; a rating above its threshold (and not at it) is high."""

    tasks: tuple[str, ...] = Field(
        ("valence", "arousal", "quadrant"),
        min_length=1,
        description="What heads predict: a rated scale (low, high), `quadrant`, or a kind of category.",
    )
    thresholds: Annotated[dict[str, float], _yaml("{SCALE: NUMBER}")] = Field(
        {}, description="Scale → rating above which it is high; without one, the middle of the scale."
    )
    margin: float = Field(
        0.0, ge=0, description="Ratings nearer than this to their threshold are ambiguous and give no label."
    )
    classes: Annotated[dict[str, dict[str, tuple[str, ...]]], _yaml("{KIND: {CLASS: [CATEGORY]}}")] = Field(
        {}, description="Kind of category → class → the categories in it; without one, each is a class."
    )
    permutation: int = Field(
        0, ge=0, description="Number of a random exchange of the trials' labels, for a permutation test; 0: none."
    )
    permute: Literal["person", "stimulus"] = Field(
        "person",
        description="What `permutation` exchanges: the labels of each person's trials, or those of the stimuli, "
        "alike for all people.",
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if len(set(self.tasks)) != len(self.tasks):
            raise ValueError("tasks: a task is listed twice")
        for task in self.tasks:
            if not is_word(task):
                raise ValueError(f"tasks: expected letters, digits, - or _ in '{task}'")
        for kind, classes in self.classes.items():
            members = [category for categories in classes.values() for category in categories]
            if len(classes) < 2 or len(set(members)) != len(members):
                raise ValueError(
                    f"classes.{kind}: expected two classes or more, and every category in one of them"
                )
        return self


def _fold_count(value: object) -> object:
    if value == "each" or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ValueError("expected a number of folds, 0 for none, or 'each'")


class ProtocolConfig(Strict):
    """Which windows train, select and test; 'paper' leaks, and every number under it says so."""

    name: ProtocolName = Field(
        "subject+stimulus",
        description="What the test has never seen: people ('subject'), stimuli ('stimulus'), both "
        "('subject+stimulus'), only the trial ('trial'), or only the second of the stimulus ('paper': leaky).",
    )
    validation: float = Field(0.15, gt=0, lt=1, description="Share of the units that selects epochs.")
    test: float = Field(0.15, gt=0, lt=1, description="Share of the units that is measured once, at the end.")
    seed: int = Field(0, ge=0, description="Seed of the random split.")
    folds: Annotated[int | Literal["each"], BeforeValidator(_fold_count)] = Field(
        0,
        description="Parts into which all units are cut, of which `fold` tests, in place of the share `test`; "
        "'each': as many as there are units, so that one is left out; 0: none.",
    )
    fold: int = Field(0, ge=0, description="Which part tests, from 0 on.")

    @model_validator(mode="after")
    def _some_left(self) -> Self:
        if self.folds == 1 or (self.folds and self.folds != "each" and self.fold >= self.folds):
            raise ValueError(f"fold {self.fold} of {self.folds}: expected two folds or more, and one out of them")
        if self.fold and not self.folds:
            raise ValueError(f"fold {self.fold} without folds: expected how many there are in protocol.folds")
        if self.validation + self.test >= 1:
            raise ValueError("validation + test leaves nothing to train on; expected a sum below 1")
        return self


class EvaluateConfig(Strict):
    """What stands beside the model's numbers, and how sure they are."""

    baselines: tuple[BaselineName, ...] = Field(
        ("majority", "person", "stimulus", "time", "lda", "svm", "peripheral"),
        description="What the model is compared with, out of train/baselines; see docs/evaluation.md.",
    )
    resamples: int = Field(
        2000, ge=100, description="Bootstrap samples of people and stimuli from which intervals are taken."
    )


class MethodConfig(Strict):
    """A learning method by name and its own settings, which the method itself checks."""

    name: str = Field(
        "me-mhacl", description="A folder of train/methods: 'me-mhacl', 'supervised', 'eegnet' or 'tsception'."
    )
    settings: dict[str, Any] = Field({}, description="The method's settings; see docs/method.md.")


class PretrainConfig(Strict):
    """The loop that trains the encoder without labels."""

    epochs: int = Field(100, ge=0, description="Passes over the training clips.")
    lr: float = Field(1e-4, gt=0, description="Learning rate of Adam.")
    weight_decay: float = Field(0.0, ge=0, description="Weight decay of Adam.")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="Of the learning rate: 'constant' (the paper's) or 'cosine': from lr to nothing."
    )
    clip: float = Field(0.0, ge=0, description="Largest norm of the gradient; 0: any.")
    patience: int = Field(
        0,
        ge=0,
        description="Epochs without a better contrastive accuracy on validation people to stop after; 0: none.",
    )
    keep: int = Field(
        0, ge=0, description="Epochs from one encoder that is kept for `select` to the next; 0: only the last is."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Of the arithmetic; 'bfloat16' is for GPUs (weights stay float32)."
    )


class SelectConfig(Strict):
    """The choice among the encoders that pretraining kept, by fine-tuning each and looking at validation rows."""

    runs: int = Field(
        5, ge=1, description="Fine-tunings of each encoder, whose validation accuracies are averaged."
    )


class FinetuneConfig(Strict):
    """The loop that trains encoder and classifiers on labels; the epoch is chosen on validation rows."""

    epochs: int = Field(20, ge=1, description="Passes over the training windows.")
    lr: float = Field(1e-3, gt=0, description="Learning rate of Adam.")
    batch: int = Field(256, ge=2, description="Windows in a minibatch.")
    weight_decay: float = Field(0.0, ge=0, description="Weight decay of Adam.")
    balance: bool = Field(False, description="Every class weighs the same in the loss; the paper: every window.")
    schedule: Literal["constant", "cosine", "one-cycle"] = Field(
        "constant",
        description="Of the learning rate: 'constant' (the paper's), 'cosine': from lr to nothing, 'one-cycle': "
        "up to lr and down to nothing.",
    )
    clip: float = Field(0.0, ge=0, description="Largest norm of the gradient; 0: any.")
    patience: int = Field(0, ge=0, description="Epochs without a better validation to stop after; 0: none.")
    mode: Literal["full", "probe"] = Field(
        "full",
        description="'full': encoder and classifier learn; 'probe': one linear layer on the frozen encoder.",
    )
    labels: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share of the training trials of each class whose labels are used, at least one.",
    )
    noise: float = Field(
        0.0,
        ge=0,
        description="Noise added to training windows, in deviations of each channel; the paper has none.",
    )
    gain: float = Field(
        0.0, ge=0, description="Spread of a random gain of each channel in training windows; the paper has none."
    )
    encoder: Literal["separate", "shared"] = Field(
        "separate",
        description="'separate': one encoder for each task (the paper's way); 'shared': one for all tasks.",
    )


class Config(Strict):
    """A whole experiment: everything that decides a result, and how fast and how watched it is computed."""

    name: str = Field(min_length=1, description="Name of the experiment and of its model.")
    signals: SignalSpec = Field(description="Montage, rate, conditioning, window and baseline.")
    use: tuple[str, ...] = Field(
        (), description="Modalities of `signals` that the model sees, such as [EEG, GSR]; without any: all."
    )
    people: PeopleConfig = PeopleConfig()
    trials: TrialConfig = TrialConfig()
    labels: LabelConfig = LabelConfig()
    protocol: ProtocolConfig = ProtocolConfig()
    method: MethodConfig = MethodConfig()
    pretrain: PretrainConfig = PretrainConfig()
    select: SelectConfig = SelectConfig()
    finetune: FinetuneConfig = FinetuneConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    crossvalidate: CrossvalidateConfig = CrossvalidateConfig()
    refit: Annotated[RefitConfig, tyro.conf.Suppress] = RefitConfig()
    init: str = Field(
        "",
        description="Run folder or model file whose encoders fine-tuning starts from, in place of pretraining.",
    )
    seed: int = Field(0, ge=0, description="Seed of weights, sampling and dropout.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where to train: 'cpu', 'cuda', or 'auto': cuda where it works."
    )
    threads: int = Field(0, ge=0, description="CPU threads of torch; 0: as many as torch likes.")
    deterministic: bool = Field(
        False, description="Only operations that repeat bit for bit, also on a GPU; slower there."
    )
    compile: bool = Field(False, description="Pretrain with torch.compile: slow to begin, faster on GPUs.")
    tensorboard: bool = Field(False, description="Also log to TensorBoard, in the run's folder 'tensorboard'.")
    checkpoint: float = Field(
        60.0, gt=0, description="Seconds between the checkpoints from which an interrupted stage goes on."
    )

    @model_validator(mode="after")
    def _there(self) -> Self:
        there = [modality.modality for modality in self.signals.modalities]
        for name in self.use:
            if name not in there:
                raise ValueError(f"use: expected modalities out of {', '.join(there)}, found '{name}'")
        return self

    @model_validator(mode="after")
    def _refit_whole(self) -> Self:
        groups = ("shared",) if self.finetune.encoder == "shared" else self.labels.tasks
        self.refit.check(groups, self.labels.tasks, self.finetune.epochs)
        return self

    @property
    def refits(self) -> bool:
        """Whether this trains on everybody, with what was chosen in the folds."""
        return bool(self.refit.epochs)

    @property
    def spec(self) -> SignalSpec:
        """The signals that the model sees: the modalities in ``use``, in the order of ``signals``."""
        if not self.use:
            return self.signals
        kept = tuple(modality for modality in self.signals.modalities if modality.modality in self.use)
        return self.signals.model_copy(update={"modalities": kept})
