"""DREAMER's one file: person by person, baseline and film apart, and what each damage is called."""

import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import loadmat, savemat

from memhacl.stream.errors import DataError
from memhacl.stream.lsl.selection import choose_modalities, select
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import Recording
from memhacl.stream.sources.registry import open_source
from memhacl.stream.spec import Conditioning, ModalitySpec, SignalSpec

Write = Callable[..., Path]
Content = dict[str, Any]
EMPTY = np.zeros((0, 0))


def opened(folder: Path, person: str = "S01") -> Recording:
    return open_source(str(folder)).open(person)


def check_same(one: Recording, other: Recording) -> None:
    assert list(one.trials()) == list(other.trials())
    for left, right in zip(one.segments, other.segments, strict=True):
        for a, b in zip(left.signals, right.signals, strict=True):
            np.testing.assert_array_equal(a.data, b.data)


@pytest.fixture
def changed(write_dreamer_files: Write, tmp_path: Path) -> Callable[..., Path]:
    """Write two people of a few films; ``change`` alters the second."""

    def write(change: Callable[[Content], object] = lambda person: None, **sizes: Any) -> Path:
        def second(number: int, content: Content) -> None:
            if number == 2:
                change(content)

        return write_dreamer_files(tmp_path, **({"films": 3, "baseline": 4.0} | sizes), change=second)

    return write


def test_the_writer_nests_as_the_owners_file_does(write_dreamer_files: Write, tmp_path: Path) -> None:
    content = loadmat(write_dreamer_files(tmp_path, people=2, films=3, baseline=2.0) / "DREAMER.mat")["DREAMER"]
    second = content[0, 0]["Data"][0, 1]
    assert content[0, 0]["Data"].shape == (1, 2)
    assert second["EEG"][0, 0]["stimuli"][0, 0][2, 0].shape == (5 * 128 + 2, 14)
    assert second["EEG"][0, 0]["baseline"][0, 0][2, 0].shape == (2 * 128, 14)
    assert second["ECG"][0, 0]["stimuli"][0, 0][2, 0].shape == (5 * 256 + 2, 2)
    assert second["ScoreValence"][0, 0].shape == (3, 1)


def test_reads_films_with_their_times_channels_and_ratings(write_dreamer_files: Write, tmp_path: Path) -> None:
    folder = write_dreamer_files(tmp_path / "Müller, 2 Äpfel", people=3, films=3)
    source = open_source(str(folder))
    assert (source.name, source.people, source.one_file) == ("DREAMER", ("S01", "S02", "S03"), True)
    raw = loadmat(folder / "DREAMER.mat")["DREAMER"][0, 0]["Data"][0, 1]
    recording = source.open("S02")
    number, trial = list(recording.trials())[1]
    assert (number, trial.stimulus) == (1, "02")
    start = 61 + 3 + 5 + 3
    assert (trial.rest, trial.rested, trial.onset) == (start, start + 61, start + 64)
    assert trial.end == start + 64 + 5 + 1 / 128  # of EEG, which has one sample more; of ECG it is half as long
    for signal in recording.segments[1].signals:
        rate = int(signal.format.rate)
        parts = raw[signal.format.modality][0, 0]
        halves = [parts[half][0, 0][1, 0].astype(np.float32) for half in ("baseline", "stimuli")]
        np.testing.assert_array_equal(signal.data, np.concatenate(halves))
        np.testing.assert_array_equal(signal.stamps[[0, 61 * rate - 1]], [start, start + 61 - 1 / rate])
        np.testing.assert_array_equal(signal.stamps[[61 * rate, -1]], [start + 64, start + 69])
        assert signal.data.dtype == np.float32
    names = {"valence": "ScoreValence", "arousal": "ScoreArousal", "dominance": "ScoreDominance"}
    assert trial.ratings == {scale: raw[name][0, 0][1, 0] for scale, name in names.items()}
    assert recording.scales == dict.fromkeys(names, (1.0, 5.0))
    assert (recording.excluded, recording.notes) == ({}, ("DREAMER.mat: 3 films, DREAMER has 18",))


