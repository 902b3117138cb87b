"""The server on real LSL and ZeroMQ: order, heartbeat, lost and returning streams, bad streams, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pylsl
import pytest
import zmq

from memhacl.runtime.serve_cli import stop_on_signals
from memhacl.stream.lsl.describe import make_info, read_info
from memhacl.stream.lsl.finding import Wanted, find
from memhacl.stream.signals import StreamFormat

EEG = StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", 128.0)
GSR = StreamFormat("skin", "GSR", ("GSR",), "uS", 128.0)


class Device:
    """A simulated amplifier: real outlets fed in real time, each of which can be pulled out and put back."""

    def __init__(self, formats: list[StreamFormat]) -> None:
        self._formats = {form.name: form for form in formats}
        self._outlets: dict[str, pylsl.StreamOutlet] = {}
        self._stop = threading.Event()
        self._lock = threading.Lock()
        for name in self._formats:
            self.plug(name)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def plug(self, name: str) -> None:
        with self._lock:
            self._outlets[name] = pylsl.StreamOutlet(make_info(self._formats[name], source_id=f"test-{name}"))

    def unplug(self, name: str) -> None:
        with self._lock:
            del self._outlets[name]

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._outlets.clear()

    def _run(self) -> None:
        rng = np.random.default_rng(0)
        start, sent = pylsl.local_clock(), 0
        while not self._stop.wait(0.02):
            due = int((pylsl.local_clock() - start) * 128)
            if due == sent:
                continue
            with self._lock:
                for name, outlet in self._outlets.items():
                    data = rng.normal(size=(due - sent, len(self._formats[name].channels))).astype(np.float32)
                    outlet.push_chunk(data, start + (due - 1) / 128)
            sent = due


@contextmanager
def plugged(*formats: StreamFormat) -> Iterator[Device]:
    device = Device(list(formats))
    try:
        yield device
    finally:
        device.close()


class Serving:
    """A `memhacl-serve` process and a subscriber to all that it says."""

    def __init__(self, model_file: Path, *options: str) -> None:
        context = zmq.Context.instance()
        self._socket = context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.setsockopt(zmq.LINGER, 0)
        with zmq.Context() as probe, probe.socket(zmq.REP) as free:
            port = free.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self._socket.connect(self.endpoint)
        command = [str(Path(sys.executable).parent / "memhacl-serve"), "--lsl", "--model", str(model_file)]
        self.process = subprocess.Popen(
            [*command, "--publish", self.endpoint, *options], stderr=subprocess.PIPE, text=True
        )

    def messages(self, prefix: str, count: int, within: float = 20.0) -> list[dict]:
        """The next ``count`` messages of a topic."""
        return self.until(prefix, lambda found: len(found) == count, within)

    def until(self, prefix: str, enough, within: float = 20.0) -> list[dict]:
        """Messages of a topic up to the moment when ``enough`` of them."""
        found: list[dict] = []
        deadline = time.monotonic() + within
        while not enough(found):
            left = int(1000 * (deadline - time.monotonic()))
            assert left > 0, f"within {within} s only {[(m.get('seq'), m.get('reasons')) for m in found]}"
            if self._socket.poll(left):
                topic, payload = self._socket.recv_multipart()
                if topic.decode().startswith(prefix):
                    found.append(json.loads(payload))
        return found

    def end(self, number: int = signal.SIGINT) -> tuple[int, float, str]:
        """Exit code, seconds until it was gone, and what was said."""
        started = time.monotonic()
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        _, said = self.process.communicate(timeout=15)
        return self.process.returncode, time.monotonic() - started, said

    def end_by_itself(self) -> tuple[int, float, str]:
        """As `end`, of a process that must not need to be told."""
        started = time.monotonic()
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, time.monotonic() - started, said

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self._socket.close()


@pytest.fixture
def serve(model_file: Path) -> Iterator:
    running: list[Serving] = []

    def start(*options: str) -> Serving:
        running.append(Serving(model_file, *options))
        return running[-1]

    yield start
    for one in running:
        one.close()


def test_one_message_a_second_in_order_and_a_heartbeat(serve) -> None:
    server = serve()  # before its streams
    assert server.messages("status", 1)[0]["state"] == "waiting"
    with plugged(EEG, GSR):
        found = server.messages("emotion.p1.valence", 4)
        assert [m["seq"] for m in found] == list(range(found[0]["seq"], found[0]["seq"] + 4))
        last = found[-1]
        assert last["schema"] == "memhacl.prediction/1"
        assert last["valid"]
        assert sum(last["probabilities"].values()) == pytest.approx(1)
        assert last["window_end"] - last["window_start"] == pytest.approx(1.0, abs=1e-3)
        assert abs(last["t_lsl"] - pylsl.local_clock()) < 2
        assert abs(last["t_wall"] - time.time()) < 3
        assert sum(last["latency"].values()) < 1000
        status = server.messages("status", 1)[0]
        assert status["state"] == "running"
        assert status["streams"]["EEG"]["state"] == "streaming"
        assert status["streams"]["EEG"]["rate"] == pytest.approx(128, rel=0.05)


@pytest.mark.parametrize(("name", "modality"), [("skin", "GSR"), ("amp", "EEG")], ids=["skin", "the reference"])
def test_a_cable_pulled_invalidates_and_plugged_in_again_recovers(serve, name: str, modality: str) -> None:
    server = serve()
    with plugged(EEG, GSR) as device:
        server.until("emotion.p1.valence", lambda found: found and found[-1]["valid"])
        device.unplug(name)
        lost = server.until("emotion.p1.valence", lambda found: len(found) >= 2 and not found[-1]["valid"])
        assert lost[-1]["reasons"][0] in (f"gap:{modality}", f"missing:{modality}")
        assert lost[-1]["probabilities"] is None
        degraded = server.until("status", lambda found: found and found[-1]["state"] == "degraded")
        assert degraded[-1]["streams"][modality]["state"] in ("lost", "stalled")
        device.plug(name)
        back = server.until("emotion.p1.valence", lambda found: found and found[-1]["valid"])
        everything = [m["seq"] for m in lost + back]
        assert everything == sorted(set(everything))
        ends = [m["window_end"] for m in lost + back]
        assert all(0.99 < step < 1.01 or step > 1.99 for step in np.diff(ends))  # the clock went on meanwhile


def test_the_same_predictions_go_out_as_an_lsl_stream(serve) -> None:
    server = serve("--participant", "anna")
    with plugged(EEG, GSR) as device:
        info = find(Wanted("Emotion"), within=20).info
        inlet = pylsl.StreamInlet(info, recover=False)
        inlet.open_stream(5)
        described = read_info(inlet.info(5))
        assert described.format.name == "memhacl-predictions-anna"
        labels = described.format.channels
        assert labels == ("valence.low", "valence.high", "arousal.low", "arousal.high", "valid")
        assert described.simulated
        opened = pylsl.local_clock()
        found = server.until(
            "emotion.anna.valence",
            lambda found: found and found[-1]["valid"] and found[-1]["window_end"] > opened + 1,
        )
        device.unplug("skin")
        found += server.until("emotion.anna.valence", lambda found: found and not found[-1]["valid"])
        recorded = {}
        while (sample := inlet.pull_sample(2))[0] is not None and len(recorded) < len(found):
            recorded[round(sample[1], 2)] = dict(zip(labels, sample[0], strict=True))
    both = [(m, recorded[round(m["window_end"], 2)]) for m in found if round(m["window_end"], 2) in recorded]
    assert {m["valid"] for m, _ in both} == {True, False}
    for message, sample in both:
        assert sample["valid"] == message["valid"]
        if message["valid"]:
            assert sample["valence.high"] == pytest.approx(message["probabilities"]["high"], abs=1e-6)
        else:
            assert np.isnan(sample["valence.high"])


def test_ctrl_c_ends_cleanly_within_two_seconds(serve) -> None:
    server = serve()
    with plugged(EEG, GSR):
        server.messages("emotion.p1.valence", 1)
        code, seconds, said = server.end()
    assert code == 0
    assert seconds < 2
    assert "Traceback" not in said


def test_a_signal_is_safe_wherever_the_server_is() -> None:
    """Once a handler took the lock of the very event that the loop was about to wait for, and hung for ever."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stopped = stop_on_signals()
        assert not stopped()
        signal.raise_signal(signal.SIGINT)
        assert stopped()
        assert not any(hasattr(cell.cell_contents, "wait") for cell in stopped.__closure__)  # nothing with a lock
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (StreamFormat("amp", "EEG", ("Cz", "Oz", "Pz")[:1], "uV", 128.0), "missing: Oz"),
        (StreamFormat("amp", "EEG", ("Cz", "Oz"), "degC", 128.0), "expected EEG in uV, found 'degC'"),
        (StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", 0.0), "expected a regular rate"),
    ],
)
def test_a_stream_that_does_not_fit_is_one_line_and_exit_code_2(serve, wrong: StreamFormat, says: str) -> None:
    with plugged(GSR):
        outlet = pylsl.StreamOutlet(make_info(wrong, source_id="wrong"))
        code, _, said = serve().end_by_itself()
        del outlet
    assert code == 2
    assert says in said
    assert "Traceback" not in said


def test_two_streams_of_one_type_are_listed(serve) -> None:
    with plugged(EEG, GSR):
        twin = pylsl.StreamOutlet(
            make_info(StreamFormat("other", "EEG", ("Cz", "Oz"), "uV", 128.0), source_id="o")
        )
        code, _, said = serve().end_by_itself()
        assert code == 2
        assert "'amp'" in said
        assert "'other'" in said
        chosen = serve("--stream", "EEG=amp")
        assert chosen.messages("emotion.p1.valence", 1)[0]["participant"] == "p1"
        del twin


def test_a_port_in_use_is_one_line_and_exit_code_2(serve) -> None:
    first = serve()
    first.messages("status", 1)
    second = serve("--publish", first.endpoint)
    code, _, said = second.end_by_itself()
    assert code == 2
    assert "in use" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--patience", "-1"], "--patience"),
        (["--stream", "EEG"], "MODALITY=NAME"),
        (["--participant", "a.b"], "a.b"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(serve, options: list[str], says: str) -> None:
    code, _, said = serve(*options).end_by_itself()
    assert code == 2
    assert says in said
    assert "Traceback" not in said
