"""What the server makes of its readers' events: passing problems, markers that nobody needs, odd stamps."""

import time

import numpy as np
import pytest

from memhacl.runtime.engine import Engine
from memhacl.runtime.participants import Choice, alone
from memhacl.runtime.report import MARKERS_MOST
from memhacl.runtime.streams import Streams
from memhacl.stream.lsl.describe import Described
from memhacl.stream.lsl.mailbox import Chunk, MarkerEvent, Opened, StateChange
from memhacl.stream.signals import ANCHOR, REST_END, REST_START, StreamFormat

EEG = Described(StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", 128.0))
GSR = Described(StreamFormat("skin", "GSR", ("GSR",), "uS", 128.0))


def streams_of(model, chosen: Choice | None = None, needed: bool = False, **options: object) -> Streams:
    """The streams of one participant, whose start is over and whose readers are not begun."""
    session = alone("p1", ["EEG", "GSR"], {}).model_copy(update={"markers": chosen})
    return Streams(session, [Engine(model, "p1", arrivals=True, **options)], model.card.spec, needed, grace=0.0)


def tell(streams: Streams, stream: str, *states: str, detail: str = "found 2: 'one', 'two'") -> None:
    for state in states:
        streams.mailbox.put(StateChange(stream, state, detail, 0.0))
    streams.pump(0)


def play(streams: Streams, seconds: int, *markers: MarkerEvent) -> list:
    """Noise of ``seconds`` from time 100 on, the markers before the sample at which they arrive; the messages."""
    seat, box, rng = streams.seats[0], streams.mailbox, np.random.default_rng(0)
    for name, described in (("p1/EEG", EEG), ("p1/GSR", GSR)):
        box.put(Opened(name, described, 100.0))
    messages = []
    for second in range(100, 100 + seconds):
        for marker in (marker for marker in markers if second <= marker.arrived < second + 1):
            box.put(marker)
        stamps = second + np.arange(128) / 128
        for name, described in (("p1/EEG", EEG), ("p1/GSR", GSR)):
            samples = rng.normal(size=(128, len(described.format.channels))).astype(np.float32)
            box.put(Chunk(name, samples, stamps, second + 1.0))
        streams.pump(0)
        messages += seat.advance(second + 1.0)
    return [message for message in messages if message.topic() == "emotion.p1.valence"]


def test_a_problem_that_is_over_is_no_longer_told(model) -> None:
    """Once the status stayed degraded, with the old list, after all of the streams had gone."""
    streams = streams_of(model)
    tell(streams, "p1/EEG", "ambiguous")
    assert streams.state == "degraded"
    assert streams.describe()["p1"]["EEG"]["detail"] == "found 2: 'one', 'two'"
    tell(streams, "p1/EEG", "ambiguous", detail="found 3: 'one', 'two', 'three'")
    assert "three" in streams.describe()["p1"]["EEG"]["detail"]
    tell(streams, "p1/EEG", "searching", detail="looking")
    assert streams.state == "waiting"
    assert "two" not in streams.describe()["p1"]["EEG"]["detail"]


@pytest.mark.parametrize(
    ("chosen", "needed", "state"),
    [(None, False, "waiting"), (None, True, "degraded"), (Choice(name="Psy*"), False, "degraded")],
    ids=["for nobody", "for the windows", "by choice"],
)
def test_two_marker_streams_degrade_only_what_needs_one(
    model, chosen: Choice | None, needed: bool, state: str
) -> None:
    streams = streams_of(model, chosen, needed)
    tell(streams, "Markers", "ambiguous")
    assert streams.state == state
    assert streams.describe()["p1"]["Markers"]["detail"] == "found 2: 'one', 'two'"
    tell(streams, "Markers", "searching")
    assert streams.state == "waiting"


@pytest.mark.parametrize("ahead", [1.6e9, 1.5, -61.0, float("nan")], ids=["unix", "ahead", "long ago", "none"])
def test_markers_of_another_clock_are_placed_by_their_arrival(model, ahead: float) -> None:
    """Once an anchor in Unix time put off all windows for decades, without a word."""
    streams = streams_of(model, anchor="marker")
    found = play(streams, 6, MarkerEvent("Markers", 102.5 + ahead, ANCHOR, 102.5))
    assert [message.window_start for message in found] == pytest.approx([102.5, 103.5, 104.5], abs=0.01)
    assert streams.seats[0].assumed[-1] == "markers: stamps are not on the LSL clock; placed by arrival"
    streams.mailbox.put(Opened("Markers", Described(StreamFormat("m", "Markers", ("m",), "", 0.0)), 107.0))
    streams.pump(0)
    assert not any("placed by arrival" in text for text in streams.seats[0].assumed)


def test_a_rest_in_unix_time_is_learnt(model, make_model) -> None:
    resting = tuple(m.model_copy(update={"baseline": "rest"}) for m in model.card.spec.modalities)
    streams = streams_of(make_model(model.card.spec.model_copy(update={"modalities": resting})))
    now = time.time() - 100
    texts = ((REST_START, 100.2), (REST_END, 104.2))
    found = play(streams, 8, *(MarkerEvent("Markers", now + at, text, at) for text, at in texts))
    assert found[-1].valid, found[-1].reasons


def test_a_marker_on_the_clock_stays_where_it_was_stamped(model) -> None:
    streams = streams_of(model)
    found = play(streams, 4, MarkerEvent("Markers", 101.3, "late", 101.9))
    assert [(m.time, m.text) for message in found for m in message.markers] == [(101.3, "late")]
    assert not any("placed by arrival" in text for text in streams.seats[0].assumed)


def test_a_flood_of_markers_is_cut_to_the_newest_and_counted(model) -> None:
    streams = streams_of(model)
    flood = [MarkerEvent("Markers", 101.0 + n / 1000, str(n), 101.5) for n in range(990)]
    found = play(streams, 4, *flood)
    told = [[marker.text for marker in message.markers] for message in found]
    assert max(map(len, told)) == MARKERS_MOST == 64
    assert told[1][-1] == "989"
    assert streams.seats[0].engine.counters["markers_left_out"] == 990 - 64
