"""The command as a user runs it, in a process of its own."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from memhacl.stream.lsl.inlet import MarkerEvent

COMMAND = [sys.executable, "-m", "memhacl.stream.lsl.replay_cli"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["simulated", "--speed", "2"], "--speed 2: expected more than 0 and at most 1"),
        (["simulated", "--person", "nobody"], "expected --person out of s01, s02"),
        (["no/such/folder"], "no/such/folder"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(arguments: list[str], reason: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("memhacl-replay: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_it_streams_to_readers_and_ends_cleanly_at_ctrl_c(listen: Callable[..., Any]) -> None:
    command = [*COMMAND, "simulated", "--person", "s02", "--trials", "3", "--modalities", "eeg,GSR"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            eeg, skin = listen("EEG", "memhacl-EEG"), listen("GSR", "memhacl-GSR")
            markers = listen("Markers", "memhacl-markers")
            described = eeg.reader.wait_open(30.0)
            assert (len(described.format.channels), described.format.rate, described.simulated) == (
                32,
                128.0,
                True,
            )
            assert described.format.channels[0] == "Fp1"
            assert "bandpass" in described.format.already_done
            eeg.samples(64)
            skin.samples(64)
            seen = markers.until(lambda events: any(isinstance(event, MarkerEvent) for event in events))
            first = next(event for event in seen if isinstance(event, MarkerEvent))
            assert first.text == "memhacl:anchor"
            assert first.time == eeg.samples(1)[0].stamps[0]
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=10)
        finally:
            process.kill()
    assert time.monotonic() - start < 2.0
    assert process.returncode == 130
    assert "playing to readers of EEG, GSR, markers" in said
    assert "Traceback" not in said
