"""The way out: a ZeroMQ XPUB socket that keeps the last message of each topic for those who come late."""

import errno
import logging
import re
from collections import Counter

import zmq

from memhacl.runtime.messages import Format, Message, encode
from memhacl.stream.errors import StreamError

log = logging.getLogger(__name__)

DEFAULT_ENDPOINT = "tcp://127.0.0.1:5571"
HIGH_WATER = 1000  # messages that wait for one slow subscriber before it begins to lose them

_LOCAL = re.compile(r"(ipc|inproc)://|tcp://(127\.[0-9.]+|localhost|\[::1\]):")
_SUBSCRIBE = 1
_SUBSCRIPTIONS_AT_ONCE = 256  # a flood of them must not hold up the windows


class Publisher:
    """Publishes messages as frames ``[topic][payload]`` and never waits for a subscriber.

    For one thread, the server's loop. ``endpoint`` is the address really bound (``tcp://127.0.0.1:*`` takes any
    free port).

    Parameters
    ----------
    endpoint
        Where to bind, for example ``tcp://127.0.0.1:5571``. Beyond loopback anyone on the network can listen,
        and a warning says so.
    format
        ``json`` or ``msgpack``.
    high_water
        Messages kept for one subscriber that does not read; what comes after them is lost to it alone.

    Raises
    ------
    StreamError
        The endpoint is in use, malformed or not on this machine.
    """

    def __init__(
        self, endpoint: str = DEFAULT_ENDPOINT, format: Format = "json", *, high_water: int = HIGH_WATER
    ) -> None:
        self._form: Format = format
        self._last: dict[str, bytes] = {}
        self._counts = Counter(published=0, replayed=0, subscriptions=0, subscriber_stalls=0)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.SNDHWM, high_water)
        # Every subscription is told, not only a topic's first: each late joiner gets its last values.
        self._socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        # With NODROP a full queue is an error that can be counted; without it libzmq drops in silence.
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)
        self._bind(endpoint)
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    @property
    def counters(self) -> dict[str, int]:
        """Messages published and replayed, subscriptions seen, times that a subscriber began to lose messages."""
        return dict(self._counts)

    def publish(self, message: Message) -> None:
        """Send ``message`` to its subscribers and keep it for those to come."""
        topic, payload = message.topic(), encode(message, self._form)
        self._last[topic] = payload
        self._send(topic, payload)
        self._counts["published"] += 1

    def serve_subscriptions(self) -> None:
        """Send each new subscriber the last message of every topic that it asked for; do not wait for any.

        ZeroMQ has no way to reach that one subscriber alone: whoever has the topic already sees the message once
        more, with the ``seq`` that it knows.
        """
        for _ in range(_SUBSCRIPTIONS_AT_ONCE):
            try:
                event = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            if event[:1] != bytes([_SUBSCRIBE]):
                continue  # somebody left
            self._counts["subscriptions"] += 1
            for topic, payload in self._last.items():
                if topic.encode().startswith(event[1:]):
                    self._send(topic, payload)
                    self._counts["replayed"] += 1

    def close(self, linger: float = 0.2) -> None:
        """Free the port; give the last messages ``linger`` seconds to leave, and no longer: a reader may hang."""
        self._socket.close(linger=round(linger * 1e3))
        self._context.term()

    def _bind(self, endpoint: str) -> None:
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as problem:
            self.close(linger=0)
            if problem.errno == errno.EADDRINUSE:
                raise StreamError(
                    f"{endpoint}: address in use; another server? give --publish another port"
                ) from None
            raise StreamError(
                f"{endpoint}: cannot be bound ({problem.strerror}); expected an address of this machine such as "
                f"{DEFAULT_ENDPOINT}"
            ) from None
        if not _LOCAL.match(endpoint):
            log.warning("%s is open to the network: whoever reaches it can read the predictions", endpoint)

    def _send(self, topic: str, payload: bytes) -> None:
        frames = [topic.encode(), payload]
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:  # somebody's queue is full: send all the same, to all who have room
            self._counts["subscriber_stalls"] += 1
            self._socket.setsockopt(zmq.XPUB_NODROP, 0)
            self._socket.send_multipart(frames, zmq.NOBLOCK)
            self._socket.setsockopt(zmq.XPUB_NODROP, 1)
