"""DREAMER's layout: channels, units, trial times, and one person's struct turned into a recording."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.signals import TRIAL_GAP, Recording, Signal, StreamFormat, Trial
from memhacl.stream.sources.amigos import ELECTRODES
from memhacl.stream.sources.collect import Collected
from memhacl.stream.sources.formats import mat_file
from memhacl.stream.sources.formats.mat_elements import Value
from memhacl.stream.sources.ratings import rated
from memhacl.stream.units import ARBITRARY

NAME: Final = "DREAMER"
FILMS: Final = 18
SCORES: Final = {"valence": "ScoreValence", "arousal": "ScoreArousal", "dominance": "ScoreDominance"}
SCALES: Final = dict.fromkeys(SCORES, (1.0, 5.0))
EEG: Final = StreamFormat("DREAMER EEG", "EEG", ELECTRODES, "uV", 128.0)
ECG: Final = StreamFormat("DREAMER ECG", "ECG", ("ECG 1", "ECG 2"), ARBITRARY, 256.0)
_SLACK: Final = 1.0  # s by which EEG and ECG of one film may differ in length before it is noted

Samples = NDArray[np.float32]  # (samples, channels)
Halves = tuple[Samples, Samples]  # baseline and stimulus


def recording(path: Path, person: str, number: int, value: Value) -> Recording:
    """Turn ``value``, the struct of the person at ``number`` (from 1), into one segment a film.

    Raises
    ------
    DataError
        It is not in DREAMER's layout.
    """
    where = f"{path}: {NAME}.Data{{{number}}}"
    content = mat_file.fields(where, value, ("EEG", "ECG", *SCORES.values()))
    eeg = _films(where, content, EEG)
    ecg = _films(where, content, ECG, len(eeg))
    scores = {
        scale: mat_file.vector(f"{where}.{field}", content[field], len(eeg)) or [np.nan] * len(eeg)
        for scale, field in SCORES.items()
    }
    taken = Collected(path.name)
    for film, halves in enumerate(zip(eeg, ecg, strict=True)):
        stimulus = f"{film + 1:02d}"
        ratings = rated(f"{where}: film {stimulus}", {scale: of[film] for scale, of in scores.items()}, SCALES)
        _take(taken, stimulus, dict(zip((EEG, ECG), halves, strict=True)), ratings)
    notes = [] if len(eeg) == FILMS else [f"{len(eeg)} films, DREAMER has {FILMS}"]
    return taken.recording(person, NAME, SCALES, *notes)


def _films(where: str, person: Mapping[str, Value], form: StreamFormat, count: int | None = None) -> list[Halves]:
    """Return each film's baseline and stimulus of one signal; ``count`` films (None: any number)."""
    where = f"{where}.{form.modality}"
    parts = mat_file.fields(where, person[form.modality], ("baseline", "stimuli"))
    stimuli = mat_file.cells(f"{where}.stimuli", parts["stimuli"], count)
    baseline = mat_file.cells(f"{where}.baseline", parts["baseline"], len(stimuli))
    width = len(form.channels)
    return [
        (
            mat_file.table(f"{where}.baseline{{{place}}}", before, width),
            mat_file.table(f"{where}.stimuli{{{place}}}", during, width),
        )
        for place, (before, during) in enumerate(zip(baseline, stimuli, strict=True), 1)
    ]


def _take(
    taken: Collected, stimulus: str, parts: Mapping[StreamFormat, Halves], ratings: Mapping[str, float]
) -> None:
    """Take one film: baseline and stimulus, `TRIAL_GAP` apart since nothing says that they were continuous."""
    shown = {form: halves for form, halves in parts.items() if len(halves[1])}
    if not shown or all(np.isnan(during).all() for _, during in shown.values()):
        taken.leave_out(stimulus, "all_nan" if shown else "no_data")
        return
    before = [len(rest) / form.rate for form, (rest, _) in shown.items()]
    during = [len(film) / form.rate for form, (_, film) in shown.items()]
    _say_odd(taken, stimulus, parts, before, during)
    if not ratings:
        taken.say(stimulus, "not rated")
    start = taken.start
    rested = start + max(before)
    # a whole second, so that windows, which follow the first sample, begin with the film
    onset = start + ceil(max(before)) + TRIAL_GAP if max(before) else start
    trial = Trial(stimulus, start, onset, onset + max(during), ratings, rested=rested)
    taken.keep(tuple(_signal(form, halves, start, onset) for form, halves in shown.items()), trial)


def _say_odd(
    taken: Collected,
    stimulus: str,
    parts: Mapping[StreamFormat, Halves],
    before: Sequence[float],
    during: Sequence[float],
) -> None:
    for form, (rest, film) in parts.items():
        if not len(film):
            taken.say(stimulus, f"no {form.modality}")
        elif not len(rest):
            taken.say(stimulus, f"no baseline of {form.modality}")
        if np.isnan(rest).any() or np.isnan(film).any():
            taken.say(stimulus, f"some samples of {form.modality} are NaN")
    if any(max(lengths) - min(lengths) > _SLACK for lengths in (before, during)):
        taken.say(stimulus, f"EEG and ECG differ in length by more than {_SLACK:g} s")


def _signal(form: StreamFormat, halves: Halves, start: float, onset: float) -> Signal:
    """One signal's baseline from ``start`` on and its stimulus from ``onset`` on (s), each sample stamped."""
    rest, film = (np.arange(len(half)) / form.rate for half in halves)
    times = np.concatenate([start + rest, onset + film])
    return Signal(form, np.concatenate(halves), float(times[0]), times)
