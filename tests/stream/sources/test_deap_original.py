"""DEAP's original BDF files: labels, units, videos from the status, and ratings that never shift by a trial."""

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins import deap_original_files as made
from plugins.bdf import Track, WriteBdf, words
from plugins.deap_files import WriteDeap

from memhacl.stream.errors import DataError
from memhacl.stream.lsl.selection import choose_modalities, select
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import Recording, Signal
from memhacl.stream.sources.deap import layout as deap_layout
from memhacl.stream.sources.deap.presentations import find_ratings, read_ratings
from memhacl.stream.sources.deap.trials import VIDEO
from memhacl.stream.sources.registry import open_source
from memhacl.stream.spec import Conditioning, ModalitySpec, SignalSpec

TRIALS, SECONDS = 3, 6.0
CSV = Path("metadata_csv") / "participant_ratings.csv"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, write_deap_original: made.WriteDeapOriginal) -> Path:
    return write_deap_original(tmp_path_factory.mktemp("DEAP é") / "all of it", (2, 23), TRIALS, SECONDS)


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "deap"))


@pytest.fixture(scope="module")
def twente(written: Path) -> Recording:
    return open_source(str(written)).open("s02")


@pytest.fixture(scope="module")
def geneva(written: Path) -> Recording:
    return open_source(str(written)).open("s23")


def signal(recording: Recording, modality: str) -> Signal:
    (segment,) = recording.segments
    (found,) = (one for one in segment.signals if one.format.modality == modality)
    return found


def test_signals_have_the_preprocessed_files_channels_at_their_own_rate(twente: Recording) -> None:
    formats = [
        (form.modality, form.channels, form.unit if form.modality != "GSR" else "nS")
        for form in deap_layout.FORMATS
    ]
    found = twente.segments[0].signals
    assert [(one.format.modality, one.format.channels, one.format.unit) for one in found] == formats
    assert {(one.format.rate, one.format.already_done, one.start) for one in found} == {(512.0, (), 0.0)}
    assert all(one.data.dtype == np.float32 and one.data.flags.c_contiguous for one in found)
    assert {len(one.data) for one in found} == {int(twente.segments[0].end * 512)}


@pytest.mark.parametrize("person", ["twente", "geneva"])
def test_electrodes_are_found_by_name_in_either_order(person: str, request: pytest.FixtureRequest) -> None:
    eeg = signal(request.getfixturevalue(person), "EEG")
    np.testing.assert_allclose(eeg.data.mean(axis=0), [made.level(label) for label in eeg.format.channels], atol=1)
    assert made.TWENTE != made.GENEVA
    assert set(made.TWENTE) == set(made.GENEVA) == set(eeg.format.channels)


def test_derivations_are_the_first_electrode_minus_the_second(geneva: Recording) -> None:
    np.testing.assert_allclose(
        signal(geneva, "EOG").data.mean(axis=0), [1000.0 * (1 - 4), 1000.0 * (9 - 16)], atol=2
    )
    np.testing.assert_allclose(signal(geneva, "EMG").data.mean(axis=0), [-11000, -15000], atol=2)


def test_skin_is_a_conductance_in_twente_and_a_resistance_in_geneva(twente: Recording, geneva: Recording) -> None:
    for recording, unit, level in ((twente, "nS", 5000.0), (geneva, "ohm", 2e5)):
        skin = signal(recording, "GSR")
        assert skin.format.unit == unit
        assert skin.data.mean() == pytest.approx(level, rel=0.05)
    assert signal(geneva, "Temp").data.mean() == pytest.approx(32, abs=0.5)


@pytest.mark.parametrize(
    ("person", "stated", "unit", "noted"),
    [(2, "uV", "nS", False), (2, "", "nS", False), (2, "Ohm", "ohm", True), (2, "uS", "uS", True),
     (23, "uV", "ohm", False), (23, "nS", "nS", True), (23, "kOhm", "kohm", True)],
)  # fmt: skip
def test_a_header_that_states_a_skin_unit_wins(
    person: int, stated: str, unit: str, noted: bool, written: Path, write_bdf: WriteBdf, tmp_path: Path
) -> None:
    seconds = made.length(person, TRIALS, SECONDS)
    status = words(seconds * 64, made.codes(person, TRIALS, SECONDS, 64))
    write_bdf(tmp_path / f"s{person:02d}.bdf", made.tracks(person, seconds, status, 64, stated), seconds)
    shutil.copy(written / CSV, tmp_path)
    recording = open_source(str(tmp_path)).open(f"s{person:02d}")
    assert signal(recording, "GSR").format.unit == unit
    assert any("by the header" in note for note in recording.notes) == noted


