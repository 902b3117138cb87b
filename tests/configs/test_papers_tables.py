"""The packaged configs of the paper's two data sets against its Table III."""

from dataclasses import dataclass

import numpy as np
import pytest

from memhacl.train.corpus.store import INDEX, Corpus, Manifest
from memhacl.train.corpus.trials import tabulate
from memhacl.train.methods.contract import Clips
from memhacl.train.methods.registry import build_method
from memhacl.train.protocols import make_split
from memhacl.train.settings import load_config


@dataclass(frozen=True)
class Row:
    """What the table says of a data set, and how many people, stimuli and seconds are behind it."""

    data: tuple[int, int, int]
    shape: tuple[int, int]
    pretraining: tuple[int, float, float, int, int]  # epochs, LR, τ, P, Q
    fine_tuning: tuple[int, int, float]  # epochs, batch size, LR
    clips: tuple[int, int, int]  # of training, validation, test
    steps: int  # of an epoch of pretraining: its clips over P


TABLE = {
    "deap": Row((32, 40, 60), (36, 128), (4000, 1e-4, 0.1, 8, 2), (20, 2048, 1e-3), (1680, 360, 360), 210),
    "mahnob-hci": Row((25, 20, 24), (36, 256), (475, 1e-4, 0.1, 4, 8), (20, 256, 1e-3), (336, 72, 72), 84),
}


@pytest.mark.parametrize("name", TABLE)
def test_settings_are_the_tables(name: str) -> None:
    config, row = load_config(name), TABLE[name]
    settings = config.method.settings
    found = tuple(settings[key] for key in ("temperature", "clips", "members"))
    assert config.method.name == "me-mhacl"
    assert config.spec.shape == row.shape
    assert (config.spec.window, config.spec.hop, config.spec.baseline_seconds) == (1, 1, 3)
    assert (config.pretrain.epochs, config.pretrain.lr, *found) == row.pretraining
    assert (config.finetune.epochs, config.finetune.batch, config.finetune.lr) == row.fine_tuning
    assert (config.pretrain.schedule, config.finetune.schedule) == ("constant", "constant")
    assert (config.pretrain.weight_decay, config.finetune.weight_decay) == (0.0, 0.0)
    assert (config.finetune.encoder, config.finetune.mode, config.finetune.labels) == ("separate", "full", 1.0)


@pytest.mark.parametrize("name", TABLE)
def test_networks_and_contrast_are_the_papers(name: str) -> None:
    settings = load_config(name).method.settings
    assert settings["width"] == 1.0
    assert settings["dropout"] == 0.5
    assert settings["encoder"] == "resnet18-1d"
    assert settings["modality_dropout"] == 0.0
    assert (settings["attention"], settings["heads"]) == (True, 8)
    assert (settings["meiosis"], settings["groups"], tuple(settings["split"])) == (True, "clip", (0.0, 1.0))


def test_mahnob_hci_has_25_people_and_24_seconds_of_each_film_after_3_of_baseline() -> None:
    config = load_config("mahnob-hci")
    assert config.people.complete
    assert (config.trials.rest_within, config.trials.seconds) == (3, 24)
    assert {modality.baseline for modality in config.spec.modalities} == {"rest"}


def complete(row: Row, name: str) -> Corpus:
    """A corpus of the table's size, without the windows themselves."""
    people, stimuli, seconds = row.data
    index = np.zeros(people * stimuli * seconds, INDEX)
    index["subject"], index["stimulus"], index["hop"] = np.indices(row.data).reshape(3, -1)
    index["trial"] = index["subject"] * stimuli + index["stimulus"]
    manifest = Manifest(
        source="made up",
        fingerprint="0" * 64,
        simulated=True,
        signals=load_config(name).spec,
        people=tuple(f"p{number}" for number in range(people)),
        stimuli=tuple(f"v{number}" for number in range(stimuli)),
        trials=people * stimuli,
        windows=len(index),
    )
    return Corpus(np.empty((0, *row.shape), np.float32), index, tabulate([]), manifest)


@pytest.mark.parametrize("name", TABLE)
def test_shapes_and_steps_are_the_tables(name: str) -> None:
    config, row = load_config(name), TABLE[name]
    corpus = complete(row, name)
    split = make_split(corpus, config.protocol)
    parts = (split.train, split.validation, split.test)
    assert tuple(len(np.unique(corpus.clips[part])) for part in parts) == row.clips
    assert tuple(map(len, parts)) == tuple(row.data[0] * clips for clips in row.clips)
    method = build_method(config.method.name, config.method.settings, config.spec)
    known = Clips(corpus.index["subject"][split.train].astype(np.int64), corpus.clips[split.train])
    sampler = method.sampler(known, config.seed)
    assert sampler is not None
    _, _, _, clips, members = row.pretraining
    assert [rows.shape for rows in sampler.epoch(1)] == [(clips, 2 * members)] * row.steps
