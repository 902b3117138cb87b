import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgpack
import numpy as np
import pytest
import zmq
from pydantic import ValidationError

from memhacl.runtime.messages import (
    MarkerRecord,
    Message,
    ModelRecord,
    PredictionMessage,
    QualityMessage,
    StatusMessage,
    check_participant,
    decode,
    encode,
    read_message,
)
from memhacl.runtime.publish import Publisher
from memhacl.stream.errors import ConfigError, StreamError

LOCAL = "tcp://127.0.0.1:*"
MODEL = ModelRecord(name="small", sha256="ab" * 32, simulated=True)


def window_of(seq: int, valid: bool = True) -> dict[str, Any]:
    return {
        "seq": seq, "participant": "p1", "index": seq + 2, "t_lsl": 10.0 + seq, "t_wall": None,
        "window_start": 9.0 + seq, "window_end": 10.0 + seq, "valid": valid,
        "reasons": [] if valid else ["gap:EEG"], "quality": {"EEG": {"missing": 0.0, "rate": 128.0}},
    }  # fmt: skip


def prediction(seq: int = 0, task: str = "valence", valid: bool = True, **changes: Any) -> PredictionMessage:
    values = {
        "task": task, "probabilities": {"low": 0.25, "high": 0.75} if valid else None,
        "label": "high" if valid else None, "markers": [MarkerRecord(time=9.5, text="onset, “café”")],
        "model": MODEL, "warnings": ["simulated"], "latency": {"wait": 3.0},
    }  # fmt: skip
    return PredictionMessage(**(window_of(seq, valid) | values | changes))


def status(**changes: Any) -> StatusMessage:
    values: dict[str, Any] = {
        "version": "0.1", "t_lsl": 1.0, "t_wall": 2.0, "uptime": 3.0, "state": "running", "participants": ["p1"],
        "model": MODEL,
        "streams": {"p1": {"EEG": {"state": "streaming", "rate": float("nan"), "lost": np.int64(3)}}},
        "counters": {"windows": 4}, "assumed": [], "warnings": [],
    }  # fmt: skip
    return StatusMessage(**(values | changes))


@contextmanager
def subscriber(publisher: Publisher, *topics: str, **options: int) -> Iterator[zmq.Socket[bytes]]:
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.linger = 0
        for name, value in options.items():
            socket.setsockopt(getattr(zmq, name), value)
        for topic in topics:
            socket.setsockopt_string(zmq.SUBSCRIBE, topic)
        before = publisher.counters["subscriptions"]
        socket.connect(publisher.endpoint)
        _until(
            lambda: publisher.serve_subscriptions() or publisher.counters["subscriptions"] - before == len(topics)
        )
        yield socket


def received(socket: zmq.Socket[bytes], wait: float = 0.3) -> list[tuple[str, dict[str, Any]]]:
    """All messages until none comes for ``wait`` seconds."""
    found = []
    while socket.poll(round(wait * 1e3)):
        topic, payload = socket.recv_multipart()
        found.append((topic.decode(), decode(payload)))
    return found


def _until(done: Callable[[], object], limit: float = 10.0) -> None:
    end = time.monotonic() + limit
    while not done():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    made = Publisher(LOCAL)
    yield made
    made.close()


SPARED = {"reasons": ["gap:GSR", "filter_warmup:GSR"], "absent": ["GSR"]}
EVERY_KIND = [
    prediction(3),
    prediction(4, valid=False),
    prediction(5, **SPARED),
    QualityMessage(**window_of(3)),
    status(),
]


@pytest.mark.parametrize("form", ["json", "msgpack"])
@pytest.mark.parametrize("message", EVERY_KIND, ids=lambda message: message.schema_)
def test_message_survives_either_format(message: Message, form: Any) -> None:
    content = decode(encode(message, form))
    assert content["topic"] == message.topic()
    assert read_message(content) == message
    assert decode(encode(message, "json")) == decode(encode(message, "msgpack"))


def test_payloads_are_what_other_programs_read() -> None:
    message = prediction(7)
    text = json.loads(encode(message, "json").decode("utf-8"))
    assert text["schema"] == "memhacl.prediction/2"
    assert text["topic"] == "emotion.p1.valence"
    assert text["probabilities"] == {"low": 0.25, "high": 0.75}
    assert text["t_wall"] is None
    assert text["absent"] == []
    assert msgpack.unpackb(encode(message, "msgpack")) == text


def test_nan_is_null_everywhere() -> None:
    quality = {"EEG": {"missing": float("nan"), "rate": np.float32(np.inf)}}
    messages = (status(), prediction(quality=quality, t_wall=float("nan"), latency={"wait": float("inf")}))
    for message in messages:
        assert "NaN" not in encode(message).decode()
        assert "Infinity" not in encode(message).decode()
    streams = decode(encode(status(), "msgpack"))["streams"]
    assert streams == {"p1": {"EEG": {"state": "streaming", "rate": None, "lost": 3}}}
    assert decode(encode(messages[1]))["quality"] == {"EEG": {"missing": None, "rate": None}}


