"""A laboratory's sessions from its own files and markers to windows, replay and ratings."""

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from memhacl.stream.errors import DataError
from memhacl.stream.events import Playing, events
from memhacl.stream.lsl.schedule import MarkerPush, Push, TextPush, pushes
from memhacl.stream.lsl.selection import Piece, choose_modalities, select
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import ANCHOR, Marker, Recording, Signal
from memhacl.stream.sources.registry import Source, open_source
from memhacl.stream.spec import ModalitySpec, SignalSpec

Xdf = Callable[[], Any]
START = 5000.25
MARKERS = {
    "stream": "PsychoPy",
    "start": r"video_(?P<stimulus>\w+)_on",
    "end": r"video_\w+_off",
    "rest_start": "fixation",
    "rating": r"rate (?P<scale>\w+) (?P<value>[-\d.]+)",
    "category": r"cond (?P<kind>\w+) (?P<category>\w+)",
}
TEXTS = (
    (2.0, "fixation"),
    (5.0, "video_12_on"),
    (10.0, "video_12_off"),
    (11.0, "rate valence 7"),
    (11.5, "rate arousal 2.5"),
    (12.0, "cond context alone"),
    (14.0, "fixation"),
    (17.0, "video_7_on"),
    (22.0, "video_7_off"),
    (23.0, "rate valence 3"),
)
SPEC = SignalSpec(
    modalities=(
        ModalitySpec(modality="EEG", channels=("Cz", "Oz"), unit="uV", baseline="rest"),
        ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none"),
    )
)


def run(
    xdf: Xdf,
    path: Path,
    texts: tuple[tuple[float, str], ...] = TEXTS,
    *,
    rates: tuple[float, float] = (128.0, 16.0),
    start: float = START,
    seed: int = 0,
) -> Path:
    """26 s of EEG and skin conductance (of rate 0: none), with markers of a stimulus program and a keyboard."""
    file = xdf()
    random = np.random.default_rng([seed, len(path.name)])
    eeg = ({"label": "Cz", "unit": "uV"}, {"label": "Oz", "unit": "uV"})
    for (name, kind, channels), rate in zip(
        (("amp", "EEG", eeg), ("Shimmer", "EDA", ({"label": "skin", "unit": "uS"},))), rates, strict=True
    ):
        if rate:
            times = start + np.arange(round(26 * rate)) / rate
            stream = file.stream(name, kind, rate, channels)
            file.samples(stream, times.tolist(), random.normal(size=(len(times), len(channels))).tolist())
    keys = file.stream("Keyboard", "Markers", 0.0, format="string")
    file.samples(keys, [start + 6.0, start + 17.0], ["video_7_on", "space"])  # a key is no stimulus
    psychopy = file.stream("PsychoPy", "Markers", 0.0, format="string")
    file.samples(psychopy, [start + time for time, _ in texts], [text for _, text in texts])
    return Path(file.write(path))


def described(folder: Path, **values: Any) -> Source:
    path = folder / "lab.yaml"
    path.write_text(yaml.safe_dump({"markers": MARKERS} | values, allow_unicode=True), encoding="utf-8")
    return open_source(str(path))


def stimuli(recording: Recording) -> list[tuple[int, str]]:
    return [(number, trial.stimulus) for number, trial in recording.trials()]


@pytest.fixture
def bids(xdf: Xdf, tmp_path: Path) -> Path:
    """Two people in LabRecorder's folders; the first with three runs and a replaced one."""
    folder = tmp_path / "Sitzungen é 1"
    for person, number in (("01", 2), ("01", 10), ("02", 1)):
        name = f"sub-{person}/ses-1/eeg/sub-{person}_ses-1_task-film_run-{number}_eeg.xdf"
        run(xdf, folder / name, start=START + 100.0 * number, seed=number)
    run(xdf, folder / "sub-01/ses-10/eeg/sub-01_ses-10_task-film_run-1_eeg.xdf", start=10.0)
    run(xdf, folder / "sub-01/ses-1/eeg/sub-01_ses-1_task-film_run-2_eeg_old1.xdf", seed=99)
    (folder / "sub-01/ses-1/eeg/._sub-01_ses-1_task-film_run-2_eeg.xdf").write_bytes(b"a file system's own")
    return folder


