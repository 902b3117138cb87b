"""The part of each trial that is used: its rest from the stimulus's beginning, and no more than some seconds."""

from dataclasses import replace

from memhacl.stream.signals import Recording, Trial


def trimmed(recording: Recording, rest_within: float = 0.0, seconds: float | None = None) -> Recording:
    """Return ``recording`` with trials of which the first ``rest_within`` s of the stimulus are the rest.

    The stimulus begins after them and lasts ``seconds`` s at most. Without either, trials stay as they are. The
    paper uses MAHNOB-HCI so (section IV): a film's beginning is its rest.
    """
    segments = (
        replace(segment, trials=tuple(_trim(trial, rest_within, seconds) for trial in segment.trials))
        for segment in recording.segments
    )
    return replace(recording, segments=tuple(segments))


def _trim(trial: Trial, rest_within: float, seconds: float | None) -> Trial:
    onset = trial.onset + rest_within
    end = trial.end if seconds is None else min(trial.end, onset + seconds)
    rest, rested = (trial.onset, None) if rest_within else (trial.rest, trial.rested)
    return replace(trial, rest=rest, rested=rested, onset=onset, end=max(onset, end))