def test_declares_units_rates_and_that_nothing_was_done(changed: Write) -> None:
    eeg, ecg = opened(changed()).formats.values()
    assert (eeg.rate, eeg.unit, eeg.already_done) == (128.0, "uV", ())
    assert eeg.channels == tuple("AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4".split())
    assert (ecg.modality, ecg.rate, ecg.unit, len(ecg.channels)) == ("ECG", 256.0, "arbitrary", 2)


def test_a_whole_set_has_nothing_odd(write_dreamer_files: Write, tmp_path: Path) -> None:
    source = open_source(str(write_dreamer_files(tmp_path, people=23, baseline=1.0, seconds=1.0)))
    assert (source.people[-1], source.notes) == ("S23", ())
    recording = source.open("S23")
    assert ([trial.stimulus for _, trial in recording.trials()][-1], recording.notes) == ("18", ())


def test_people_can_be_opened_in_any_order(write_dreamer_files: Write, tmp_path: Path) -> None:
    folder = write_dreamer_files(tmp_path, people=5, films=2, baseline=1.0)
    alone = {person: opened(folder, person) for person in open_source(str(folder)).people}
    source = open_source(str(folder))
    assert source.notes == ("DREAMER.mat: 5 people, DREAMER has 23",)
    for person in ("S01", "S02", "S04", "S04", "S05", "S01", "S03"):
        check_same(source.open(person), alone[person])
    again = pickle.loads(pickle.dumps(source))  # while it is within the file
    check_same(again.open("S04"), alone["S04"])
    with pytest.raises(DataError, match="expected a person of S01, S02, S03, S04, S05, found 'S06'"):
        source.open("S06")


def test_holds_one_person_at_a_time(write_dreamer_files: Write, tmp_path: Path) -> None:
    source = open_source(str(write_dreamer_files(tmp_path, people=8, films=4, baseline=20.0, seconds=40.0)))
    one = sum(signal.data.nbytes for segment in source.open("S01").segments for signal in segment.signals)
    tracemalloc.start()
    for person in source.people:
        source.open(person)
    assert tracemalloc.get_traced_memory()[1] < 7 * one  # the file's content, float64: 16 times as much
    tracemalloc.stop()


def drop(*places: tuple[str, str, int], value: Any = EMPTY) -> Callable[[Content], None]:
    def change(person: Content) -> None:
        for signal, half, film in places:
            person[signal][half][film, 0] = value

    return change


def test_a_film_without_data_is_left_out_and_counted(changed: Write) -> None:
    folder = changed(drop(("EEG", "stimuli", 1), ("ECG", "stimuli", 1)))
    assert opened(folder, "S01").excluded == {}
    recording = opened(folder, "S02")
    assert recording.excluded == {"no_data": 1}
    assert [trial.stimulus for _, trial in recording.trials()] == ["01", "03"]
    assert "DREAMER.mat: left out (no_data): 02" in recording.notes


def test_a_film_of_nothing_but_nan_is_left_out(changed: Write) -> None:
    def change(person: Content) -> None:
        for signal in ("EEG", "ECG"):
            person[signal]["stimuli"][0, 0][:] = np.nan
        person["EEG"]["stimuli"][2, 0][50, 3] = np.nan

    recording = opened(changed(change), "S02")
    assert recording.excluded == {"all_nan": 1}
    assert "DREAMER.mat: some samples of EEG are NaN: 03" in recording.notes
    assert np.argwhere(np.isnan(recording.segments[1].signals[0].data)).tolist() == [[4 * 128 + 50, 3]]