def test_a_bids_folder_gives_trials_rest_and_labels_of_runs_in_their_order(bids: Path) -> None:
    source = described(bids.parent, recordings=bids.name, scales={"valence": [1, 9]}, stimuli={"12": "clip-happy"})
    assert source.people == ("sub-01", "sub-02")
    assert source.notes == (
        "1 files are left out: a later recording of the same run replaced them: "
        "sub-01/ses-1/eeg/sub-01_ses-1_task-film_run-2_eeg_old1.xdf",
        "people have different numbers of files: most 3, but sub-02 1",
    )
    recording = pickle.loads(pickle.dumps(source)).open("sub-01")
    assert (recording.source, recording.scales) == ("XDF, 3 files", {"valence": (1.0, 9.0)})
    assert (recording.excluded, recording.notes) == ({}, ())
    assert [segment.start for segment in recording.segments] == [START + 200.0, START + 1000.0, 10.0]
    assert stimuli(recording) == [(n, name) for n in range(3) for name in ("clip-happy", "7")]
    first, second = recording.segments[0].trials
    base = START + 200.0
    assert (first.rest, first.onset, first.end, first.rested) == (base + 2, base + 5, base + 10, None)
    assert (first.ratings, first.categories) == ({"valence": 7.0, "arousal": 2.5}, {"context": "alone"})
    assert (second.rest, second.onset, second.end) == (base + 14, base + 17, base + 22)
    assert (second.ratings, second.categories) == ({"valence": 3.0}, {})


def test_windows_of_a_laboratorys_trials_are_valid_with_the_rest_that_its_rules_tell(bids: Path) -> None:
    for rules, count in ((MARKERS, 10), ({k: v for k, v in MARKERS.items() if k != "rest_start"}, 0)):
        recording = described(bids.parent, recordings=bids.name, markers=rules).open("sub-02")
        (segment,) = recording.segments
        windows = [
            window
            for _, window in recording_windows(recording, SPEC)
            if any(trial.onset <= window.start and window.end <= trial.end for trial in segment.trials)
        ]
        assert len(windows) == 10
        assert sum(window.valid for window in windows) == count
        assert count or all("baseline_warmup:EEG" in window.reasons for window in windows)


def test_a_flat_folder_is_people_by_a_pattern_of_the_path(xdf: Xdf, tmp_path: Path) -> None:
    for name in ("P10 b.xdf", "P2 zwei.xdf", "P2 eins.xdf", "pilot.xdf", "P3/test.xdf", "P3/weg.xdf"):
        run(xdf, tmp_path / name, start=float(ord(name[3])))
    source = described(
        tmp_path, recordings=".", person=r"^(?P<person>P\d+)", leave_out_files=["*/weg*"], leave_out=["P10"]
    )
    assert source.people == ("P2", "P3")
    assert "1 files are left out: the data file leaves them out: P3/weg.xdf" in source.notes
    assert "1 files are left out: their path does not match the data file's 'person': pilot.xdf" in source.notes
    assert [segment.start for segment in source.open("P2").segments] == [ord("e"), ord("z")]
    assert source.open("P3").source == "test.xdf"


