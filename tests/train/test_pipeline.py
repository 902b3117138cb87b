import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from memhacl.stream.errors import ConfigError, DataError, MemhaclError
from memhacl.stream.signals import Recording
from memhacl.stream.sources.registry import Source, open_source
from memhacl.train.cli import dispatch
from memhacl.train.config import Config
from memhacl.train.folder import RunFolder
from memhacl.train.loops.losses import class_weights
from memhacl.train.loops.networks import new_group
from memhacl.train.methods.registry import build_method
from memhacl.train.restore import load_run
from memhacl.train.settings import load_config, with_method
from memhacl.train.stages import STAGES, Pipeline


def tiny(method: str = "me-mhacl", encoder: str = "shared") -> Config:
    """The demo's config with one epoch of pretraining and four of fine-tuning, on six people."""
    settings = {"width": 0.0625} | ({"members": 1} if method == "me-mhacl" else {})
    config = with_method(load_config("demo", method), method, settings, "test")
    update = {
        "protocol": config.protocol.model_copy(update={"validation": 0.2, "test": 0.3}),
        "pretrain": config.pretrain.model_copy(update={"epochs": 1}),
        "finetune": config.finetune.model_copy(update={"epochs": 4, "batch": 16, "encoder": encoder}),
        "device": "cpu",
    }
    return config.model_copy(update=update)


def run(config: Config, source: Source | None, folder: Path, stages: tuple[str, ...] = STAGES) -> str:
    """Run ``stages``; return what was printed."""
    said = StringIO()
    pipeline = Pipeline(config, RunFolder(folder), source, Console(file=said, width=200))
    for stage in stages:
        pipeline.execute(stage)
    return said.getvalue()


@pytest.fixture(scope="module")
def source(people_yaml: Path) -> Source:
    return open_source(str(people_yaml))