def test_what_a_film_lacks_is_noted(changed: Write) -> None:
    lacking = (("ECG", "stimuli", 0), ("EEG", "baseline", 1), ("ECG", "baseline", 1), ("ECG", "baseline", 2))
    recording = opened(changed(drop(*lacking)), "S02")
    first, second, third = recording.segments
    assert [signal.format.modality for signal in first.signals] == ["EEG"]
    trial = second.trials[0]
    assert trial.rest == trial.onset == trial.rest_end == second.start
    assert [signal.start - third.start for signal in third.signals] == [0.0, 4.0 + 3.0]
    assert recording.notes[1:] == (
        "DREAMER.mat: no ECG: 01",
        "DREAMER.mat: no baseline of EEG: 02",
        "DREAMER.mat: no baseline of ECG: 02, 03",
        "DREAMER.mat: EEG and ECG differ in length by more than 1 s: 03",
    )


@given(eeg=st.integers(1, 400), ecg=st.integers(1, 800), film=st.integers(1, 400))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_films_begin_on_whole_seconds_after_their_baseline(changed: Write, eeg: int, ecg: int, film: int) -> None:
    def change(person: Content) -> None:
        person["EEG"]["baseline"][0, 0] = np.ones((eeg, 14))
        person["ECG"]["baseline"][0, 0] = np.ones((ecg, 2))
        person["EEG"]["stimuli"][0, 0] = np.ones((film, 14))

    recording = opened(changed(change, films=2, seconds=1.0), "S02")
    trial = recording.segments[0].trials[0]
    assert trial.rested == max(eeg / 128, ecg / 256)
    assert trial.onset == np.ceil(trial.rested) + 3
    assert trial.end == trial.onset + max(film / 128, 1)
    assert recording.segments[1].start == trial.end + 3


def test_scores_that_were_not_given_are_noted(changed: Write) -> None:
    def change(person: Content) -> None:
        person["ScoreValence"] = np.array([[np.nan], [2.0], [3.0]])
        person["ScoreArousal"] = np.array([[np.nan], [1.0], [np.nan]])
        person["ScoreDominance"] = EMPTY

    recording = opened(changed(change), "S02")
    ratings = [dict(trial.ratings) for _, trial in recording.trials()]
    assert ratings == [{}, {"valence": 2.0, "arousal": 1.0}, {"valence": 3.0}]
    assert "DREAMER.mat: not rated: 01" in recording.notes


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda person: person.pop("ECG"), r": expected the fields EEG, ECG, .*, found Age, Gender, EEG, Score"),
        (lambda person: person.update(EEG=EMPTY), r"\.EEG: expected a struct, found 0x0 numbers"),
        (
            lambda person: person["EEG"].pop("baseline"),
            r"\.EEG: expected the fields baseline, stimuli, found stimuli",
        ),
        (
            lambda person: person["EEG"].update(stimuli=np.zeros((3, 14))),
            r"\.EEG\.stimuli: expected one row of cells, found 3x14 numbers",
        ),
        (
            lambda person: person["ECG"].update(baseline=person["ECG"]["baseline"][:2]),
            r"\.ECG\.baseline: expected one row of 3 of cells, found a 2x1 cell array",
        ),
        (
            drop(("EEG", "stimuli", 1), value=np.zeros((14, 900))),
            r"\.EEG\.stimuli\{2\}: expected samples x 14 numbers, found 14x900 numbers",
        ),
        (
            lambda person: person.update(ScoreArousal=np.ones((2, 1))),
            r"\.ScoreArousal: expected 3 numbers, found 2x1 numbers",
        ),
        (
            lambda person: person.update(ScoreValence=np.full((3, 1), 6.0)),
            r": film 01: rates valence 6, expected 1 to 5; is it",
        ),
    ],
)
def test_says_what_of_whom_is_wrong(change: Any, match: str, changed: Write) -> None:
    source = open_source(str(changed(change)))
    source.open("S01")
    for _ in range(2):  # a failure leaves nothing half read
        with pytest.raises(DataError, match=rf"DREAMER\.mat: DREAMER\.Data\{{2\}}{match}"):
            source.open("S02")
    source.open("S01")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"other": 1.0}, r"expected the variables DREAMER, found other; is it the original file\?"),
        ({"DREAMER": np.zeros((2, 3))}, "DREAMER: expected a struct, found 2x3 numbers"),
        ({"DREAMER": {"Version": 1.0}}, "DREAMER: expected the fields Data, found Version"),
        (
            {"DREAMER": {"Data": {"EEG": 1.0}}},
            r"DREAMER\.Data: expected a cell for each person, found a 1x1 struct",
        ),
        (
            {"DREAMER": {"Data": np.empty((0, 0), dtype=object)}},
            r"DREAMER\.Data: expected a cell for each person, found a 0x0 cell",
        ),
    ],
)
def test_says_what_the_file_lacks(content: Content, match: str, tmp_path: Path) -> None:
    savemat(tmp_path / "DREAMER.mat", content)
    with pytest.raises(DataError, match=rf"DREAMER\.mat: {match}"):
        _ = open_source(str(tmp_path)).people