def test_ratings_come_from_a_csv_file_by_stimulus_or_by_number_over_all_runs(bids: Path) -> None:
    lines = ["who,clip,n,Arousal,Emotion", "sub-01,12,1,2.5,joy", "sub-01,7,6,8,fear", "sub-09,12,1,5,joy"]
    lines += [f"sub-01,x{number},{number},NA,n/a" for number in range(2, 6)]
    (bids / "Bewertung.csv").write_text("\n".join(lines), encoding="utf-8")
    columns = {"file": f"{bids.name}/Bewertung.csv", "person": "who", "categories": {"emotion": "Emotion"}}
    columns["scales"] = {"arousal": "Arousal"}
    source = described(bids.parent, recordings=bids.name, ratings=columns | {"trial": "n"})
    assert "Bewertung.csv: rows of people who are not there are left out: 'sub-09' in line 4" in source.notes
    recording = source.open("sub-01")
    assert [trial.categories.get("emotion") for _, trial in recording.trials()] == ["joy", *[None] * 4, "fear"]
    assert [trial.ratings.get("arousal") for _, trial in recording.trials()] == [2.5, None, 2.5, None, 2.5, 8.0]
    assert recording.notes == ()
    by_stimulus = described(bids.parent, recordings=bids.name, ratings=columns | {"stimulus": "clip"})
    recording = by_stimulus.open("sub-01")
    assert [trial.categories["emotion"] for _, trial in recording.trials()] == ["joy", "fear"] * 3
    assert recording.notes == (
        "Bewertung.csv: rows of trials that are not there are left out: 'x2' of 'sub-01' in line 5, "
        "'x3' of 'sub-01' in line 6, 'x4' of 'sub-01' in line 7, ... (4 in all)",
        "Bewertung.csv: 'sub-01' saw '12', '7' more than once: one row counts each time",
    )


def test_numbers_of_trials_are_not_trusted_where_trials_are_left_out(xdf: Xdf, tmp_path: Path) -> None:
    run(xdf, tmp_path / "P1.xdf", TEXTS[:8])
    (tmp_path / "r.csv").write_text("who,n,v\nP1,1,5\n")
    ratings = {"file": "r.csv", "person": "who", "trial": "n", "scales": {"valence": "v"}}
    with pytest.raises(
        DataError, match=r"r\.csv: tells trials apart by their numbers, .*'P1' .* \(P1\.xdf: 1 no_end\)"
    ):
        described(tmp_path, recordings=".", ratings=ratings).open("P1")


def sent(recording: Recording, piece: Piece) -> list[Push]:
    return list(pushes(piece, 0.0, 1.0, recording.person))


def facts(markers: list[Marker]) -> list[tuple[float, str, object]]:
    """Times, words and what is said of trials, but for their numbers, which prediction does not count."""
    said = []
    for marker in markers:
        word, _, rest = marker.text.partition(" ")
        values = json.loads(rest) | {"trial": None} if word == "memhacl:trial_start" else rest
        said.append((round(marker.time, 6), word, values))
    return sorted(said, key=lambda item: (item[0], item[1], str(item[2])))


def test_a_replay_sends_the_laboratorys_texts_and_the_markers_that_prediction_sees(bids: Path) -> None:
    recording = described(bids.parent, recordings=bids.name).open("sub-02")
    (piece,) = select(recording, choose_modalities(recording, None))
    played = sent(recording, piece)
    own = [(push.stream, push.stamp, push.texts) for push in played if isinstance(push, TextPush)]
    assert own == [
        (stream, pytest.approx(time), (text,))
        for time, stream, text in sorted(
            [*((time, "PsychoPy", text) for time, text in TEXTS), (6.0, "Keyboard", "video_7_on"),
             (17.0, "Keyboard", "space")]
        )
    ]  # fmt: skip
    implied = [push for push in played if isinstance(push, MarkerPush)]
    assert [(round(push.due, 6), push.text.split()[0], push.number) for push in implied] == [
        (0.0, "memhacl:anchor", None),
        *((time, f"memhacl:{word}", 1) for time, word in
          ((2.0, "rest_start"), (5.0, "rest_end"), (5.0, "trial_start"), (10.0, "trial_end"))),
        *((time, f"memhacl:{word}", 2) for time, word in
          ((14.0, "rest_start"), (17.0, "rest_end"), (17.0, "trial_start"), (22.0, "trial_end"))),
    ]  # fmt: skip
    replayed = [Marker(push.due, push.text) for push in implied]
    replayed += [Marker(push.stamp, text) for push in played if isinstance(push, TextPush) for text in push.texts]
    predicted = events(recording.person, piece.segment)
    assert facts(replayed) == facts([Marker(marker.time - START - 100.0, marker.text) for marker in predicted])


