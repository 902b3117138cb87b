"""Kalunga's SSVEP set: everybody's trials in one file, raw sessions with events; on the real files too."""

import os
import pickle
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.kalunga import CHANNELS, RAW_CHANNELS, content, write, write_raw

from memhacl.stream.errors import DataError
from memhacl.stream.lsl.selection import choose_modalities, select
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import TRIAL_GAP, Recording
from memhacl.stream.sources.kalunga import find
from memhacl.stream.sources.registry import open_source
from memhacl.stream.spec import Conditioning, ModalitySpec, SignalSpec

ROOT = Path(__file__).parents[3]
REAL = Path(os.environ.get("MEMHACL_REAL_DATA", ROOT.parent / "shared" / "data")) / "kalunga_ssvep"
SESSION = "subject01_2012.07.06-19.02.16_raw.fif"
SPEC = SignalSpec(
    modalities=(
        ModalitySpec(
            modality="EEG",
            channels=CHANNELS,
            unit="arbitrary",
            adapt="running",
            conditioning=Conditioning(band=(4, 45)),
        ),
    ),
    rate=128,
    baseline_seconds=1,
    adapt_warmup=1,
)
real = pytest.mark.skipif(
    not REAL.is_dir(), reason=f"no real recordings: MEMHACL_REAL_DATA has no kalunga_ssvep ({REAL})"
)


def opened(where: Path, person: str = "subject01") -> Recording:
    return open_source(str(where)).open(person)


def valid_within(recording: Recording) -> list[int]:
    """How many valid windows lie within each trial."""
    windows = [(number, w) for number, w in recording_windows(recording, SPEC) if w.valid]
    assert all(w.data.shape == (8, 128) and np.isfinite(w.data).all() for _, w in windows)
    return [
        sum(1 for at, w in windows if at == number and trial.onset <= w.start and w.end <= trial.end + 1e-6)
        for number, trial in recording.trials()
    ]


def test_each_trial_is_a_piece_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "Küche 1", people=(12, 3))
    source = open_source(str(tmp_path / "Küche 1"))
    assert (source.name, source.people, source.one_file) == ("kalunga-ssvep", ("subject03", "subject12"), True)
    recording = source.open("subject03")
    whole = content(people=(12, 3))
    assert [segment.start for segment in recording.segments] == [8.0 * n for n in range(8)]
    for number, segment in enumerate(recording.segments):
        (signal,) = segment.signals
        np.testing.assert_array_equal(signal.data, whole["x"][8 + number].T)
        assert signal.data.flags.c_contiguous
        (trial,) = segment.trials
        assert (trial.rest, trial.onset, trial.end) == (segment.start, segment.start, segment.start + 5)
        assert trial.stimulus == trial.categories["flicker"] == ("rest", "13 Hz", "21 Hz", "17 Hz")[number % 4]
    form = recording.formats["EEG"]
    assert (form.channels, form.unit, form.rate) == (CHANNELS, "arbitrary", 128.0)
    assert form.already_done == ("zero-phase-1-45-hz", "downsample")


def test_the_file_is_found_itself_and_before_raw_sessions_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path)
    write_raw(tmp_path / SESSION)
    for where in (path, tmp_path):
        assert open_source(str(where)).people == ("subject01", "subject02")
    assert open_source(str(path)).notes == ()
    assert open_source(str(tmp_path)).notes == (
        "kalunga_epochs_128hz.npz is read, 1 raw session(s) beside it are not; give the file itself for that "
        f"({SESSION})",
    )
    raw = open_source(str(tmp_path / SESSION))
    assert (raw.people, raw.one_file, raw.open("subject01").formats["EEG"].rate) == (("subject01",), False, 256.0)


