"""The markers that tell a recording's structure: in its replay, in prediction and in training alike."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.signals import ANCHOR, MARKERS, TRIAL_END, Marker, Segment, Signal, Texts, Trial
from memhacl.stream.trials import facts_of, is_start, trial_markers

_SLACK = 1e-3  # s; live, a marker and a sample of one moment may differ by the clocks' correction


def events(person: str, segment: Segment) -> list[Marker]:
    """Markers of ``segment`` in time order: its anchor, and the rest and stimulus of each trial.

    Windows start at the anchor, the first sample of any of the segment's signals. Where marker streams were
    recorded, theirs come as they were, and the trials' are added as far as they are not among them.
    """
    found = [Marker(segment.start, ANCHOR), *recorded_markers(segment.streams)]
    found += [marker for marker, _, _ in implied_markers(person, segment)]
    return sorted(found, key=lambda marker: marker.time)


def implied_markers(
    person: str, segment: Segment, numbers: Sequence[int] = ()
) -> Iterator[tuple[Marker, int | None, Trial]]:
    """Yield the markers of ``segment``'s trials that were not recorded, each with its trial's number and trial.

    ``numbers`` are the trials' numbers in the recording. A laboratory's own markers, whatever rules made trials of
    them, tell the signal path nothing of rest and stimulus: these do. A trial that began before the first sample
    begins once more with it: the anchor there would break it off.
    """
    recorded = {(marker.time, _word(marker)) for marker in recorded_markers(segment.streams)}
    for trial, number in zip(segment.trials, numbers or repeat(None), strict=False):
        for marker in trial_markers(person, _from(segment.start, trial), number):
            if (marker.time, _word(marker)) not in recorded:
                yield marker, number, trial


def _from(start: float, trial: Trial) -> Trial:
    """Return ``trial`` as far as it lasts after ``start`` (s), where it had begun before."""
    return replace(trial, rest=start, onset=start, rested=None) if trial.onset < start < trial.end else trial


def _word(marker: Marker) -> str:
    return marker.text.partition(" ")[0]


def recorded_markers(streams: Iterable[Signal | Texts]) -> list[Marker]:
    """Markers of those of ``streams`` that are of type Markers, in time order: as a live reader gives them.

    Each channel's text, or number as text, is a marker unless it is empty; of a regular stream of numbers, a
    trigger channel, the beginning of each level that is not 0.
    """
    found = [marker for stream in streams if stream.format.modality == MARKERS for marker in markers_in(stream)]
    return sorted(found, key=lambda marker: marker.time)


def markers_in(stream: Signal | Texts) -> Iterator[Marker]:
    """Yield the markers in ``stream``, of whatever type it is, in the stream's own order."""
    if isinstance(stream, Texts):
        for time, row in zip(stream.times.tolist(), stream.rows, strict=True):
            yield from (Marker(time, text) for text in row if text)
        return
    begun = np.ones(stream.data.shape, dtype=bool)
    if stream.format.rate > 0:
        begun = levels_begun(stream.data, stream.data[:1])
    times = stream.stamps
    for sample, channel in np.argwhere(begun).tolist():
        yield Marker(float(times[sample]), f"{stream.data[sample, channel]:g}")


def levels_begun(samples: NDArray[Any], before: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of a trigger channel's ``samples`` (samples, channels) begin a level that is not 0.

    ``before`` (1, channels) is the sample before them.
    """
    changed = samples != np.concatenate([before, samples[:-1]])
    begun: NDArray[np.bool_] = changed & (samples != 0) & np.isfinite(samples)
    return begun


class Playing:
    """Which stimulus plays at the start of each window, by the markers that were seen in the windows so far."""

    def __init__(self) -> None:
        self._stimulus = ""
        self._ahead: dict[tuple[float, str], Marker] = {}  # seen, but later than the last window's start
        self._start = -np.inf

    def at(self, start: float, markers: Iterable[Marker]) -> str:
        """Name the stimulus that plays at a window's ``start`` (s), "" for none; ``markers`` are the window's.

        A marker that comes within a window counts from the next window's start on. Windows may overlap.
        """
        self._ahead |= {(m.time, m.text): m for m in markers if m.time > self._start + _SLACK}
        self._start = start
        for key in sorted(key for key in self._ahead if key[0] <= start + _SLACK):
            self._take(self._ahead.pop(key))
        return self._stimulus

    def _take(self, marker: Marker) -> None:
        if marker.text == ANCHOR or marker.text.startswith(TRIAL_END):
            self._stimulus = ""
        elif is_start(marker):
            facts = facts_of(marker)  # of a start that cannot be read nobody knows what plays
            self._stimulus = "" if facts is None else str(facts["stimulus"])
