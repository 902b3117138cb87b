"""A run on permuted labels is the real procedure on other labels, and cannot be taken for a real run."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from plugins.pretraining import pretraining, run

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.config import Config
from memhacl.train.corpus.store import load_corpus
from memhacl.train.keys import stage_keys
from memhacl.train.loops.work import corpus_targets
from memhacl.train.measure.predictions import load_predictions
from memhacl.train.parents.parent import open_parent
from memhacl.train.restore import load_run


def permuted(number: int) -> Config:
    config = pretraining(epochs=1)
    few = {"epochs": 2, "encoder": "shared"}
    return config.model_copy(
        update={
            "labels": config.labels.model_copy(update={"permutation": number}),
            "finetune": config.finetune.model_copy(update=few),
            "evaluate": config.evaluate.model_copy(update={"baselines": ("majority",), "resamples": 100}),
        }
    )


@pytest.mark.usefixtures("one_thread")
def test_training_and_measuring_use_other_labels_and_everything_says_so(new_run: Callable[[str], Path]) -> None:
    folder = new_run("permuted")
    run(permuted(5), folder, "pretrain", "finetune", "evaluate")
    corpus = load_corpus(folder / "corpus")
    trial = corpus.index["trial"]
    real, exchanged = (corpus_targets(corpus, permuted(number).labels) for number in (0, 5))
    for task, said in load_predictions(folder / "evaluate" / "predictions.npz").items():
        of_trial = {values: dict(zip(trial, found[task].values, strict=True)) for values, found in
                    (("real", real), ("exchanged", exchanged))}  # fmt: skip
        truth = dict(zip(said.trial, said.truth, strict=True))
        assert all(of_trial["exchanged"][number] == value for number, value in truth.items())
        assert of_trial["real"] != of_trial["exchanged"]
    report = json.loads((folder / "evaluate" / "metrics.json").read_text("utf-8"))
    assert report["permuted"] == {"how": "person", "number": 5}
    assert "Labels were permuted within each person" in report["warnings"][0]
    with pytest.raises(DataError, match="was trained on permuted labels, to see what chance gives"):
        load_run(folder)
    with pytest.raises(ConfigError, match="expected a run on real labels, found one on permuted labels"):
        open_parent(str(folder))


def test_pretraining_is_shared_and_what_learns_from_labels_is_not() -> None:
    real, other, among = (stage_keys(config, "data") for config in (permuted(0), permuted(5), permuted(6)))
    assert real["pretrain"] == other["pretrain"]
    assert len({keys["finetune"] for keys in (real, other, among)}) == 3
