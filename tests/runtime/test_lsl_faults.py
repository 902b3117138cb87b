"""Faults of real streams, seen by who listens: what windows and status say, and that predictions return."""

import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import zmq

pytestmark = pytest.mark.slow

_log = logging.getLogger(__name__)

DEVICE = """
import json, sys, time, numpy as np, pylsl
name, modality, source_id, labels, unit, rate, unix = json.loads(sys.argv[1])
info = pylsl.StreamInfo(name, modality, len(labels), rate, "float32", source_id)
channels = info.desc().append_child("channels")
for label in labels:
    channel = channels.append_child("channel")
    channel.append_child_value("label", label)
    channel.append_child_value("unit", unit)
outlet, rng, period = pylsl.StreamOutlet(info), np.random.default_rng(0), 0.02
print("open", flush=True)
begin = pylsl.local_clock()
while True:
    time.sleep(period)
    now = pylsl.local_clock()
    count = int((now - begin) * rate)
    if now - begin > 1:  # it was stopped: what it should have measured meanwhile is lost
        count = 0
        begin = now
    if count:
        stamps = begin + np.arange(1, count + 1) / rate
        begin = stamps[-1]
        foreign = time.time() - pylsl.local_clock() if unix else 0.0
        outlet.push_chunk(rng.normal(size=(count, len(labels))).astype(np.float32), (stamps + foreign).tolist())
"""


