"""WESAD: chest and wrist on one clock, conditions as trials, and what is said of odd or damaged files."""

import pickle
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.wesad import content, labels

from memhacl.stream.errors import DataError
from memhacl.stream.lsl.selection import choose_modalities, select
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import Recording
from memhacl.stream.sources.registry import open_source
from memhacl.stream.sources.wesad import find
from memhacl.stream.spec import ModalitySpec, SignalSpec


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from plugins.wesad import write

    return write(tmp_path_factory.mktemp("our lab, größer") / "WESAD", people=(2, 10, 3), seconds=60.0)


@pytest.fixture(scope="module")
def recording(written: Path) -> Recording:
    return open_source(str(written)).open("S2")


@pytest.fixture
def one(tmp_path: Path, write_py2: Any) -> Any:
    """Writes S2.pkl with some of its content changed (None: left out) and opens it."""

    def opened(seconds: float = 5.0, **changed: Any) -> Recording:
        whole = content("S2", seconds)
        for key, value in changed.items():
            device, _, name = key.partition("_")
            part = whole["signal"][device] if name else whole
            part[name or key] = value
            if value is None:
                del part[name or key]
        return open_source(str(write_py2(tmp_path / "S2.pkl", whole))).open("S2")

    return opened


def test_every_signal_keeps_its_own_rate_and_unit_from_0_s_on(recording: Recording) -> None:
    (segment,) = recording.segments
    found = [
        (s.format.modality, s.format.channels, s.format.unit, s.format.rate, s.data.shape) for s in segment.signals
    ]
    assert found == [
        ("ECG", ("ECG",), "mV", 700.0, (42000, 1)), ("EMG", ("EMG",), "mV", 700.0, (42000, 1)),
        ("GSR", ("GSR",), "uS", 700.0, (42000, 1)), ("Temp", ("Temp",), "degC", 700.0, (42000, 1)),
        ("Resp", ("Resp",), "a.u.", 700.0, (42000, 1)), ("BVP", ("BVP",), "a.u.", 64.0, (3840, 1)),
        ("GSR (wrist)", ("GSR",), "uS", 4.0, (240, 1)), ("Temp (wrist)", ("Temp",), "degC", 4.0, (240, 1)),
    ]  # fmt: skip
    assert {(s.start, s.end, s.data.dtype.name, s.format.already_done) for s in segment.signals} == {
        (0.0, 60.0, "float32", ())
    }


