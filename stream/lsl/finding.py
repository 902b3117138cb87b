"""Finding streams: by modality and name, one or an error that names the candidates, and a lost one's successor."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import pylsl

from memhacl.stream.errors import StreamError
from memhacl.stream.kinds import modality_of

ROUND = 1.0  # s; liblsl asks known peers only half a second after the multicast query, so less misses streams


@dataclass(frozen=True)
class Candidate:
    """A stream that answered: who it is, before its full description is fetched.

    ``type`` is the LSL content type as it was sent and ``modality`` its name here; ``rate`` is in Hz, ``created``
    in seconds on the sender's LSL clock; ``text`` is True for string streams.
    """

    uid: str
    name: str
    type: str
    modality: str
    source_id: str
    host: str
    channels: int
    rate: float
    created: float
    info: Any = field(repr=False, compare=False)
    text: bool = False

    def __str__(self) -> str:
        rate = f"{self.rate:g} Hz" if self.rate else "irregular"
        return (
            f"'{self.name}' ({self.modality}, {self.channels} ch, {rate}, host {self.host}, "
            f"source_id '{self.source_id}', uid {self.uid[:8]})"
        )


@dataclass(frozen=True)
class Wanted:
    """Which stream to read: a modality, and a name, host, source_id or type where several streams carry it.

    Name, host, source_id and type are shell patterns (``*``, ``?``, ``[ab]``) in which case matters; a plain word
    matches itself. ``type`` is the LSL content type as sent; where it is given, it counts instead of ``modality``:
    a GSR electrode may well be plugged into an amplifier whose stream is of type EEG. ``events`` leaves out
    streams of numbers at a regular rate: a trigger channel has a sample where nothing happens.

    ``owner`` says for whom it is; ``rivals`` are the wishes of others with whom no stream may be shared. A stream
    that a rival calls by its name or source_id is the rival's, unless this wish does so too.
    """

    modality: str
    name: str | None = None
    host: str | None = None
    source_id: str | None = None
    type: str | None = None
    events: bool = False
    owner: str = ""
    rivals: tuple["Wanted", ...] = ()

    def fits(self, candidate: Candidate) -> bool:
        """Whether ``candidate`` is what is wanted, and not plainly a rival's."""
        if self.type is None and self.modality != candidate.modality:
            return False
        if self.events and candidate.rate and not candidate.text:
            return False
        pairs = (
            (self.name, candidate.name),
            (self.host, candidate.host),
            (self.source_id, candidate.source_id),
            (self.type, candidate.type),
        )
        if not all(_matches(pattern, found) for pattern, found in pairs):
            return False
        return self._calls(candidate) or not any(r._calls(candidate) and r.fits(candidate) for r in self.rivals)

    def contested(self, candidate: Candidate) -> "Wanted | None":
        """Return the rival that ``candidate``, which fits, may just as well belong to; None where it is not so."""
        mine = self._calls(candidate)
        return next((r for r in self.rivals if r.fits(candidate) and (r._calls(candidate) or not mine)), None)

    def _calls(self, candidate: Candidate) -> bool:
        """Whether the name or the source_id is given in plain words, and not as a pattern that happens to fit."""
        return self.name == candidate.name or (self.source_id or None) == candidate.source_id

    def __str__(self) -> str:
        named = (
            ("named", self.name),
            ("on host", self.host),
            ("of source_id", self.source_id),
            ("of type", self.type),
        )
        said = "".join(f" {word} '{text}'" for word, text in named if text is not None)
        return f"{self.modality} stream{said}" + " (irregular or of texts)" * self.events


def _matches(pattern: str | None, found: str) -> bool:
    # equal first: a device may well be called 'amp [left]', which as a pattern means something else
    return pattern is None or pattern == found or fnmatchcase(found, pattern)


def visible(seconds: float = ROUND) -> tuple[Candidate, ...]:
    """Return the streams that answer within ``seconds`` s, by name."""
    found = [_candidate(info) for info in pylsl.resolve_streams(seconds)]
    return tuple(sorted(found, key=lambda candidate: (candidate.name, candidate.uid)))


def choose(wanted: Wanted, seen: Sequence[Candidate]) -> Candidate | None:
    """Return the one stream of ``seen`` that is wanted, None where there is none.

    Raises
    ------
    StreamError
        Several streams fit (the message lists them), or the one that fits may as well be somebody else's.
    """
    fitting = [candidate for candidate in seen if wanted.fits(candidate)]
    if len(fitting) > 1:
        listed = "; ".join(map(str, fitting))
        raise StreamError(
            f"{wanted.modality}: expected one {wanted}, found {len(fitting)}: {listed}; stop the others, or "
            f"choose one by --stream {wanted.modality}=NAME, or by name, host or source_id in a session file"
        )
    if fitting and (rival := wanted.contested(fitting[0])):
        raise StreamError(
            f"{wanted.modality}: expected a stream for each participant, found {fitting[0]}, which fits "
            f"{wanted.owner}'s {wanted} and {rival.owner}'s {rival}; choose more narrowly in the session file, or "
            "give all channels of each"
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


def successor(
    wanted: Wanted, lost: Candidate, seen: Sequence[Candidate], heard: float = -math.inf
) -> Candidate | None:
    """Return the stream that continues ``lost``: itself, or the newest that is ``wanted`` and the same source.

    Another outlet of its name and modality counts on the same host: with the same non-empty source_id before all,
    else where one of the two names no source or it was made after ``heard``, the last sign of life in seconds on
    the sender's clock (some programs name a new source each time). Where that host has none, one on another host
    counts that alone has the same source_id: some devices of one kind all name the same. Anything else is most
    likely another person's.
    """
    same = (lost.name, lost.modality)
    alike = [c for c in seen if (c.name, c.modality) == same and wanted.fits(c) and not wanted.contested(c)]
    for candidate in alike:
        if candidate.uid == lost.uid:
            return candidate
    same_source = [c for c in alike if c.source_id and c.source_id == lost.source_id]
    here = [c for c in same_source if c.host == lost.host] or [
        c for c in alike if c.host == lost.host and not (c.source_id and lost.source_id and c.created <= heard)
    ]
    if here or len(same_source) != 1:
        return max(here, key=lambda c: c.created, default=None)  # of one host: 'created' is on one clock
    return same_source[0]


def _candidate(info: Any) -> Candidate:
    return Candidate(
        uid=info.uid(),
        name=info.name(),
        type=info.type(),
        modality=modality_of(info.type()),
        source_id=info.source_id(),
        host=info.hostname(),
        channels=info.channel_count(),
        rate=info.nominal_srate(),
        created=info.created_at(),
        info=info,
        text=info.channel_format() == pylsl.cf_string,
    )
