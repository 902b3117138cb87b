"""What the server publishes: predictions, quality and status, checked on the way out, as JSON or msgpack."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import msgpack
import numpy as np
from pydantic import AllowInfNan, BeforeValidator, Field, JsonValue, model_validator

from memhacl.stream.errors import ConfigError, StreamError
from memhacl.stream.strict import Strict

Format = Literal["json", "msgpack"]

# Words of a topic are separated by dots, and a subscription is a prefix: a dot or a space would break both.
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SUM_TOLERANCE = 1e-3


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: numpy scalars as numbers, NaN and infinity as None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


Time = Annotated[float, AllowInfNan(False)]
Number = Annotated[float | None, BeforeValidator(plain)]  # None where it is unknown
Word = Annotated[str, Field(pattern=f"^{_WORD.pattern}$")]
Snapshot = Annotated[dict[str, JsonValue], BeforeValidator(plain)]


def check_participant(name: str) -> str:
    """Return ``name`` if it can be a word of a topic.

    Raises
    ------
    ConfigError
        It is empty, longer than 64, or has other characters than letters, digits, - and _.
    """
    if not _WORD.fullmatch(name):
        raise ConfigError(
            f"participant {name!r}: expected 1 to 64 letters, digits, - or _ (it is a word of the ZeroMQ topic)"
        )
    return name


def modalities_of(reasons: Sequence[str]) -> set[str]:
    """Modalities that ``reasons`` name, as in gap:EEG; '' for a reason that names none."""
    return {reason.partition(":")[2] for reason in reasons}


class MarkerRecord(Strict):
    """A marker inside a window; ``time`` in seconds on the LSL clock."""

    time: Time
    text: str


class ModelRecord(Strict):
    """Which model predicted: its name, the SHA-256 of its file (hex), and whether its people were simulated."""

    name: str
    sha256: str
    simulated: bool


class _WindowMessage(Strict):
    """What prediction and quality say about their window; times in seconds on the LSL clock.

    ``seq`` counts the windows since the server's start and never skips; ``index`` counts hops of the grid since
    the anchor. ``t_lsl`` is the window's end, ``t_wall`` the same in Unix time (None until it is known). A valid
    window has reasons only for the modalities in ``absent``, which the model did without.
    """

    seq: int = Field(ge=0)
    participant: Word
    index: int
    t_lsl: Time
    t_wall: Number
    window_start: Time
    window_end: Time
    valid: bool
    reasons: list[str]
    absent: list[str] = Field(default_factory=list)
    quality: dict[str, dict[str, Number]]

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.valid and modalities_of(self.reasons) != set(self.absent):
            raise ValueError("reasons: expected, for a valid window, some for each absent modality and no others")
        if not self.valid and (self.absent or not self.reasons):
            raise ValueError("reasons: expected, for an invalid window, at least one and no absent modalities")
        return self


class PredictionMessage(_WindowMessage):
    """One window's prediction of one task: ``probabilities`` by label, or None and the reasons why not.

    ``latency`` is in milliseconds by stage, counted from the last sample that the window needs.
    """

    schema_: Literal["memhacl.prediction/2"] = Field("memhacl.prediction/2", alias="schema")
    task: Word
    probabilities: dict[str, Time] | None
    label: str | None
    markers: list[MarkerRecord]
    model: ModelRecord
    warnings: list[str]
    latency: dict[str, Number]

    @model_validator(mode="after")
    def _predicted(self) -> Self:
        if (self.probabilities is not None) != self.valid or (self.label is not None) != self.valid:
            raise ValueError("probabilities and label: expected for a valid window, and for no other")
        if self.probabilities is not None:
            if abs(sum(self.probabilities.values()) - 1) > _SUM_TOLERANCE:
                raise ValueError(f"probabilities: expected a sum of 1, found {sum(self.probabilities.values())}")
            if self.label not in self.probabilities:
                raise ValueError(f"label: expected one of {', '.join(self.probabilities)}")
        return self

    def topic(self) -> str:
        """Return the topic, emotion.<participant>.<task>."""
        return f"emotion.{self.participant}.{self.task}"


class QualityMessage(_WindowMessage):
    """The signals of one window, for those who watch electrodes and not emotions."""

    schema_: Literal["memhacl.quality/2"] = Field("memhacl.quality/2", alias="schema")

    def topic(self) -> str:
        """Return the topic, quality.<participant>."""
        return f"quality.{self.participant}"


class StatusMessage(Strict):
    """The heartbeat: what runs, how each stream is doing, what was counted.

    ``uptime`` in seconds; ``t_lsl`` and ``t_wall`` (Unix) are when it was sent; ``streams`` is by participant and
    modality; ``counters`` are sums over all participants; ``assumed`` is what the server had to assume about its
    streams and ``warnings`` what a reader of the predictions must know.
    """

    schema_: Literal["memhacl.status/2"] = Field("memhacl.status/2", alias="schema")
    version: str
    t_lsl: Time
    t_wall: Time
    uptime: float = Field(ge=0)
    state: Literal["waiting", "running", "degraded", "stopped"]
    participants: list[Word]
    model: ModelRecord
    streams: dict[str, dict[str, Snapshot]]
    counters: dict[str, int]
    assumed: list[str]
    warnings: list[str]

    def topic(self) -> str:
        """Return the topic, status."""
        return "status"


Message = PredictionMessage | QualityMessage | StatusMessage
_SCHEMAS: dict[str, type[PredictionMessage] | type[QualityMessage] | type[StatusMessage]] = {
    "memhacl.prediction/2": PredictionMessage,
    "memhacl.quality/2": QualityMessage,
    "memhacl.status/2": StatusMessage,
}


def encode(message: Message, form: Format = "json") -> bytes:
    """Return the payload: the message's keys and its ``topic``, as a JSON object or a msgpack map."""
    content = {"topic": message.topic(), **message.model_dump(by_alias=True)}
    if form == "msgpack":
        packed: bytes = msgpack.packb(content, use_bin_type=True)
        return packed
    return json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def decode(payload: bytes) -> dict[str, Any]:
    """Return the map in a payload of either format: a JSON object opens with a brace, a msgpack map never does.

    Raises
    ------
    StreamError
        It is neither.
    """
    try:
        content = json.loads(payload) if payload[:1] == b"{" else msgpack.unpackb(payload, raw=False)
    except (ValueError, msgpack.UnpackException) as problem:
        raise StreamError(
            f"expected a JSON object or a msgpack map, found {payload[:20]!r}… ({problem})"
        ) from None
    if not isinstance(content, dict):
        raise StreamError(f"expected a JSON object or a msgpack map, found {type(content).__name__}")
    return content


def read_message(content: Mapping[str, Any]) -> Message:
    """Return the message in a decoded payload.

    Raises
    ------
    StreamError
        It has a schema that this version does not know, or does not fit its schema.
    """
    kind = _SCHEMAS.get(str(content.get("schema")))
    if kind is None:
        raise StreamError(
            f"expected a message of schema {', '.join(_SCHEMAS)}, found {content.get('schema')!r}; "
            "is the server's memhacl newer than this one, or something else?"
        )
    values = {key: value for key, value in content.items() if key != "topic"}
    return kind.parse(values, str(content["schema"]), StreamError)