def test_samples_are_the_files_in_single_precision(recording: Recording) -> None:
    signal = content("S2", 60.0, seed=2)["signal"]
    for found, (device, key) in zip(
        recording.segments[0].signals,
        [("chest", "ECG"), ("chest", "EMG"), ("chest", "EDA"), ("chest", "Temp"), ("chest", "Resp"),
         ("wrist", "BVP"), ("wrist", "EDA"), ("wrist", "TEMP")],
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(found.data, signal[device][key].astype("f4"))


def test_conditions_become_trials_and_what_is_none_is_left_out(recording: Recording) -> None:
    trials = [trial for _, trial in recording.trials()]
    assert [(t.stimulus, dict(t.categories)) for t in trials] == [
        ("baseline", {"condition": "baseline"}), ("stress", {"condition": "stress"}),
        ("meditation", {"condition": "meditation"}), ("amusement", {"condition": "amusement"}),
        ("meditation-2", {"condition": "meditation"}),
    ]  # fmt: skip
    track = labels(60.0)
    for trial, code in zip(trials, (1, 2, 4, 3, 4), strict=True):
        assert trial.rest == trial.onset < trial.end
        assert (track[round(trial.onset * 700) : round(trial.end * 700)] == code).all()
        assert track[round(trial.onset * 700) - 1] != code != track[round(trial.end * 700)]
    assert all(not t.ratings for t in trials)
    assert recording.notes == ("S2.pkl: 4 s are labelled 5, 6 or 7, which WESAD says to ignore",)


def test_the_same_condition_has_the_same_name_for_those_who_were_amused_first(written: Path) -> None:
    names = [trial.stimulus for _, trial in open_source(str(written)).open("S3").trials()]
    assert names == ["baseline", "amusement", "meditation", "stress", "meditation-2"]


@pytest.mark.parametrize("inside", ["", "WESAD", "WESAD/S10", "WESAD/S10/S10.pkl"])
def test_is_found_at_its_folder_around_it_and_within(inside: str, written: Path) -> None:
    source = open_source(str(written.parent / inside))
    assert source.name == "WESAD"
    assert source.people == (("S10",) if "S10" in inside else ("S2", "S3", "S10"))
    assert source.open("S10").person == "S10"


def test_tells_who_is_missing(written: Path, tmp_path: Path) -> None:
    assert open_source(str(written)).notes == ("12 of 15 people have no folder: S4, S5, S6, S7, S8, ...",)
    folder = Path(shutil.copytree(written, tmp_path / "copy"))
    (folder / "S3" / "S3.pkl").unlink()
    source = open_source(str(folder))
    assert source.people == ("S2", "S10")
    assert source.notes[0] == "S3: holds no S3.pkl that can be read; left out"
    assert open_source(str(folder / "S2")).notes == ()


@pytest.mark.parametrize("name", ["s2.pkl", "S2.txt", "S2/other.pkl", "DS2/DS2.pkl", "S2/S2.pkl/file", "s01.dat"])
def test_is_not_found_where_it_is_not(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert find(tmp_path) is None
    assert find(path.parent) is None
    assert find(path) is None


def test_the_source_travels_to_other_processes_and_its_fingerprint_to_other_places(
    written: Path, tmp_path: Path
) -> None:
    source = open_source(str(written))
    copied: Any = pickle.loads(pickle.dumps(source))
    assert copied.open("S3").segments[0].trials == source.open("S3").segments[0].trials
    folder = Path(shutil.copytree(written, tmp_path / "copy"))
    assert open_source(str(folder)).fingerprint() == source.fingerprint()
    (folder / "S3" / "S3.pkl").write_bytes(b"")
    assert open_source(str(folder)).fingerprint() != source.fingerprint()


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_every_protocol_of_python_2_reads_alike(protocol: int, tmp_path: Path, write_wesad: Any) -> None:
    """The owners' files are as large as protocol 0, text, makes them: 1 GB of text for 0.3 GB of numbers."""
    found = [
        open_source(str(write_wesad(tmp_path / str(each), (2,), 5.0, each))).open("S2") for each in (2, protocol)
    ]
    for one, other in zip(found[0].segments[0].signals, found[1].segments[0].signals, strict=True):
        np.testing.assert_array_equal(one.data, other.data)
    assert list(found[0].trials()) == list(found[1].trials())


def test_a_long_line_of_text_is_read_whole(tmp_path: Path, write_wesad: Any) -> None:
    """Longer than what is read at a time."""
    folder = write_wesad(tmp_path, (2,), 200.0, 0)
    assert (folder / "S2" / "S2.pkl").stat().st_size > 20 << 20
    recording = open_source(str(folder)).open("S2")
    expected = content("S2", 200.0, seed=2)["signal"]["chest"]["Resp"]
    np.testing.assert_array_equal(recording.segments[0].signals[4].data, expected.astype("f4"))


def test_odd_files_are_read_and_told(one: Any) -> None:
    recording = one(wrist_EDA=np.ones((10, 1)), subject="S3", chest_Temp=np.full(3500, np.nan))
    assert recording.notes[0] == "S2.pkl: durations differ: wrist GSR 2.5 s, chest ECG 5.0 s"
    assert recording.notes[-1] == "S2.pkl: says that its subject is 'S3'; is it S2?"
    assert np.isnan(recording.segments[0].signals[3].data).all()
    assert "is it S2?" in one(subject=np.arange(3)).notes[-1]


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"signal": None}, "expected a dictionary with 'signal' and 'label', found the keys 'label', 'subject'"),
        ({"signal": {"chest": {}}}, "signal: chest: expected .*, found an empty one"),
        ({"signal": 7}, "signal: chest: expected ECG, EDA, EMG, Resp, Temp, found nothing"),
        (
            {"chest_EDA": None},
            "chest: expected ECG, EDA, .*, found the keys 'ACC', 'ECG', 'EMG', 'Temp', 'Resp'; give WESAD",
        ),
        ({"wrist_BVP": None}, "wrist: expected BVP, EDA, TEMP, found the keys 'ACC', 'EDA', 'TEMP'"),
        ({"wrist_BVP": "lost"}, "wrist: BVP: expected an array of numbers, found str"),
        ({"wrist_BVP": np.zeros((0, 1))}, r"wrist: BVP: expected the shape \(samples, 1\), found \(0, 1\)"),
        ({"chest_ECG": np.zeros((2, 700))}, r"chest: ECG: expected the shape \(samples, 1\), found \(2, 700\)"),
        ({"label": np.full(3500, 8, "i4")}, r"label: expected 0 to 7, found 8 at 0\.0 s"),
        ({"label": np.r_[np.zeros(700, "i4"), -1]}, r"label: expected 0 to 7, found -1 at 1\.0 s"),
        ({"label": np.zeros(3500)}, "label: expected an array of whole numbers, found one of float64"),
        ({"label": np.zeros((3500, 2), "i4")}, r"label: expected the shape .*, found \(3500, 2\)"),
    ],
)
def test_says_which_content_is_wrong(changed: dict[str, Any], match: str, one: Any) -> None:
    with pytest.raises(DataError, match=rf"S2\.pkl: .*{match}"):
        one(**changed)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """One person's file in protocols 0 and 2."""
    from plugins.wesad import write

    folder = tmp_path_factory.mktemp("sound")
    return [(write(folder, (2,), 2.0, each) / "S2" / "S2.pkl").read_bytes() for each in (0, 2)]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 1), place=st.floats(0, 1), byte=st.integers(0, 255), near=st.sampled_from([1, 8]))
