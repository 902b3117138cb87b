"""The model card: all that the runtime must know about a model, as JSON inside the ONNX file."""

import json
import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from unicodedata import category

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from memhacl.stream.errors import ModelError
from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import Strict, describe

SCHEMA = "memhacl.model/1"
METADATA_KEY = "memhacl.card"
INPUT = "signals"

# Task names become ONNX outputs and the last word of a ZeroMQ topic, whose words are separated by dots.
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def _one_line(text: str) -> str:
    """Refuse what could write lines of its own on a terminal: the file may be a stranger's."""
    if any(category(sign) == "Cc" for sign in text):
        raise ValueError("expected text in one line, found control characters")
    return text


Line = Annotated[str, AfterValidator(_one_line)]


class Ancestor(Strict):
    """A model that another one started from, and what that one had learnt from.

    ``sha256`` is that of the model's file, or of its weights and card where its run folder was given;
    ``fingerprint`` is the hash of its data.
    """

    name: Line = Field(min_length=1)
    sha256: str
    source: Line = Field(min_length=1)
    simulated: bool
    people: int = Field(ge=1)
    stimuli: int = Field(ge=1)
    method: Line = Field(min_length=1)
    created: Line
    fingerprint: str = ""


class Training(Strict):
    """How a model was trained: what its numbers are worth depends on it.

    ``protocol`` names the split under which ``metrics`` were measured; a metric that is undefined (a correlation
    with a constant, for one) is NaN. ``created`` is an ISO date, with or without the time; ``warnings`` are
    sentences that every user of the model should read. ``rest_within`` is how many seconds of each stimulus, from
    its beginning on, stood for its rest; 0: the rest before it. ``network`` are the settings of ``method``, with
    which the network can be built again; ``lineage`` are the models that it started from, oldest first;
    ``fingerprint`` is the hash of its data. Files of older versions lack these three.
    """

    # JSON has no NaN: an undefined metric is written as the string "NaN", which reads back as NaN.
    model_config = ConfigDict(ser_json_inf_nan="strings")

    source: Line = Field(min_length=1)
    simulated: bool
    people: int = Field(ge=1)
    stimuli: int = Field(ge=1)
    method: Line = Field(min_length=1)
    protocol: Line = Field(min_length=1)
    config_hash: str
    created: str
    metrics: dict[str, float] = Field(default_factory=dict)
    warnings: tuple[Line, ...] = ()
    rest_within: float = Field(0.0, ge=0)
    network: dict[str, Any] = Field(default_factory=dict)
    lineage: tuple[Ancestor, ...] = ()
    fingerprint: str = ""

    @field_validator("created")
    @classmethod
    def _iso(cls, created: str) -> str:
        try:
            datetime.fromisoformat(created)
        except ValueError:
            raise ValueError("expected an ISO date such as 2025-01-31 or 2025-01-31T12:00:00") from None
        return created


class ModelCard(Strict):
    """What a model file says about itself; the server configures itself from it.

    The graph's input ``signals`` is float32 (batch, channels, samples): windows as the signal path yields them
    under ``spec``, in its units; scaling is inside the graph. ``tasks`` maps each output of the graph to its class
    labels in order; an output is float32 (batch, classes), calibrated probabilities. ``temperature`` is what
    each task's logits were divided by, for the record: that too is inside the graph. Any of the modalities in
    ``absent_ok``, but not all that there are, may be absent: all its rows of a window are NaN.
    """

    schema_: Literal["memhacl.model/1"] = Field("memhacl.model/1", alias="schema")
    name: Line = Field(min_length=1)
    spec: SignalSpec
    tasks: dict[str, tuple[Line, ...]] = Field(min_length=1)
    temperature: dict[str, float]
    training: Training
    absent_ok: tuple[str, ...] = ()

    @field_validator("tasks")
    @classmethod
    def _labelled(cls, tasks: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for task, labels in tasks.items():
            if not _NAME.fullmatch(task) or task == INPUT:
                raise ValueError(f"task {task!r}: expected letters, digits, - and _, and not {INPUT!r}")
            if len(labels) < 2 or len(set(labels)) != len(labels):
                raise ValueError(f"task {task!r}: expected two or more different labels")
        return tasks

    @model_validator(mode="after")
    def _calibrated(self) -> Self:
        if set(self.temperature) != set(self.tasks):
            raise ValueError(f"temperature: expected one for each of {', '.join(self.tasks)}")
        for task, value in self.temperature.items():
            if not 0 < value < float("inf"):
                raise ValueError(f"temperature of {task!r}: expected a number above 0, found {value}")
        return self

    @model_validator(mode="after")
    def _there(self) -> Self:
        there = list(self.spec.rows)
        if unknown := [name for name in self.absent_ok if name not in there]:
            raise ValueError(f"absent_ok: expected modalities out of {', '.join(there)}, found '{unknown[0]}'")
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of one window, (channels, samples)."""
        return self.spec.shape

    def to_json(self) -> str:
        """Return the card as JSON text, for the metadata of the ONNX file."""
        return self.model_dump_json(by_alias=True)

    @classmethod
    def from_json(cls, text: str, origin: str) -> "ModelCard":
        """Read a card from JSON text; ``origin`` (the file) begins every complaint.

        Raises
        ------
        ModelError
            The text is not JSON, has another schema version, lacks a key or has a value that does not fit.
        """
        values = _object(text, origin)
        found = values.get("schema")
        if found != SCHEMA:
            raise ModelError(
                f"{origin}: expected a model card of schema '{SCHEMA}', found {found!r}; export the model "
                "again with this version of memhacl, or install the version that wrote it"
            )
        try:
            return cls.model_validate(values)
        except ValidationError as problem:
            raise ModelError(
                f"{origin}: the model card does not fit: {describe(problem, cls)}; export the model again"
            ) from None


def _object(text: str, origin: str) -> dict[str, object]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as problem:  # nested without end
        raise ModelError(f"{origin}: the model card is not JSON ({problem}); export the model again") from None
    if not isinstance(values, dict):
        raise ModelError(
            f"{origin}: expected the model card to be a JSON object, found {type(values).__name__}; "
            "export the model again"
        )
    return values
