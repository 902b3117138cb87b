"""Every data set, in files of exactly its format: inspected, prepared, predicted and played by its own config."""

import csv
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from memhacl.runtime import predict_cli
from memhacl.runtime.predict import predict_recording
from memhacl.runtime.session import Model
from memhacl.stream.events import Playing
from memhacl.stream.lsl.selection import choose_modalities, select
from memhacl.stream.signals import Marker
from memhacl.stream.sources.registry import Source, open_source
from memhacl.stream.spec import SignalSpec
from memhacl.stream.trim import trimmed
from memhacl.train.config import Config
from memhacl.train.corpus.labels import targets_of
from memhacl.train.corpus.prepare import Plan, prepare
from memhacl.train.corpus.store import Corpus, load_corpus
from memhacl.train.corpus.survey import fits, look_at
from memhacl.train.progress import stage_bar
from memhacl.train.settings import load_config

# config -> the fixture that writes the set, and with what: as small as its own windows, warm-ups and labels allow
SETS = {
    "deap": ("write_deap_files", {"trials": 40, "seconds": 63.0, "people": 1}),
    "deap-original": ("write_deap_original", {}),
    "mahnob-hci": ("write_mahnob", {"people": (1, 3), "stimuli": 2, "film": 8.0}),
    "amigos": ("write_amigos_files", {"videos": 4, "seconds": 12.0}),
    "dreamer": ("write_dreamer_files", {"films": 2, "seconds": 9.0}),
    "wesad": ("write_wesad", {"seconds": 400.0}),
    "stress-predict": ("write_stress_predict", {"runs": (90, 40, 40, 40, 40, 40, 40)}),
    "kalunga-ssvep": ("write_kalunga", {}),
}


@dataclass(frozen=True)
class DataSet:
    """A data set on disk, its config, and its corpus prepared under it."""

    path: Path
    source: Source
    config: Config
    corpus: Corpus