def test_a_chosen_trial_is_played_with_its_own_markers_alone(bids: Path) -> None:
    recording = described(bids.parent, recordings=bids.name).open("sub-01")
    (piece,) = select(recording, choose_modalities(recording, None), frozenset({4}))
    assert piece.numbers == (4,)
    implied = [push for push in sent(recording, piece) if isinstance(push, MarkerPush)]
    assert [push.text.split()[0].partition(":")[2] for push in implied] == [
        "anchor", "rest_start", "rest_end", "trial_start", "trial_end",
    ]  # fmt: skip
    assert json.loads(implied[3].text.partition(" ")[2])["stimulus"] == "7"
    assert all(push.number in (None, 4) for push in implied)


def test_a_session_of_our_own_markers_is_replayed_without_doubling_them(xdf: Xdf, tmp_path: Path) -> None:
    texts = (
        (1.0, "memhacl:rest_start"), (4.0, "memhacl:rest_end"),
        (5.0, 'memhacl:trial_start {"stimulus":"a","categories":{"emotion":"joy"}}'), (9.0, "memhacl:trial_end"),
    )  # fmt: skip
    run(xdf, tmp_path / "P1.xdf", texts)
    recording = open_source(str(tmp_path)).open("P1")
    ((_, trial),) = recording.trials()
    assert (trial.rest, trial.rested, trial.categories) == (START + 1, START + 4, {"emotion": "joy"})
    (piece,) = select(recording, choose_modalities(recording, None))
    assert [push.text for push in sent(recording, piece) if isinstance(push, MarkerPush)] == ["memhacl:anchor"]


def test_markers_are_read_from_a_stream_of_numbers_or_of_an_odd_type(xdf: Xdf, tmp_path: Path) -> None:
    for name, kind, rate in (
        ("codes.xdf", "Markers", 0.0),
        ("odd.xdf", "Experiment", 0.0),
        ("levels.xdf", "Stim", 32.0),
    ):
        file = xdf()
        file.samples(file.stream("amp", "EEG", 32.0), (np.arange(640) / 32).tolist(), [0.0] * 640)
        trig = file.stream("trigger", kind, rate, format="int32")
        if rate:
            levels = np.zeros(640, dtype=int)
            levels[64:70], levels[320:322] = 12, 99
            file.samples(trig, (np.arange(640) / 32).tolist(), levels.tolist())
        else:
            file.samples(trig, [2.0, 10.0], [12, 99])
        file.write(tmp_path / name)
    rules = {"start": "1[0-9]", "end": "99", "stream": "trig*"}
    source = described(tmp_path, recordings=".", markers=rules, stimuli={"12": "sad"})
    for person in source.people:
        ((_, trial),) = source.open(person).trials()
        assert (trial.stimulus, trial.onset, trial.end) == ("sad", 2.0, 10.0)


def test_what_is_left_out_or_odd_in_some_runs_is_counted_and_said(xdf: Xdf, tmp_path: Path) -> None:
    run(xdf, tmp_path / "sub-1_run-1.xdf")
    run(xdf, tmp_path / "sub-1_run-2.xdf", TEXTS[:8], rates=(256.0, 0.0))
    broken_off = (*TEXTS[1:2], *TEXTS[7:], (25.0, "video_9_off"))
    run(xdf, tmp_path / "sub-1_run-3.xdf", broken_off)
    shutil.copy(tmp_path / "sub-1_run-1.xdf", tmp_path / "sub-1_run-9 Kopie.xdf")
    file = xdf()
    file.samples(file.stream("amp", "EEG", 128.0, ({"label": "Cz"}, {"label": "O1"})), [1.0], [[2.0, 3.0]])
    file.write(tmp_path / "sub-1_run-4.xdf")
    source = described(tmp_path, recordings=".")
    assert source.notes == (
        "1 files are left out: they are copies of the same person's: sub-1_run-9 Kopie.xdf (as sub-1_run-1.xdf)",
    )
    recording = source.open("sub-1")
    assert recording.excluded == {"duplicate_file": 1, "no_end": 2, "no_start": 1}
    assert stimuli(recording) == [(0, "12"), (0, "7"), (1, "12"), (2, "7")]
    assert recording.notes == (
        f"sub-1_run-2.xdf: trials without an end are left out: '7' at {START + 17:.3f} s",
        f"sub-1_run-3.xdf: trials without an end are left out: '12' at {START + 5:.3f} s",
        f"sub-1_run-3.xdf: ends without a start are left out: 'video_9_off' at {START + 25:.3f} s",
        "sub-1_run-4.xdf: has no stream of markers as the data file names it: no trials",
        "sub-1_run-2.xdf: EEG: comes at 256 Hz, but sub-1_run-1.xdf has 128 Hz",
        "sub-1_run-4.xdf: EEG: has other channels, but sub-1_run-1.xdf has Cz, Oz",
        "sub-1_run-2.xdf: GSR: there is none, but sub-1_run-1.xdf has it",
        "sub-1_run-4.xdf: GSR: there is none, but sub-1_run-1.xdf has it",
    )
    whole = replace(recording, segments=recording.segments[:3])
    assert {n for n, window in recording_windows(whole, SPEC) if window.valid} == {0}  # 2 has no rest
    assert {n for n, window in recording_windows(whole, SPEC) if "missing:GSR" in window.reasons} == {1}


