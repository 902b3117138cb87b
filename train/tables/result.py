"""All that is told of an experiment: its rows, and in sentences what must be known before they are compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memhacl.train.config import Config
from memhacl.train.protocols import IN_WORDS, LEAKY, MEANING
from memhacl.train.settings import load_config
from memhacl.train.tables import paper
from memhacl.train.tables.cells import Cell
from memhacl.train.tables.changes import differences
from memhacl.train.tables.experiments import CONFIGS, Experiment
from memhacl.train.tables.measured import Measured
from memhacl.train.tables.rows import Row, rows_of

_SHOWN = 8  # settings that differ


@dataclass(frozen=True)
class Result:
    """An experiment on the data set ``kind``: the settings asked for, cells measured, and cells that failed."""

    experiment: Experiment
    kind: str
    source: str
    simulated: bool
    quick: bool
    config: Config
    protocols: tuple[str, ...]
    measured: tuple[Measured, ...]
    failed: tuple[Cell, ...] = ()

    @property
    def rows(self) -> list[Row]:
        """The table's rows."""
        return rows_of(self.experiment, self.experiment.data[self.kind], self.measured)

    @property
    def title(self) -> str:
        """What stands above the table."""
        return (
            f"{self.experiment.what} ({self.kind}). Ours: {self.source}, config '{self.config.name}'{self.marks}"
        )

    @property
    def marks(self) -> str:
        """What ends every title: what makes the numbers other than the paper's."""
        marks = ["SIMULATED"] if self.simulated else []
        marks += ["quick: not the paper's schedule"] if self.quick else []
        return f" ({'; '.join(marks)})" if marks else ""

    def of(self, protocol: str) -> list[Measured]:
        """The cells that were measured under ``protocol``."""
        return [one for one in self.measured if one.cell.protocol == protocol]

    @property
    def notes(self) -> list[str]:
        """What must be known to read the table, the gravest first."""
        return list(
            dict.fromkeys(
                [*self._comparable(), *self._protocols(), *self._peers(), *self._reading(), *self._warnings()]
            )
        )

    def _comparable(self) -> Iterator[str]:
        if self.failed:
            names = "; ".join(cell.name for cell in self.failed)
            yield f"NOT COMPLETE: trainings failed of {names}; call again to go on."
        if self.simulated:
            yield ("SIMULATED people: our numbers and the paper's cannot be compared.")
        if self.quick:
            yield "quick: not the paper's schedule; it shows that everything runs, not what the method reaches."
        different = differences(self.config, load_config(CONFIGS[self.kind]))
        if different:
            more = f", and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
            yield f"Other than the paper's settings: {'; '.join(different[:_SHOWN])}{more}."

    def _protocols(self) -> Iterator[str]:
        yield f"The paper's protocol: {paper.PROTOCOL}."
        for protocol in self.protocols:
            yield f"Ours, {protocol} ({MEANING[protocol]}): {IN_WORDS[protocol]} {self._size(protocol)}".strip()
        if not set(self.protocols) - set(LEAKY):
            yield "Every protocol asked for leaks: none of these numbers is about anybody new."

    def _size(self, protocol: str) -> str:
        cells = self.of(protocol)
        if not cells:
            return ""
        metrics, test = cells[0].metrics, cells[0].metrics["test"]
        folds = "one split" if metrics["folds"] == 1 else f"{metrics['folds']} folds"
        seeds = f"{len(metrics['seeds'])} seed{'s' * (len(metrics['seeds']) > 1)}"
        return (
            f"Here: {folds}, {seeds}; tested {test['people']} people, {test['stimuli']} stimuli, {test['trials']} "
            f"trials, {test['windows']} windows."
        )

    def _peers(self) -> Iterator[str]:
        peers = self.experiment.data[self.kind].peers
        if peers:
            each = "; ".join(f"{peer.name}: {peer.protocol}" for peer in peers)
            yield f"The paper sets its leaky numbers against others of which each has its own protocol. {each}."

    def _reading(self) -> Iterator[str]:
        yield (
            "In brackets: 95 % interval over people and stimuli. Accuracy is a window's, as the paper's; balanced "
            "accuracy is a trial's, and what to trust. Under a leaky protocol neither says anything about new "
            "people."
        )
        yield (
            "best baseline: that of evaluate.baselines which is best in balanced accuracy a trial, chosen on the "
            "test itself."
        )
        if any(row.measure == paper.LOSS for row in self.rows):
            yield "loss: cross-entropy a test window in nats, before calibration; the paper gives it in percent."
        yield from self.experiment.notes

    def _warnings(self) -> Iterator[str]:
        for protocol in self.protocols:
            cells = [] if protocol in LEAKY else self.of(protocol)  # of those that leak, everything is said
            for one in cells[:1]:  # all test the same people, stimuli and labels
                yield from (f"{protocol}: {warning}" for warning in one.metrics["warnings"])


def complete(cells: Sequence[Cell], failed: Sequence[Cell]) -> tuple[Measured, ...]:
    """Return what was measured of ``cells``: all but those that ``failed``."""
    return tuple(Measured(cell) for cell in cells if cell not in failed)
