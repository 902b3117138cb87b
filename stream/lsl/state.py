"""A reader's patience and its report."""

from dataclasses import dataclass

from memhacl.stream.lsl.describe import Described


@dataclass(frozen=True)
class Timing:
    """Patience of a reader, in seconds.

    ``stall``: silence that counts as stalled (at least five sample periods, and longer than a replay's gaps);
    ``reopen``: silence after which a stream that still answers queries is opened anew (its connection may be
    half dead); ``quiet``: pause between looks at whether a silent marker stream is still there; ``connect``:
    bound on each step of connecting; ``poll``: bound on one wait for samples.
    """

    stall: float = 4.0
    reopen: float = 6.0
    quiet: float = 5.0
    connect: float = 3.0
    poll: float = 0.25


@dataclass(frozen=True)
class Snapshot:
    """How a reader's stream is doing; times in seconds on the local LSL clock, rate in Hz.

    ``state`` is one of

    - ``idle`` (not started), ``searching`` (nobody seen), ``ambiguous`` (several fit; ``detail`` names them),
    - ``connecting``, ``unreachable`` (seen, but does not answer; tried again), ``unusable`` (of the wrong kind),
    - ``connected`` (open, no sample yet), ``streaming``, ``stalled`` (silent), ``lost`` (gone; looked for),
    - ``stopped``.

    ``offset`` is what is added to the source's stamps (0 on the same clock); ``restarts`` counts connections
    after the first, ``dropped`` events that the mailbox had no room for.
    """

    stream: str
    state: str
    detail: str
    described: Described | None
    samples: int
    last_stamp: float | None
    last_arrival: float | None
    rate: float | None
    offset: float
    restarts: int
    dropped: int
    absurd_clock: bool