def test_a_forged_number_of_people_is_told(changed: Write) -> None:
    path = changed(compress=False) / "DREAMER.mat"
    content = path.read_bytes()
    stated = np.array([14, 0, 6, 8, 1, 0, 5, 8, 1, 2], "<i4").tobytes()  # an array: cells, 1 x 2
    place = content.index(stated[8:])
    path.write_bytes(content[:place] + stated[8:-4] + b"\xff\xff\xff\x7f" + content[place + 32 :])
    with pytest.raises(DataError, match="expected a cell for each person, found a 1x2147483647 cell array"):
        opened(path)


def test_finds_the_file_in_any_case(changed: Write, tmp_path: Path) -> None:
    folder = changed()
    fingerprint = open_source(str(folder)).fingerprint()
    renamed = (folder / "DREAMER.mat").rename(folder / "Dreamer.MAT")
    assert open_source(str(renamed)).people == open_source(str(folder)).people == ("S01", "S02")
    assert open_source(str(folder)).fingerprint() == fingerprint


@given(data=st.data(), compress=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_told_in_one_line(data: st.DataObject, compress: bool, changed: Write) -> None:
    path = changed(films=2, baseline=1.0, seconds=1.0, compress=compress) / "DREAMER.mat"
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=3)) if content else ():
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    source = open_source(str(path))
    for person in ("S01", "S02"):
        said = ""
        try:
            source.open(person)
        except DataError as problem:
            said = str(problem)
        assert not said or said.startswith((f"{path}: ", "DREAMER: expected a person"))
        assert "\n" not in said


def test_gives_valid_windows_within_each_film(changed: Write) -> None:
    recording = opened(changed())
    eeg, ecg = recording.formats["EEG"], recording.formats["ECG"]
    spec = SignalSpec(
        modalities=(
            ModalitySpec(
                modality="EEG",
                channels=eeg.channels,
                unit="uV",
                conditioning=Conditioning(band=(4, 45), reference="average"),
                baseline="rest",
            ),
            ModalitySpec(modality="ECG", channels=ecg.channels, unit="arbitrary", adapt="rest", baseline="rest"),
        )
    )
    windows = list(recording_windows(recording, spec))
    for number, trial in recording.trials():
        within = [
            w for segment, w in windows if segment == number and trial.onset <= w.start and w.end <= trial.end
        ]
        assert len(within) == 5
        assert within[0].reasons == ("filter_warmup:EEG",)  # it begins anew after the gap before the film
        assert all(window.valid for window in within[1:])


def test_can_be_replayed(changed: Write) -> None:
    recording = opened(changed())
    modalities = choose_modalities(recording, None)
    assert modalities == ("EEG", "ECG")
    (piece,) = select(recording, modalities, frozenset({2, 3}))[:1]
    assert piece.segment.trials[0].stimulus == "02"
