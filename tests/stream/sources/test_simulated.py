"""Simulated people: reproducible part by part, physiological in form, with just the effects that were set."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import find_peaks, welch

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.signals import Recording, Signal
from memhacl.stream.sources.registry import open_source
from memhacl.stream.sources.simulated.latents import feeling
from memhacl.stream.sources.simulated.noise import Piece, common_course
from memhacl.stream.sources.simulated.people import People
from memhacl.stream.sources.simulated.source import SimulatedSource, deap_arrays

SMALL = People(subjects=2, stimuli=2, rest=3, seconds=10, seed=3)
LAB = """
subjects: 2
stimuli: 3
seconds: 12
seed: 4
layout: raw
streams:
  - {modality: EEG, channels: [PO7, PO3, POz, PO4, PO8, O1, Oz, O2], unit: arbitrary, rate: 256}
  - {modality: GSR, channels: [EDA], unit: uS, rate: 100}
  - {modality: Resp, channels: [RSP], unit: arbitrary, rate: 100}
  - {modality: Temp, channels: [TEMP], unit: degC, rate: 4}
  - {modality: ECG, channels: [ECG], unit: mV, rate: 250}
"""


@pytest.fixture
def lab(tmp_path: Path) -> SimulatedSource:
    path = tmp_path / "lab.yaml"
    path.write_text(LAB)
    source = open_source(str(path))
    assert isinstance(source, SimulatedSource)
    return source


def signal(recording: Recording, modality: str) -> Signal:
    return next(s for s in recording.segments[0].signals if s.format.modality == modality)


def digest(people: People, person: int) -> str:
    data, labels = deap_arrays(people, person)
    return hashlib.sha256(data.tobytes() + labels.tobytes()).hexdigest()


def test_another_process_makes_the_same_bytes_in_another_order() -> None:
    code = (
        "import hashlib; from memhacl.stream.sources.simulated.source import *;"
        f"p = People.model_validate_json({SMALL.model_dump_json()!r}); deap_arrays(p, 1);"
        "d, l = deap_arrays(p, 0); print(hashlib.sha256(d.tobytes() + l.tobytes()).hexdigest())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == digest(SMALL, 0)


def test_a_person_is_the_same_in_any_company() -> None:
    alone, labels = deap_arrays(SMALL, 1)
    many, more_labels = deap_arrays(SMALL.model_copy(update={"subjects": 30, "stimuli": 3}), 1)
    np.testing.assert_array_equal(many[:2], alone)
    np.testing.assert_array_equal(more_labels[:2], labels)


def test_another_seed_person_or_stimulus_makes_other_signals() -> None:
    data, _ = deap_arrays(SMALL, 0)
    other, _ = deap_arrays(SMALL.model_copy(update={"seed": 4}), 0)
    assert np.abs(np.corrcoef(data[0, 10], other[0, 10])[0, 1]) < 0.3
    assert np.abs(np.corrcoef(data[0, 10], data[1, 10])[0, 1]) < 0.3


def test_the_oracle_agrees_with_the_ratings_as_documented() -> None:
    people = People(subjects=100)
    felt = [feeling(people, person, stimulus) for person in range(100) for stimulus in range(40)]
    for scale in ("valence", "arousal"):
        high = np.array([one.ratings[scale] > 5 for one in felt])
        right = np.array([(one.planted[scale] > 0) == (one.ratings[scale] > 5) for one in felt])
        assert 0.75 <= right.mean() <= 0.85
        assert 0.42 <= high.mean() <= 0.58
    ratings = np.array([list(one.ratings.values()) for one in felt])
    assert ratings.min() >= 1
    assert ratings.max() <= 9


@pytest.mark.parametrize(("change", "about"), [({"E": 0.0}, 0.5), ({"noise": 0.0, "B": 0.0, "V": 0.0}, 1.0)])
def test_settings_move_the_oracle_between_chance_and_certainty(change: dict[str, float], about: float) -> None:
    people = People(subjects=60).model_copy(update=change)
    felt = [feeling(people, person, stimulus) for person in range(60) for stimulus in range(40)]
    right = [(one.planted["arousal"] > 0) == (one.ratings["arousal"] > 5) for one in felt]
    assert abs(float(np.mean(right)) - about) < 0.05


def test_eeg_honours_deaps_processing() -> None:
    data, _ = deap_arrays(SMALL.model_copy(update={"seconds": 30.0}), 0)
    eeg = data[:, :32].astype(np.float64)
    assert np.abs(eeg.mean(axis=1)).max() < 2**-5  # average reference, but for the sensor's steps
    frequencies, power = welch(eeg, 128, nperseg=512)
    inside = power[..., (frequencies > 6) & (frequencies < 40)].mean()
    assert power[..., frequencies < 2].mean() < 0.02 * inside
    assert power[..., frequencies > 55].mean() < 0.02 * inside
    assert 3 < eeg.std() < 20  # µV


def test_eeg_has_an_alpha_peak_of_the_persons_own_that_is_no_line() -> None:
    peaks = []
    for person in range(4):
        data, _ = deap_arrays(People(subjects=4, stimuli=1, seed=1), person)
        frequencies, power = welch(data[0, 14].astype(np.float64), 128, nperseg=1024)  # Oz
        alpha = (frequencies > 7) & (frequencies < 13.5)
        peaks.append(frequencies[alpha][power[alpha].argmax()])
        near, beside = power[alpha].max(), np.sort(power[alpha])[-8:].mean()  # a line would stand alone
        assert near < 3 * beside
    assert len(set(peaks)) >= 3


def test_neighbouring_electrodes_are_alike_and_distant_ones_less() -> None:
    raw = SimulatedSource(SMALL.model_copy(update={"layout": "raw", "seconds": 30.0})).open("s01")
    eeg = signal(raw, "EEG")
    by_name = dict(zip(eeg.format.channels, eeg.data.T, strict=True))

    def alike(one: str, other: str) -> float:
        return float(np.corrcoef(by_name[one], by_name[other])[0, 1])

    assert alike("P3", "PO3") > alike("P3", "P4") > -0.2
    assert alike("O1", "Oz") > alike("O1", "F4")


def test_blinks_fill_the_eog_and_remain_small_in_processed_eeg() -> None:
    data, _ = deap_arrays(SMALL.model_copy(update={"seconds": 60.0}), 0)
    blinks = data[:, 33].astype(np.float64)
    moments = [find_peaks(trial, height=90, distance=32)[0] for trial in blinks]
    assert 4 <= sum(map(len, moments)) <= 120
    raw = signal(SimulatedSource(SMALL.model_copy(update={"layout": "raw"})).open("s01"), "EEG").data
    assert np.ptp(raw[:, 0]) > 2 * np.ptp(data[0, 0])  # Fp1


def shared(people: People) -> float:
    """Mean correlation between two people's Oz while they watch the same stimuli."""
    one, other = (deap_arrays(people, person)[0][:, 14, 384:] for person in (0, 1))
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)]))