@pytest.mark.parametrize(("person", "number"), [("twente", 2), ("geneva", 23)])
def test_trials_are_the_videos_with_the_ratings_of_their_presentation(
    person: str, number: int, request: pytest.FixtureRequest
) -> None:
    recording: Recording = request.getfixturevalue(person)
    trials = recording.segments[0].trials
    rows = {row[1]: row for row in made.ratings([number], TRIALS, SECONDS)}
    expected = [f"{stimulus:02d}" for stimulus in made.order(number, TRIALS)]
    assert [trial.stimulus for trial in trials] == expected != sorted(expected)
    for place, (trial, onset) in enumerate(zip(trials, made.onsets(number, TRIALS, SECONDS), strict=True), 1):
        assert (trial.rest, trial.onset, trial.end) == pytest.approx((onset - 5, onset, onset + SECONDS), abs=1e-9)
        given_ = [float(text) for text in rows[str(place)][4:8]]
        assert [trial.ratings[scale] for scale in ("valence", "arousal", "dominance", "liking")] == given_
        assert ("familiarity" in trial.ratings) == (number != 2)
    assert (recording.excluded, recording.notes) == ({}, ())
    assert recording.scales == {
        "valence": (1, 9), "arousal": (1, 9), "dominance": (1, 9), "liking": (1, 9), "familiarity": (1, 5)
    }  # fmt: skip


def test_the_same_video_has_the_same_name_as_in_the_preprocessed_files(
    twente: Recording, geneva: Recording
) -> None:
    assert {trial.stimulus for _, trial in twente.trials()} == {trial.stimulus for _, trial in geneva.trials()}
    assert {trial.stimulus for _, trial in twente.trials()} == {
        deap_layout.stimulus_name(i) for i in range(TRIALS)
    }


def test_windows_come_out_valid_within_the_trials(geneva: Recording) -> None:
    spec = SignalSpec(
        modalities=(
            ModalitySpec(
                modality="EEG",
                channels=deap_layout.ELECTRODES[:8],
                unit="uV",
                conditioning=Conditioning(band=(4.0, 45.0), reference="average"),
            ),
            ModalitySpec(modality="GSR", channels=("GSR",), unit="uS"),
            ModalitySpec(modality="Temp", channels=("Temp",), unit="degC"),
        )
    )
    found = list(recording_windows(geneva, spec))
    for trial in geneva.segments[0].trials:
        inside = [window for _, window in found if trial.onset + 1 <= window.start <= trial.end - 1]
        assert len(inside) >= SECONDS - 3
        assert all(window.valid for window in inside)
        assert inside[0].data.shape == (10, 128)


def test_it_can_be_replayed(twente: Recording) -> None:
    chosen = choose_modalities(twente, None)
    assert chosen == ("EEG", "GSR", "Resp", "Temp", "BVP", "EOG", "EMG")
    (piece,) = select(twente, chosen, frozenset({2}))
    assert [trial.stimulus for trial in piece.segment.trials] == [twente.segments[0].trials[1].stimulus]


