"""The outlets of a replay: one for each stream of the recording, and one for markers."""

from collections.abc import Sequence
from dataclasses import replace

from memhacl.stream.errors import DataError
from memhacl.stream.lsl.outlet import MARKER_STREAM, SignalOutlet, TextOutlet
from memhacl.stream.lsl.schedule import Push, SamplePush, TextPush
from memhacl.stream.lsl.selection import Piece
from memhacl.stream.signals import MARKERS, Recording, Signal, StreamFormat, Texts

OWN_MARKERS = "markers"  # the word for the marker outlet that no recorded stream stands behind


class Stage:
    """Open outlets for everything in ``pieces``, played at ``speed``.

    Raises
    ------
    DataError
        A stream changes its channels or its rate between two pieces.
    """

    def __init__(self, recording: Recording, pieces: Sequence[Piece], speed: float) -> None:
        self._recording, self._speed = recording, speed
        self._signals: dict[str, SignalOutlet] = {}
        self._texts: dict[str, TextOutlet] = {}
        self._formats: dict[str, StreamFormat] = {}
        streams = [stream for piece in pieces for stream in piece.streams.items()]
        for name, stream in streams:
            self._check(name, stream.format)
        for name, stream in streams:
            self._open(name, stream)
        markers = [n for n, s in streams if isinstance(s, Texts) and s.format.modality == MARKERS]
        self._own: TextOutlet | None = None
        if not markers:
            self._own = TextOutlet(MARKER_STREAM, MARKERS, 1, source_id="memhacl-replay-markers")
        self._markers: TextOutlet = self._own or self._texts[markers[0]]

    def _check(self, name: str, found: StreamFormat) -> None:
        first = self._formats.setdefault(name, found)
        if (first.channels, first.rate) != (found.channels, found.rate):
            raise DataError(
                f"{self._recording.source}, person {self._recording.person}: stream '{name}': expected "
                f"{len(first.channels)} channels at {first.rate:g} Hz as in the first part, found "
                f"{len(found.channels)} at {found.rate:g} Hz in a later one; play the files one by one"
            )

    def _open(self, name: str, stream: Signal | Texts) -> None:
        if name in self._signals or name in self._texts:
            return
        form = stream.format
        source_id = f"memhacl-replay-{name}"
        if stream.origin is not None:
            source_id += f"-{stream.origin.source_id}"
        if isinstance(stream, Texts):
            self._texts[name] = TextOutlet(
                form.name,
                stream.origin.type,
                len(form.channels),
                source_id=source_id,
                rate=form.rate * self._speed,
            )
            return
        named = replace(form, name=f"memhacl-{form.modality}")
        if stream.origin is not None:
            named = replace(form, modality=stream.origin.type)
        self._signals[name] = SignalOutlet(
            named, source_id=source_id, simulated=self._recording.simulated, rate=form.rate * self._speed
        )

    def _outlets(self) -> list[tuple[str, SignalOutlet | TextOutlet]]:
        own = [] if self._own is None else [(OWN_MARKERS, self._own)]
        return [*self._signals.items(), *self._texts.items(), *own]

    @property
    def names(self) -> set[str]:
        """What there are outlets for: modalities, or names of recorded streams, and 'markers'."""
        return {name for name, _ in self._outlets()}

    def consumed(self) -> set[str]:
        """Return the names of those outlets that somebody reads."""
        return {name for name, outlet in self._outlets() if outlet.has_consumer}

    def send(self, push: Push, base: float) -> None:
        """Send ``push``, of a replay that started at ``base`` on LSL's clock, in seconds."""
        if isinstance(push, SamplePush):
            self._signals[push.stream].push(push.samples, base + push.stamps)
        elif isinstance(push, TextPush):
            self._texts[push.stream].push(push.texts, base + push.stamp)
        else:
            self._markers.push((push.text,), base + push.due)

    def close(self) -> None:
        """Take the outlets off the network."""
        for _, outlet in self._outlets():
            outlet.close()
