import shutil
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import Recording
from memhacl.stream.sources.simulated.people import People
from memhacl.stream.sources.simulated.source import SimulatedSource
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.train.config import PeopleConfig, TrialConfig
from memhacl.train.corpus.prepare import Plan, prepare
from memhacl.train.corpus.store import Corpus, load_corpus, verify
from memhacl.train.corpus.window_file import WindowWriter
from memhacl.train.progress import stage_bar

SPEC = SignalSpec(
    modalities=(
        ModalitySpec(modality="EEG", channels=("Fz", "O1"), unit="uV"),
        ModalitySpec(modality="Temp", channels=("Temp",), unit="degC"),
    )
)
PEOPLE = People(subjects=3, stimuli=2, rest=3, seconds=4, seed=1)


class Edited:
    """Simulated people whose recordings pass through ``edit`` on the way."""

    def __init__(self, people: People, edit: Callable[[Recording], Recording]):
        self._source = SimulatedSource(people)
        self._edit = edit
        self.name = "edited people"
        self.people = self._source.people
        self.notes: tuple[str, ...] = ()
        self.one_file = False

    def open(self, person: str) -> Recording:
        return self._edit(self._source.open(person))

    def fingerprint(self) -> str:
        return "f" * 64


def prepared(
    source: SimulatedSource | Edited, folder: Path, spec: SignalSpec = SPEC, plan: Plan | None = None
) -> Corpus:
    folder.mkdir(exist_ok=True)
    with stage_bar("prepare", Console(file=StringIO())) as bar:
        prepare(source, plan or Plan(spec), folder, bar)
    return load_corpus(folder / "corpus")


def test_the_corpus_is_every_second_of_every_stimulus_as_the_path_gives_it(tmp_path: Path) -> None:
    source = SimulatedSource(PEOPLE)
    corpus = prepared(source, tmp_path / "run")
    assert corpus.windows.shape == (3 * 2 * 4, 3, 128)
    assert corpus.manifest.people == ("s01", "s02", "s03")
    assert sorted(corpus.manifest.stimuli) == ["01", "02"]
    expected = [
        window
        for _, window in recording_windows(source.open("s02"), corpus.spec)
        if window.valid and (window.start % 10.0) > 2.9  # trials are 3 + 4 s long and 3 s apart
    ]
    mine = corpus.index["subject"] == 1
    np.testing.assert_array_equal(corpus.windows[mine], np.stack([window.data for window in expected]))
    np.testing.assert_allclose(corpus.index["start"][mine], [window.start for window in expected])
    assert corpus.index["hop"][mine].tolist() == [0, 1, 2, 3] * 2


def test_overlapping_windows_are_clips_of_their_own(tmp_path: Path) -> None:
    corpus = prepared(SimulatedSource(PEOPLE), tmp_path / "run", SPEC.model_copy(update={"hop": 0.5}))
    first = (corpus.index["subject"] == 0) & (corpus.index["trial"] == 0)
    assert corpus.index["hop"][first].tolist() == list(range(7))
    for clip in np.unique(corpus.clips):
        assert len(np.unique(corpus.index["subject"][corpus.clips == clip])) == (corpus.clips == clip).sum()


def test_onsets_half_way_between_windows_number_the_hops_one_by_one(tmp_path: Path) -> None:
    corpus = prepared(SimulatedSource(PEOPLE.model_copy(update={"rest": 2.5, "seconds": 6})), tmp_path / "run")
    for trial in np.unique(corpus.index["trial"]):
        assert corpus.index["hop"][corpus.index["trial"] == trial].tolist() == [0, 1, 2, 3, 4]


def test_the_index_carries_the_ratings_and_the_planted_latents(tmp_path: Path) -> None:
    source = SimulatedSource(PEOPLE)
    corpus = prepared(source, tmp_path / "run")
    trial = source.open("s03").segments[1].trials[0]
    rows = corpus.index[(corpus.index["subject"] == 2) & (corpus.index["stimulus"] == 1)]
    assert len(rows) == 4
    assert set(corpus.trials.ratings["valence"][rows["trial"]]) == {trial.ratings["valence"]}
    assert set(corpus.trials.planted["arousal"][rows["trial"]]) == {trial.planted["arousal"]}
    assert corpus.manifest.scales["dominance"] == (1.0, 9.0)