def test_a_run_without_the_chosen_stream_has_none_of_its_modality(xdf: Xdf, tmp_path: Path) -> None:
    run(xdf, tmp_path / "sub-1_run-1.xdf")
    file = xdf()
    file.samples(file.stream("old", "GSR", 16.0), [50.0, None], [2.0, 3.0])
    file.write(tmp_path / "sub-1_run-2.xdf")
    (tmp_path / "lab.yaml").write_text("recordings: .\nstreams: {GSR: Shim*}\n")
    recording = open_source(str(tmp_path / "lab.yaml")).open("sub-1")
    assert [s.format.modality for s in recording.segments[1].signals] == ["GSR (other)"]
    assert recording.notes[-1] == "lab.yaml: person sub-1, at 50.000 s: no stream 'Shim*', so no GSR"


def test_a_run_that_cannot_be_read_is_named_and_may_be_left_out(xdf: Xdf, tmp_path: Path) -> None:
    run(xdf, tmp_path / "sub-1_run-1.xdf")
    (tmp_path / "sub-1_run-2.xdf").write_bytes(b"")
    with pytest.raises(DataError, match=r"sub-1_run-2\.xdf: expected an XDF file, found an empty one"):
        described(tmp_path, recordings=".").open("sub-1")
    recording = described(tmp_path, recordings=".", leave_out_files=["*run-2*"]).open("sub-1")
    assert len(recording.segments) == 1


def test_a_stream_of_markers_that_nobody_has_is_an_error_that_lists_the_streams(xdf: Xdf, tmp_path: Path) -> None:
    run(xdf, tmp_path / "P1.xdf")
    with pytest.raises(
        DataError, match=r"person P1: expected a stream 'Unity' .*'amp' \(EEG\), .*, 'PsychoPy' \(Markers\)"
    ):
        described(tmp_path, recordings=".", markers=MARKERS | {"stream": "Unity"}).open("P1")


def test_what_the_reader_says_of_a_file_is_in_the_recordings_notes(xdf: Xdf, tmp_path: Path) -> None:
    path = run(xdf, tmp_path / "P1.xdf")
    path.write_bytes(path.read_bytes()[:-10])
    recording = open_source(str(path)).open("P1")
    for note, begin in zip(
        recording.notes,
        (
            "P1.xdf: ends within a chunk",
            "P1.xdf: stream 'PsychoPy' (Markers) is left out: it holds no samples",
            "P1.xdf: none of its 2 markers is memhacl:trial_start: no trials",
        ),
        strict=True,
    ):
        assert note.startswith(begin)


def test_ratings_of_our_own_markers_are_held_to_the_scales(xdf: Xdf, tmp_path: Path) -> None:
    texts = ((5.0, 'memhacl:trial_start {"stimulus":"a","ratings":{"valence":12}}'), (9.0, "memhacl:trial_end"))
    run(xdf, tmp_path / "P1.xdf", texts)
    (tmp_path / "lab.yaml").write_text("recordings: .\nscales: {valence: [1, 9]}\n")
    with pytest.raises(DataError, match=r"P1\.xdf, trial 'a' at 5005\.250 s: rates valence 12, expected 1 to 9"):
        open_source(str(tmp_path / "lab.yaml")).open("P1")


