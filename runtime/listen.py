"""The receiving end: messages from a server, counted, so that a lost one is noticed."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import zmq

from memhacl.runtime.messages import decode
from memhacl.runtime.publish import DEFAULT_ENDPOINT
from memhacl.stream.errors import StreamError

Kind = Literal["next", "first", "repeat", "lost", "restart"]


@dataclass(frozen=True)
class Arrival:
    """A received message: its topic, its decoded content, and the payload as it came."""

    topic: str
    content: dict[str, Any]
    payload: bytes


class Listener:
    """A SUB socket on a server's endpoint; either format is understood.

    Parameters
    ----------
    endpoint
        Where a server publishes; it need not be there yet.
    topics
        Prefixes of the topics wanted; one empty string for all.

    Raises
    ------
    StreamError
        The endpoint is malformed.
    """

    def __init__(self, endpoint: str = DEFAULT_ENDPOINT, topics: tuple[str, ...] = ("",)) -> None:
        self.endpoint = endpoint
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        for topic in topics:
            self._socket.setsockopt_string(zmq.SUBSCRIBE, topic)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError:
            self.close()
            raise StreamError(
                f"{endpoint}: is no ZeroMQ address; expected something like {DEFAULT_ENDPOINT}"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def receive(self, timeout: float) -> Arrival | None:
        """Return the next message, or None if none came within ``timeout`` seconds.

        Raises
        ------
        StreamError
            What came is no message of a server: something else publishes there.
        """
        if not self._socket.poll(round(timeout * 1e3)):
            return None
        frames = self._socket.recv_multipart()
        if len(frames) != 2:
            raise StreamError(f"{self.endpoint}: expected frames [topic][payload], found {len(frames)} frames")
        try:
            return Arrival(frames[0].decode("utf-8", "replace"), decode(frames[1]), frames[1])
        except StreamError as problem:
            raise StreamError(f"{self.endpoint}: {problem}; is it a memhacl server?") from None

    def close(self) -> None:
        """Leave the server."""
        self._socket.close(linger=0)
        self._context.term()


class Follower:
    """Follows ``seq`` of every topic and tells apart what is new, repeated, lost, or a new server's."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def follow(self, topic: str, seq: int) -> tuple[Kind, int]:
        """Return what ``seq`` means for ``topic``, and how many messages before it are missing."""
        last = self._last.get(topic)
        self._last[topic] = seq
        if last is None:
            return "first", 0
        if seq == last:
            return "repeat", 0
        if seq < last:
            return "restart", 0
        return ("next", 0) if seq == last + 1 else ("lost", seq - last - 1)
