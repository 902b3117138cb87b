from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from memhacl.stream.errors import DataError
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import Recording
from memhacl.stream.sources.simulated import SimulatedSource
from memhacl.stream.sources.simulated_people import People
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.train.corpus import Corpus, WindowWriter, load_corpus
from memhacl.train.prepare import prepare
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

    def open(self, person: str) -> Recording:
        return self._edit(self._source.open(person))

    def fingerprint(self) -> str:
        return "f" * 64


def prepared(source: SimulatedSource | Edited, folder: Path, spec: SignalSpec = SPEC) -> Corpus:
    folder.mkdir(exist_ok=True)
    with stage_bar("prepare", Console(file=StringIO())) as bar:
        prepare(source, spec, folder, bar)
    return load_corpus(folder)


def test_the_corpus_is_every_second_of_every_stimulus_as_the_path_gives_it(tmp_path: Path) -> None:
    source = SimulatedSource(PEOPLE)
    corpus = prepared(source, tmp_path / "corpus")
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
    corpus = prepared(SimulatedSource(PEOPLE), tmp_path / "corpus", SPEC.model_copy(update={"hop": 0.5}))
    first = (corpus.index["subject"] == 0) & (corpus.index["trial"] == 0)
    assert corpus.index["hop"][first].tolist() == list(range(7))
    for clip in np.unique(corpus.clips):
        assert len(np.unique(corpus.index["subject"][corpus.clips == clip])) == (corpus.clips == clip).sum()


def test_onsets_half_way_between_windows_number_the_hops_one_by_one(tmp_path: Path) -> None:
    corpus = prepared(SimulatedSource(PEOPLE.model_copy(update={"rest": 2.5, "seconds": 6})), tmp_path / "corpus")
    for trial in np.unique(corpus.index["trial"]):
        assert corpus.index["hop"][corpus.index["trial"] == trial].tolist() == [0, 1, 2, 3, 4]


def test_the_index_carries_the_ratings_and_the_planted_latents(tmp_path: Path) -> None:
    source = SimulatedSource(PEOPLE)
    corpus = prepared(source, tmp_path / "corpus")
    trial = source.open("s03").segments[1].trials[0]
    rows = corpus.index[(corpus.index["subject"] == 2) & (corpus.index["stimulus"] == 1)]
    assert len(rows) == 4
    assert set(rows["valence"]) == {trial.ratings["valence"]}
    assert set(rows["planted_arousal"]) == {trial.planted["arousal"]}


def test_what_the_owners_had_done_goes_into_the_spec(tmp_path: Path) -> None:
    corpus = prepared(SimulatedSource(PEOPLE), tmp_path / "corpus")
    assert "average-reference" in corpus.spec.of("EEG").already_done
    raw = prepared(SimulatedSource(PEOPLE.model_copy(update={"layout": "raw"})), tmp_path / "raw")
    assert raw.spec.of("EEG").already_done == ()


def test_a_continuous_session_gives_the_same_stimuli_to_all_whatever_their_order(tmp_path: Path) -> None:
    people = PEOPLE.model_copy(update={"layout": "raw", "stimuli": 4})
    corpus = prepared(SimulatedSource(people), tmp_path / "corpus")
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

    corpus = prepared(Edited(PEOPLE, with_a_hole), tmp_path / "corpus")
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
        prepared(Edited(PEOPLE, half_processed), tmp_path / "corpus")


def test_a_modality_that_is_not_there_is_named(tmp_path: Path) -> None:
    spec = SignalSpec(modalities=(ModalitySpec(modality="ECG", channels=("ECG",), unit="uV"),))
    with pytest.raises(DataError, match=r"expected ECG for person 's01', found only EEG, EOG"):
        prepared(SimulatedSource(PEOPLE), tmp_path / "corpus", spec)


def test_no_window_at_all_says_why(tmp_path: Path) -> None:
    people = PEOPLE.model_copy(update={"rest": 0.0})
    modality = SPEC.modalities[0].model_copy(update={"baseline": "rest"})
    spec = SPEC.model_copy(update={"modalities": (modality,)})
    with pytest.raises(DataError, match=r"no valid window in any stimulus; left out: .*baseline_warmup"):
        prepared(SimulatedSource(people), tmp_path / "corpus", spec)


def test_the_window_file_is_plain_npy_that_grew(tmp_path: Path) -> None:
    blocks = [np.random.default_rng(n).standard_normal((n, 3, 5)).astype(np.float32) for n in (1, 1000, 0, 17)]
    with WindowWriter(tmp_path / "windows.npy", (3, 5)) as writer:
        for block in blocks:
            writer.append(block)
    np.testing.assert_array_equal(np.load(tmp_path / "windows.npy"), np.concatenate(blocks))


def test_a_truncated_corpus_is_refused(tmp_path: Path) -> None:
    prepared(SimulatedSource(PEOPLE), tmp_path / "corpus")
    index = np.load(tmp_path / "corpus" / "index.npy")
    np.save(tmp_path / "corpus" / "index.npy", index[:-1])
    with pytest.raises(DataError, match="do not belong together; prepare it again"):
        load_corpus(tmp_path / "corpus")
    (tmp_path / "corpus" / "windows.npy").unlink()
    with pytest.raises(DataError, match="is no complete corpus"):
        load_corpus(tmp_path / "corpus")
