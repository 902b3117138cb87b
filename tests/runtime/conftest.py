"""A small, real ONNX model whose answers can be computed by hand: EEG power against GSR power."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest
import zmq
from onnx import TensorProto, helper, numpy_helper

from memhacl.export.card import METADATA_KEY, ModelCard, Training
from memhacl.runtime.engine import Engine
from memhacl.runtime.publish import Publisher
from memhacl.runtime.server import Server
from memhacl.runtime.session import Model
from memhacl.runtime.streams import Streams
from memhacl.stream.spec import ModalitySpec, SignalSpec

LABELS = {"valence": ("low", "high"), "arousal": ("low", "high")}


def small_spec(**changes: object) -> SignalSpec:
    """Two EEG channels and one of GSR at 128 Hz, no filter, no baseline."""
    eeg = ModalitySpec(modality="EEG", channels=("Cz", "Oz"), unit="uV", baseline="none")
    gsr = ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none")
    return SignalSpec(modalities=(eeg, gsr), **changes)


def card_of(spec: SignalSpec, simulated: bool = True) -> ModelCard:
    training = Training(
        source="hand-made", simulated=simulated, people=2, stimuli=2, method="none", protocol="none",
        config_hash="0", created="2026-01-01", metrics={}, warnings=(),
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
    engine = Engine(model, "p1", **options)
    stop = threading.Event()
    thread = threading.Thread(target=Server(engine, Streams(engine, {}), publisher).run, args=(stop.is_set,))
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