@pytest.mark.parametrize("where", [".", "data_original", "data_original/s23.bdf"])
def test_it_is_found_from_each_place(where: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(str(folder / where))
    assert source.name == "DEAP original"
    assert source.people == (("s23",) if where.endswith("bdf") else ("s02", "s23"))
    assert len(source.open("s23").segments[0].trials) == TRIALS
    monkeypatch.chdir(folder / "data_original")
    assert len(open_source(".").open("s23").segments[0].trials) == TRIALS


@pytest.mark.parametrize("place", ["data_original", "", "metadata_xls", "data_original/metadata_csv"])
def test_ratings_are_found_in_each_place(place: str, folder: Path) -> None:
    target = folder / place / "Participant_Ratings.CSV"
    target.parent.mkdir(exist_ok=True)
    (folder / CSV).rename(target)
    assert find_ratings(folder / "data_original") == target.parent.absolute() / target.name
    assert len(open_source(str(folder)).open("s02").segments[0].trials) == TRIALS


def test_the_preprocessed_files_beside_them_ask_for_a_choice(folder: Path, write_deap_files: WriteDeap) -> None:
    write_deap_files(folder / "data_preprocessed_python", people=1, trials=1)
    with pytest.raises(
        DataError, match="expected one data set, found DEAP and DEAP original; give the folder of one"
    ):
        open_source(str(folder))
    assert open_source(str(folder / "data_original")).name == "DEAP original"


def test_the_list_of_files_tells_who_is_missing(folder: Path) -> None:
    (note,) = open_source(str(folder)).notes
    assert note.startswith("30 of DEAP's 32 people are not here: s01, s03,")
    assert open_source(str(folder / "data_original" / "s02.bdf")).notes == ()


def test_the_source_can_be_pickled_and_its_fingerprint_follows_the_content(folder: Path) -> None:
    source = open_source(str(folder))
    assert pickle.loads(pickle.dumps(source)).people == source.people
    first = source.fingerprint()
    assert open_source(str(folder / "data_original")).fingerprint() == first
    text = (folder / CSV).read_text()
    (folder / CSV).write_text(text.replace(",1,", ",2,", 1))
    assert open_source(str(folder)).fingerprint() != first


def test_without_ratings_nobody_is_opened(folder: Path) -> None:
    (folder / CSV).rename(folder / CSV.with_suffix(".xls"))
    source = open_source(str(folder))
    assert "participant_ratings.csv is missing" in source.notes[-1]
    with pytest.raises(
        DataError, match=r"participant_ratings\.xls: expected participant_ratings\.csv.*save it as CSV"
    ):
        source.open("s02")
    (folder / CSV.with_suffix(".xls")).unlink()
    with pytest.raises(DataError, match=r"s02\.bdf: expected participant_ratings\.csv in its folder.*found none"):
        open_source(str(folder)).open("s02")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda text: "", "expected the columns participant_id, trial, .*found no participant_id"),
        (lambda text: text.replace("Arousal", "Arousel"), "found no arousal among participant_id, trial,"),
        (lambda text: text.replace("\n2,1,", "\n2,x,"), "line 2: trial: expected a whole number, found 'x'"),
        (lambda text: text.replace("\n2,1,", "\n2,2,"), "participant 2: expected each trial once, found trial 2"),
        (lambda text: text.replace("\n2,1,", "\n2,1,4"), "expected an experiment_id from 1 to 40"),
        (lambda text: text.replace("\n2,", "\n3,"), "expected rows of participant 2, found participants 3, 23"),
        (lambda text: text.replace("\n2,1,", "\n2,1,1,1,"), "line 2: expected 9 values, found 11"),
        (lambda text: text[: text.rindex(",")], "line 7: expected 9 values, found 8"),
        (lambda text: "\0" + text, "found no participant_id|cannot be read"),
    ],
)
def test_damaged_ratings_are_told(change: Callable[[str], str], match: str, folder: Path) -> None:
    before = (folder / CSV).read_text()
    text = change(before)
    assert text != before
    (folder / CSV).write_text(text)
    with pytest.raises(DataError, match=rf"participant_ratings\.csv: .*{match}|{match}") as raised:
        open_source(str(folder)).open("s02")
    assert "\n" not in str(raised.value)


def test_a_rating_outside_its_scale_is_told_with_its_line(folder: Path) -> None:
    lines = (folder / CSV).read_text().splitlines()
    cells = lines[2].split(",")
    (folder / CSV).write_text("\n".join([*lines[:2], ",".join([*cells[:4], "9.5", *cells[5:]]), *lines[3:]]))
    with pytest.raises(DataError, match=r"participant_ratings\.csv: line 3: rates valence 9\.5, expected 1 to 9"):
        open_source(str(folder)).open("s23")


def test_ratings_may_come_out_of_any_spreadsheet(folder: Path) -> None:
    expected = read_ratings(folder / CSV)
    text = (folder / CSV).read_text()
    german = text.replace(",", ";").replace(".", ",").upper()
    for written in ("\ufeff" + text.replace("\n", "\r\n"), german, text.replace(",", "\t") + "\n\n"):
        (folder / CSV).write_text(written, encoding="utf-8", newline="")
        found = read_ratings(folder / CSV)
        assert found.keys() == expected.keys()
        for person, rows in found.items():
            assert rows == expected[person]


def test_a_missing_channel_is_named(folder: Path, write_bdf: WriteBdf) -> None:
    seconds = made.length(2, TRIALS, SECONDS)
    tracks = made.tracks(2, seconds, words(seconds * 64, made.codes(2, TRIALS, SECONDS, 64)), 64)
    for label in ("PO4", "EXG3", "GSR1", "Resp", "Plet", "Temp", "Status"):
        lacking = [replace(one, label="?") if one.label == label else one for one in tracks]
        write_bdf(folder / "data_original" / "s02.bdf", lacking, seconds)
        with pytest.raises(DataError, match=rf"s02\.bdf: expected a channel '{label}', found none among"):
            open_source(str(folder)).open("s02")


def rewritten(folder: Path, write_bdf: WriteBdf, codes: dict[int, int], seconds: int = 80) -> Recording:
    tracks = made.tracks(2, seconds, words(seconds * 64, codes, 0x58FF00), 64)
    write_bdf(folder / "data_original" / "s02.bdf", tracks, seconds)
    return open_source(str(folder)).open("s02")


def names(recording: Recording) -> list[str]:
    return [trial.stimulus for _, trial in recording.trials()]