@pytest.fixture(scope="module", params=SETS)
def data_set(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    name = request.param
    writer, given = SETS[name]
    folder = tmp_path_factory.mktemp(name) / "größer als sonst"
    path = request.getfixturevalue(writer)(folder, **given)
    path = path if path.is_dir() else path.parent
    source, config, run = open_source(str(path)), load_config(name), folder.parent / "run"
    run.mkdir()
    with stage_bar("prepare", Console(file=StringIO())) as bar:
        prepare(source, Plan(config.spec, config.trials, config.people), run, bar, workers=1)
    return DataSet(path, source, config, load_corpus(run / "corpus"))


def test_its_config_fits_and_its_labels_can_be_told(data_set: DataSet) -> None:
    with stage_bar("inspect", Console(file=StringIO())) as bar:
        survey = look_at(data_set.source, bar, workers=1)
    fit = fits(survey, data_set.config)
    assert (fit.people, fit.reason) == (len(data_set.source.people), "")
    manifest = data_set.corpus.manifest
    found = targets_of(data_set.corpus.trials, manifest.scales, data_set.config.labels)
    assert tuple(found) == data_set.config.labels.tasks
    for target in found.values():
        assert (target.values >= 0).any()


def test_its_corpus_holds_windows_of_everything_that_is_not_counted_as_left_out(data_set: DataSet) -> None:
    corpus = data_set.corpus
    assert np.isfinite(corpus.windows).all()
    assert corpus.windows.std(axis=(0, 2)).min() > 0  # no row is dead
    everybody = {*corpus.manifest.people, *corpus.manifest.excluded_people}
    assert everybody == set(data_set.source.people)
    recorded = sum(1 for person in corpus.manifest.people for _ in data_set.source.open(person).trials())
    assert recorded == len(corpus.trials)
    assert np.bincount(corpus.index["trial"], minlength=len(corpus.trials)).min() >= 1


def test_prediction_gives_the_model_the_windows_of_the_corpus(
    data_set: DataSet, make_model: Callable[[SignalSpec], Model], watch: Callable
) -> None:
    person = data_set.corpus.manifest.people[-1]
    watched = watch(make_model(data_set.corpus.spec))
    recording = trimmed(data_set.source.open(person), data_set.config.trials.rest_within)
    messages = [m for m in predict_recording(watched, recording) if m.task == "valence" and m.valid]
    assert len(messages) == len(watched.windows)
    given = {round(m.window_start, 4): w for m, w in zip(messages, watched.windows, strict=True)}
    mine = data_set.corpus.index["subject"] == len(data_set.corpus.manifest.people) - 1
    starts, windows = data_set.corpus.index["start"][mine], data_set.corpus.windows[mine]
    assert len(windows) > 0
    for start, window in zip(starts.tolist(), windows, strict=True):
        np.testing.assert_array_equal(given[round(start, 4)], window)


def test_the_command_predicts_one_person(
    data_set: DataSet, write_model: Callable[..., Path], tmp_path: Path
) -> None:
    rest = data_set.config.trials.rest_within
    model = write_model(tmp_path / "m.onnx", data_set.corpus.spec, rest_within=rest)
    person = data_set.corpus.manifest.people[0]
    out = tmp_path / "out.csv"
    assert (
        predict_cli.main([str(data_set.path), "--model", str(model), "--out", str(out), "--person", person]) == 0
    )
    with out.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert {line["person"] for line in lines} == {person}
    stimuli = {trial.stimulus for _, trial in data_set.source.open(person).trials()}
    assert {line["stimulus"] for line in lines if line["valid"] == "1"} - {""} <= stimuli
    predicted = [line for line in lines if line["valid"] == "1" and line["stimulus"]]
    assert predicted
    starts = {round(float(line["start"]), 4) for line in lines if line["valid"] == "1"}
    mine = data_set.corpus.index["subject"] == 0
    assert {round(start, 4) for start in data_set.corpus.index["start"][mine].tolist()} <= starts
    # the command gives what the windows of the corpus give, so the model's own rest was taken
    first = data_set.corpus.windows[mine][0].astype(float)
    power = (first**2).mean(axis=1)
    line = next(one for one in lines if abs(float(one["start"]) - data_set.corpus.index["start"][mine][0]) < 1e-3)
    chance = 1 / (1 + np.exp(np.clip(power[-1] - power[0], -500, 500)))
    assert float(line["valence_high"]) == pytest.approx(chance, abs=1e-4)


def test_everything_that_was_recorded_can_be_played(data_set: DataSet) -> None:
    recording = data_set.source.open(data_set.corpus.manifest.people[0])
    wanted = tuple(modality.modality for modality in data_set.config.spec.modalities)
    for modalities in (choose_modalities(recording, None), choose_modalities(recording, wanted)):
        pieces = select(recording, modalities)
        assert len(pieces) == len(recording.segments)
        assert sum(len(piece.numbers) for piece in pieces) == sum(1 for _ in recording.trials())
        for piece in pieces:
            assert {stream.format.modality for stream in piece.streams.values()} == set(modalities or wanted)


@pytest.mark.slow
def test_a_mahnob_session_played_over_lsl_gives_the_model_the_windows_of_the_corpus(
    write_mahnob: Callable[..., Path],
    tmp_path: Path,
    make_model: Callable[[SignalSpec], Model],
    serving: Callable,
    watch: Callable,
) -> None:
    write_mahnob(tmp_path / "HCI", people=(7,), stimuli=1, film=8.0, slow=128)
    (session,) = (tmp_path / "HCI" / "Sessions").iterdir()
    config = load_config("mahnob-hci")
    (tmp_path / "run").mkdir()
    with stage_bar("prepare", Console(file=StringIO())) as bar:
        prepare(open_source(str(session)), Plan(config.spec, config.trials), tmp_path / "run", bar)
    corpus = load_corpus(tmp_path / "run" / "corpus")
    assert corpus.index["hop"].tolist() == [0, 1, 2, 3, 4]  # 8 s, of which 3 are the rest

    watched = watch(make_model(corpus.spec))
    replay = [str(Path(sys.executable).parent / "memhacl-replay"), str(session), "--rest-within", "3"]
    replay += ["--modalities", "EEG,GSR,Resp,Temp,ECG"]
    messages: list[dict] = []
    with (
        serving(watched, patience=1.0, anchor="marker") as subscriber,
        subprocess.Popen(replay, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as player,
    ):
        while (message := subscriber.wait(2.5)) or player.poll() is None:
            messages += [message] if message else []
            if player.poll() is not None and messages and not messages[-1]["valid"]:
                break
    valid = [message for message in messages if message["valid"]]
    assert len(valid) == len(watched.windows)
    playing, during = Playing(), []
    for message in messages:
        seen = [Marker(marker["time"], marker["text"]) for marker in message["markers"]]
        if playing.at(message["window_start"], seen):
            during.append(message["seq"])
    reasons = {message["seq"]: message["reasons"] for message in messages}
    assert [reasons[seq] for seq in during[:5]] == [[]] * 5
    given = dict(zip((message["seq"] for message in valid), watched.windows, strict=True))
    deviation = corpus.windows.std(axis=(0, 2))[:, None]
    for seq, window in zip(during, corpus.windows, strict=False):
        np.testing.assert_allclose(given[seq] / deviation, window / deviation, atol=1e-5, rtol=0)
