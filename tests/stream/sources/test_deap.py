"""DEAP's preprocessed layout: what is read, when, and how each kind of damage is told."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.sources.deap.layout import CHANNELS, ELECTRODES, Shape
from memhacl.stream.sources.deap.preprocessed import read_arrays
from memhacl.stream.sources.deap.sidecar import SIDECAR
from memhacl.stream.sources.registry import open_source
from memhacl.stream.sources.simulated.deap_files import write_deap, write_pickle
from memhacl.stream.sources.simulated.people import People
from memhacl.stream.sources.simulated.source import SimulatedSource

PEOPLE = People(subjects=3, stimuli=2, rest=1, seconds=3, seed=5)
SHAPE = Shape(2, 1.0, 3.0)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "new"
    write_deap(PEOPLE, folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "deap"))


def save(path: Path, **arrays: Any) -> Path:
    with path.open("wb") as file:
        write_pickle(arrays, file)
    return path


def test_reads_a_real_shaped_file_into_trials_with_times_units_and_ratings(tmp_path: Path) -> None:
    data = np.zeros((40, 40, 8064))
    data[:, 36] = np.arange(40)[:, None] * 1000.0  # GSR
    data[4, 2, 384:] = 7.25  # F3 while the fifth stimulus is shown
    labels = np.linspace(1, 9, 160).reshape(40, 4)
    source = open_source(str(save(tmp_path / "s03.dat", labels=labels, data=data)))
    recording = source.open("s03")
    assert (source.name, source.people, recording.simulated, len(recording.segments)) == (
        "DEAP",
        ("s03",),
        False,
        40,
    )
    number, trial = list(recording.trials())[4]
    start = 4 * (63 + 3.0)
    assert (number, trial.stimulus, trial.planted) == (4, "05", {})
    assert (trial.rest, trial.onset, trial.end) == (start, start + 3, start + 63)
    assert trial.ratings == dict(zip(("valence", "arousal", "dominance", "liking"), labels[4], strict=True))
    eeg, gsr = recording.segments[4].signals[0], recording.segments[4].signals[3]
    assert eeg.data.shape == (8064, 32)
    assert eeg.data.dtype == np.float32
    assert (eeg.start, eeg.data[383, 2], eeg.data[384, 2]) == (start, 0.0, 7.25)
    assert (gsr.data == 4000).all()


def test_declares_units_and_what_deap_did_already() -> None:
    formats = SimulatedSource(PEOPLE).open("s01").formats
    assert [(f.modality, f.unit, len(f.channels)) for f in formats.values()] == [
        ("EEG", "uV", 32), ("EOG", "uV", 2), ("EMG", "uV", 2), ("GSR", "ohm", 1), ("Resp", "a.u.", 1),
        ("BVP", "a.u.", 1), ("Temp", "degC", 1),
    ]  # fmt: skip
    assert formats["EEG"].already_done == ("bandpass", "average-reference", "eog-removal", "downsample")
    assert formats["GSR"].already_done == ("downsample",)
    assert {f.rate for f in formats.values()} == {128.0}
    assert (CHANNELS[36], CHANNELS[38], CHANNELS[:32]) == ("GSR", "Plet", ELECTRODES)


def test_reads_back_what_the_simulator_holds_in_memory(written: Path) -> None:
    source, memory = open_source(str(written)), SimulatedSource(PEOPLE)
    assert source.people == memory.people == ("s01", "s02", "s03")
    for person in source.people:
        read, made = source.open(person), memory.open(person)
        assert (read.person, read.source, read.simulated) == (made.person, made.source, True)
        assert list(read.trials()) == list(made.trials())
        for one, other in zip(read.segments, made.segments, strict=True):
            for left, right in zip(one.signals, other.signals, strict=True):
                assert (left.format, left.start) == (right.format, right.start)
                np.testing.assert_array_equal(left.data, right.data, strict=True)
    assert set(next(read.trials())[1].planted) == {"valence", "arousal"}


def test_a_single_simulated_file_uses_the_sidecar_beside_it(written: Path) -> None:
    recording = open_source(str(written / "s02.dat")).open("s02")
    assert recording.simulated
    assert recording.segments[1].start == 1 + 3 + 3.0


def test_the_fingerprint_follows_content_and_person_but_not_the_place(written: Path, folder: Path) -> None:
    first = open_source(str(written)).fingerprint()
    assert open_source(str(folder)).fingerprint() == first
    assert open_source(str(folder / "s01.dat")).fingerprint() != first
    whole = bytearray((folder / "s02.dat").read_bytes())
    whole[-100] ^= 1
    (folder / "s02.dat").write_bytes(bytes(whole))
    assert open_source(str(folder)).fingerprint() != first


def test_files_are_written_alike_every_time_and_never_over_others(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done: list[tuple[int, int]] = []
    write_deap(PEOPLE, folder, lambda number, total: done.append((number, total)))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert done == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(DataError, match=r"people simulated with other settings.*give another folder"):
        write_deap(PEOPLE.model_copy(update={"seed": 6}), folder)
    (folder / SIDECAR).unlink()
    with pytest.raises(DataError, match="recordings that are not simulated"):
        write_deap(PEOPLE, folder)
    with pytest.raises(ConfigError, match="layout: expected 'deap'"):
        write_deap(PEOPLE.model_copy(update={"layout": "raw"}), folder)


def test_an_interrupted_simulation_never_passes_for_real_people(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_deap(PEOPLE, tmp_path / "half", stop)
    assert sorted(path.name for path in (tmp_path / "half").iterdir()) == ["s01.dat", SIDECAR]
    assert open_source(str(tmp_path / "half")).open("s01").simulated


def test_missing_people_are_told(folder: Path) -> None:
    (folder / "s02.dat").unlink()
    source = open_source(str(folder))
    assert source.people == ("s01", "s03")
    assert source.notes == ("1 of simulated people's 3 people are not here: s02",)
    assert open_source(str(folder / "s01.dat")).notes == ()  # one was asked for


def test_real_files_beside_a_sidecar_are_refused(folder: Path) -> None:
    shutil.copy(folder / "s01.dat", folder / "s09.dat")
    with pytest.raises(DataError, match=r"no simulated person 's09'.*folders of their own"):
        open_source(str(folder))


def test_people_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("s10.dat", "s02.dat", "s100.dat", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert open_source(str(tmp_path)).people == ("s02", "s10", "s100")
    with pytest.raises(DataError, match="expected a person of s02, s10, s100, found 's01'"):
        open_source(str(tmp_path)).open("s01")


@pytest.mark.parametrize(
    ("where", "match"),
    [
        ("nowhere", r"nowhere: there is no such file or folder; expected the folder of .*DEAP.*'simulated'"),
        ("empty", r"empty: found no recording that is known among 1 entries \(README\); expected .*DEAP"),
        ("notes.txt", r"notes\.txt: 'notes\.txt' is no recording that is known; expected .*\.xdf file"),
    ],
)
def test_says_what_was_expected_where_nothing_is_found(where: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README").touch()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=match):
        open_source(str(tmp_path / where))


def test_a_truncated_file_is_told_with_its_size(folder: Path) -> None:
    path = folder / "s01.dat"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(
        DataError, match=r"s01\.dat: expected a pickle of numpy arrays.*truncated.*5000 bytes.*again"
    ):
        open_source(str(folder)).open("s01")


def good() -> dict[str, Any]:
    return {"data": np.zeros(SHAPE.data), "labels": np.full(SHAPE.labels, 5.0)}


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("data", np.zeros((2, 32, 512)), r"data: expected the shape \(2, 40, 512\).*found \(2, 32, 512\)"),
        ("labels", np.zeros((2, 3)), r"labels: expected the shape \(2, 4\) .*found \(2, 3\)"),
        ("labels", np.full((2, 4), 0.5), r"trial 01 rates valence 0\.5, expected 1 to 9"),
        ("labels", np.full((2, 4), np.nan), r"labels: expected finite numbers"),
        (
            "data",
            np.where(np.arange(512) == 7, np.nan, np.zeros((2, 40, 512))),
            r"trial 01, channel Fp1 .*80 such",
        ),
        ("data", np.full((2, 40, 512), 1e300), "not finite"),
        ("data", [1, 2], "data: expected an array, found list"),
    ],
)
def test_says_which_content_is_wrong(key: str, value: Any, match: str, tmp_path: Path) -> None:
    path = tmp_path / "s01.dat"
    path.write_bytes(pickle.dumps(good() | {key: value}, 2))
    with pytest.raises(DataError, match=match):
        read_arrays(path, SHAPE)


@pytest.mark.parametrize(
    ("content", "found"), [({"signals": 1}, "keys \\['signals'\\]"), ([1], "list"), (7, "int")]
)
def test_says_which_keys_are_expected(content: Any, found: str, tmp_path: Path) -> None:
    path = tmp_path / "s01.dat"
    path.write_bytes(pickle.dumps(content, 2))
    with pytest.raises(DataError, match=f"dictionary with 'data' and 'labels', found .*{found}"):
        read_arrays(path, SHAPE)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda values: "{", "expected JSON"),
        (lambda values: json.dumps(values | {"simulated": False}), "simulated"),
        (lambda values: json.dumps(values | {"planted": {}}), "planted: expected every person and stimulus"),
        (lambda values: json.dumps(values | {"people": values["people"] | {"subjets": 2}}), "unknown key"),
    ],
)
def test_a_damaged_sidecar_is_told(change: Any, match: str, folder: Path) -> None:
    path = folder / SIDECAR
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(DataError, match=rf"simulated\.json.*{match}"):
        open_source(str(folder))
