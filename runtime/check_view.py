"""What `memhacl-serve --check` prints: what is visible, what would be used for what, what is missing."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from memhacl.export.card import ModelCard
from memhacl.runtime.check import Use
from memhacl.stream.lsl.survey import Surveyed

_PEERS = (
    "what is missing: start the device's program or memhacl-replay; where it runs on another machine and stays "
    "unseen, name that machine under KnownPeers in lsl_api.cfg (docs/lsl.md)"
)


def lines(card: ModelCard, seen: Sequence[Surveyed], found: Sequence[Use]) -> Iterator[Text]:
    """Yield the report on the streams ``seen`` and what would be ``found`` among them, a line at a time."""
    yield Text(f"{len(seen)} visible stream{'s' * (len(seen) != 1)}", "bold")
    width = max((len(_label(stream)) for stream in seen), default=0)
    for stream in seen:
        yield Text(f"  {_label(stream):<{width}}  {_measured(stream)}")
    wanted = "; ".join(f"{m.modality} in {m.unit} ({', '.join(m.channels)})" for m in card.spec.modalities)
    yield Text(f"model {card.name} wants {wanted}", "bold")
    participant = ""
    for use in found:
        if use.participant != participant:
            participant = use.participant
            yield Text(participant, "bold")
        yield from _use(use)
    if any(use.missing for use in found):
        yield Text(_PEERS, "yellow")
    wrong = sum(bool(use.problem) for use in found)
    yield Text(f"{wrong} problem{'s' * (wrong != 1)}", "bold red") if wrong else Text("all fits", "bold green")


def _label(stream: Surveyed) -> str:
    candidate = stream.candidate
    rate = f"{candidate.rate:g} Hz" if candidate.rate else "irregular"
    return f"{candidate.name} ({candidate.type}, {candidate.channels} ch, {rate}) on {candidate.host}"


def _measured(stream: Surveyed) -> str:
    if stream.problem:
        return stream.problem
    rate = "" if stream.rate is None else f"measured {stream.rate:.1f} Hz, "
    if stream.absurd_clock:
        return f"{rate}stamps of another clock than LSL's"
    return f"{rate}clock offset {_seconds(stream.offset or 0.0)}"


def _seconds(value: float) -> str:
    return f"{value:+.1f} s" if abs(value) >= 1 else f"{round(1e3 * value, 2) + 0.0:+.2f} ms"


def _use(use: Use) -> Iterator[Text]:
    line = Text(f"  {use.modality:<8}  ")
    if use.stream is not None:
        line.append(f"{use.stream.candidate.name}  ")
    if use.problem:
        line.append(use.problem, "red")
    elif use.stream is not None:
        line.append("fits", "green")
    else:
        line.append("none, and none is needed", "dim")
    yield line
    for text in use.notes:
        yield Text(f"            {text}", "yellow")
