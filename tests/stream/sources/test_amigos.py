"""AMIGOS's preprocessed layout: its order of labels, its empty cells and NaN, and what each damage is called."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import loadmat

from memhacl.stream.errors import DataError
from memhacl.stream.lsl.selection import choose_modalities, select
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import Recording
from memhacl.stream.sources.registry import open_source
from memhacl.stream.spec import Conditioning, ModalitySpec, SignalSpec

Write = Callable[..., Path]
Content = dict[str, Any]
EMPTY = np.zeros((0, 0))


def opened(folder: Path, person: str = "P01") -> Recording:
    return open_source(str(folder)).open(person)


@pytest.fixture
def changed(write_amigos_files: Write, tmp_path: Path) -> Callable[..., Path]:
    """Write one person whose cells are replaced: {variable: {index: value}}."""

    def write(videos: int = 4, **cells: dict[int, Any]) -> Path:
        def change(_: int, content: Content) -> None:
            for name, values in cells.items():
                for index, value in values.items():
                    content[name][0, index] = value

        return write_amigos_files(tmp_path, people=1, videos=videos, change=change)

    return write


def test_the_writer_nests_as_the_owners_files_do(write_amigos_files: Write, tmp_path: Path) -> None:
    content = loadmat(write_amigos_files(tmp_path, people=1) / "Data_Preprocessed_P01.mat")
    assert {content[name].shape for name in content if name[0] != "_"} == {(1, 20)}
    assert content["joined_data"][0, 3].shape == (8 * 128 + 3, 17)
    assert content["labels_selfassessment"][0, 3].shape == (1, 12)
    assert content["VideoIDs"][0, 3][0] == "10"


def test_reads_videos_with_their_times_channels_and_ratings(write_amigos_files: Write, tmp_path: Path) -> None:
    folder = write_amigos_files(tmp_path / "Müller, 2 Äpfel", people=2)
    source = open_source(str(folder))
    assert (source.name, source.people, source.one_file) == ("AMIGOS", ("P01", "P02"), False)
    raw = loadmat(folder / "Data_Preprocessed_P02.mat")
    recording = source.open("P02")
    assert [trial.stimulus for _, trial in recording.trials()] == (
        "4 5 9 10 13 18 19 20 23 30 31 34 36 58 80 138 N1 P1 B1 U1".split()
    )
    number, trial = list(recording.trials())[2]
    segment = recording.segments[number]
    start = 2 * (8 + 3) + 1 / 128  # the videos before it, the second a sample longer
    assert (trial.rest, trial.onset, trial.end) == (start, start + 5, start + 8 + 2 / 128)
    assert trial.rest_end == trial.onset
    data = raw["joined_data"][0, 2].astype(np.float32)
    for signal, columns in zip(segment.signals, (slice(14), slice(14, 16), slice(16, 17)), strict=True):
        np.testing.assert_array_equal(signal.data, data[:, columns])
        assert (signal.start, signal.times, signal.data.flags.c_contiguous) == (start, None, True)
        assert (signal.data.dtype, signal.format.rate) == (np.float32, 128.0)
    names = "arousal valence dominance liking familiarity neutral disgust happiness surprise anger fear sadness"
    assert trial.ratings == dict(zip(names.split(), raw["labels_selfassessment"][0, 2][0], strict=True))
    assert (recording.excluded, recording.notes) == ({}, ())
    assert (recording.scales["arousal"], recording.scales["fear"]) == ((1.0, 9.0), (0.0, 1.0))


def test_declares_units_and_what_the_owners_did(changed: Write) -> None:
    eeg, ecg, gsr = opened(changed()).formats.values()
    assert (eeg.unit, eeg.already_done) == ("uV", ("bandpass", "average-reference", "eog-removal", "downsample"))
    assert eeg.channels == tuple("AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4".split())
    assert (ecg.modality, ecg.channels, ecg.unit) == ("ECG", ("ECG right", "ECG left"), "arbitrary")
    assert (gsr.modality, gsr.channels, gsr.unit, gsr.already_done) == (
        "GSR",
        ("GSR",),
        "arbitrary",
        ("downsample",),
    )


def test_what_cannot_be_used_is_left_out_and_counted(changed: Write) -> None:
    broken = {0: EMPTY, 2: np.full((2000, 17), np.nan), 3: np.zeros((640, 17)), 18: EMPTY, 19: EMPTY}
    recording = opened(changed(videos=20, joined_data=broken))
    assert recording.excluded == {"no_data": 3, "all_nan": 1, "too_short": 1}
    assert len(recording.segments) == 15
    assert recording.segments[0].trials[0].stimulus == "5"
    assert recording.notes == (
        "Data_Preprocessed_P01.mat: left out (no_data): 4, B1, U1",
        "Data_Preprocessed_P01.mat: left out (all_nan): 9",
        "Data_Preprocessed_P01.mat: left out (too_short): 10",
    )


def test_people_without_long_videos_are_noted(changed: Write) -> None:
    recording = opened(changed(videos=20, joined_data=dict.fromkeys(range(16, 20), EMPTY)))
    assert (recording.excluded, len(recording.segments)) == ({"no_data": 4}, 16)
    assert recording.notes[0] == "Data_Preprocessed_P01.mat: no long videos (17 to 20)"


def test_nan_stays_and_absent_ratings_are_noted(changed: Write) -> None:
    data = np.ones((1280, 17))
    data[100, 16] = np.nan
    half = np.array([[np.nan, 3.5, *[np.nan] * 10]])
    labels = {1: EMPTY, 2: half, 3: np.full((1, 12), np.nan)}
    recording = opened(changed(joined_data={0: data}, labels_selfassessment=labels))
    gsr = recording.segments[0].signals[2].data
    assert np.flatnonzero(np.isnan(gsr)).tolist() == [100]
    assert [dict(trial.ratings) for _, trial in recording.trials()][1:] == [{}, {"valence": 3.5}, {}]
    assert "Data_Preprocessed_P01.mat: not rated: 5, 10" in recording.notes
    assert "Data_Preprocessed_P01.mat: some samples are NaN: 4" in recording.notes


def test_videos_are_known_by_their_ids_in_whatever_order(changed: Write) -> None:
    shuffled = {0: "N1", 1: np.array([[30]]), 2: " 5 ", 3: ""}
    recording = opened(changed(VideoIDs=shuffled))
    assert [trial.stimulus for _, trial in recording.trials()] == ["N1", "30", "5", "#04"]
    assert "Data_Preprocessed_P01.mat: no VideoIDs for the videos at these places: #04" in recording.notes


def test_without_any_ids_videos_are_known_by_their_place(write_amigos_files: Write, tmp_path: Path) -> None:
    folder = write_amigos_files(tmp_path, 1, 3, change=lambda _, content: content.pop("VideoIDs"))
    assert [trial.stimulus for _, trial in opened(folder).trials()] == ["#01", "#02", "#03"]


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        ({"VideoIDs": {2: "4"}}, r"VideoIDs: expected a video once, found '4' 2 times"),
        (
            {"joined_data": {1: np.zeros((900, 14))}},
            r"joined_data\{2\} \(video 5\): expected samples x 17 numbers, found 900x14 numbers",
        ),
        ({"joined_data": {1: "none"}}, r"joined_data\{2\} \(video 5\): .* found the text 'none'"),
        (
            {"labels_selfassessment": {3: np.ones((1, 4))}},
            r"labels_selfassessment\{4\} \(video 10\): expected 12 numbers, found 1x4 numbers",
        ),
        (
            {"labels_selfassessment": {0: np.full((1, 12), 0.5)}},
            r"labels_selfassessment\{1\} \(video 4\): rates arousal 0\.5, expected 1 to 9",
        ),
        (
            {"labels_selfassessment": {0: np.full((1, 12), 2)}},
            r"labels_selfassessment\{1\} \(video 4\): rates neutral 2, expected 0 to 1",
        ),
    ],
)
def test_says_which_cell_is_wrong(cells: Any, match: str, changed: Write) -> None:
    folder = changed(**cells)
    with pytest.raises(DataError, match=rf"Data_Preprocessed_P01\.mat: {match}"):
        opened(folder)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda content: content.pop("joined_data"),
            r"expected the variables joined_data, labels_selfassessment, fou",
        ),
        (
            lambda content: content.update(joined_data=np.zeros((4, 17))),
            "joined_data: expected one row of cells, found 4x17 numbers",
        ),
        (
            lambda content: content.update(labels_selfassessment=content["joined_data"][:, :3]),
            "labels_selfassessment: expected one row of 4 of cells, found a 1x3 cell array",
        ),
        (
            lambda content: content.update(VideoIDs="4 5"),
            "VideoIDs: expected one row of 4 of cells, found the text",
        ),
    ],
)
def test_says_which_variable_is_wrong(change: Any, match: str, write_amigos_files: Write, tmp_path: Path) -> None:
    folder = write_amigos_files(tmp_path, 1, 4, change=lambda _, content: change(content))
    with pytest.raises(DataError, match=rf"P01\.mat: {match}.*; is it the original file\?"):
        opened(folder)


def test_finds_files_wherever_the_owners_put_them(write_amigos_files: Write, tmp_path: Path) -> None:
    flat = write_amigos_files(tmp_path / "flat", 3, 2)
    nested = write_amigos_files(tmp_path / "AMIGOS" / "data_preprocessed", 3, 2, nested=True)
    own = nested / "Data_Preprocessed_P02"
    everybody = ("P01", "P02", "P03")
    for place, people in (
        (flat, everybody),
        (nested, everybody),
        (tmp_path / "AMIGOS", everybody),
        (own, ("P02",)),
        (own / "Data_Preprocessed_P02.mat", ("P02",)),
    ):
        source = open_source(str(place))
        assert (source.name, source.people) == ("AMIGOS", people)
    assert open_source(str(own)).notes == ()
    assert open_source(str(flat)).notes[0].startswith("37 of AMIGOS's 40 people are not here: P04, P05")
    assert open_source(str(flat)).fingerprint() == open_source(str(nested)).fingerprint()
    with pytest.raises(DataError, match="expected a person of P02, found 'P01'"):
        opened(own)


def test_a_person_in_two_files_is_told(write_amigos_files: Write, tmp_path: Path) -> None:
    write_amigos_files(tmp_path, 1, 2)
    write_amigos_files(tmp_path, 1, 2, nested=True)
    with pytest.raises(DataError, match=r"expected one file of P01, found .*P01\.mat and .*P01\.mat; keep one"):
        open_source(str(tmp_path))


def test_two_processes_can_open_it(changed: Write) -> None:
    source = open_source(str(changed()))
    again = pickle.loads(pickle.dumps(source))
    assert again.people == source.people
    assert list(again.open("P01").trials()) == list(source.open("P01").trials())


@given(data=st.data(), compress=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_told_in_one_line(
    data: st.DataObject, compress: bool, write_amigos_files: Write, tmp_path: Path
) -> None:
    path = write_amigos_files(tmp_path, 1, 2, compress=compress) / "Data_Preprocessed_P01.mat"
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=3)) if content else ():
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    said = ""
    try:
        opened(path)
    except DataError as problem:
        said = str(problem)
    assert not said or said.startswith(f"{path}: ")
    assert "\n" not in said


def test_gives_valid_windows_within_each_video(changed: Write) -> None:
    recording = opened(changed())
    eeg, gsr = recording.formats["EEG"], recording.formats["GSR"]
    spec = SignalSpec(
        modalities=(
            ModalitySpec(
                modality="EEG",
                channels=eeg.channels,
                unit="uV",
                conditioning=Conditioning(band=(4, 45), reference="average"),
            ),
            ModalitySpec(modality="GSR", channels=gsr.channels, unit="arbitrary", adapt="rest"),
        )
    )
    windows = list(recording_windows(recording, spec))
    for number, trial in recording.trials():
        within = [
            w for segment, w in windows if segment == number and trial.onset <= w.start and w.end <= trial.end
        ]
        assert len(within) == 3
        assert all(window.valid for window in within)


def test_can_be_replayed(changed: Write) -> None:
    recording = opened(changed(joined_data={1: EMPTY}))
    modalities = choose_modalities(recording, None)
    assert modalities == ("EEG", "GSR", "ECG")
    pieces = select(recording, modalities, frozenset({2, 3}))
    assert [piece.segment.trials[0].stimulus for piece in pieces] == ["9", "10"]
