import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq

from memhacl.runtime.listen import Follower, Listener
from memhacl.runtime.listen_cli import main
from memhacl.runtime.messages import MarkerRecord, ModelRecord, PredictionMessage, QualityMessage, StatusMessage
from memhacl.runtime.publish import Publisher
from memhacl.stream.errors import StreamError

MODEL = ModelRecord(name="small", sha256="ab" * 32, simulated=True)
REAL = MODEL.model_copy(update={"simulated": False})


def prediction(
    seq: int, task: str, high: float = 0.8, reason: str | None = None, **changes: Any
) -> PredictionMessage:
    values: dict[str, Any] = {
        "seq": seq, "participant": "p1", "index": seq, "t_lsl": 10.0 + seq, "t_wall": None,
        "window_start": 9.0 + seq, "window_end": 10.0 + seq, "quality": {}, "valid": reason is None,
        "reasons": [reason] if reason else [],
        "task": task, "probabilities": None if reason else {"low": 1 - high, "high": high},
        "label": None if reason else ("high" if high > 0.5 else "low"), "markers": [], "model": MODEL,
        "warnings": [], "latency": {},
    }  # fmt: skip
    return PredictionMessage(**(values | changes))


def status(**changes: Any) -> StatusMessage:
    values: dict[str, Any] = {
        "version": "0.1", "t_lsl": 1.0, "t_wall": 2.0, "uptime": 3.0, "state": "running", "participants": ["p1"],
        "model": MODEL, "streams": {}, "counters": {}, "assumed": [], "warnings": ["only a toy"],
    }  # fmt: skip
    return StatusMessage(**(values | changes))


@contextmanager
def publishing(publisher: Publisher, play: Callable[[Publisher], None]) -> Iterator[None]:
    """Let ``play`` publish in a thread as soon as somebody has subscribed."""

    def run() -> None:
        while publisher.counters["subscriptions"] == 0:
            publisher.serve_subscriptions()
            time.sleep(0.005)
        play(publisher)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        publisher.close()


def listen(play: Callable[[Publisher], None], *args: str, form: Any = "json") -> int:
    publisher = Publisher("tcp://127.0.0.1:*", form)
    with publishing(publisher, play):
        return main([publisher.endpoint, "--timeout", "10", *args])


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_json_lines_are_the_messages(form: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def play(publisher: Publisher) -> None:
        for seq in range(3):
            publisher.publish(prediction(seq, "valence"))
        publisher.publish(status())

    assert listen(play, "--json", "--count", "4", form=form) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("seq") for line in lines] == [0, 1, 2, None]
    assert lines[0]["topic"] == "emotion.p1.valence"
    assert lines[0]["probabilities"] == pytest.approx({"low": 0.2, "high": 0.8})
    assert lines[3]["schema"] == "memhacl.status/2"


def test_people_get_one_line_a_window_with_all_tasks_or_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    def play(publisher: Publisher) -> None:
        publisher.publish(status())
        publisher.publish(status())  # nothing new: no second line
        for seq, reason in enumerate(["baseline_warmup", None, None]):
            marker = [MarkerRecord(time=1.0, text="onset [red]")] if seq == 2 else []
            publisher.publish(prediction(seq, "valence", 0.8, reason, markers=marker))
            publisher.publish(prediction(seq, "arousal", 0.3, reason, markers=marker))

    assert listen(play, "--count", "5") == 0
    server, warning, first, second, third = capsys.readouterr().out.splitlines()
    assert "server running, model small (abababababab, simulated)" in server
    assert "warning: only a toy" in warning
    assert "p1 #0" in first
    assert "no prediction: baseline_warmup" in first
    assert "valence high ████████░░ 0.80" in second
    assert "arousal low  ███████░░░ 0.70" in second
    assert second.endswith("simulated")
    assert "[onset [red]]" in third


def test_people_see_what_a_window_was_predicted_without(capsys: pytest.CaptureFixture[str]) -> None:
    spared: dict[str, Any] = {"reasons": ["missing:GSR", "gap:Temp"], "absent": ["GSR", "Temp"], "model": REAL}

    def play(publisher: Publisher) -> None:
        for task in ("valence", "arousal"):
            publisher.publish(prediction(0, task, **spared))
        common = {key: prediction(0, "valence", **spared).model_dump()[key] for key in QualityMessage.model_fields
                  if key != "schema_"}  # fmt: skip
        publisher.publish(QualityMessage(**common))

    assert listen(play, "--count", "1") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("valence high ████████░░ 0.80  arousal high ████████░░ 0.80  without GSR, Temp")
    assert listen(play, "--count", "1", "--topic", "quality.") == 0
    assert capsys.readouterr().out.rstrip().endswith("quality  missing:GSR, gap:Temp")