def test_signals_keep_their_rates_and_stamps(bids: Path) -> None:
    segment = described(bids.parent, recordings=bids.name).open("sub-02").segments[0]
    assert [(s.format.modality, s.format.rate) for s in segment.signals] == [("EEG", 128.0), ("GSR", 16.0)]
    assert all(isinstance(signal, Signal) and signal.times is not None for signal in segment.signals)


def test_a_trial_that_no_signal_was_recorded_in_is_left_out_and_counted(xdf: Xdf, tmp_path: Path) -> None:
    texts = (
        (-9.0, "video_1_on"), (-4.0, "video_1_off"), (-3.0, "video_2_on"), (2.0, "video_2_off"),
        (25.0, "video_3_on"), (31.0, "video_3_off"), (40.0, "video_4_on"), (45.0, "video_4_off"),
    )  # fmt: skip
    run(xdf, tmp_path / "P1.xdf", texts)
    recording = described(tmp_path, recordings=".").open("P1")
    assert stimuli(recording) == [(0, "2"), (0, "3")]
    assert recording.excluded == {"outside_signals": 2}
    assert recording.notes[-1] == (
        "P1.xdf: trials before the first sample of the signals or after the last are left out: "
        f"'1' at {START - 9:.3f} s, '4' at {START + 40:.3f} s"
    )


def test_a_trigger_channel_alone_is_no_signal_of_a_trial(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    file.samples(file.stream("amp", "EEG", 32.0), (np.arange(640) / 32).tolist(), [0.0] * 640)
    file.samples(file.stream("trigger", "Stim", 0.0, format="int32"), [2.0, 10.0, 30.0, 40.0], [12, 99, 13, 99])
    file.write(tmp_path / "P1.xdf")
    rules = {"start": "1[0-9]", "end": "99", "stream": "trigger"}
    recording = described(tmp_path, recordings=".", markers=rules).open("P1")
    assert (stimuli(recording), recording.excluded) == ([(0, "12")], {"outside_signals": 1})


def test_stimuli_that_no_marker_names_are_said(bids: Path) -> None:
    source = described(bids.parent, recordings=bids.name, stimuli={"12": "happy", "video_7_on": "sad"})
    assert source.open("sub-02").notes == (
        "stimuli of the data file: no trial of 'sub-02' is called 'video_7_on' by its markers",
    )


def test_what_begins_before_the_first_sample_plays_from_there_in_training_prediction_and_replay(
    xdf: Xdf, tmp_path: Path
) -> None:
    own = (
        (-3.0, 'memhacl:trial_start {"stimulus":"2"}'), (4.0, "memhacl:trial_end"),
        (5.0, 'memhacl:trial_start {"stimulus":"3"}'), (9.0, "memhacl:trial_end"),
    )  # fmt: skip
    lab = ((-3.0, "video_2_on"), (4.0, "video_2_off"), (5.0, "video_3_on"), (9.0, "video_3_off"))
    run(xdf, tmp_path / "own" / "P1.xdf", own)
    run(xdf, tmp_path / "lab" / "P1.xdf", lab)
    spec = SPEC.model_copy(update={"modalities": SPEC.modalities[1:]})
    for recording in (
        open_source(str(tmp_path / "own")).open("P1"),
        described(tmp_path / "lab", recordings=".").open("P1"),
    ):
        ((_, first), (_, second)) = recording.trials()
        assert (first.onset, second.onset) == (START - 3, START + 5)
        playing = Playing()
        for _, window in recording_windows(recording, spec):
            named = playing.at(window.start, window.markers)
            inside = [
                t.stimulus for t in (first, second) if t.onset <= window.start + 1e-3 and window.start < t.end
            ]
            assert [named] == (inside or [""])
        (piece,) = select(recording, choose_modalities(recording, None))
        played = [push for push in sent(recording, piece) if isinstance(push, MarkerPush)]
        first_sample = next(number for number, push in enumerate(played) if push.text == ANCHOR)
        assert played[first_sample + 1].due == played[first_sample].due
        assert json.loads(played[first_sample + 1].text.partition(" ")[2])["stimulus"] == "2"