def test_damage_never_escapes_as_another_error(
    number: int, place: float, byte: int, near: int, sound: list[bytes], tmp_path: Path
) -> None:
    whole = sound[number]
    index = min(int(place**near * len(whole)), len(whole) - 1)  # near 8: where the structure is
    path = tmp_path / "S2.pkl"
    path.write_bytes(whole[:index])
    with pytest.raises(DataError, match=r"S2\.pkl"):
        open_source(str(path)).open("S2")
    path.write_bytes(whole[:index] + bytes([byte]) + whole[index + 1 :])
    with suppress(DataError):
        open_source(str(path)).open("S2")


def test_a_malicious_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "S2.pkl").write_bytes(b"\x80\x02}U\x06signalcposix\nsystem\nU\x04trueRs.")
    with pytest.raises(DataError, match=r"S2\.pkl: refused: the pickle asks for posix\.system"):
        open_source(str(tmp_path)).open("S2")


def test_windows_come_within_the_conditions(recording: Recording) -> None:
    modalities = [
        ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none"),
        ModalitySpec(modality="Resp", channels=("Resp",), unit="a.u."),
        ModalitySpec(modality="BVP", channels=("BVP",), unit="a.u."),
    ]
    spec = SignalSpec(modalities=tuple(modalities), rate=64)
    valid = [window for _, window in recording_windows(recording, spec) if window.valid]
    for _, trial in recording.trials():
        inside = [w for w in valid if trial.onset <= w.start and w.end <= trial.end]
        assert len(inside) >= int(trial.end - trial.onset) - 2
        assert all(w.data.shape == (3, 64) and np.isfinite(w.data).all() for w in inside)


def test_all_modalities_but_the_second_of_a_kind_are_played(recording: Recording) -> None:
    assert choose_modalities(recording, None) == ("GSR", "Resp", "Temp", "ECG", "BVP", "EMG")
    pieces = select(recording, ("BVP", "GSR (wrist)"), frozenset({2}))
    assert [list(piece.streams) for piece in pieces] == [["BVP", "GSR (wrist)"]]
    assert pieces[0].segment.trials[0].stimulus == "stress"
