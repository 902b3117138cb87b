"""Trials that were stored apart, put one after the other on a recording's clock; what is left out is counted."""

from collections import Counter
from collections.abc import Mapping

from memhacl.stream.signals import TRIAL_GAP, Recording, Segment, Signal, Trial


class Collected:
    """The trials of one person, of which each becomes a segment; ``file`` is named in the notes."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._segments: list[Segment] = []
        self._excluded: Counter[str] = Counter()
        self._said: dict[str, list[str]] = {}

    @property
    def start(self) -> float:
        """Time at which the next trial begins, in seconds."""
        return self._segments[-1].end + TRIAL_GAP if self._segments else 0.0

    def keep(self, signals: tuple[Signal, ...], trial: Trial) -> None:
        """Take a trial that began at `start`."""
        self._segments.append(Segment(signals, (trial,)))

    def leave_out(self, stimulus: str, reason: str) -> None:
        """Count a trial that cannot be used, by the reason in snake_case."""
        self._excluded[reason] += 1
        self.say(stimulus, f"left out ({reason})")

    def say(self, stimulus: str, odd: str) -> None:
        """Note what is ``odd`` about a trial."""
        self._said.setdefault(odd, []).append(stimulus)

    def recording(
        self, person: str, source: str, scales: Mapping[str, tuple[float, float]], *notes: str
    ) -> Recording:
        """Return all that was taken; ``notes`` are sentences on the whole file."""
        odd = [f"{text}: {', '.join(stimuli)}" for text, stimuli in self._said.items()]
        return Recording(
            person,
            source,
            tuple(self._segments),
            scales=scales,
            excluded=dict(self._excluded),
            notes=tuple(f"{self._file}: {text}" for text in (*notes, *odd)),
        )