def test_what_the_owners_had_done_goes_into_the_spec(tmp_path: Path) -> None:
    corpus = prepared(SimulatedSource(PEOPLE), tmp_path / "run")
    assert "average-reference" in corpus.spec.of("EEG").already_done
    raw = prepared(SimulatedSource(PEOPLE.model_copy(update={"layout": "raw"})), tmp_path / "raw")
    assert raw.spec.of("EEG").already_done == ()


def test_a_continuous_session_gives_the_same_stimuli_to_all_whatever_their_order(tmp_path: Path) -> None:
    people = PEOPLE.model_copy(update={"layout": "raw", "stimuli": 4})
    corpus = prepared(SimulatedSource(people), tmp_path / "run")
    assert len(corpus.manifest.stimuli) == 4
    seen = {(int(row["subject"]), int(row["stimulus"])) for row in corpus.index}
    assert len(seen) == 3 * 4
    clips = corpus.clips
    for subject in range(3):  # a person has a clip once, and everybody the same clips
        mine = clips[corpus.index["subject"] == subject]
        assert len(np.unique(mine)) == len(mine)


def test_invalid_windows_are_left_out_and_counted_by_reason(tmp_path: Path) -> None:
    def with_a_hole(recording: Recording) -> Recording:
        segment = recording.segments[0]
        signals = []
        for signal in segment.signals:
            data = signal.data.copy()
            if signal.format.modality == "Temp":
                data[4 * 128 : 5 * 128] = np.nan  # the second second of the first stimulus
            signals.append(replace(signal, data=data))
        return replace(recording, segments=(replace(segment, signals=tuple(signals)), *recording.segments[1:]))

    corpus = prepared(Edited(PEOPLE, with_a_hole), tmp_path / "run")
    assert corpus.manifest.windows == 3 * (2 * 4 - 1)
    assert corpus.manifest.excluded["missing:Temp"] == 3
    assert corpus.manifest.excluded["invalid"] == 3
    assert corpus.manifest.excluded["outside_stimulus"] == 3 * 2 * 3
    first = corpus.index[(corpus.index["subject"] == 0) & (corpus.index["stimulus"] == 0)]
    assert first["hop"].tolist() == [0, 2, 3]


def test_people_who_were_processed_differently_are_refused(tmp_path: Path) -> None:
    def half_processed(recording: Recording) -> Recording:
        if recording.person != "s02":
            return recording
        segments = tuple(
            replace(
                segment,
                signals=tuple(replace(s, format=replace(s.format, already_done=())) for s in segment.signals),
            )
            for segment in recording.segments
        )
        return replace(recording, segments=segments)

    with pytest.raises(DataError, match=r"person 's02' has EEG with nothing already done.*prepare them apart"):
        prepared(Edited(PEOPLE, half_processed), tmp_path / "run")


def test_a_modality_that_is_not_there_is_named(tmp_path: Path) -> None:
    spec = SignalSpec(modalities=(ModalitySpec(modality="ECG", channels=("ECG",), unit="uV"),))
    with pytest.raises(DataError, match=r"expected ECG for person 's01', found only EEG, EOG"):
        prepared(SimulatedSource(PEOPLE), tmp_path / "run", spec)


def without(person: str, modality: str) -> Callable[[Recording], Recording]:
    def edit(recording: Recording) -> Recording:
        if recording.person != person:
            return recording
        segments = tuple(
            replace(segment, signals=tuple(s for s in segment.signals if s.format.modality != modality))
            for segment in recording.segments
        )
        return replace(recording, segments=segments)

    return edit


def test_somebody_without_a_modality_is_left_out_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    corpus = prepared(Edited(PEOPLE, without("s02", "Temp")), tmp_path / "run")
    assert corpus.manifest.people == ("s01", "s03")
    assert "expected Temp for person 's02'" in corpus.manifest.excluded_people["s02"]
    assert "person s02 is left out" in caplog.text
    assert corpus.index["subject"].max() == 1


def test_a_part_of_a_session_without_a_modality_costs_its_windows_only(tmp_path: Path) -> None:
    def edit(recording: Recording) -> Recording:
        first, *others = recording.segments
        kept = tuple(signal for signal in first.signals if signal.format.modality != "Temp")
        return replace(recording, segments=(replace(first, signals=kept), *others))

    corpus = prepared(Edited(PEOPLE, edit), tmp_path / "run")
    assert corpus.manifest.people == PEOPLE.person_names
    assert corpus.manifest.windows == 3 * 4
    assert corpus.manifest.excluded["missing:Temp"] == 3 * 4


