"""A model that has learnt to do without a sensor goes on when one is lost; any other does as before."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pylsl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from memhacl.runtime.engine import Engine
from memhacl.runtime.messages import PredictionMessage
from memhacl.runtime.predict import predict_recording, write_csv
from memhacl.runtime.session import Model
from memhacl.stream.errors import DataError
from memhacl.stream.lsl.describe import read_info
from memhacl.stream.lsl.finding import Wanted, find
from memhacl.stream.signals import Recording, Segment, Signal, StreamFormat
from memhacl.stream.spec import Conditioning

FORMATS = {
    "EEG": StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", 128.0),
    "GSR": StreamFormat("skin", "GSR", ("GSR",), "uS", 128.0),
    "Temp": StreamFormat("warmth", "Temp", ("Temp",), "degC", 128.0),
}
ALL = tuple(FORMATS)


@pytest.fixture(scope="module")
def tolerant(tolerant_file: Path) -> Model:
    """Does without any of its three modalities."""
    return Model.load(tolerant_file)


def sparing(model: Model, *modalities: str) -> Model:
    """The same model, whose card says that it can do without ``modalities`` alone."""
    return replace(model, card=model.card.model_copy(update={"absent_ok": modalities}))


def second(number: int) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float64]]:
    """Samples of all modalities in second ``number``, and their stamps."""
    rng = np.random.default_rng(number)
    widths = {name: len(form.channels) for name, form in FORMATS.items()}
    data = {name: rng.normal(size=(128, width)).astype(np.float32) for name, width in widths.items()}
    return data, 50.0 + number + np.arange(128) / 128


def play(
    model: Model, seconds: int, lost: Mapping[int, Collection[str]], **options: object
) -> tuple[Engine, list[PredictionMessage]]:
    """Predictions of valence while ``lost`` says of each second which streams are silent."""
    engine = Engine(model, "p1", **options)
    for form in FORMATS.values():
        engine.open(form)
    messages = []
    for number in range(seconds):
        data, stamps = second(number)
        now = stamps[-1] + 0.02
        for name in FORMATS:
            if name not in lost.get(number, ()):
                engine.push(name, data[name], stamps, now)
        messages += engine.advance(now + 0.003) + engine.advance(now + 0.6)
    return engine, [m for m in messages if isinstance(m, PredictionMessage) and m.task == "valence"]


def expected(model: Model, number: int, absent: Collection[str]) -> float:
    """The model's own answer for second ``number`` when the rows of ``absent`` are NaN."""
    window = np.concatenate([block.T for block in second(number)[0].values()])
    for name in absent:
        window[model.card.spec.rows[name]] = np.nan
    return float(model.predict(window[None])["valence"][0, 1])


def test_a_sensor_lost_at_minute_40_is_done_without_until_it_is_back(tolerant: Model) -> None:
    gone = range(2400, 2460)
    engine, found = play(tolerant, 2490, dict.fromkeys(gone, ("GSR",)))
    assert [m.seq for m in found] == list(range(2490))
    assert all(m.valid for m in found)
    assert [m.index for m in found if m.absent] == list(gone)
    for message in (found[2400], found[2459]):
        assert message.absent == ["GSR"]
        assert message.reasons == ["missing:GSR"]
        assert message.quality["GSR"]["score"] == 0
        assert message.quality["EEG"]["missing"] == 0
        assert message.probabilities["high"] == pytest.approx(expected(tolerant, message.index, ["GSR"]), abs=1e-5)
        assert message.probabilities["high"] != pytest.approx(expected(tolerant, message.index, []), abs=1e-3)
    for message in (found[2399], found[2460]):
        assert message.absent == message.reasons == []
        assert message.probabilities["high"] == pytest.approx(expected(tolerant, message.index, []), abs=1e-5)
    assert engine.counters["valid"] == 2490
    assert engine.counters["reason:missing:GSR"] == 60
    assert engine.counters["invalid"] == 0


def test_a_model_that_has_not_learnt_it_stays_invalid(tolerant: Model) -> None:
    engine, found = play(sparing(tolerant), 6, {2: ["GSR"], 3: ["GSR", "EEG"]})
    assert [m.valid for m in found] == [True, True, False, False, True, True]
    assert [m.reasons for m in found[2:4]] == [["missing:GSR"], ["missing:EEG", "missing:GSR"]]
    assert all(m.probabilities is None and m.absent == [] for m in found[2:4])
    assert engine.counters["invalid"] == 2