@pytest.mark.parametrize("name", ["other.npz", "kalunga.npy", "subject01_raw.fif", "record-[2012]_raw.fif"])
def test_other_files_are_not_taken_for_it(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert find(tmp_path) is None
    assert find(tmp_path / name) is None


def test_the_source_travels_and_its_fingerprint_follows_the_content(tmp_path: Path) -> None:
    path = write(tmp_path / "one")
    source = open_source(str(path))
    copied: Any = pickle.loads(pickle.dumps(source))
    assert len(copied.open("subject02").segments) == 8
    assert open_source(str(shutil.copytree(path.parent, tmp_path / "copy"))).fingerprint() == source.fingerprint()
    assert open_source(str(write(tmp_path / "two", trials=4))).fingerprint() != source.fingerprint()


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"y": None}, "expected an .npz file with the arrays x, y, .*, found 'y is not a file in the archive'"),
        ({"x": np.zeros((16, 7, 640), "f4")}, r"x: expected \(16 trials, 8 channels, samples\) as floats, found"),
        ({"x": np.zeros((16, 8, 0), "f4")}, r"x: expected .*\(16, 8, 0\)"),
        ({"x": np.full((16, 8, 2), None)}, "Object arrays cannot be loaded"),
        ({"y": np.full(16, 4)}, "y: expected a number from 0 to 3 for each of 16 trials, found int64 .*4"),
        ({"y": np.zeros(16)}, "y: expected a number from 0 to 3 .*float64"),
        ({"classes": np.array(["rest", "7Hz"])}, "classes: expected rest, 13Hz, 21Hz, 17Hz, found '7Hz'"),
        ({"fs": np.array(0)}, "expected a rate fs in Hz and trials that begin at t0 = 0 s, found 0 and 0"),
        ({"fs": np.array("128")}, "expected a rate fs in Hz"),
        ({"t0": np.array(-0.5)}, "found 128 and -0.5"),
        ({"subject": np.array(["a"] * 16)}, "subject: expected whole numbers, one a trial, found <U1"),
        ({"subject": np.zeros(0, int)}, "subject: expected whole numbers"),
    ],
)  # fmt: skip
def test_says_which_content_is_wrong(changed: dict[str, Any], match: str, tmp_path: Path) -> None:
    path = write(tmp_path, **changed)
    with pytest.raises(DataError, match=rf"kalunga_epochs_128hz\.npz: .*{match}"):
        opened(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A sound .npz file, a sound session and its events."""
    folder = tmp_path_factory.mktemp("sound")
    small = {"x": content((1,), 2, 32)["x"]}
    session = write_raw(folder / SESSION, codes=(1, 2), tail=5)
    return [write(folder, (1,), 2, **small), session, folder / SESSION.replace("_raw.fif", "-eve.fif")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 2), place=st.floats(0, 1), byte=st.integers(0, 255), near=st.sampled_from([1, 4]))
def test_damage_never_escapes_as_another_error(
    number: int, place: float, byte: int, near: int, sound: list[Path], tmp_path: Path
) -> None:
    for path in sound:
        shutil.copy(path, tmp_path / path.name)
    whole, damaged = sound[number].read_bytes(), tmp_path / sound[number].name
    where = damaged if number == 0 else tmp_path / SESSION
    index = min(int(place**near * len(whole)), len(whole) - 1)
    damaged.write_bytes(whole[:index] + bytes([byte]) + whole[index + 1 :])
    with suppress(DataError):
        opened(where)
    damaged.write_bytes(whole[:index])
    with pytest.raises(DataError, match=r"truncated or damaged|no zip archive"):
        opened(where)


def test_a_raw_session_is_one_piece_with_trials_at_its_events(tmp_path: Path) -> None:
    path = write_raw(tmp_path / SESSION, first=5000)
    recording = opened(path)
    (segment,) = recording.segments
    (signal,) = segment.signals
    assert (signal.format.channels, signal.format.unit, signal.format.rate) == (RAW_CHANNELS, "arbitrary", 256.0)
    assert signal.format.already_done == ()
    expected = 0.008 * np.random.default_rng(1).standard_normal(signal.data.T.shape)
    np.testing.assert_allclose(signal.data.T, expected, rtol=1e-5, atol=1e-8)
    assert [(t.stimulus, t.rest, t.onset, t.end) for t in segment.trials] == [
        ("rest", 4.0, 4.0, 9.0),
        ("21 Hz", 10.5, 10.5, 15.5),
        ("17 Hz", 17.0, 17.0, 22.0),
        ("13 Hz", 23.5, 23.5, 28.5),
    ]
    assert dict(recording.excluded) == {}


def test_events_that_make_no_trial_are_counted(tmp_path: Path) -> None:
    recording = opened(write_raw(tmp_path / SESSION, codes=(1, 9, 2), tail=4.9))
    assert [trial.stimulus for _, trial in recording.trials()] == ["rest"]
    assert dict(recording.excluded) == {"unknown_event": 1, "outside_recording": 1}
    assert len(list(opened(write_raw(tmp_path / SESSION, codes=(1, 2), tail=5.0)).trials())) == 2


def test_upstreams_folders_hold_a_persons_sessions_in_the_order_of_their_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person, stamp in ((1, "2012.07.06-19.06.14"), (1, "2012.07.06-19.02.16"), (11, "2014.02.24-18.15.11")):
        write_raw(tmp_path / f"subject{person:02d}" / f"record-[{stamp}]_raw.fif", codes=(1, person % 4 + 1))
    source = open_source(str(tmp_path))
    assert source.people == ("subject01", "subject11")
    recording = source.open("subject01")
    first, second = recording.segments
    assert second.start == first.end + TRIAL_GAP
    assert second.trials[0].onset == second.start + 4
    assert open_source(str(tmp_path / "subject11")).people == ("subject11",)
    monkeypatch.chdir(tmp_path / "subject01")
    assert open_source(".").people == ("subject01",)
    assert open_source("record-[2012.07.06-19.06.14]_raw.fif").open("subject01").segments
    assert source.fingerprint() != open_source(str(tmp_path / "subject01")).fingerprint()


def test_sessions_that_their_owners_omit_or_that_two_people_share_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "subject10"
    for stamp in ("2014.02.26-15.10.48", "2014.02.26-15.32.36", "2012.07.11-15.33.08"):
        write_raw(folder / f"record-[{stamp}]_raw.fif")
    recording = opened(tmp_path, "subject10")
    assert len(recording.segments) == 1
    assert dict(recording.excluded) == {"omitted_by_owners": 4, "same_session_of_two_people": 4}
    assert recording.notes == (
        "record-[2012.07.11-15.33.08]_raw.fif: left out: same session of two people",
        "record-[2014.02.26-15.10.48]_raw.fif: left out: omitted by owners",
    )
    omitted = folder / "record-[2014.02.26-15.10.48]_raw.fif"
    assert len(list(opened(omitted, "subject10").trials())) == 4  # asked for by name
    (folder / "record-[2014.02.26-15.32.36]_raw.fif").unlink()
    with pytest.raises(DataError, match=r"subject10: every session is left out: record-.*leave this person out"):
        opened(tmp_path, "subject10")


def test_says_what_a_session_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raw(tmp_path / SESSION)
    monkeypatch.setitem(sys.modules, "mne", None)
    with pytest.raises(DataError, match=r"_raw\.fif: \.fif files are read by mne.*pip install 'memhacl\[data\]'"):
        opened(path)
    monkeypatch.undo()
    (tmp_path / SESSION.replace("_raw.fif", "-eve.fif")).unlink()
    with pytest.raises(DataError, match=r"expected its events in subject01_.*-eve\.fif beside it"):
        opened(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"expected a \.fif file, found a truncated or damaged file"):
        opened(path)


def test_a_chain_of_tags_in_a_circle_ends(tmp_path: Path) -> None:
    path = write_raw(tmp_path / SESSION)
    tags = (100).to_bytes(4, "big") + (31).to_bytes(4, "big") + (0).to_bytes(4, "big")
    path.write_bytes(tags + (16).to_bytes(4, "big") + tags + (0).to_bytes(3, "big") + b"\x08")
    with pytest.raises(DataError, match="a broken tag at byte 16"):
        opened(path)


def test_windows_come_within_the_trials_and_replay_finds_its_modality(tmp_path: Path) -> None:
    for recording in (opened(write(tmp_path)), opened(write_raw(tmp_path / SESSION))):
        assert min(valid_within(recording)) >= 2
        assert choose_modalities(recording, None) == ("EEG",)
        pieces = select(recording, ("EEG",), frozenset({2}))
        assert [len(piece.segment.trials) for piece in pieces] == [1]


@real
def test_the_real_file_has_twelve_people_and_all_their_trials() -> None:
    source = open_source(str(REAL))
    assert source.people == tuple(f"subject{number:02d}" for number in range(1, 13))
    assert source.notes[0].startswith("kalunga_epochs_128hz.npz is read, 1 raw session(s) beside it are not")
    trials = {
        person: [t.stimulus for _, t in source.open(person).trials()] for person in ("subject03", "subject10")
    }
    assert {person: len(found) for person, found in trials.items()} == {"subject03": 32, "subject10": 128}
    assert {
        name: trials["subject10"].count(name) for name in ("rest", "13 Hz", "21 Hz", "17 Hz")
    } == dict.fromkeys(("rest", "13 Hz", "21 Hz", "17 Hz"), 32)


@real
def test_the_real_session_is_the_one_that_the_file_holds() -> None:
    """The same stimuli in the same order and, channel by channel, nearly the same signals."""
    from scipy.signal import butter, sosfiltfilt

    raw, epochs = opened(REAL / SESSION), opened(REAL)
    trials = list(raw.trials())
    assert len(trials) == 32
    assert [t.stimulus for _, t in trials] == [t.stimulus for _, t in list(epochs.trials())[:32]]
    signal = raw.segments[0].signals[0]
    filtered = sosfiltfilt(butter(4, (1, 45), "band", fs=256, output="sos"), signal.data, axis=0)
    order = [signal.format.channels.index(channel) for channel in CHANNELS]
    for number in (0, 9, 31):
        first = round(trials[number][1].onset * 256)
        ours = filtered[first : first + 1280 : 2, order]
        theirs = epochs.segments[number].signals[0].data
        assert min(np.corrcoef(ours[:, c], theirs[:, c])[0, 1] for c in range(8)) > 0.7


@real
def test_real_trials_give_windows() -> None:
    recording = opened(REAL, "subject03")
    assert min(valid_within(recording)) >= 2
