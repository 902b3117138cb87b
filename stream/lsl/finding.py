"""Finding streams: by modality and name, one or an error that names the candidates, and a lost one's successor."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pylsl

from memhacl.stream.errors import StreamError
from memhacl.stream.lsl.describe import modality_of

ROUND = 1.0  # s; liblsl asks known peers only half a second after the multicast query, so less misses streams


@dataclass(frozen=True)
class Candidate:
    """A stream that answered: who it is, before its full description is fetched. ``rate`` in Hz."""

    uid: str
    name: str
    modality: str
    source_id: str
    host: str
    channels: int
    rate: float
    created: float
    info: Any = field(repr=False, compare=False)

    def __str__(self) -> str:
        rate = f"{self.rate:g} Hz" if self.rate else "irregular"
        return (
            f"'{self.name}' ({self.modality}, {self.channels} ch, {rate}, host {self.host}, "
            f"source_id '{self.source_id}', uid {self.uid[:8]})"
        )


@dataclass(frozen=True)
class Wanted:
    """Which stream to read: a modality, and a name, host or source_id where several streams carry it."""

    modality: str
    name: str | None = None
    host: str | None = None
    source_id: str | None = None

    def fits(self, candidate: Candidate) -> bool:
        """Whether ``candidate`` is what is wanted."""
        pairs = (
            (self.modality, candidate.modality),
            (self.name, candidate.name),
            (self.host, candidate.host),
            (self.source_id, candidate.source_id),
        )
        return all(wish is None or wish == found for wish, found in pairs)

    def __str__(self) -> str:
        named = f" named '{self.name}'" if self.name else ""
        return f"{self.modality} stream{named}"


def visible(seconds: float = ROUND) -> tuple[Candidate, ...]:
    """Return the streams that answer within ``seconds`` s, by name."""
    found = [_candidate(info) for info in pylsl.resolve_streams(seconds)]
    return tuple(sorted(found, key=lambda candidate: (candidate.name, candidate.uid)))


def choose(wanted: Wanted, seen: Sequence[Candidate]) -> Candidate | None:
    """Return the one stream of ``seen`` that is wanted, None where there is none.

    Raises
    ------
    StreamError
        Several streams fit; the message lists them.
    """
    fitting = [candidate for candidate in seen if wanted.fits(candidate)]
    if len(fitting) > 1:
        listed = "; ".join(map(str, fitting))
        raise StreamError(
            f"{wanted.modality}: expected one {wanted}, found {len(fitting)}: {listed}; "
            "stop the others or choose one by name"
        )
    return fitting[0] if fitting else None


def find_all(wanted: Sequence[Wanted], within: float) -> dict[Wanted, Candidate]:
    """Find every wanted stream, asking the network for up to ``within`` seconds.

    Raises
    ------
    StreamError
        Several streams fit one wish, or one is still missing in the end.
    """
    deadline = time.monotonic() + within
    while True:
        seen = visible(ROUND)
        chosen = {wish: choose(wish, seen) for wish in wanted}
        if all(chosen.values()) or time.monotonic() >= deadline:
            break
    missing = [str(wish) for wish, candidate in chosen.items() if candidate is None]
    if missing:
        others = "; ".join(map(str, seen)) or "none"
        raise StreamError(
            f"{', '.join(missing)}: not found within {within:g} s; visible streams: {others}; start the "
            "device's program or memhacl-replay, or name its host under KnownPeers in lsl_api.cfg"
        )
    return {wish: candidate for wish, candidate in chosen.items() if candidate is not None}


def find(wanted: Wanted, within: float) -> Candidate:
    """Find one stream within ``within`` seconds; StreamError where there is none or more than one."""
    return find_all([wanted], within)[wanted]


def successor(lost: Candidate, seen: Sequence[Candidate]) -> Candidate | None:
    """Return the stream that continues ``lost``: itself, or the newest of its name and modality.

    Another outlet counts only with the same non-empty source_id or on the same host: a stream of the same
    name elsewhere in the laboratory is most likely another person.
    """
    alike = [c for c in seen if (c.name, c.modality) == (lost.name, lost.modality)]
    for candidate in alike:
        if candidate.uid == lost.uid:
            return candidate
    same_source = [c for c in alike if c.source_id and c.source_id == lost.source_id]
    same_host = [c for c in alike if c.host == lost.host]
    return max(same_source or same_host, key=lambda c: c.created, default=None)


class Lookout:
    """Looks at the network beside the reading, no more often than every ``pause`` seconds."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._after = 0.0
        self._seen: list[tuple[Candidate, ...]] = []
        self._thread: threading.Thread | None = None

    def look(self, now: float) -> tuple[Candidate, ...] | None:
        """Return what a finished look saw, once; start the next one where it is due."""
        if self._thread is not None and not self._thread.is_alive():
            self._thread, self._after = None, now + self._pause
        elif self._thread is None and now >= self._after:
            self._thread = threading.Thread(target=self._work, name="lsl-lookout", daemon=True)
            self._thread.start()
        return self._seen.pop() if self._seen else None

    def _work(self) -> None:
        self._seen.append(visible(ROUND))


def _candidate(info: Any) -> Candidate:
    return Candidate(
        uid=info.uid(),
        name=info.name(),
        modality=modality_of(info.type()),
        source_id=info.source_id(),
        host=info.hostname(),
        channels=info.channel_count(),
        rate=info.nominal_srate(),
        created=info.created_at(),
        info=info,
    )