def test_a_lost_marker_is_found_by_the_times_of_the_others(
    twente: Recording, write_bdf: WriteBdf, tmp_path: Path
) -> None:
    trials, expected = 6, [f"{stimulus:02d}" for stimulus in made.order(2, 6)]
    made.write_ratings(tmp_path / CSV, made.ratings([2], trials, SECONDS))
    codes = made.codes(2, trials, SECONDS, 64)
    seconds = max(codes) // 64 + 3
    starts = [sample for sample, code in codes.items() if code == VIDEO]
    (tmp_path / "data_original").mkdir()
    for lost in range(trials):
        left = {sample: code for sample, code in codes.items() if sample != starts[lost]}
        recording = rewritten(tmp_path, write_bdf, left, seconds)
        assert names(recording) == expected[:lost] + expected[lost + 1 :]
        assert recording.excluded == {"no_video_marker": 1}
        assert recording.notes[0] == "s02.bdf: 5 videos are marked, 6 are rated"
    codes[64] = VIDEO  # one that belongs to no rating
    recording = rewritten(tmp_path, write_bdf, codes, seconds)
    assert names(recording) == expected
    assert recording.excluded == {"no_rating": 1}


def test_labels_never_shift_silently(folder: Path, write_bdf: WriteBdf) -> None:
    rows = made.ratings([2], TRIALS, SECONDS)
    made.write_ratings(folder / CSV, [[*row[:3], "", *row[4:]] for row in rows])
    codes = made.codes(2, TRIALS, SECONDS, 64)
    starts = [sample for sample, code in codes.items() if code == VIDEO]
    del codes[starts[0]]
    with pytest.raises(
        DataError, match=r"s02\.bdf: expected a video marker .* 3 rated trials, found 2, and Start_t"
    ):
        rewritten(folder, write_bdf, codes)
    del codes[starts[1]], codes[starts[2]]
    with pytest.raises(DataError, match=r"expected video markers \(status 4\), found none in 80 s"):
        rewritten(folder, write_bdf, codes)


def test_a_rating_that_was_not_given_leaves_the_other_trials_in_place(folder: Path) -> None:
    lines = (folder / CSV).read_text().splitlines()
    (folder / CSV).write_text("\n".join([*lines[:2], *lines[3:]]))  # without trial 2 of 3
    recording = open_source(str(folder)).open("s02")
    expected = [f"{stimulus:02d}" for stimulus in made.order(2, TRIALS)]
    assert names(recording) == [expected[0], expected[2]]
    assert recording.excluded == {"no_rating": 1}


def test_a_file_that_was_cut_off_loses_the_trial_it_broke(folder: Path, write_bdf: WriteBdf) -> None:
    codes = made.codes(2, TRIALS, SECONDS, 64)
    end = made.onsets(2, TRIALS, SECONDS)[-1] + 2
    path = write_bdf(folder / "data_original" / "s02.bdf", made.tracks(2, 80, words(80 * 64, codes), 64), 80)
    header = 256 * 49
    path.write_bytes(path.read_bytes()[: header + int(end) * 48 * 64 * 3 + 77])
    recording = open_source(str(folder)).open("s02")
    assert len(recording.segments[0].trials) == TRIALS - 1
    assert recording.excluded == {"cut_off": 1}
    assert "s02.bdf: the file is cut off" in recording.notes[0]


@pytest.mark.parametrize("name", ["s33.bdf", "s00.bdf", "s1.bdf", "s001.bdf", "x01.bdf", "s01.bdf.zip", "s01.edf"])
def test_other_files_are_none_of_deaps(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(DataError, match="known"):
        open_source(str(tmp_path))


def test_an_empty_file_is_told(folder: Path) -> None:
    (folder / "data_original" / "s02.bdf").write_bytes(b"")
    with pytest.raises(DataError, match=r"s02\.bdf: expected a BDF file, found an empty one"):
        open_source(str(folder)).open("s02")


def test_a_folder_that_only_looks_like_deaps_is_told(tmp_path: Path, write_bdf: WriteBdf, written: Path) -> None:
    write_bdf(tmp_path / "s02.bdf", [Track("C3", np.zeros(8)), Track("Status", np.zeros(8))], 1)
    shutil.copy(written / CSV, tmp_path)
    with pytest.raises(DataError, match=r"s02\.bdf: expected .*found"):
        open_source(str(tmp_path)).open("s02")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_told_or_leaves_a_recording(data: st.DataObject, folder: Path, written: Path) -> None:
    name = data.draw(st.sampled_from([CSV, Path("data_original") / "s02.bdf"]))
    content = bytearray((written / name).read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, min(len(content), 49 * 256) - 1))] = data.draw(st.integers(0, 255))
    path = shutil.copytree(written, folder / "again", dirs_exist_ok=True)
    (path / name).write_bytes(content)
    told = ""
    try:
        recording = open_source(str(path)).open("s02")
        assert len(recording.segments[0].trials) + sum(recording.excluded.values()) >= TRIALS
    except DataError as problem:
        told = str(problem)
    assert "\n" not in told