@pytest.mark.parametrize(
    "changes",
    [
        {"reasons": []},
        {"probabilities": {"low": 0.5, "high": 0.5}},
        {"label": "high"},
        {"absent": ["EEG"]},
    ],
)
def test_invalid_window_never_goes_out_with_a_number_or_without_a_reason(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        prediction(valid=False, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"probabilities": {"low": 0.5, "high": 0.6}},
        {"probabilities": {"low": float("nan"), "high": 1.0}},
        {"label": "middle"},
        {"probabilities": None, "label": None},
        {"participant": "p.1"},
        {"reasons": ["gap:GSR"]},
        {"absent": ["GSR"]},
        {"reasons": ["gap:GSR", "shed"], "absent": ["GSR"]},
        {"reasons": ["gap:GSR"], "absent": ["GSR", "EEG"]},
        {"seqq": 1},
    ],
)
def test_message_that_contradicts_itself_is_not_made(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        prediction(**changes)


@pytest.mark.parametrize("name", ["", "anna b", "a.b", "a/b", "é", "x" * 65, "p1\n"])
def test_participant_that_would_break_a_topic_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="letters, digits"):
        check_participant(name)


def test_participant_of_usual_form_is_taken() -> None:
    assert check_participant("sub-01_A") == "sub-01_A"


@pytest.mark.parametrize("payload", [b"", b"{", b"\xc1", b"hello", b"[1]", b"\x93\x01\x02\x03", b"\x81\xa1a"])
def test_foreign_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(StreamError, match="expected a JSON object or a msgpack map"):
        decode(payload)


def test_unknown_schema_is_named() -> None:
    with pytest.raises(StreamError, match=r"found 'memhacl.prediction/9'"):
        read_message({"schema": "memhacl.prediction/9"})


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_subscriber_gets_what_it_asked_for_in_order(form: Any) -> None:
    publisher = Publisher(LOCAL, form)
    try:
        with subscriber(publisher, "emotion.p1.valence", "status") as socket:
            for seq in range(20):
                publisher.publish(prediction(seq))
                publisher.publish(prediction(seq, task="arousal"))
            publisher.publish(status())
            found = received(socket)
    finally:
        publisher.close()
    assert [topic for topic, _ in found] == ["emotion.p1.valence"] * 20 + ["status"]
    assert [content["seq"] for _, content in found[:20]] == list(range(20))
    assert publisher.counters["published"] == 41


def test_late_joiner_gets_the_last_of_each_topic_it_asked_for(publisher: Publisher) -> None:
    for seq in range(3):
        publisher.publish(prediction(seq))
        publisher.publish(prediction(seq, task="arousal"))
        publisher.publish(QualityMessage(**window_of(seq)))
    with subscriber(publisher, "emotion.") as first:
        assert [(topic, content["seq"]) for topic, content in received(first)] == [
            ("emotion.p1.valence", 2),
            ("emotion.p1.arousal", 2),
        ]
        with subscriber(publisher, "emotion.") as second:  # the same subscription again is told again
            assert len(received(second)) == 2
    assert publisher.counters["replayed"] == 4


def test_serving_subscriptions_without_any_returns_at_once(publisher: Publisher) -> None:
    started = time.monotonic()
    publisher.serve_subscriptions()
    publisher.publish(prediction())  # nobody listens
    assert time.monotonic() - started < 0.1


def test_subscriber_that_does_not_read_delays_nobody_and_is_counted() -> None:
    publisher = Publisher(LOCAL, high_water=10)
    bulk = [MarkerRecord(time=1.0, text="x" * 100_000)]  # fills the kernel's buffers soon
    try:
        with (
            subscriber(publisher, "emotion.", RCVHWM=10, RCVBUF=10_000) as stuck,
            subscriber(publisher, "emotion.") as reader,
        ):
            slowest, seen = 0.0, []
            for seq in range(300):
                message = prediction(seq, markers=bulk)
                started = time.monotonic()
                publisher.publish(message)
                slowest = max(slowest, time.monotonic() - started)
                seen += [content["seq"] for _, content in received(reader, 0.02)] if seq % 5 == 4 else []
            seen += [content["seq"] for _, content in received(reader)]
            assert slowest < 0.25
            assert seen == list(range(300))
            assert publisher.counters["subscriber_stalls"] >= 1
            assert len(received(stuck)) < 300
    finally:
        publisher.close()


def test_last_words_are_heard_but_a_hanging_reader_does_not_hold_up_the_end() -> None:
    bulk = [MarkerRecord(time=1.0, text="x" * 50_000)]
    publisher = Publisher(LOCAL)
    with (
        subscriber(publisher, "emotion.", "status", RCVHWM=1000) as socket,
        subscriber(publisher, "emotion.", RCVHWM=1, RCVBUF=10_000),
    ):
        for seq in range(200):
            publisher.publish(prediction(seq, markers=bulk))
        publisher.publish(status(state="stopped"))
        started = time.monotonic()
        publisher.close()
        assert time.monotonic() - started < 1
        found = received(socket)
    assert len(found) == 201
    assert found[-1][1]["state"] == "stopped"


def test_port_in_use_is_one_line_that_says_what_to_do(publisher: Publisher) -> None:
    with pytest.raises(StreamError) as problem:
        Publisher(publisher.endpoint)
    assert (
        str(problem.value) == f"{publisher.endpoint}: address in use; another server? give --publish another port"
    )


def test_port_is_free_again_after_close() -> None:
    first = Publisher(LOCAL)
    first.close()
    Publisher(first.endpoint).close()


@pytest.mark.parametrize("endpoint", ["5571", "tcp://127.0.0.1", "tcp://192.0.2.1:5571", "udp5://x"])
def test_endpoint_that_cannot_be_bound_is_named(endpoint: str) -> None:
    with pytest.raises(StreamError, match="cannot be bound"):
        Publisher(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "open_to_all"), [("tcp://*:*", True), ("tcp://0.0.0.0:*", True), (LOCAL, False)]
)
def test_going_beyond_loopback_is_warned_of(
    endpoint: str, open_to_all: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        Publisher(endpoint).close()
    assert ("open to the network" in caplog.text) is open_to_all