def test_s_sets_what_people_share() -> None:
    people = People(subjects=2, stimuli=6, seconds=30, seed=2)
    assert shared(people.model_copy(update={"S": 3.0})) > 0.15
    assert abs(shared(people.model_copy(update={"S": 0.0}))) < 0.05


def course(people: People, pair: tuple[int, int]) -> float:
    """Mean correlation of two people's log beta power, second by second, over the seconds of a stimulus."""
    found = []
    for trial in zip(*(deap_arrays(people, person)[0][:, :32, 384:] for person in pair), strict=True):
        both = []
        for shown in trial:
            windows = shown.reshape(32, -1, 128)  # (channels, seconds, samples)
            power = np.abs(np.fft.rfft(windows * np.hanning(128))) ** 2
            both.append(np.log(power[..., 13:30].sum(-1)).mean(0))  # (seconds,)
        found.append(np.corrcoef(both[0], both[1])[0, 1])
    return float(np.mean(found))


def test_c_gives_everybody_the_stimulus_s_course_of_emotion_and_ratings_do_not_tell_it() -> None:
    people = People(subjects=3, stimuli=5, seconds=30, seed=2)
    common = people.model_copy(update={"C": 1.0})
    assert course(common, (0, 2)) > 0.4
    assert abs(course(people, (0, 2))) < 0.2
    assert abs(course(common.model_copy(update={"S": 0.0}), (0, 2))) < 0.2
    np.testing.assert_array_equal(deap_arrays(common, 1)[1], deap_arrays(people, 1)[1])
    of_film = common_course(Piece(common, 0, 3), 128.0)  # (2, samples)
    np.testing.assert_allclose(of_film[:, 384:].mean(axis=1), 0, atol=0.05)
    assert np.ptp(of_film[1]) > 1


def features(people: People, persons: range, stimuli: range) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return log band powers of 1-s windows and the arousal latent's sign."""
    rows, high = [], []
    for person in persons:
        data, _ = deap_arrays(people, person)
        for stimulus in stimuli:
            shown = data[stimulus, :32, 384:].reshape(32, -1, 128)  # (channels, windows, samples)
            power = np.abs(np.fft.rfft(shown * np.hanning(128))) ** 2
            bands = [power[..., low:high].sum(-1) for low, high in ((4, 8), (8, 13), (13, 30), (30, 45))]
            rows.append(np.log(np.concatenate(bands)).T)  # (windows, 4 * channels)
            high += [feeling(people, person, stimulus).planted["arousal"] > 0] * len(rows[-1])
    return np.concatenate(rows), np.array(high)


def accuracy(people: People) -> float:
    """Return how well a ridge discriminant tells the latent's sign, people and stimuli both unseen."""
    train, target = features(people, range(8), range(8))
    test, truth = features(people, range(8, 16), range(8, 16))
    mean, scale = train.mean(0), train.std(0)
    design = (train - mean) / scale
    weights = np.linalg.solve(
        design.T @ design + 300 * np.eye(design.shape[1]), design.T @ (target - target.mean())
    )
    return float((((test - mean) / scale @ weights + target.mean() > 0.5) == truth).mean())


