"""A run that starts from another laboratory's run: what it takes over, what it says of it, what it refuses."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from plugins.starting import EEG, go, signals, starting
from rich.console import Console
from safetensors.torch import load_file

from memhacl.export.card import Ancestor
from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.spec import Conditioning, SignalSpec
from memhacl.train.cli import dispatch
from memhacl.train.config import Config
from memhacl.train.folder import RunFolder
from memhacl.train.parents.hand_down import inherited_starts
from memhacl.train.parents.lineage import differences, lineage_warnings
from memhacl.train.restore import absent_ok, load_run
from memhacl.train.stages import Pipeline

pytestmark = pytest.mark.usefixtures("one_thread")

UNTIL_START = ("prepare", "split", "pretrain")
LESS = signals(("Pz", "Cz"), skin=False)


@pytest.fixture(scope="module")
def started(their_run: Path, my_people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of my people with two electrodes and no GSR that started from their model, which has gone since."""
    folder = tmp_path_factory.mktemp("started")
    model, run = folder / "lent", folder / "mine"
    shutil.copytree(their_run, model)
    go(starting(LESS, model), my_people, run)
    shutil.rmtree(model)
    return run


def pipeline(config: Config, run: Path) -> Pipeline:
    return Pipeline(config, RunFolder(run), None, Console(quiet=True))


def test_fine_tuning_begins_at_the_models_weights_for_the_channels_that_are_left(
    started: Path, their_run: Path
) -> None:
    work = pipeline(starting(LESS, their_run), started).work
    for task, start in inherited_starts(work, started / "pretrain").items():
        model = load_file(their_run / "finetune" / f"{task}.safetensors")
        assert start.encoder is not None
        spatial = model["encoder.stems.0.spatial.weight"]
        torch.testing.assert_close(start.encoder["stems.0.spatial.weight"], spatial[:, [2, 1]])  # Pz, Cz
        assert not any(name.startswith("stems.1.") for name in start.encoder)
        for name in ("query", "across.keys.weight", "stems.0.norm.running_mean"):
            assert torch.equal(start.encoder[name], model[f"encoder.{name}"])
        assert start.heads[task].keys() == {
            name.removeprefix(f"heads.task_{task}.")
            for name in model
            if name.startswith("heads.") and not name.endswith("num_batches_tracked")
        }


def test_a_rate_of_nothing_leaves_the_models_weights(their_run: Path, my_people: Path, tmp_path: Path) -> None:
    config = starting(LESS, their_run, lr=1e-30, schedule="constant")
    go(config, my_people, tmp_path / "run", (*UNTIL_START, "select", "finetune"))
    for task in ("valence", "arousal"):
        before, after = (
            load_file(run / "finetune" / f"{task}.safetensors") for run in (their_run, tmp_path / "run")
        )
        learnt = [name for name in after if "running" not in name and "tracked" not in name]
        changed = {name for name in learnt if after[name].shape == before[name].shape and "places" not in name}
        assert len(changed) > 20
        assert all(torch.equal(before[name], after[name]) for name in changed)


def test_the_stage_says_where_it_starts(their_run: Path, my_people: Path, tmp_path: Path) -> None:
    config = starting(signals(), their_run, tasks=("quadrant", "arousal"))
    said = go(config, my_people, tmp_path / "run", UNTIL_START).splitlines()[-1]
    assert f"nothing to do: starts from 'theirs' ({their_run}): " in said
    assert "quadrant with the encoder of valence and a fresh head for quadrant" in said
    assert "arousal with the encoder of arousal and its head" in said


@pytest.mark.parametrize(
    ("changes", "heads"),
    [
        ({"encoder": "shared"}, {"shared": {"arousal"}}),  # the head of the encoder that is taken, and no other
        ({}, {"quadrant": set(), "arousal": {"arousal"}, "valence": {"valence"}}),
        ({"mode": "probe"}, {"quadrant": set(), "arousal": set(), "valence": set()}),
    ],
)
def test_heads_go_with_their_encoder_where_classes_and_shape_are_the_same(
    started: Path, their_run: Path, changes: dict[str, str], heads: dict[str, set[str]]
) -> None:
    config = starting(LESS, their_run, tasks=("quadrant", "arousal", "valence"))
    config = config.model_copy(update={"finetune": config.finetune.model_copy(update=changes)})
    starts = inherited_starts(pipeline(config, started).work, started / "pretrain")
    assert {name: set(start.heads) for name, start in starts.items()} == heads