@pytest.fixture(scope="module")
def finished(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    run(tiny(), source, folder)
    return folder


def test_a_run_leaves_the_folder_that_is_documented(finished: Path) -> None:
    names = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    assert names == {
        "config.yaml",
        "stages.json",
        "corpus/windows.npy",
        "corpus/index.npy",
        "corpus/manifest.json",
        "corpus/trials.npz",
        "split.json",
        "scale.npz",
        "pretrain/encoder.safetensors",
        "pretrain/log.jsonl",
        "pretrain/outcome.json",
        "pretrain/curves.png",
        "select/chosen.json",
        "finetune/shared.safetensors",
        "finetune/log.jsonl",
        "finetune/outcome.json",
        "finetune/curves.png",
        "evaluate/metrics.json",
        "evaluate/predictions.npz",
        "evaluate/embedding.npz",
        "evaluate/report.html",
    }


def test_no_number_stands_without_its_protocol_and_comparison(finished: Path) -> None:
    report = json.loads((finished / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    assert report["simulated"] is True
    assert report["protocol_means"] == "people and stimuli unseen"
    assert report["tasks"].keys() == {"valence", "arousal", "quadrant"}
    for levels in report["tasks"].values():
        for level in ("window", "trial"):
            assert levels[level].keys() == {"model", "majority", "time", "lda", "svm", "peripheral", "oracle"}
            assert 0 <= levels[level]["model"]["agreement"] <= 1
            assert levels[level]["model"].keys() >= {"accuracy", "balanced_accuracy", "macro_f1", "auroc"}
    windows, trials = report["test"]["windows"], report["test"]["trials"]
    assert trials == report["test"]["people"] * report["test"]["stimuli"]
    assert windows == 4 * trials


def test_unchanged_stages_are_skipped_and_say_so(finished: Path, source: Source) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*.safetensors")}
    said = run(tiny(), source, finished)
    assert said.count("skipped: same settings and data as last time") == len(STAGES)
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*.safetensors")} == before


def test_a_changed_setting_redoes_its_stage_and_those_after_it(source: Source, tmp_path: Path) -> None:
    config = tiny("supervised")
    run(config, source, tmp_path / "run")
    other = config.model_copy(update={"finetune": config.finetune.model_copy(update={"lr": 5e-4})})
    said = run(other, source, tmp_path / "run")
    lines = {line.split()[0]: "skipped" in line for line in said.splitlines() if line.strip()}
    skipped = dict.fromkeys(STAGES, True) | {"finetune": False, "evaluate": False}
    assert lines == skipped | {"classes": False}


def test_the_same_settings_give_the_same_weights(finished: Path, source: Source, tmp_path: Path) -> None:
    run(tiny(), source, tmp_path / "again")
    first, again = (
        load_file(folder / "finetune" / "shared.safetensors") for folder in (finished, tmp_path / "again")
    )
    assert all(torch.equal(first[name], again[name]) for name in first)


class Marked:
    """The source with ``mark`` done to the recordings of some people."""

    def __init__(self, source: Source, people: set[str], mark: Callable[[Recording], Recording]):
        self._source, self._marked, self._mark = source, people, mark
        self.name, self.people, self.notes, self.one_file = source.name, source.people, (), False

    def open(self, person: str) -> Recording:
        recording = self._source.open(person)
        return self._mark(recording) if person in self._marked else recording

    def fingerprint(self) -> str:
        return "b" * 64


def louder(recording: Recording) -> Recording:
    """Other signals."""
    segments = tuple(
        replace(segment, signals=tuple(replace(s, data=s.data * 7 + 100) for s in segment.signals))
        for segment in recording.segments
    )
    return replace(recording, segments=segments)


def contrary(recording: Recording) -> Recording:
    """The opposite ratings; signals and planted latents as they were."""
    segments = tuple(
        replace(
            segment,
            trials=tuple(
                replace(trial, ratings={scale: 10 - value for scale, value in trial.ratings.items()})
                for trial in segment.trials
            ),
        )
        for segment in recording.segments
    )
    return replace(recording, segments=segments)


def people_tested(run: Path) -> set[str]:
    return set(json.loads((run / "split.json").read_text(encoding="utf-8"))["units"]["subject"]["test"])


@pytest.mark.parametrize("mark", [louder, contrary])
def test_what_test_people_do_changes_nothing_that_is_learnt(
    finished: Path, source: Source, tmp_path: Path, mark: Callable[[Recording], Recording]
) -> None:
    run(tiny(), Marked(source, people_tested(finished), mark), tmp_path / "marked")
    for name in ("pretrain/encoder.safetensors", "finetune/shared.safetensors"):
        first, other = load_file(finished / name), load_file(tmp_path / "marked" / name)
        assert all(torch.equal(first[key], other[key]) for key in first)
    for name in ("finetune/outcome.json", "finetune/log.jsonl"):  # epoch, temperatures and the scores behind them
        assert (finished / name).read_bytes() == (tmp_path / "marked" / name).read_bytes()
    with np.load(finished / "scale.npz") as first_scale, np.load(tmp_path / "marked" / "scale.npz") as other_scale:
        np.testing.assert_array_equal(first_scale["mean"], other_scale["mean"])
        np.testing.assert_array_equal(first_scale["std"], other_scale["std"])


def test_how_test_people_rate_changes_no_prediction(finished: Path, source: Source, tmp_path: Path) -> None:
    run(tiny(), Marked(source, people_tested(finished), contrary), tmp_path / "marked")
    first, other = (
        json.loads((folder / "evaluate" / "metrics.json").read_text(encoding="utf-8"))["tasks"]
        for folder in (finished, tmp_path / "marked")
    )
    assert first != other  # the accuracies are against the ratings
    for task, levels in first.items():
        for level, guessers in levels.items():
            for who in ("model", "lda", "majority"):  # agreement is with what was planted, which stands
                assert guessers[who]["agreement"] == other[task][level][who]["agreement"], (task, level, who)


def test_fine_tuning_begins_at_the_pretrained_weights(finished: Path, source: Source, tmp_path: Path) -> None:
    config = tiny()
    longer = config.model_copy(update={"pretrain": config.pretrain.model_copy(update={"epochs": 2})})
    run(longer, source, tmp_path / "longer")
    first, other = (
        load_file(folder / "finetune" / "shared.safetensors") for folder in (finished, tmp_path / "longer")
    )
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_stage_alone_says_what_is_missing(source: Source, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no corpus has been prepared here; give the data with --data"):
        run(tiny(), None, tmp_path / "run", ("pretrain",))
    run(tiny(), source, tmp_path / "run", ("prepare",))
    with pytest.raises(DataError, match="'finetune' needs 'pretrain', which has not run"):
        run(tiny(), None, tmp_path / "run", ("finetune",))
    run(tiny(), None, tmp_path / "run", ("pretrain",))  # splits by itself, needs no data
    changed = tiny().model_copy(update={"seed": 3})
    with pytest.raises(DataError, match="'finetune' needs 'pretrain', which has run under other settings"):
        run(changed, None, tmp_path / "run", ("finetune",))


def test_redoing_an_early_stage_makes_the_later_ones_due(source: Source, tmp_path: Path) -> None:
    config = tiny("supervised")
    run(config, source, tmp_path / "run")
    Pipeline(config, RunFolder(tmp_path / "run"), None, Console(quiet=True)).execute("pretrain", force=True)
    with pytest.raises(DataError, match="stage 'select' has not run under the settings"):
        load_run(tmp_path / "run")
    with pytest.raises(DataError, match="'evaluate' needs 'finetune', which has not run"):
        run(config, None, tmp_path / "run", ("evaluate",))
    said = run(config, None, tmp_path / "run", STAGES[1:])
    assert said.count("skipped") == 2  # split and the stage that was redone
    load_run(tmp_path / "run")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("stage", ["finetune", "evaluate"])
def test_a_refused_stage_leaves_the_run_as_it_was(finished: Path, tmp_path: Path, stage: str) -> None:
    shutil.copytree(finished, tmp_path / "run")
    config = tiny()
    other = config.model_copy(update={"protocol": config.protocol.model_copy(update={"seed": 4})})
    with pytest.raises(DataError, match="which has run under other settings"):
        run(other, None, tmp_path / "run", (stage,))
    (tmp_path / "run" / "split.json").unlink()
    before = contents(tmp_path / "run")
    with pytest.raises(DataError, match=f"'{stage}' needs 'split', which has lost its output"):
        run(config, None, tmp_path / "run", (stage,))
    assert contents(tmp_path / "run") == before
    assert before.items() <= contents(finished).items()


def test_a_skipped_stage_does_not_store_settings_that_later_ones_have_not_run_under(
    finished: Path, source: Source, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    config = tiny()
    other = config.model_copy(update={"finetune": config.finetune.model_copy(update={"lr": 0.1})})
    assert "skipped" in run(other, source, tmp_path / "run", ("prepare",))
    assert load_config(str(tmp_path / "run")).finetune.lr == config.finetune.lr
    load_run(tmp_path / "run")
    renamed = config.model_copy(update={"name": "renamed"})  # changes no key
    assert "skipped" in run(renamed, source, tmp_path / "run", ("prepare",))
    assert load_run(tmp_path / "run").name == "renamed"


def test_supervised_goes_through_the_same_loops_with_an_encoder_a_task(source: Source, tmp_path: Path) -> None:
    said = run(tiny("supervised", "separate"), source, tmp_path / "run")
    assert "nothing to do: method 'supervised' does not pretrain" in said
    trained = load_run(tmp_path / "run")
    encoders = {id(network.encoder) for network in trained.networks.values()}
    assert len(encoders) == 3
    assert trained.training["method"] == "supervised"


def test_a_failing_prepare_keeps_only_what_the_next_one_needs(source: Source, tmp_path: Path) -> None:
    class Torn:
        name, people, notes, one_file = source.name, source.people, (), False
        opened: ClassVar[list[str]] = []
        torn = "s03"

        def open(self, person: str) -> Recording:
            if person == self.torn:
                raise DataError(f"{person}.dat: is truncated")
            self.opened.append(person)
            return source.open(person)

        def fingerprint(self) -> str:
            return "c" * 64

    torn = Torn()
    with pytest.raises(DataError, match=r"s03\.dat: is truncated"):
        run(tiny(), torn, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["prepare.partial"]
    torn.torn = ""
    run(tiny(), torn, tmp_path / "run", ("prepare",))
    assert torn.opened == list(source.people)
    assert not (tmp_path / "run" / "prepare.partial").exists()
    torn.torn = "s01"
    with pytest.raises(DataError, match=r"s01\.dat: is truncated"):
        run(tiny(), torn, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_a_preparation_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    people = tmp_path / "people.yaml"
    people.write_text("subjects: 8\nstimuli: 8\nrest: 3\nseconds: 10\nseed: 2\nlayout: raw\n", encoding="utf-8")
    command = [
        *(sys.executable, "-c", "import sys; from memhacl.train.cli import main; sys.exit(main())"),
        *(
            "prepare",
            "demo",
            "--data",
            str(people),
            "--signals.modalities.1.unit",
            "uS",
            "--workers",
            "1",
            "--out",
        ),
    ]
    parts = tmp_path / "killed" / "prepare.partial" / "parts"
    with subprocess.Popen([*command, str(tmp_path / "killed")], stderr=subprocess.PIPE) as interrupted:
        while len(list(parts.glob("*.json"))) < 2 and interrupted.poll() is None:
            time.sleep(0.01)
        interrupted.kill()
    assert not (tmp_path / "killed" / "corpus").exists()
    resumed = subprocess.run([*command, str(tmp_path / "killed")], check=True, capture_output=True, text=True)
    assert re.search(r"[2-7] of 8 people were cut before the interruption", resumed.stderr)
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    assert contents(tmp_path / "killed" / "corpus") == contents(tmp_path / "whole" / "corpus")


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_a_loss_that_is_not_finite_stops_with_advice(source: Source, tmp_path: Path, stage: str) -> None:
    config = tiny()
    wild = config.model_copy(update={stage: getattr(config, stage).model_copy(update={"lr": 1e30})})
    with pytest.raises(ConfigError, match=rf"{stage}: the loss became .*; lower --{stage}\.lr \(now 1e\+30\)"):
        run(wild, source, tmp_path / "run")
    assert not (tmp_path / "run" / stage).exists()
    assert RunFolder(tmp_path / "run").done().keys() == set(STAGES[: STAGES.index(stage)])


def test_trials_without_a_rating_train_and_test_nothing(source: Source, tmp_path: Path) -> None:
    class Unrated:
        name, people, notes, one_file = source.name, source.people, (), False

        def open(self, person: str) -> Recording:
            recording = source.open(person)
            first = recording.segments[0]
            silent = tuple(replace(trial, ratings={}) for trial in first.trials)
            return replace(recording, segments=(replace(first, trials=silent), *recording.segments[1:]))

        def fingerprint(self) -> str:
            return "d" * 64

    config = tiny("supervised")
    config = config.model_copy(update={"protocol": config.protocol.model_copy(update={"name": "subject"})})
    run(config, Unrated(), tmp_path / "run")
    metrics = load_run(tmp_path / "run").training["metrics"]
    assert metrics["arousal.trial.oracle.agreement"] == 1.0
    log = (tmp_path / "run" / "finetune" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(np.isfinite(json.loads(line)["loss"]) for line in log)


def test_balanced_classes_weigh_the_same_however_rare_they_are() -> None:
    classes = np.array([0] * 30 + [1] * 5 + [3] * 5 + [-1] * 7)
    weights = class_weights(classes, 4, balance=True).numpy()
    total = [weights[number] * (classes == number).sum() for number in (0, 1, 3)]
    np.testing.assert_allclose(total, total[0], rtol=1e-6)
    assert np.isfinite(weights).all()  # also that of the class that nobody has
    assert class_weights(classes, 4, balance=False).tolist() == [1.0] * 4


def test_a_task_may_have_the_name_of_anything_in_torch(source: Source) -> None:
    config = tiny()
    method = build_method(config.method.name, config.method.settings, config.spec)
    group = new_group(method, {"type": 2, "training": 3, "values": 4}).eval()
    logits = group(torch.zeros(2, 35, 128))
    assert {task: tuple(values.shape) for task, values in logits.items()} == {
        "type": (2, 2), "training": (2, 3), "values": (2, 4),
    }  # fmt: skip
    assert group.networks()["values"](torch.zeros(1, 35, 128)).shape == (1, 4)


def test_settings_that_are_mappings_are_given_as_yaml(people_yaml: Path, tmp_path: Path) -> None:
    arguments = ["prepare", "demo", "--data", str(people_yaml), "--out", str(tmp_path / "r")]
    assert dispatch([*arguments, "--labels.thresholds", "{valence: 4, arousal: 6}"]) == 0
    assert load_config(str(tmp_path / "r")).labels.thresholds == {"valence": 4.0, "arousal": 6.0}
    again = ["prepare", str(tmp_path / "r"), "--out", str(tmp_path / "r"), "--labels.thresholds", "{liking: 3}"]
    assert dispatch(again) == 0
    assert load_config(str(tmp_path / "r")).labels.thresholds == {"liking": 3.0}


def test_a_restored_run_predicts_what_was_evaluated(finished: Path) -> None:
    trained = load_run(finished)
    assert trained.windows.shape[1:] == trained.spec.shape
    assert len({id(network.encoder) for network in trained.networks.values()}) == 1
    assert trained.training["metrics"]["valence.trial.oracle.agreement"] == 1.0
    assert any("simulated" in warning for warning in trained.training["warnings"])
    assert "bandpass" in trained.spec.of("EEG").already_done
    windows = (trained.windows - trained.mean[:, None]) / trained.std[:, None]
    with torch.inference_mode():
        for task, network in trained.networks.items():
            assert network(torch.from_numpy(windows)).shape == (len(windows), len(trained.tasks[task]))
            assert 0.19 < trained.temperatures[task] < 20.1


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a run folder"):
        load_run(tmp_path)


def test_a_run_whose_config_was_edited_is_not_exported(source: Source, tmp_path: Path) -> None:
    run(tiny("supervised"), source, tmp_path / "run")
    path = tmp_path / "run" / "config.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("seed: 0", "seed: 1"), encoding="utf-8")
    with pytest.raises(DataError, match="has not run under the settings in config"):
        load_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["run", "demo", "--optim.lrr", "3"],
            "unknown key 'optim.lrr'; did you mean 'pretrain.lr' or 'finetune.lr'?",
        ),
        (["run", "demo", "--data", "nowhere", "--out", "r"], "nowhere: there is no such file or folder"),
        (["run", "demo", "--pretrain.epochs", "few", "--out", "r"], "--pretrain.epochs: invalid literal"),
        (["run", "demo", "--protocol.test", "0.9", "--out", "r"], "leaves nothing to train on"),
        (["run", "demo"], "--out is missing"),
        (["run", "--out", "r"], "CONFIG is missing"),
        (["pretrain", "demo", "--out", "r"], "no corpus has been prepared here; give the data with --data"),
        (
            ["run", "demo", "--labels.thresholds", "valence", "--out", "r"],
            "expected a mapping such as {valence: 4}",
        ),
        (["run", "demo", "--labels.classes", "{a: {b: [c]}}", "--out", "r"], "expected two classes or more"),
        (["run", "demo", "--use", "EKG", "--out", "r"], "use: expected modalities out of EEG, GSR, Resp, Temp"),
        (["pretran", "demo"], "unknown command 'pretran'; did you mean 'pretrain'?"),
    ],
)
def test_a_mistake_at_the_command_line_is_one_line_and_leaves_nothing(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MemhaclError, match=re.escape(said)) as mistake:
        dispatch(arguments)
    assert "\n" not in str(mistake.value)
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said_before_anything_is_done(people_yaml: Path, tmp_path: Path) -> None:
    arguments = ["run", "demo", "--data", str(people_yaml), "--out", str(tmp_path / "run"), "--device", "cuda"]
    with pytest.raises(DataError, match="torch finds no usable GPU here"):
        dispatch(arguments)
    assert not (tmp_path / "run").exists()


def test_a_mistake_ends_the_command_with_exit_code_2(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; from memhacl.train.cli import main; sys.exit(main())"]
    arguments = ["run", "demo", "--pretrain.epochs", "few", "--out", "r"]
    ended = subprocess.run([*command, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, len(ended.stderr.strip().splitlines())) == (2, 1)
    assert "--pretrain.epochs: invalid literal" in ended.stderr


def test_the_whole_command_prints_the_table(people_yaml: Path, tmp_path: Path) -> None:
    arguments = [
        *("run", "demo", "--data", str(people_yaml), "--out", "r", "--method.name", "supervised"),
        *("--method.settings.width", "0.0625", "--finetune.epochs", "1", "--protocol.seed", "1"),
    ]
    command = [
        sys.executable,
        "-c",
        "import sys; from memhacl.train.cli import main; sys.exit(main())",
        *arguments,
    ]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "people and stimuli unseen" in ended.stdout
    assert "say nothing about real emotion" in " ".join(ended.stdout.split())
    for predictor in ("model", "lda", "majority", "oracle"):
        assert predictor in ended.stdout
