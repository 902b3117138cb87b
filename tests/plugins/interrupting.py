"""A checkpoint that interrupts: what a kill does to a loop, inside the test's own process."""

from typing import Any

from memhacl.train.loops.checkpoint import Checkpoint


class Stop(Exception):
    """What interrupts."""


class Interrupting(Checkpoint):
    """Interrupts right after its ``left``-th save."""

    left = 0

    def save(self, state: dict[str, Any]) -> None:
        super().save(state)
        Interrupting.left -= 1
        if Interrupting.left == 0:
            raise Stop