def test_only_what_the_card_names_can_be_spared(tolerant: Model) -> None:
    _, found = play(sparing(tolerant, "GSR", "Temp"), 5, {1: ["GSR"], 2: ["EEG"], 3: ["GSR", "Temp"]})
    assert [m.absent for m in found] == [[], ["GSR"], [], ["GSR", "Temp"], []]
    assert [m.valid for m in found] == [True, True, False, True, True]
    assert found[2].reasons == ["missing:EEG"]


def test_without_any_sensor_there_is_no_prediction(tolerant: Model) -> None:
    _, found = play(tolerant, 8, dict.fromkeys((3, 4), ALL))
    assert [m.valid for m in found] == [True] * 3 + [False] * 2 + [True] * 3
    assert found[3].reasons == [f"missing:{name}" for name in ALL]
    assert found[3].absent == []
    assert found[3].probabilities is None


@pytest.mark.parametrize("seconds", [range(4, 9), range(9)], ids=["lost", "never there"])
def test_without_the_reference_the_others_are_predicted_at_its_pace(tolerant: Model, seconds: range) -> None:
    _, found = play(tolerant, 12, dict.fromkeys(seconds, ("EEG",)))
    assert [m.absent for m in found] == [["EEG"] if m.index in seconds else [] for m in found]
    assert all(m.valid for m in found)
    np.testing.assert_allclose([m.window_start for m in found], 50 + np.arange(12), atol=1e-6)
    message = found[6]
    assert message.probabilities["high"] == pytest.approx(expected(tolerant, 6, ["EEG"]), abs=1e-5)
    assert sum(message.latency.values()) < 1e3 * (0.02 + 0.6 + 1 / 128)  # no later than the patience


def test_any_reason_is_borne_a_warm_up_and_a_single_lost_sample_too(tolerant: Model, watch: type) -> None:
    spec = tolerant.card.spec
    eeg = spec.of("EEG").model_copy(update={"conditioning": Conditioning(band=(4.0, 45.0)), "baseline": "rolling"})
    parts = tuple(eeg if one.modality == "EEG" else one for one in spec.modalities)
    card = tolerant.card.model_copy(update={"spec": spec.model_copy(update={"modalities": parts})})
    watched = watch(replace(tolerant, card=card))
    engine = Engine(watched, "p1")
    messages = []
    for form in FORMATS.values():
        engine.open(form)
    for number in range(6):
        data, stamps = second(number)
        if number == 4:
            data["EEG"][77] = np.nan
        for name in FORMATS:
            engine.push(name, data[name], stamps, stamps[-1])
        messages += engine.advance(stamps[-1] + 0.6)
    found = [m for m in messages if isinstance(m, PredictionMessage) and m.task == "valence"]
    warming = ["filter_warmup:EEG", "baseline_warmup:EEG"]
    assert [m.reasons for m in found] == [warming, [], [], [], ["gap:EEG"], []]
    assert [m.absent for m in found] == [["EEG"] if m.reasons else [] for m in found]
    for message, window in zip(found, watched.windows, strict=True):
        assert np.isnan(window[:2]).all() == np.isnan(window[:2]).any() == bool(message.absent)
        assert not np.isnan(window[2:]).any()


def test_what_is_shed_is_not_predicted_though_a_sensor_could_be_spared(tolerant: Model) -> None:
    engine = Engine(tolerant, "p1", backlog=1)
    for form in FORMATS.values():
        engine.open(form)
    for number in range(3):
        data, stamps = second(number)
        for name in ("EEG", "Temp"):
            engine.push(name, data[name], stamps, stamps[-1])
    found = [m for m in engine.advance(54.0) if isinstance(m, PredictionMessage) and m.task == "valence"]
    assert [m.reasons for m in found] == [["missing:GSR", "shed"]] * 2 + [["missing:GSR"]]
    assert [m.absent for m in found] == [[], [], ["GSR"]]


def test_an_answer_that_is_no_number_is_no_prediction(model: Model) -> None:
    deaf = replace(model, card=model.card.model_copy(update={"absent_ok": ("EEG", "GSR")}))
    engine = Engine(deaf, "p1")  # whose network takes NaN for a number
    for name in ("EEG", "GSR"):
        engine.open(FORMATS[name])
    data, stamps = second(0)
    engine.push("EEG", data["EEG"], stamps, stamps[-1])
    (message, *_) = [m for m in engine.advance(52.0) if isinstance(m, PredictionMessage)]
    assert message.reasons == ["missing:GSR", "model_output"]
    assert not message.valid
    assert message.absent == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(losses=st.dictionaries(st.integers(1, 6), st.sets(st.sampled_from(ALL)), max_size=5))
