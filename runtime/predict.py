"""Predictions for a recording: the live engine over a file, faster than real time."""

import csv
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from memhacl.runtime.engine import Engine, Predictor
from memhacl.runtime.messages import PredictionMessage
from memhacl.stream.errors import DataError
from memhacl.stream.events import Playing
from memhacl.stream.path.offline import feed
from memhacl.stream.signals import Marker, Recording

_log = logging.getLogger(__name__)

Row = dict[str, object]


def predict_recording(model: Predictor, recording: Recording) -> Iterator[PredictionMessage]:
    """Messages that the server would publish for ``recording``; times in seconds on the recording's clock.

    Raises
    ------
    DataError
        A modality that the model needs is nowhere in the recording, or none of the model's is.
    StreamError
        A signal does not fit the model: a channel is missing, or rate or unit are others.
    """
    engine = Engine(model, "recording", anchor="marker")
    recorded = {signal.format.modality for segment in recording.segments for signal in segment.signals}
    lacking = [name for name in engine.modalities if name not in recorded]
    who, spared = f"{recording.source}, person {recording.person}", set(lacking) <= set(model.card.absent_ok)
    if lacking and not (spared and len(lacking) < len(engine.modalities)):
        raise DataError(
            f"{who}: expected {', '.join(engine.modalities)} for model {model.card.name}, found no "
            f"{', '.join(lacking)}; give a model of fewer modalities"
        )
    if lacking:
        _log.warning("%s: predicted without %s, which the recording lacks", who, ", ".join(lacking))
    for segment in recording.segments:
        for message in feed(engine, recording.person, segment):
            if isinstance(message, PredictionMessage):
                yield message


def columns(model: Predictor) -> list[str]:
    """Names of the columns of `rows`."""
    given = [f"{task}_{label}" for task, labels in model.card.tasks.items() for label in labels]
    return ["person", "stimulus", "window", "start", "end", "valid", "reasons", "absent", *given]


def rows(model: Predictor, recording: Recording) -> Iterator[Row]:
    """One row a window of ``recording``: bounds in s, reasons, absent modalities, a probability for each label.

    ``stimulus`` is the one that plays at the window's start, empty for none; probabilities are empty where the
    window is invalid.
    """
    row: Row = {}
    playing = Playing()
    for message in predict_recording(model, recording):
        if row and row["window"] != message.seq:
            yield row
            row = {}
        if not row:
            seen = [Marker(record.time, record.text) for record in message.markers]
            row = {
                "person": recording.person,
                "stimulus": playing.at(message.window_start, seen),
                "window": message.seq,
                "start": round(message.window_start, 6),
                "end": round(message.window_end, 6),
                "valid": int(message.valid),
                "reasons": " ".join(message.reasons),
                "absent": " ".join(message.absent),
            }
        for label, value in (message.probabilities or {}).items():
            row[f"{message.task}_{label}"] = f"{value:.7g}"
    if row:
        yield row


def write_csv(model: Predictor, recordings: Iterator[Recording], out: Path) -> int:
    """Write the rows of ``recordings`` to ``out`` and return how many; nothing is left there on failure.

    Raises
    ------
    DataError
        ``out`` cannot be written.
    """
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", newline="", encoding="utf-8") as file:
            count = _write(model, recordings, file)
        partial.replace(out)
    except OSError as problem:
        raise DataError(
            f"{out}: cannot be written ({problem.strerror}); give --out a path in a folder that exists"
        ) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return count


def _write(model: Predictor, recordings: Iterator[Recording], file: IO[str]) -> int:
    writer = csv.DictWriter(file, columns(model), restval="")
    writer.writeheader()
    count = 0
    for recording in recordings:
        for row in rows(model, recording):
            writer.writerow(row)
            count += 1
    return count
