"""Ratings in a CSV file: rows by person and stimulus, or by person and the trial's number."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Trial
from memhacl.stream.sources.files import few
from memhacl.stream.sources.ratings import SLACK
from memhacl.stream.strict import Strict
from memhacl.stream.trials import left_out


def _single(text: str) -> str:
    if len(text) != 1 or text in '\r\n"':
        raise ValueError("expected one character, such as ',', ';' or \"\\t\"")
    return text


class RatingsFile(Strict):
    """Where a CSV file has what: ``person``, ``stimulus`` or ``trial`` are columns; the rest label: column."""

    file: str = Field(min_length=1)
    person: str
    stimulus: str | None = None
    trial: str | None = None
    scales: Mapping[str, str] = Field(default_factory=dict)
    categories: Mapping[str, str] = Field(default_factory=dict)
    delimiter: Annotated[str, AfterValidator(_single)] = ","

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.stimulus is None) == (self.trial is None):
            raise ValueError("expected the column of either 'stimulus' or 'trial'")
        if not self.scales and not self.categories:
            raise ValueError("expected the columns of some 'scales' or 'categories'")
        return self

    @property
    def key(self) -> str:
        """The column that tells a person's rows apart."""
        return self.stimulus or self.trial or ""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        return self.person, self.key, *self.scales.values(), *self.categories.values()


@dataclass(frozen=True)
class Row:
    """A row's labels, and the line that it stands in."""

    line: int
    ratings: Mapping[str, float]
    categories: Mapping[str, str]


@dataclass(frozen=True)
class RatingsTable:
    """What a CSV file says: rows by person and key, a stimulus or a trial's number from 1 on.

    ``hash`` is the sha256 of its content.
    """

    name: str
    by_stimulus: bool
    rows: Mapping[str, Mapping[str | int, Row]]
    hash: str

    def strangers(self, people: Sequence[str]) -> tuple[str, ...]:
        """Say how many rows are of nobody among ``people``."""
        lines = [
            f"'{person}' in line {row.line}"
            for person, rows in self.rows.items()
            if person not in people
            for row in rows.values()
        ]
        return left_out(self.name, "rows of people who are not there", lines)

    def trust(self, person: str, doubts: Sequence[str]) -> None:
        """Refuse a person's rows by number where ``doubts`` say that trials are missing, for numbers shift.

        Raises
        ------
        DataError
            There are doubts, and rows by number.
        """
        if doubts and not self.by_stimulus and person in self.rows:
            raise DataError(
                f"{self.name}: tells trials apart by their numbers, but some of '{person}' may be missing "
                f"({few(doubts)}): numbers are uncertain; give a column of stimuli, or leave the person out"
            )

    def label(self, person: str, trials: Sequence[Trial]) -> tuple[tuple[Trial, ...], tuple[str, ...]]:
        """Return ``trials``, all of a person's in time order, with their labels, and what does not fit.

        Raises
        ------
        DataError
            A trial has another label already, or the rows' numbers are not those of all trials.
        """
        rows = self.rows.get(person, {})
        if rows and not self.by_stimulus:
            self._check_numbers(person, rows, len(trials))
        keys: list[str | int] = [
            trial.stimulus if self.by_stimulus else number for number, trial in enumerate(trials, 1)
        ]
        labelled = tuple(
            self._labelled(person, trial, rows[key]) if key in rows else trial
            for key, trial in zip(keys, trials, strict=True)
        )
        unknown = [f"{key!r} of '{person}' in line {row.line}" for key, row in rows.items() if key not in keys]
        lacking = [repr(key) for key in keys if key not in rows]
        again = [repr(key) for key, count in Counter(keys).items() if count > 1 and key in rows]
        notes = list(left_out(self.name, "rows of trials that are not there", unknown))
        if lacking:
            notes.append(
                f"{self.name}: no row for {len(lacking)} of {len(keys)} trials of '{person}': {few(lacking)}"
            )
        if again:
            notes.append(f"{self.name}: '{person}' saw {few(again)} more than once: one row counts each time")
        return labelled, tuple(notes)

    def _check_numbers(self, person: str, rows: Mapping[str | int, Row], count: int) -> None:
        wrong = sorted(rows.keys() ^ set(range(1, count + 1)))
        if wrong:
            found = few([f"{number} ({'no trial' if number in rows else 'no row'})" for number in wrong])
            raise DataError(
                f"{self.name}: expected rows 1 to {count} for the {count} trials of '{person}', found others: "
                f"{found}; numbers may have shifted: give each trial a row, its labels may be empty, or a column "
                "of stimuli"
            )

    def _labelled(self, person: str, trial: Trial, row: Row) -> Trial:
        differing = [
            f"{scale} {value:g}, but a marker {trial.ratings[scale]:g}"
            for scale, value in row.ratings.items()
            if abs(trial.ratings.get(scale, value) - value) > SLACK
        ] + [
            f"{kind} '{word}', but a marker '{trial.categories[kind]}'"
            for kind, word in row.categories.items()
            if trial.categories.get(kind, word) != word
        ]
        if differing:
            raise DataError(
                f"{self.name}, line {row.line}: says {differing[0]} for the trial of '{person}' at "
                f"{trial.onset:.3f} s; take one of the two out of the data file"
            )
        return replace(
            trial, ratings={**trial.ratings, **row.ratings}, categories={**trial.categories, **row.categories}
        )
