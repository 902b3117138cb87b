"""The engine on an injected clock: order, numbering, validity, probabilities, shedding, warnings."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memhacl.runtime.engine import Engine
from memhacl.runtime.messages import PredictionMessage, QualityMessage
from memhacl.stream.errors import ConfigError
from memhacl.stream.signals import ANCHOR, Marker, StreamFormat

EEG = StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", 128.0)
GSR = StreamFormat("skin", "GSR", ("GSR",), "uS", 128.0)


def opened(model, **options) -> Engine:
    engine = Engine(model, "p1", **options)
    engine.open(EEG)
    engine.open(GSR)
    return engine


def second(number: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(number)
    eeg = (scale * rng.normal(size=(128, 2))).astype(np.float32)
    return eeg, rng.normal(size=(128, 1)).astype(np.float32), 50.0 + number + np.arange(128) / 128


def play(engine: Engine, seconds: range, lost: tuple[int, ...] = ()) -> list:
    messages = []
    for number in seconds:
        eeg, gsr, stamps = second(number)
        now = stamps[-1] + 0.02
        engine.push("EEG", eeg, stamps, now)
        if number not in lost:
            engine.push("GSR", gsr, stamps, now)
        messages += engine.advance(now + 0.003) + engine.advance(now + 0.6)
    return messages


def predictions(messages: list, task: str = "valence") -> list[PredictionMessage]:
    return [m for m in messages if isinstance(m, PredictionMessage) and m.task == task]


def test_a_window_gives_one_quality_message_and_one_for_each_task(model) -> None:
    messages = play(opened(model), range(3))
    assert [type(m).__name__ for m in messages[:3]] == ["QualityMessage", "PredictionMessage", "PredictionMessage"]
    for task in ("valence", "arousal"):
        assert [m.seq for m in predictions(messages, task)] == [0, 1, 2]
        assert [m.index for m in predictions(messages, task)] == [0, 1, 2]


def test_probabilities_are_the_models_for_that_window(model) -> None:
    message = predictions(play(opened(model), range(2)))[1]
    eeg, gsr, _ = second(1)
    logit = float((eeg[:, 0] ** 2).mean() - (gsr[:, 0] ** 2).mean())
    assert message.probabilities["high"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)
    assert sum(message.probabilities.values()) == pytest.approx(1)
    assert message.label == max(message.probabilities, key=message.probabilities.get)
    assert (message.window_start, message.window_end) == pytest.approx((51.0, 52.0))
    assert message.model.simulated


def test_a_lost_sensor_gives_invalid_windows_with_the_reason_and_comes_back(model) -> None:
    found = predictions(play(opened(model), range(6), lost=(2, 3)))
    assert [m.seq for m in found] == list(range(6))
    assert [m.valid for m in found] == [True, True, False, False, True, True]
    assert found[2].reasons == ["missing:GSR"]
    assert found[2].probabilities is None
    assert found[2].label is None
    assert found[2].quality["GSR"]["missing"] == 1.0


def test_latency_counts_from_the_last_sample_that_the_window_needs(model) -> None:
    ticks = iter([10.0, 10.004])
    engine = opened(model, timer=lambda: next(ticks))
    (message,) = predictions(play(engine, range(1)))
    assert message.latency == pytest.approx({"transport": 20.0, "wait": 3.0, "inference": 4.0}, abs=0.01)


def test_overload_sheds_the_oldest_windows_and_says_so(model) -> None:
    engine = opened(model, backlog=2)
    for number in range(5):
        eeg, gsr, stamps = second(number)
        engine.push("EEG", eeg, stamps, 0.0)
        engine.push("GSR", gsr, stamps, 0.0)
    found = predictions(engine.advance(55.1))
    assert [m.seq for m in found] == list(range(5))
    assert [m.reasons for m in found] == [["shed"]] * 3 + [[]] * 2
    assert engine.counters["reason:shed"] == 3


def test_a_model_that_answers_with_nan_makes_an_invalid_window_and_no_end_of_the_session(model) -> None:
    engine = opened(model)
    eeg, gsr, stamps = second(0)
    engine.push("EEG", eeg * 1e30, stamps, 0.0)  # squares overflow float32: the softmax of infinities is NaN
    engine.push("GSR", gsr * 1e30, stamps, 0.0)
    (broken,) = predictions(engine.advance(51.0))
    assert broken.reasons == ["model_output"]
    assert predictions(play(engine, range(1, 2)))[0].valid


def test_wall_time_is_said_once_it_is_known(model) -> None:
    engine = opened(model)
    assert predictions(play(engine, range(1)))[0].t_wall is None
    engine.wall_offset = 1000.0
    assert predictions(play(engine, range(1, 2)))[0].t_wall == pytest.approx(1052.0)


def test_a_model_of_processed_recordings_warns_on_raw_streams(model, make_model) -> None:
    spec = model.card.spec
    eeg = spec.modalities[0].model_copy(update={"already_done": ("bandpass",)})
    trained = make_model(spec.model_copy(update={"modalities": (eeg, spec.modalities[1])}))
    raw = opened(trained)
    assert any("'amp' is not" in text and "bandpass" in text for text in raw.warnings)
    assert any("bandpass" in text for text in predictions(play(raw, range(1)))[0].warnings)
    processed = Engine(trained, "p1")
    processed.open(replace(EEG, already_done=("bandpass",)))
    assert not any("bandpass" in text for text in processed.warnings)


def test_a_simulated_model_says_so(model) -> None:
    assert any("simulated" in text for text in opened(model).warnings)
    assert any("simulated" in text for text in predictions(play(opened(model), range(1)))[0].warnings)


def test_markers_reach_the_message_of_their_window(model) -> None:
    engine = opened(model)
    engine.mark(Marker(51.25, "picture"))
    found = predictions(play(engine, range(3)))
    assert [[m.text for m in message.markers] for message in found] == [[], ["picture"], []]


def test_numbering_goes_on_over_a_new_anchor(model) -> None:
    engine = opened(model)
    first = predictions(play(engine, range(2)))
    engine.mark(Marker(55.0, ANCHOR))
    later = predictions(play(engine, range(5, 7)))
    assert [m.seq for m in first + later] == list(range(len(first + later)))
    assert [m.index for m in later if m.valid] == [0, 1]


def test_a_participant_that_cannot_be_a_topic_is_refused(model) -> None:
    with pytest.raises(ConfigError, match=r"a\.b"):
        Engine(model, "a.b")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(losses=st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["EEG", "GSR"])), max_size=6))
def test_whatever_is_lost_every_second_is_reported_once_and_in_order(model, losses) -> None:
    engine = opened(model)
    messages = []
    for number in range(8):
        eeg, gsr, stamps = second(number)
        now = stamps[-1] + 0.01
        for name, data in (("EEG", eeg), ("GSR", gsr)):
            if number == 0 or (number, name) not in losses:
                engine.push(name, data, stamps, now)
        messages += engine.advance(now + 0.6)
    found = predictions(messages)
    assert [m.seq for m in found] == list(range(8))
    for number, message in enumerate(found[1:], start=1):
        assert message.valid == (not any(lost == number for lost, _ in losses))
    assert len([m for m in messages if isinstance(m, QualityMessage)]) == 8
