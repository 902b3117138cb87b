"""The server on real LSL and ZeroMQ: order, heartbeat, lost and returning streams, bad streams, Ctrl-C."""

import signal
import time

import numpy as np
import pylsl
import pytest

from memhacl.runtime.serve import stop_on_signals
from memhacl.stream.lsl.describe import make_info, read_info
from memhacl.stream.lsl.finding import Wanted, find
from memhacl.stream.signals import StreamFormat

EEG = StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", 128.0)
GSR = StreamFormat("skin", "GSR", ("GSR",), "uS", 128.0)


def test_one_message_a_second_in_order_and_a_heartbeat(serve, plugged) -> None:
    server = serve()  # before its streams
    assert server.messages("status", 1)[0]["state"] == "waiting"
    with plugged(EEG, GSR):
        found = server.messages("emotion.p1.valence", 4)
        assert [m["seq"] for m in found] == list(range(found[0]["seq"], found[0]["seq"] + 4))
        last = found[-1]
        assert last["schema"] == "memhacl.prediction/2"
        assert last["valid"]
        assert sum(last["probabilities"].values()) == pytest.approx(1)
        assert last["window_end"] - last["window_start"] == pytest.approx(1.0, abs=1e-3)
        assert abs(last["t_lsl"] - pylsl.local_clock()) < 2
        assert abs(last["t_wall"] - time.time()) < 3
        assert sum(last["latency"].values()) < 1000
        status = server.messages("status", 1)[0]
        assert status["state"] == "running"
        assert status["streams"]["p1"]["EEG"]["state"] == "streaming"
        assert status["streams"]["p1"]["EEG"]["rate"] == pytest.approx(128, rel=0.05)


@pytest.mark.parametrize(("name", "modality"), [("skin", "GSR"), ("amp", "EEG")], ids=["skin", "the reference"])
def test_a_cable_pulled_invalidates_and_plugged_in_again_recovers(
    serve, plugged, name: str, modality: str
) -> None:
    server = serve()
    with plugged(EEG, GSR) as device:
        server.until("emotion.p1.valence", lambda found: found and found[-1]["valid"])
        device.unplug(name)
        lost = server.until("emotion.p1.valence", lambda found: len(found) >= 2 and not found[-1]["valid"])
        assert lost[-1]["reasons"][0] in (f"gap:{modality}", f"missing:{modality}")
        assert lost[-1]["probabilities"] is None
        degraded = server.until("status", lambda found: found and found[-1]["state"] == "degraded")
        assert degraded[-1]["streams"]["p1"][modality]["state"] in ("lost", "stalled")
        device.plug(name)
        back = server.until("emotion.p1.valence", lambda found: found and found[-1]["valid"])
        everything = [m["seq"] for m in lost + back]
        assert everything == sorted(set(everything))
        ends = [m["window_end"] for m in lost + back]
        assert all(0.99 < step < 1.01 or step > 1.99 for step in np.diff(ends))  # the clock went on meanwhile


def test_the_same_predictions_go_out_as_an_lsl_stream(serve, plugged) -> None:
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


def test_ctrl_c_ends_cleanly_within_two_seconds(serve, plugged) -> None:
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
def test_a_stream_that_does_not_fit_is_one_line_and_exit_code_2(
    serve, plugged, wrong: StreamFormat, says: str
) -> None:
    with plugged(GSR):
        outlet = pylsl.StreamOutlet(make_info(wrong, source_id="wrong"))
        code, _, said = serve().end_by_itself()
        del outlet
    assert code == 2
    assert says in said
    assert "Traceback" not in said


def test_two_streams_of_one_type_are_listed(serve, plugged) -> None:
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