def first_of(name: str, count: int) -> Callable[[Recording], Recording]:
    def edit(recording: Recording) -> Recording:
        return replace(recording, segments=recording.segments[:count]) if recording.person == name else recording

    return edit


def test_not_everybody_saw_everything_and_only_complete_people_can_be_asked_for(tmp_path: Path) -> None:
    source = Edited(PEOPLE, first_of("s02", 1))
    ragged = prepared(source, tmp_path / "ragged")
    assert np.bincount(ragged.trials.subject).tolist() == [2, 1, 2]
    complete = prepared(source, tmp_path / "run", plan=Plan(SPEC, people=PeopleConfig(complete=True)))
    assert complete.manifest.people == ("s01", "s03")
    assert complete.manifest.excluded_people == {"s02": "did not see every stimulus"}


def test_people_can_be_left_out_by_name(tmp_path: Path) -> None:
    plan = Plan(SPEC, people=PeopleConfig(leave_out=("s01",)))
    corpus = prepared(SimulatedSource(PEOPLE), tmp_path / "run", plan=plan)
    assert corpus.manifest.people == ("s02", "s03")
    assert corpus.manifest.excluded_people == {"s01": "left out by people.leave_out"}
    wrong = Plan(SPEC, people=PeopleConfig(leave_out=("s9",)))
    with pytest.raises(ConfigError, match=r"people\.leave_out: expected people out of s01, s02, s03, found 's9'"):
        prepared(SimulatedSource(PEOPLE), tmp_path / "other", plan=wrong)


def copied(to: str, of: str) -> Callable[[Recording], Recording]:
    original = SimulatedSource(PEOPLE).open(of)

    def edit(recording: Recording) -> Recording:
        if recording.person != to:
            return recording
        return replace(recording, segments=(original.segments[0], *recording.segments[1:]))

    return edit


