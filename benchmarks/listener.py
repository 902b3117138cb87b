"""Collecting what a server publishes, with the moment at which each message came."""

import json
import time
from collections.abc import Callable
from typing import Any

import zmq

from memhacl.stream.lsl.clock import local_clock

Received = dict[str, Any]


class Listener:
    """A subscriber to everything on ``endpoint``; each message gets ``received``, its LSL time of coming."""

    def __init__(self, endpoint: str) -> None:
        self._socket = zmq.Context.instance().socket(zmq.SUB)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.setsockopt(zmq.RCVHWM, 0)
        self._socket.connect(endpoint)

    def collect(self, prefix: str, enough: Callable[[list[Received]], bool], within: float) -> list[Received]:
        """Messages of topics that begin with ``prefix``, until ``enough`` or ``within`` seconds are over."""
        found: list[Received] = []
        deadline = time.monotonic() + within
        while not enough(found) and (left := deadline - time.monotonic()) > 0:
            if not self._socket.poll(int(1000 * left) + 1):
                break
            topic, payload = self._socket.recv_multipart()
            now = local_clock()
            if topic.decode().startswith(prefix):
                found.append({**json.loads(payload), "received": now})
        return found

    def close(self) -> None:
        """Unsubscribe."""
        self._socket.close(0)


def milliseconds_late(message: Received, rate: float) -> float:
    """Milliseconds from the stamp of the last sample that the window needs to the message's coming."""
    return 1e3 * (message["received"] - (message["window_end"] - 1 / rate))