def test_several_people_stand_in_columns_and_who_waits_for_a_stream_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flowing = {"state": "streaming", "detail": "'amp'"}
    stalled = {"state": "stalled", "detail": "'skin': no samples for 4.0 s"}
    later = {"state": "stalled", "detail": "'skin': no samples for 5.0 s"}
    idle = {"state": "searching", "detail": "looking for one Markers stream"}

    def say(publisher: Publisher, seen: dict[str, str], state: str) -> None:
        streams = {"anna": {"EEG": flowing, "Markers": idle}, "jo": {"EEG": flowing, "GSR": seen}}
        publisher.publish(status(participants=["anna", "jo"], streams=streams, state=state, warnings=[]))

    def play(publisher: Publisher) -> None:
        say(publisher, stalled, "degraded")
        say(publisher, later, "degraded")  # the same trouble, a second older: no second line
        say(publisher, flowing, "running")
        for name in ("jo", "anna"):
            publisher.publish(prediction(0, "valence", participant=name))

    assert listen(play, "--count", "5") == 0
    server, trouble, mended, jo, anna = capsys.readouterr().out.splitlines()
    assert "server degraded" in server
    assert trouble.strip() == "jo GSR stalled: 'skin': no samples for 4.0 s"
    assert "server running" in mended
    assert "  jo   #0" in jo
    assert "  anna #0" in anna


def test_markers_that_cannot_be_told_apart_are_shown_though_nothing_waits_for_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flowing = {"state": "streaming", "detail": "'amp'"}
    several = {"state": "ambiguous", "detail": "Markers: expected one, found 2"}
    streams = {"p1": {"EEG": flowing, "Markers": several}}
    assert listen(lambda to: to.publish(status(streams=streams, warnings=[])), "--count", "2") == 0
    server, trouble = capsys.readouterr().out.splitlines()
    assert "server running" in server
    assert trouble.strip() == "p1 Markers ambiguous: Markers: expected one, found 2"


def test_model_of_real_people_is_not_called_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    assert listen(lambda publisher: publisher.publish(prediction(0, "valence", model=REAL)), "--count", "1") == 0
    assert "simulated" not in capsys.readouterr().out


def test_lost_messages_are_reported_repeats_are_not_shown_and_restarts_are_said(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def play(publisher: Publisher) -> None:
        for seq in (4, 5, 5, 9, 0, 1):
            publisher.publish(prediction(seq, "valence"))

    assert listen(play, "--json", "--topic", "emotion.", "--count", "5") == 0
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == [4, 5, 9, 0, 1]
    assert "emotion.p1.valence: 3 lost before seq 9" in caplog.text
    assert "emotion.p1.valence: the server has restarted, seq is 0 again" in caplog.text


def test_follower_keeps_topics_apart() -> None:
    follower = Follower()
    steps = [("a", 0), ("b", 7), ("a", 1), ("b", 10), ("a", 1), ("b", 3)]
    wanted = [("first", 0), ("first", 0), ("next", 0), ("lost", 2), ("repeat", 0), ("restart", 0)]
    assert [follower.follow(*step) for step in steps] == wanted


def test_silence_is_remarked_and_then_given_up_in_one_line(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert main(["tcp://127.0.0.1:9", "--timeout", "5.4"]) == 2
    assert "no message in 5 s from tcp://127.0.0.1:9: is memhacl-serve running?" in caplog.text
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("memhacl-listen: no message in 5.4 s from tcp://127.0.0.1:9: is memhacl-serve running?")


@pytest.mark.parametrize("args", [["127.0.0.1"], ["--count", "0"], ["--timeout", "-1"]])
def test_wrong_arguments_are_one_line_and_exit_code_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 2
    said = capsys.readouterr().err
    assert "expected" in said
    assert said.count("\n") == 1


def test_something_else_that_publishes_there_is_refused() -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        socket.linger = 0
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        with Listener(f"tcp://127.0.0.1:{port}") as listener:
            with pytest.raises(StreamError, match="is it a memhacl server"):
                _receive_while(listener, lambda: socket.send_multipart([b"topic", b"not a message"]))


def _receive_while(listener: Listener, send: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        send()
        listener.receive(0.02)


@contextmanager
def child(*args: str) -> Iterator[subprocess.Popen[str]]:
    code = "import sys\nfrom memhacl.runtime.listen_cli import main\nsys.exit(main())"
    command = [sys.executable, "-c", code, *args]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=os.environ) as process:
        try:
            yield process
        finally:
            process.kill()


def _stream(publisher: Publisher, stop: threading.Event) -> None:
    seq = 0
    while not stop.wait(0.01):
        publisher.publish(prediction(seq, "valence"))
        seq += 1


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_closed_pipe_ends_it_quietly(form: list[str]) -> None:
    publisher, stop = Publisher("tcp://127.0.0.1:*"), threading.Event()
    with publishing(publisher, lambda to: _stream(to, stop)), child(publisher.endpoint, *form) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(10) == 0
        assert process.stderr.read() == ""
        stop.set()


def test_ctrl_c_ends_it_with_130() -> None:
    publisher, stop = Publisher("tcp://127.0.0.1:*"), threading.Event()
    with publishing(publisher, lambda to: _stream(to, stop)), child(publisher.endpoint) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        stop.set()
        assert process.wait(10) == 130
        assert "Traceback" not in process.stderr.read()