def test_samples_that_two_people_share_are_nobodys(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    corpus = prepared(Edited(PEOPLE, copied("s03", "s01")), tmp_path / "run")
    assert corpus.manifest.excluded_trials == {"same_samples_as_another_person": 2}
    assert corpus.manifest.excluded["copied"] == 2 * 4
    assert np.bincount(corpus.trials.subject).tolist() == [1, 2, 1]
    assert "person s03, stimulus 01: the samples are those of person s01" in caplog.text
    verify(corpus, tmp_path / "run" / "corpus")


def test_of_a_trial_stored_twice_one_stays(tmp_path: Path) -> None:
    def twice(recording: Recording) -> Recording:
        first, second = recording.segments
        again = [replace(signal, start=signal.start + 10.0) for signal in first.signals]
        trial = replace(second.trials[0], stimulus="again")
        return replace(recording, segments=(first, replace(second, signals=tuple(again), trials=(trial,))))

    corpus = prepared(Edited(PEOPLE, twice), tmp_path / "run")
    assert corpus.manifest.stimuli == ("01",)
    assert corpus.manifest.excluded_trials == {"copied_trial": 3}


def test_the_paper_cuts_its_rest_from_the_stimulus_and_leaves_its_end(tmp_path: Path) -> None:
    people = PEOPLE.model_copy(update={"seconds": 10})
    modalities = tuple(m.model_copy(update={"baseline": "rest"}) for m in SPEC.modalities)
    spec = SPEC.model_copy(update={"modalities": modalities, "baseline_seconds": 3.0})
    plan = Plan(spec, trials=TrialConfig(rest_within=3.0, seconds=5.0))
    corpus = prepared(SimulatedSource(people), tmp_path / "run", plan=plan)
    assert corpus.manifest.windows == 3 * 2 * 5
    recording = SimulatedSource(people).open("s01")
    temp = next(s for s in recording.segments[0].signals if s.format.modality == "Temp").data[:, 0].astype(float)
    seconds = temp.reshape(-1, 128)  # 3 of rest, 10 of the stimulus
    expected = seconds[6:11] - seconds[3:6].mean(axis=0)
    np.testing.assert_allclose(corpus.windows[:5, 2], expected, atol=1e-4)
    assert corpus.index["hop"][:5].tolist() == [0, 1, 2, 3, 4]


def test_ranges_of_scales_that_differ_are_refused(tmp_path: Path) -> None:
    def other(recording: Recording) -> Recording:
        return replace(recording, scales={"valence": (1.0, 5.0)}) if recording.person == "s03" else recording

    with pytest.raises(
        DataError, match=r"person 's03' rates valence on \(1\.0, 5\.0\), person 's01' on \(1\.0, 9"
    ):
        prepared(Edited(PEOPLE, other), tmp_path / "run")


def test_people_who_differ_are_refused_again_when_the_command_is_given_again(tmp_path: Path) -> None:
    def other(recording: Recording) -> Recording:
        scales = {"s02": {"valence": (1.0, 9.0)}, "s03": {"valence": (1.0, 5.0)}}
        return replace(recording, scales=scales.get(recording.person, {}))

    for _ in range(2):
        with pytest.raises(DataError, match=r"person 's03' rates valence on \(1\.0, 5\.0\), person 's02' on"):
            prepared(Edited(PEOPLE, other), tmp_path / "run")


def still(modality: str, value: float) -> Callable[[Recording], Recording]:
    def edit(recording: Recording) -> Recording:
        segments = tuple(
            replace(
                segment,
                signals=tuple(
                    replace(s, data=np.full_like(s.data, value)) if s.format.modality == modality else s
                    for s in segment.signals
                ),
            )
            for segment in recording.segments
        )
        return replace(recording, segments=segments)

    return edit


@pytest.mark.parametrize("value", [33.0, np.nan])
def test_samples_that_never_change_are_no_proof_of_a_copy(tmp_path: Path, value: float) -> None:
    spec = SPEC.model_copy(update={"modalities": (SPEC.modalities[1],)})
    if np.isnan(value):
        with pytest.raises(DataError, match=r"no valid window in any stimulus; left out: \d+ .*missing:Temp"):
            prepared(Edited(PEOPLE, still("Temp", value)), tmp_path / "run", spec)
        return
    corpus = prepared(Edited(PEOPLE, still("Temp", value)), tmp_path / "run", spec)
    assert (corpus.manifest.windows, corpus.manifest.excluded_trials) == (3 * 2 * 4, {})


def test_a_rating_that_is_none_is_no_rating(tmp_path: Path) -> None:
    def unrated(recording: Recording) -> Recording:
        first, *others = recording.segments
        trial = replace(first.trials[0], ratings={"valence": float("nan"), "arousal": 6.0})
        return replace(recording, segments=(replace(first, trials=(trial,)), *others))

    prepared(Counting(PEOPLE, unrated), tmp_path / "run")
    again = Counting(PEOPLE, unrated)
    corpus = prepared(again, tmp_path / "run")
    assert again.opened == []
    assert np.isnan(corpus.trials.ratings["valence"]).sum() == 3


def test_trials_that_give_no_window_are_counted(tmp_path: Path) -> None:
    def short(recording: Recording) -> Recording:
        first, *others = recording.segments
        trial = replace(first.trials[0], end=first.trials[0].onset + 0.5)
        return replace(recording, segments=(replace(first, trials=(trial,)), *others))

    corpus = prepared(Edited(PEOPLE, short), tmp_path / "run")
    assert corpus.manifest.excluded_trials == {"no_valid_window": 3}
    assert len(corpus.trials) == corpus.manifest.trials == 3


def test_nobody_who_saw_everything_is_said(tmp_path: Path) -> None:
    def only(recording: Recording) -> Recording:
        place = int(recording.person[-1]) % 2
        return replace(recording, segments=recording.segments[place : place + 1])

    plan = Plan(SPEC, people=PeopleConfig(complete=True))
    with pytest.raises(
        DataError, match=r"people\.complete: 0 of 3 people saw all 2 stimuli; '\d\d' was seen by 1"
    ):
        prepared(Edited(PEOPLE, only), tmp_path / "run", plan=plan)


def test_parts_of_other_settings_are_never_used(tmp_path: Path) -> None:
    prepared(Counting(PEOPLE), tmp_path / "run")  # the parts stay here, as they would where they cannot be removed
    again = Counting(PEOPLE)
    half = prepared(again, tmp_path / "run", SPEC.model_copy(update={"hop": 0.5}))
    assert again.opened == list(PEOPLE.person_names)
    assert half.manifest.windows == 3 * 2 * 7


class Counting(Edited):
    """Notes who was opened."""

    def __init__(self, people: People, edit: Callable[[Recording], Recording] = lambda recording: recording):
        super().__init__(people, edit)
        self.opened: list[str] = []

    def open(self, person: str) -> Recording:
        self.opened.append(person)
        return super().open(person)


def test_who_was_cut_before_an_interruption_is_not_cut_again(tmp_path: Path) -> None:
    def broken(recording: Recording) -> Recording:
        if recording.person == "s03":
            raise DataError("pulled out")
        return recording

    with pytest.raises(DataError, match="pulled out"):
        prepared(Counting(PEOPLE, broken), tmp_path / "run")
    again = Counting(PEOPLE)
    resumed = prepared(again, tmp_path / "run")
    assert again.opened == ["s03"]
    whole = prepared(SimulatedSource(PEOPLE), tmp_path / "whole")
    np.testing.assert_array_equal(resumed.windows, whole.windows)
    np.testing.assert_array_equal(resumed.index, whole.index)


def test_a_damaged_part_is_cut_again(tmp_path: Path) -> None:
    prepared(Counting(PEOPLE), tmp_path / "run")
    windows = sorted((tmp_path / "run" / "parts").glob("*.windows.npy"))
    content = windows[0].read_bytes()
    windows[0].write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    windows[1].write_bytes(b"")
    again = Counting(PEOPLE)
    corpus = prepared(again, tmp_path / "run")
    assert len(again.opened) == 2
    np.testing.assert_array_equal(corpus.windows, prepared(SimulatedSource(PEOPLE), tmp_path / "new").windows)


def test_no_window_at_all_says_why(tmp_path: Path) -> None:
    people = PEOPLE.model_copy(update={"rest": 0.0})
    modality = SPEC.modalities[0].model_copy(update={"baseline": "rest"})
    spec = SPEC.model_copy(update={"modalities": (modality,)})
    with pytest.raises(DataError, match=r"no valid window in any stimulus; left out: .*baseline_warmup"):
        prepared(SimulatedSource(people), tmp_path / "run", spec)


def test_the_window_file_is_plain_npy_that_grew(tmp_path: Path) -> None:
    blocks = [np.random.default_rng(n).standard_normal((n, 3, 5)).astype(np.float32) for n in (1, 1000, 0, 17)]
    with WindowWriter(tmp_path / "windows.npy", (3, 5)) as writer:
        for block in blocks:
            writer.append(block)
    np.testing.assert_array_equal(np.load(tmp_path / "windows.npy"), np.concatenate(blocks))


def test_a_corpus_that_is_not_what_was_written_is_refused(tmp_path: Path) -> None:
    prepared(SimulatedSource(PEOPLE), tmp_path / "run")
    corpus = tmp_path / "run" / "corpus"

    def damaged(name: str, change: Callable[[bytes], bytes]) -> Path:
        copy = tmp_path / f"{name}.{len(list(tmp_path.iterdir()))}"
        shutil.copytree(corpus, copy)
        (copy / name).write_bytes(change((copy / name).read_bytes()))
        return copy

    for name in ("index.npy", "trials.npz"):
        with pytest.raises(DataError, match=f"{name}: is damaged, or of another corpus; prepare it again"):
            load_corpus(damaged(name, lambda content: content[:-1] + b"x"))
    with pytest.raises(DataError, match="is no complete corpus"):
        load_corpus(damaged("windows.npy", lambda content: content[:-4]))
    with pytest.raises(DataError, match=r"windows.npy: the windows of person 's03' are damaged"):
        load_corpus(damaged("windows.npy", lambda content: content[:-4] + b"1234"))
    with pytest.raises(DataError, match="another version of memhacl; prepare it again"):
        load_corpus(damaged("manifest.json", lambda content: content.replace(b"corpus/2", b"corpus/1")))
    stranger = damaged("manifest.json", lambda content: content.replace(b'"index.npy"', b'"../elsewhere"'))
    with pytest.raises(DataError, match=r"index.npy: is damaged, or of another corpus"):  # reads only its own
        load_corpus(stranger)
    (corpus / "windows.npy").unlink()
    with pytest.raises(DataError, match="is no complete corpus"):
        load_corpus(corpus)


def test_damage_in_the_middle_is_found_by_verifying_all(tmp_path: Path) -> None:
    verify(prepared(SimulatedSource(PEOPLE), tmp_path / "run"), tmp_path / "run" / "corpus")
    path = tmp_path / "run" / "corpus" / "windows.npy"
    content = bytearray(path.read_bytes())
    content[128 + 3 * 3 * 128 * 4] ^= 1  # the fourth window of the first person, of eight
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"the windows of person 's01' are damaged"):
        verify(load_corpus(path.parent), path.parent)
