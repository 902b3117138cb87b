"""A small, real ONNX model whose answers can be computed by hand (EEG power against GSR power), and a laboratory:
real outlets fed in real time, a server in a process or a thread, and its subscribers.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import onnx
import pylsl
import pytest
import zmq
from onnx import TensorProto, helper, numpy_helper

from memhacl.export.card import METADATA_KEY, ModelCard, Training
from memhacl.runtime.engine import Engine
from memhacl.runtime.participants import alone
from memhacl.runtime.publish import Publisher
from memhacl.runtime.server import Server
from memhacl.runtime.session import Model
from memhacl.runtime.streams import Streams
from memhacl.stream.lsl.describe import make_info
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import ModalitySpec, SignalSpec

LABELS = {"valence": ("low", "high"), "arousal": ("low", "high")}


def small_spec(**changes: object) -> SignalSpec:
    """Two EEG channels and one of GSR at 128 Hz, no filter, no baseline."""
    eeg = ModalitySpec(modality="EEG", channels=("Cz", "Oz"), unit="uV", baseline="none")
    gsr = ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none")
    return SignalSpec(modalities=(eeg, gsr), **changes)


def card_of(spec: SignalSpec, simulated: bool = True, rest_within: float = 0.0) -> ModelCard:
    training = Training(
        source="hand-made", simulated=simulated, people=2, stimuli=2, method="none", protocol="none",
        config_hash="0", created="2026-01-01", metrics={}, warnings=(), rest_within=rest_within,
    )  # fmt: skip
    return ModelCard(
        name="small", spec=spec, tasks=LABELS, temperature=dict.fromkeys(LABELS, 1.0), training=training
    )


def write_model(path: Path, card: ModelCard) -> Path:
    """Logits (0, mean power of row 0 - mean power of the last row) for each task."""
    channels, samples = card.spec.shape
    weights = np.zeros((channels, 2), dtype=np.float32)
    weights[0, 1], weights[-1, 1] = 1.0, -1.0
    nodes = [
        helper.make_node("Mul", ["signals", "signals"], ["square"]),
        helper.make_node("ReduceMean", ["square", "axes"], ["power"], keepdims=0),
        helper.make_node("MatMul", ["power", "weights"], ["logits"]),
        *(helper.make_node("Softmax", ["logits"], [task], axis=1) for task in card.tasks),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("signals", TensorProto.FLOAT, ["batch", channels, samples])],
        [helper.make_tensor_value_info(task, TensorProto.FLOAT, ["batch", 2]) for task in card.tasks],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([2]), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, card.to_json()
    onnx.save(model, path)
    return path


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[[SignalSpec], Model]:
    """Write and load the small model for a spec."""

    def make(spec: SignalSpec, simulated: bool = True) -> Model:
        return Model.load(write_model(tmp_path / "small.onnx", card_of(spec, simulated)))

    return make


@pytest.fixture
def model(make_model: Callable[[SignalSpec], Model]) -> Model:
    return make_model(small_spec())


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    return write_model(tmp_path / "small.onnx", card_of(small_spec()))


@pytest.fixture(name="write_model")
def writer() -> Callable[..., Path]:
    """Write the small model for a spec to a path."""
    return lambda path, spec, **said: write_model(path, card_of(spec, **said))


class Watched:
    """A real model that keeps every window that it is given."""

    def __init__(self, model: Model) -> None:
        self.card, self.sha256, self.providers, self._model = model.card, model.sha256, model.providers, model
        self.windows: list[np.ndarray] = []

    def predict(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        self.windows += list(batch)
        return self._model.predict(batch)


@pytest.fixture
def watch() -> type[Watched]:
    """Keep what a model is given."""
    return Watched


class Subscriber:
    """What a server publishes of one task, as it comes."""

    def __init__(self, endpoint: str) -> None:
        self._socket = zmq.Context.instance().socket(zmq.SUB)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"emotion.p1.valence")
        self._socket.connect(endpoint)

    def wait(self, seconds: float) -> dict | None:
        """The next message, None where there is none in time."""
        return json.loads(self._socket.recv_multipart()[1]) if self._socket.poll(int(1000 * seconds)) else None

    def close(self) -> None:
        self._socket.close(0)


@contextmanager
def live_server(model: object, **options: object) -> Iterator[Subscriber]:
    """The real server in a thread, on real LSL and ZeroMQ."""
    publisher = Publisher("tcp://127.0.0.1:*")
    subscriber = Subscriber(publisher.endpoint)
    engine = Engine(model, "p1", arrivals=True, **options)
    streams = Streams(alone("p1", engine.modalities, {}), [engine], model.card.spec)
    stop = threading.Event()
    thread = threading.Thread(target=Server(streams, publisher).run, args=(stop.is_set,))
    thread.start()
    try:
        yield subscriber
    finally:
        stop.set()
        thread.join(5)
        publisher.close()
        subscriber.close()


@pytest.fixture
def serving() -> Callable[..., object]:
    return live_server


class Device:
    """A simulated amplifier: real outlets fed in real time, each of which can be pulled out and put back.

    ``loud`` gives the deviation of a stream's noise where it is not 1.
    """

    def __init__(self, formats: list[StreamFormat], loud: dict[str, float]) -> None:
        self._loud = loud
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
                    shape = due - sent, len(self._formats[name].channels)
                    data = self._loud.get(name, 1.0) * rng.normal(size=shape)
                    outlet.push_chunk(data.astype(np.float32), start + (due - 1) / 128)
            sent = due


@contextmanager
def plugged_in(*formats: StreamFormat, loud: dict[str, float] | None = None) -> Iterator[Device]:
    device = Device(list(formats), loud or {})
    try:
        yield device
    finally:
        device.close()


@pytest.fixture
def plugged() -> Callable[..., AbstractContextManager[Device]]:
    """Switch on a device with streams of these formats."""
    return plugged_in


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