class Lab:
    """`memhacl-serve` and the devices around it, each a process, and a subscriber to all that is said."""

    def __init__(self, model_file: Path, stack: ExitStack) -> None:
        self._stack = stack
        with zmq.Context() as probe, probe.socket(zmq.REP) as free:
            endpoint = f"tcp://127.0.0.1:{free.bind_to_random_port('tcp://127.0.0.1')}"
        self._socket = stack.enter_context(zmq.Context.instance().socket(zmq.SUB))
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(endpoint)
        command = [str(Path(sys.executable).parent / "memhacl-serve"), "--lsl", "--no-lsl-out"]
        self._run([*command, "--model", str(model_file), "--publish", endpoint], stderr=subprocess.DEVNULL)

    def eeg(self, source_id: str = "e", labels: str = "Cz,Oz", rate: float = 128.0, clock: int = 0) -> Any:
        return self._device("amp", "EEG", source_id, labels.split(","), "uV", rate, False, clock=clock)

    def gsr(self, unix: bool = False) -> Any:
        return self._device("skin", "GSR", "g", ["GSR"], "uS", 128.0, unix)

    def messages(self, topic: str, enough: Callable[[list[dict]], bool], within: float = 30.0) -> list[dict]:
        """What is said on ``topic`` from now on, until it is ``enough``."""
        while self._socket.poll(0):
            self._socket.recv_multipart()
        found: list[dict] = []
        deadline = time.monotonic() + within
        while not enough(found):
            left = int(1000 * (deadline - time.monotonic()))
            assert left > 0, f"not within {within} s; the last: {found[-1:]}"
            if self._socket.poll(left):
                name, payload = self._socket.recv_multipart()
                if name.decode().startswith(topic):
                    found.append(json.loads(payload))
        return found

    def windows(self, valid: bool, count: int = 3, within: float = 30.0) -> list[dict]:
        """Windows up to ``count`` in a row that are valid, or invalid."""
        done = lambda seen: len(seen) >= count and all(m["valid"] is valid for m in seen[-count:])  # noqa: E731
        return self.messages("emotion.p1.valence", done, within)

    def status(self, modality: str, **want: Any) -> dict:
        """The first status in which the stream's entry has what is wanted; returned with the server's state."""

        def entry(status: dict) -> dict:
            return status["streams"]["p1"][modality]

        def has(found: list[dict]) -> bool:
            return bool(found) and all(entry(found[-1])[key] == value for key, value in want.items())

        last = self.messages("status", has)[-1]
        return {**entry(last), "server": last["state"]}

    def valid_after(self, fault: str) -> float:
        """Seconds until a window is valid, and the next two are."""
        start = time.monotonic()
        self.windows(valid=True, count=1)
        seconds = time.monotonic() - start
        assert all(window["valid"] for window in self.messages("emotion.p1.valence", lambda seen: len(seen) == 2))
        _log.info("%s: valid after %.1f s", fault, seconds)
        return seconds

    def _device(self, *what: Any, clock: int = 0) -> Any:
        # a time namespace: to its processes the machine was booted at another time
        elsewhen = ["unshare", "--time", "--monotonic", str(clock)] if clock else []
        command = [*elsewhen, sys.executable, "-c", DEVICE, json.dumps(what)]
        process = self._run(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        return process

    def _run(self, command: list[str], **options: Any) -> Any:
        process = self._stack.enter_context(subprocess.Popen(command, **options))
        self._stack.callback(process.kill)
        return process


def reasons(windows: list[dict]) -> set[str]:
    return {reason for window in windows for reason in window["reasons"]}


def other_clocks() -> bool:
    command = ["unshare", "--time", "--monotonic", "1", "true"]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def lab(make_model: Callable[..., Any], model: Any, tmp_path: Path) -> Iterator[Lab]:
    make_model(model.card.spec.model_copy(update={"hop": 0.25}))
    with ExitStack() as stack:
        yield Lab(tmp_path / "small.onnx", stack)


@pytest.mark.parametrize("source_id", ["serial-7", ""])
def test_a_killed_and_restarted_device(lab: Lab, source_id: str) -> None:
    lab.gsr()
    eeg = lab.eeg(source_id)
    lab.windows(valid=True)
    eeg.kill()
    said = reasons(lab.windows(valid=False, count=8))
    status = lab.status("EEG", state="lost")
    assert "missing:EEG" in said
    assert status["server"] == "degraded"
    lab.eeg(source_id)
    assert lab.valid_after(f"restart, source_id '{source_id}'") < 10
    assert lab.status("EEG", state="streaming", restarts=1)["server"] == "running"


def test_a_stopped_and_continued_process(lab: Lab) -> None:
    lab.gsr()
    eeg = lab.eeg()
    lab.windows(valid=True)
    eeg.send_signal(signal.SIGSTOP)
    said = reasons(lab.windows(valid=False, count=8))
    status = lab.status("EEG", state="stalled")
    assert "missing:EEG" in said
    assert status["server"] == "degraded"
    eeg.send_signal(signal.SIGCONT)
    assert lab.valid_after("stopped and continued") < 10
    assert lab.status("EEG", state="streaming")["restarts"] == 0


def test_a_twin_in_mid_session_is_not_noticed(lab: Lab) -> None:
    lab.gsr()
    lab.eeg()
    lab.windows(valid=True)
    lab.eeg()
    found = lab.messages("emotion.p1.valence", lambda seen: len(seen) == 16)
    assert all(window["valid"] for window in found)
    assert lab.status("EEG", state="streaming")["restarts"] == 0


def test_renamed_channels_and_then_the_right_ones_at_another_rate(lab: Lab) -> None:
    lab.gsr()
    eeg = lab.eeg()
    lab.windows(valid=True)
    lab.status("EEG", state="streaming")
    time.sleep(3)  # past the server's start, in which this would end it
    eeg.kill()
    renamed = lab.eeg(labels="Cz,X1")
    said = reasons(lab.windows(valid=False, count=8))
    status = lab.status("EEG", state="unusable", restarts=1)
    assert "missing:EEG" in said
    assert "missing: Oz" in status["detail"]
    assert status["server"] == "degraded"
    renamed.kill()
    lab.status("EEG", state="lost")
    lab.eeg(rate=256.0)
    assert lab.valid_after("renamed, then right again at 256 Hz") < 10
    assert lab.status("EEG", restarts=2)["nominal_rate"] == 256


def test_a_device_that_is_absent_from_the_start(lab: Lab) -> None:
    lab.gsr()
    lab.status("GSR", state="streaming")
    status = lab.status("EEG", state="searching")
    assert status["server"] == "waiting"
    lab.eeg()
    assert lab.valid_after("absent from the start") < 10


def test_stamps_in_unix_time_are_said_and_carried_over(lab: Lab) -> None:
    lab.eeg()
    lab.gsr(unix=True)
    assert lab.valid_after("Unix time") < 15
    assert lab.status("GSR", state="streaming")["absurd_clock"]


@pytest.mark.skipif(not other_clocks(), reason="this system gives no process a clock of its own")
def test_a_rebooted_sender_has_another_clock_offset(lab: Lab) -> None:
    lab.gsr()
    eeg = lab.eeg(clock=500_000)
    lab.windows(valid=True)
    eeg.kill()
    lab.windows(valid=False)
    lab.eeg(clock=3_000)
    assert lab.valid_after("rebooted sender") < 10
    assert lab.status("EEG", state="streaming")["clock_offset"] == pytest.approx(-3_000, abs=0.1)