def test_unseen_people_show_the_effect_that_was_set_and_no_other() -> None:
    people = People(subjects=16, stimuli=16, seconds=10, seed=9)
    assert accuracy(people.model_copy(update={"E": 2.0})) > 0.65
    assert 0.4 < accuracy(people.model_copy(update={"E": 0.0})) < 0.6


def contrast(channel: int, of_trial: Any) -> float:
    """Return the correlation, over many trials, of a channel's statistic with the arousal latent."""
    people = People(subjects=6, stimuli=12, seconds=30, seed=1, E=2)
    values, latents = [], []
    for person in range(6):
        data, _ = deap_arrays(people, person)
        own = [of_trial(data[s, channel].astype(np.float64)) for s in range(12)]
        values += list(np.array(own) - np.mean(own))
        latents += [feeling(people, person, s).planted["arousal"] for s in range(12)]
    return float(np.corrcoef(values, latents)[0, 1])


def breaths(trial: NDArray[Any]) -> int:
    return len(find_peaks(trial, distance=128, prominence=100)[0])


@pytest.mark.parametrize(
    ("channel", "of_trial", "sign"),
    [(36, lambda t: t[-512:].mean() - t[:384].mean(), -1), (37, breaths, 1), (39, lambda t: t[-1] - t[384], -1)],
    ids=["skin resistance falls", "breaths quicken", "hands cool"],
)
def test_arousal_moves_the_body(channel: int, of_trial: Any, sign: int) -> None:
    assert sign * contrast(channel, of_trial) > 0.25


def test_bodies_have_physiological_values(lab: SimulatedSource) -> None:
    recording = lab.open("s01")
    skin, warmth, heart = (signal(recording, name).data[:, 0] for name in ("GSR", "Temp", "ECG"))
    assert 0.2 <= skin.min() <= skin.max() < 40  # µS
    assert 28 < warmth.min() <= warmth.max() < 38  # °C
    beats = find_peaks(heart, height=0.5 * heart.max(), distance=75)[0]
    assert 45 < 60 * len(beats) / (len(heart) / 250) < 120


def test_a_raw_session_is_continuous_with_each_stream_at_its_own_rate(lab: SimulatedSource) -> None:
    recording = lab.open("s02")
    (segment,) = recording.segments
    assert [s.format.rate for s in segment.signals] == [256, 100, 100, 4, 250]
    assert all(s.format.already_done == () and s.start == 0 for s in segment.signals)
    assert {s.end for s in segment.signals} == {segment.end}
    assert recording.simulated
    previous = 0.0
    for trial in segment.trials:
        assert trial.rest - previous >= 3
        assert (trial.onset - trial.rest, trial.end - trial.onset) == (3, 12)
        previous = trial.end
    assert sorted(t.stimulus for t in segment.trials) == ["01", "02", "03"]
    eeg = signal(recording, "EEG").data
    assert np.abs(np.diff(eeg, axis=0)).max() < 8 * np.abs(np.diff(eeg, axis=0)).std()  # no seams


def test_a_stream_does_not_change_with_the_others(lab: SimulatedSource) -> None:
    fewer = lab.settings.model_copy(update={"streams": lab.settings.streams[2:]})
    one, other = lab.open("s01"), SimulatedSource(fewer).open("s01")
    np.testing.assert_array_equal(signal(one, "Temp").data, signal(other, "Temp").data)
    np.testing.assert_array_equal(signal(one, "ECG").data, signal(other, "ECG").data)


def test_the_word_simulated_gives_a_few_people() -> None:
    source = open_source("simulated")
    assert source.people == ("s01", "s02", "s03", "s04")
    assert source.fingerprint() == open_source("simulated").fingerprint()
    with pytest.raises(DataError, match="expected a person of s01 to s04, found 's05'"):
        source.open("s05")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("subjets: 3", "unknown key 'subjets'; did you mean 'subjects'"),
        ("streams: [{modality: EEG, channels: [Oz], unit: uV, rate: 256}]", "layout 'deap' has DEAP's own"),
        ("layout: raw\nstreams: [{modality: EEG, channels: [Qz], unit: uV, rate: 256}]", "'Qz' is no electrode"),
        ("layout: raw\nstreams: [{modality: GSR, channels: [EDA], unit: degC, rate: 4}]", "uS, ohm, arbitrary"),
        ("layout: raw\nstreams: [{modality: Temp, channels: [T], unit: degC, rate: 0.5}]", "whole number of Hz"),
        ("seconds: 10.3", "no whole number of samples at EEG's 128 Hz"),
        ("subjects: 0", "subjects"),
        ("- 1", "expected a mapping"),
    ],
)
def test_says_what_is_wrong_with_a_description(text: str, match: str, tmp_path: Path) -> None:
    path = tmp_path / "people.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"people\.yaml.*{match}"):
        open_source(str(path))