def test_whatever_is_lost_the_rest_is_predicted(tolerant: Model, losses: dict[int, set[str]]) -> None:
    _, found = play(tolerant, 8, losses)
    assert [m.seq for m in found] == list(range(8))
    for number, message in enumerate(found):
        lost = losses.get(number, set())
        assert message.valid == (lost != set(ALL))
        assert message.absent == [name for name in ALL if name in lost and lost != set(ALL)]
        if message.valid:
            assert message.probabilities["high"] == pytest.approx(expected(tolerant, number, lost), abs=1e-5)


def recording(lost: Mapping[int, Collection[str]], modalities: Collection[str] = ALL) -> Recording:
    """Eight seconds of a person, of which ``lost`` are no numbers."""
    parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in modalities}
    for number in range(8):
        for name in modalities:
            block = second(number)[0][name]
            parts[name].append(np.full_like(block, np.nan) if name in lost.get(number, ()) else block)
    signals = tuple(Signal(FORMATS[name], np.concatenate(blocks), 50.0) for name, blocks in parts.items())
    return Recording("p 1", "test", (Segment(signals, ()),))


def test_a_recording_gets_the_numbers_that_it_would_get_live(tolerant: Model, tmp_path: Path) -> None:
    lost = {2: ["GSR"], 3: ["GSR", "Temp"], 5: ["EEG"], 6: ALL}
    offline = [m for m in predict_recording(tolerant, recording(lost)) if m.task == "valence"]
    _, live = play(tolerant, 8, lost)
    assert [(m.valid, m.reasons, m.absent) for m in offline] == [(m.valid, m.reasons, m.absent) for m in live]
    for one, other in zip(offline, live, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)
    assert write_csv(tolerant, iter([recording(lost)]), tmp_path / "out.csv") == 8
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0].startswith("person,stimulus,window,start,end,valid,reasons,absent,valence_low")
    assert ",1,missing:GSR missing:Temp,GSR Temp,0." in lines[4]
    assert lines[7].endswith(",0,missing:EEG missing:GSR missing:Temp,,,,,")


def test_a_recording_that_never_had_a_modality_is_predicted_and_it_is_said(
    tolerant: Model, caplog: pytest.LogCaptureFixture
) -> None:
    found = list(predict_recording(tolerant, recording({}, ["EEG", "Temp"])))
    assert all(m.valid and m.absent == ["GSR"] for m in found)
    assert caplog.messages == ["test, person p 1: predicted without GSR, which the recording lacks"]
    with pytest.raises(DataError, match="found no EEG, GSR"):
        list(predict_recording(sparing(tolerant, "GSR"), recording({}, ["Temp"])))
    with pytest.raises(DataError, match="found no EEG, GSR, Temp"):
        list(predict_recording(tolerant, recording({}, [])))


def test_live_on_lsl_a_cable_is_pulled_and_plugged_in_again(
    tolerant_file: Path, serve: Callable, plugged: Callable
) -> None:
    server = serve("--model", str(tolerant_file))
    with plugged(*FORMATS.values()) as device:
        inlet = pylsl.StreamInlet(find(Wanted("Emotion"), within=20).info, recover=False)
        inlet.open_stream(5)
        labels = read_info(inlet.info(5)).format.channels
        assert labels[-4:] == ("valid", "without.EEG", "without.GSR", "without.Temp")
        found = server.until("emotion.p1.valence", lambda found: found and not found[-1]["reasons"])
        device.unplug("skin")
        lost = server.until("emotion.p1.valence", lambda found: found and found[-1]["reasons"] == ["missing:GSR"])
        assert all(m["valid"] and m["absent"] == (["GSR"] if m["reasons"] else []) for m in lost)
        device.plug("skin")
        back = server.until("emotion.p1.valence", lambda found: found and not found[-1]["absent"])
        assert all(m["valid"] for m in back)
        recorded = {}
        while (sample := inlet.pull_sample(1))[0] is not None and max(recorded, default=0) < back[-1][
            "window_end"
        ]:
            recorded[round(sample[1], 2)] = dict(zip(labels, sample[0], strict=True))
    both = [(m, recorded[end]) for m in found + lost + back if (end := round(m["window_end"], 2)) in recorded]
    assert {tuple(m["absent"]) for m, _ in both} == {(), ("GSR",)}
    for message, sample in both:
        assert [sample[f"without.{name}"] for name in ALL] == [name in message["absent"] for name in ALL]
        high = message["probabilities"]["high"] if message["valid"] else np.nan
        assert sample["valence.high"] == pytest.approx(high, abs=1e-6, nan_ok=True)
