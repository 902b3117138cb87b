import json
import math

import pytest

from memhacl.export.card import SCHEMA, Ancestor, ModelCard
from memhacl.stream.errors import ModelError


def test_card_survives_json_with_undefined_metrics(card: ModelCard) -> None:
    text = card.to_json()
    again = ModelCard.from_json(text, "m.onnx")
    assert json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))["schema"] == SCHEMA
    assert math.isnan(again.training.metrics["valence.spearman"])
    assert again.spec == card.spec
    assert again.spec.of("EEG").already_done == ("bandpass",)
    assert again.to_json() == text
    assert list(again.tasks) == ["valence", "quadrant"]
    assert again.shape == (4, 128)


def test_lineage_and_network_survive_json_and_files_of_old_lack_them(card: ModelCard) -> None:
    ancestor = Ancestor(
        name="lab",
        sha256="ab",
        source="DEAP",
        simulated=False,
        people=28,
        stimuli=34,
        method="m",
        created="2025-01-31",
    )
    known = {"lineage": (ancestor,), "network": {"width": 0.25, "split": [0.0, 1.0]}, "fingerprint": "cd"}
    full = card.model_copy(update={"training": card.training.model_copy(update=known)})
    again = ModelCard.from_json(full.to_json(), "m.onnx").training
    assert {name: getattr(again, name) for name in known} == known
    values = json.loads(full.to_json())
    for name in known:
        del values["training"][name]
    old = ModelCard.from_json(json.dumps(values), "m.onnx").training
    assert (old.lineage, old.network, old.fingerprint) == ((), {}, "")


def test_another_schema_version_is_named_with_what_to_do(card: ModelCard) -> None:
    text = card.to_json().replace(SCHEMA, "memhacl.model/2")
    with pytest.raises(ModelError) as problem:
        ModelCard.from_json(text, "m.onnx")
    said = str(problem.value)
    assert said.startswith("m.onnx: expected a model card of schema 'memhacl.model/1', found 'memhacl.model/2';")
    assert "export the model again" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"tasks": None}, "tasks"),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"temperature": {"valence": 1.0}}, "temperature: expected one for each of valence, quadrant"),
        ({"temperature": {"valence": 0.0, "quadrant": 1.0}}, "expected a number above 0, found 0.0"),
        ({"tasks": {"valence": ["low"]}}, "two or more different labels"),
        ({"tasks": {"a.b": ["low", "high"]}}, "letters, digits, - and _"),
        ({"tasks": {"signals": ["low", "high"]}}, "not 'signals'"),
    ],
)
def test_unfit_card_is_refused_in_one_line(card: ModelCard, change: dict[str, object], complaint: str) -> None:
    values = json.loads(card.to_json()) | change
    with pytest.raises(ModelError) as problem:
        ModelCard.from_json(json.dumps(values), "m.onnx")
    assert str(problem.value).startswith("m.onnx: ")
    assert complaint in str(problem.value)
    assert "\n" not in str(problem.value)


def test_missing_key_is_named(card: ModelCard) -> None:
    values = json.loads(card.to_json())
    del values["training"]["people"]
    with pytest.raises(ModelError, match=r"'training.people' is missing"):
        ModelCard.from_json(json.dumps(values), "m.onnx")


@pytest.mark.parametrize("text", ["", "{", "[1]", '"card"'])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match=r"^m.onnx: .*export the model again"):
        ModelCard.from_json(text, "m.onnx")


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "one\nmemhacl-serve: two", "\x9b2J"])
def test_what_a_card_says_cannot_write_lines_of_its_own(card: ModelCard, text: str) -> None:
    ancestor = {"name": text, "sha256": "", "source": "s", "people": 1, "stimuli": 1, "method": "m", "created": ""}
    values = json.loads(card.to_json())
    for training in ({"source": text}, {"warnings": [text]}, {"lineage": [{**ancestor, "simulated": False}]}):
        with pytest.raises(ModelError, match="expected text in one line, found control characters") as problem:
            ModelCard.from_json(json.dumps(values | {"training": values["training"] | training}), "m.onnx")
        assert str(problem.value).isprintable()
    with pytest.raises(ModelError, match="name: expected text in one line"):
        ModelCard.from_json(json.dumps(values | {"name": text}), "m.onnx")


def test_a_card_without_a_bottom_is_refused() -> None:
    with pytest.raises(ModelError, match="the model card is not JSON"):
        ModelCard.from_json('{"a":' * 100_000, "m.onnx")