def test_other_classes_of_a_task_get_a_fresh_head(started: Path, their_run: Path) -> None:
    work = pipeline(starting(LESS, their_run), started).work
    target = work.targets["valence"]
    turned = type(target)(**(vars(target) | {"classes": tuple(reversed(target.classes))}))
    work.targets["valence"] = turned
    starts = inherited_starts(work, started / "pretrain")
    assert not starts["valence"].heads
    assert starts["arousal"].heads


def test_the_model_is_not_needed_any_more(started: Path, my_people: Path) -> None:
    config = starting(LESS, started.parent / "lent")
    assert go(config, my_people, started).count("skipped") == 6
    assert "skipped" in go(config, None, started, ("evaluate",))
    with pytest.raises(ConfigError, match="found nothing"):  # unless something is to be done with it
        go(config.model_copy(update={"seed": 1, "init": str(started.parent / "gone")}), my_people, started)
    training = load_run(started).training
    assert [ancestor.name for ancestor in training["lineage"]] == ["theirs"]
    assert training["lineage"][0].people == 3
    assert "started from 'theirs', a model trained on simulated people" in training["warnings"]
    assert training["network"]["encoder"] == "attention"
    assert len(training["fingerprint"]) == 64


def test_a_grandchild_knows_all_its_ancestors(
    started: Path, their_people: Path, my_people: Path, tmp_path: Path
) -> None:
    people = tmp_path / "third.yaml"
    people.write_text(my_people.read_text().replace("seed: 2", "seed: 3"))
    go(starting(LESS, started, name="third"), people, tmp_path / "run")
    lineage = load_run(tmp_path / "run").training["lineage"]
    assert [ancestor.name for ancestor in lineage] == ["theirs", "ours"]
    with pytest.raises(DataError, match=r"trained on this run's data by way of 'theirs', and nothing tells"):
        go(starting(LESS, started), their_people, tmp_path / "again", UNTIL_START)


def test_another_model_under_the_same_path_is_taken_anew(their_run: Path, my_people: Path, tmp_path: Path) -> None:
    model, config = tmp_path / "model", starting(LESS, tmp_path / "model")
    shutil.copytree(their_run, model)
    go(config, my_people, tmp_path / "run", UNTIL_START)
    shutil.move(model, tmp_path / "moved")  # the path is nothing to it
    moved = config.model_copy(update={"init": str(tmp_path / "moved")})
    assert go(moved, my_people, tmp_path / "run", UNTIL_START).count("skipped") == 3
    weights = tmp_path / "moved" / "finetune" / "arousal.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert go(moved, my_people, tmp_path / "run", UNTIL_START).count("skipped") == 2


def test_same_people_are_allowed_under_the_same_split_alone(
    their_run: Path, their_people: Path, tmp_path: Path
) -> None:
    config = starting(LESS, their_run)
    assert "starts from" in go(config, their_people, tmp_path / "same", UNTIL_START)
    other = config.model_copy(update={"protocol": config.protocol.model_copy(update={"seed": 1})})
    with pytest.raises(DataError, match=r"has been trained on \d of the (people|stimuli) that validate .*leak"):
        go(other, their_people, tmp_path / "other", UNTIL_START)
    seconds = config.model_copy(update={"protocol": config.protocol.model_copy(update={"name": "paper"})})
    with pytest.raises(DataError, match="under another split: the numbers would leak"):
        go(seconds, their_people, tmp_path / "seconds", UNTIL_START)


def test_same_data_are_allowed_for_people_that_the_model_never_saw(
    their_run: Path, their_people: Path, tmp_path: Path
) -> None:
    seen = pipeline(starting(signals()), their_run).work.split.units["subject"]
    config, run = starting(LESS, their_run), tmp_path / "run"
    config = config.model_copy(update={"people": config.people.model_copy(update={"leave_out": seen["train"]})})
    outcomes = set()
    for seed in range(4):
        protocol = config.protocol.model_copy(update={"name": "subject", "seed": seed})
        new = config.model_copy(update={"protocol": protocol})
        go(new, their_people, run, UNTIL_START[:2])
        tested = json.loads((run / "split.json").read_text())["units"]["subject"]["test"]
        outcomes.add(allowed := not set(tested) & set(seen["validation"]))  # who chose the model's epoch is known
        if allowed:
            assert "starts from" in go(new, their_people, run, ("pretrain",))
        else:
            with pytest.raises(DataError, match=rf"on 1 of the people .* here \({tested[0]}\)"):
                go(new, their_people, run, ("pretrain",))
    assert outcomes == {True, False}


