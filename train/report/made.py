"""How a model came about, in words: whose signals, what was done to them, and how it was trained."""

from typing import Any

from memhacl.stream.spec import ModalitySpec
from memhacl.train.config import Config
from memhacl.train.corpus.labels import QUADRANT
from memhacl.train.methods.registry import methods
from memhacl.train.report.pieces import Pieces
from memhacl.train.report.words import Rows


def data_rows(pieces: Pieces) -> Rows:
    """Say whose signals these are, and what was done to them."""
    spec, manifest = pieces.config.spec, pieces.manifest
    kind = "simulated people: no body was measured" if pieces.simulated else "real people"
    rows = [("Source", str(pieces.metrics["source"])), ("People are", kind)]
    if manifest is not None:
        spec = manifest.signals
        rows.append(("Whole corpus", _corpus(pieces)))
        gone = [f"{len(manifest.excluded_people)} people"] if manifest.excluded_people else []
        for what, reasons in (("trials", manifest.excluded_trials), ("windows", manifest.excluded)):
            gone += [f"{count} {what}: {reason.replace('_', ' ')}" for reason, count in reasons.items()]
        rows.append(("Left out of it", "; ".join(gone) or "nothing"))
    rows += [(one.modality, _modality(one, spec.baseline_seconds)) for one in spec.modalities]
    rows.append(("Windows", f"{spec.window:g} s at {spec.rate:g} Hz, one every {spec.hop:g} s"))
    return rows


def _corpus(pieces: Pieces) -> str:
    manifest = pieces.manifest
    assert manifest is not None
    return (
        f"{len(manifest.people)} people, {len(manifest.stimuli)} stimuli, {manifest.trials} trials, "
        f"{manifest.windows} windows"
    )


def _modality(one: ModalitySpec, seconds: float) -> str:
    channels = f"{len(one.channels)} channels" if len(one.channels) > 1 else "1 channel"
    parts = [f"{channels} in {one.unit}"]
    if one.conditioning.band is not None:
        low, high = one.conditioning.band
        parts.append(f"filtered to {low:g} to {high:g} Hz")
    if one.conditioning.reference == "average":
        parts.append("average of all channels as reference")
    if one.adapt != "none":
        parts.append(f"standardised for each person ({one.adapt})")
    before = f"{seconds:g} s"
    parts.append(
        {
            "rolling": f"mean of the {before} before subtracted",
            "rest": f"mean of {before} of rest subtracted, sample by sample",
            "rolling-template": f"mean of the windows of the {before} before subtracted, sample by sample",
            "none": "no baseline subtracted",
        }[one.baseline]
    )
    if one.already_done:
        parts.append(f"already done by the data's owners: {', '.join(one.already_done)}")
    return "; ".join(parts)


def method_rows(pieces: Pieces) -> Rows:
    """Say how the model came about."""
    config = pieces.config
    rows = [("Method", methods[config.method.name].in_words)]
    chosen = ", ".join(f"{key} {_value(value)}" for key, value in config.method.settings.items())
    rows.append(("Its settings", chosen or "none"))
    rows.append(("Pretraining", _pretraining(pieces)))
    rows.append(("Labels", _labels(config)))
    rows.append(("Training on labels", _finetuning(config)))
    return rows


def _pretraining(pieces: Pieces) -> str:
    config, ran = pieces.config, pieces.outcomes["pretrain"].get("epochs")
    if config.init:
        return f"none here: started from the model {config.init}"
    if not methods[config.method.name].pretrains:
        return "none: this method learns from labels alone"
    epochs = config.pretrain.epochs if ran is None else ran
    return f"{epochs} epochs without labels, learning rate {config.pretrain.lr:g}, on training windows only"


def _finetuning(config: Config) -> str:
    how = config.finetune
    who = "a linear layer for each task on the frozen encoder" if how.mode == "probe" else "encoder and classifier"
    shared = "one encoder for all tasks" if how.encoder == "shared" else "one encoder for each task"
    parts = [
        f"{who}; {shared}; at most {how.epochs} epochs, learning rate {how.lr:g}, {how.batch} windows a batch"
    ]
    if how.balance:
        parts.append("every class weighs the same")
    if how.labels < 1:
        parts.append(f"labels of {how.labels:.0%} of the training trials only")
    parts.append("validation windows choose the epoch and the temperature of the probabilities")
    return "; ".join(parts)


def _labels(config: Config) -> str:
    limits = config.labels.thresholds
    above = ", ".join(f"{scale} above {limit:g}" for scale, limit in limits.items())
    parts = [", ".join(config.labels.tasks)]
    if QUADRANT in config.labels.tasks:
        parts.append("quadrant: low or high (L, H) valence (V) and arousal (A), so that LVHA is low and high")
    parts.append(f"high is {above}" if above else "ratings above the middle of their scale are high")
    if config.labels.margin:
        parts.append(f"ratings within {config.labels.margin:g} of it give no label")
    return "; ".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return " to ".join(f"{one:g}" for one in value) if _numbers(value) else str(value)


def _numbers(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, int | float) for one in value)
