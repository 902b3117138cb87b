"""A look at every stream that is visible: what it says of itself, how fast it is, whose clock it stamps with."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from memhacl.stream.errors import StreamError
from memhacl.stream.lsl.clock import local_clock
from memhacl.stream.lsl.connection import Connection, Lost
from memhacl.stream.lsl.describe import Described
from memhacl.stream.lsl.finding import Candidate, visible
from memhacl.stream.lsl.meter import Meter

CONNECT = 3.0  # s for each step of connecting
POLL = 0.1  # s of one wait for samples


@dataclass(frozen=True)
class Surveyed:
    """A visible stream and what was measured of it.

    ``described`` is what it says of itself, ``offset`` (s) is added to its stamps; both are None where it could
    not be opened. ``rate`` is in Hz by its own stamps, None where fewer than two chunks came. ``absurd_clock``: it
    stamps with another clock than LSL's. ``problem`` says why it could not be read, or that nothing came; it is
    empty where all is well.
    """

    candidate: Candidate
    described: Described | None = None
    rate: float | None = None
    offset: float | None = None
    absurd_clock: bool = False
    problem: str = ""


def survey(seconds: float, seen: Sequence[Candidate] | None = None) -> tuple[Surveyed, ...]:
    """Return every visible stream with its rate measured over ``seconds`` s, by name.

    All are opened at the same time: it takes about two seconds more than ``seconds``, and ten where one does not
    answer. ``seen`` saves looking at the network once more.
    """
    found = visible() if seen is None else tuple(seen)
    results = [Surveyed(candidate, problem=f"{candidate}: does not answer") for candidate in found]

    def work(place: int) -> None:
        results[place] = _read(found[place], seconds)

    # daemons: a call into liblsl that does not return must not hold up the end of the process
    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(len(found))]
    for thread in threads:
        thread.start()
    deadline = local_clock() + 4 * CONNECT + seconds
    for thread in threads:
        thread.join(max(deadline - local_clock(), 0.0))
    return tuple(results)


def _read(candidate: Candidate, seconds: float) -> Surveyed:
    try:
        connection = Connection(candidate, CONNECT)
    except StreamError as error:
        return Surveyed(candidate, problem=str(error))
    meter = Meter()
    problem = _measure(connection, meter, seconds)
    if not problem and not meter.samples and candidate.rate:
        problem = f"{candidate}: no sample came within {seconds:g} s"
    return Surveyed(candidate, connection.described, meter.rate, connection.offset, meter.absurd_clock, problem)


def _measure(connection: Connection, meter: Meter, seconds: float) -> str:
    """Count for ``seconds`` s; return what went wrong."""
    end = local_clock() + seconds
    while (left := end - local_clock()) > 0:
        try:
            _, stamps = connection.pull(min(POLL, left))
        except Lost:
            return f"{connection.candidate}: went away within {seconds:g} s"
        if len(stamps):
            meter.add(stamps, local_clock())
    return ""