@pytest.mark.parametrize(
    ("settings", "spec", "complaint"),
    [
        (
            {"encoder": "resnet18-1d"},
            LESS,
            r"settings.encoder attention, found resnet18-1d; give --method.settings",
        ),
        ({"width": 0.125}, LESS, r"found 0.125; give --method.settings.width 0.0625$"),
        (
            {},
            LESS.model_copy(update={"rate": 256.0}),
            r"signals.rate 128.0, found 256.0; give --signals.rate 128.0",
        ),
        ({}, signals(("Fz", "C3", "C4")), r"model of EEG channels .*found C3, C4; leave them out of signals"),
    ],
)
def test_what_the_weights_are_not_for_is_refused_before_anything_is_prepared(
    their_run: Path, my_people: Path, tmp_path: Path, settings: dict[str, Any], spec: SignalSpec, complaint: str
) -> None:
    config = starting(spec, their_run)
    method = config.method.model_copy(update={"settings": config.method.settings | settings})
    with pytest.raises(ConfigError, match=complaint) as problem:
        go(config.model_copy(update={"method": method}), my_people, tmp_path / "run")
    assert str(problem.value).startswith(f"init: {their_run}: ")
    assert "\n" not in str(problem.value)
    assert not (tmp_path / "run").exists()


def test_another_method_is_named_with_all_that_is_to_be_given(
    their_run: Path, my_people: Path, tmp_path: Path
) -> None:
    arguments = ["run", "demo", "--data", str(my_people), "--out", str(tmp_path / "run"), "--init", str(their_run)]
    with pytest.raises(ConfigError) as problem:
        dispatch(arguments)
    given = str(problem.value).rpartition("; give ")[2].split()
    assert given == ["--method.name", "supervised", "--method.settings.encoder", "attention"]


def test_what_is_no_finished_run_is_refused(their_run: Path, my_people: Path, tmp_path: Path) -> None:
    for place, complaint in ((tmp_path / "nowhere", "found nothing"), (tmp_path, "found another folder")):
        with pytest.raises(ConfigError, match=f"init: {place}: expected a run folder .*, {complaint}"):
            go(starting(LESS, place), my_people, tmp_path / "run")
    unfinished = tmp_path / "unfinished"
    go(starting(LESS), my_people, unfinished, ("prepare", "split"))
    with pytest.raises(DataError, match=r"stage 'finetune' has not run under the settings in config.yaml; run"):
        go(starting(LESS, unfinished), my_people, tmp_path / "run")
    with pytest.raises(ConfigError, match="expected another run than the one to make; give another --out"):
        go(starting(LESS, their_run), my_people, their_run)


def test_what_is_otherwise_in_the_signals_is_said(
    their_run: Path, my_people: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours = signals(EEG, baseline="none", unit="arbitrary", adapt="running").model_copy(update={"window": 0.5})
    model = signals()
    found = differences("theirs", model, ours)
    assert found == (
        "'theirs' was trained on windows of 1 s, this run uses 0.5 s",
        "'theirs' was trained with EEG unit uV, this run uses arbitrary",
        "'theirs' was trained with EEG adapt none, this run uses running",
        "'theirs' was trained with EEG baseline rolling, this run uses none",
    )
    assert differences("theirs", model, model) == ()
    unfiltered = differences("theirs", model, signals(conditioning=Conditioning()))
    assert unfiltered == (
        "'theirs' was trained with EEG conditioning 4-45 Hz of order 4 with reference average, "
        "this run uses no filter with reference none",
    )
    with caplog.at_level(logging.WARNING):
        go(starting(LESS, their_run), my_people, tmp_path / "run", UNTIL_START)
    assert "'theirs' was trained on EEG (Fz, Cz, Pz, Oz), GSR (GSR), this run has EEG (Pz, Cz)" in caplog.messages


def test_only_simulated_ancestors_are_warned_of() -> None:
    real = Ancestor(
        name="lab",
        sha256="0",
        source="DEAP",
        simulated=False,
        people=30,
        stimuli=40,
        method="me-mhacl",
        created="2025-01-31",
    )
    made_up = real.model_copy(update={"name": "toy", "simulated": True})
    assert lineage_warnings((real,)) == ()
    assert lineage_warnings((made_up, real, made_up)) == (
        "started from 'toy', a model trained on simulated people",
    )


def test_only_an_encoder_that_learnt_without_sensors_is_said_to_do_without(their_run: Path) -> None:
    for mode, hidden, expected in (("full", 0.3, ("EEG", "GSR")), ("full", 0.0, ()), ("probe", 0.3, ())):
        config = starting(signals(), their_run, mode=mode)
        settings = config.method.settings | {"modality_dropout": hidden}
        config = config.model_copy(update={"method": config.method.model_copy(update={"settings": settings})})
        assert absent_ok(pipeline(config, their_run).work) == expected
