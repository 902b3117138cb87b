"""What a laboratory says of its own XDF files: whose they are, and where their trials and ratings stand."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from memhacl.stream.sources.xdf.marker_rules import MarkerRules, Pattern
from memhacl.stream.sources.xdf.ratings_table import RatingsFile
from memhacl.stream.strict import Strict


def _names_person(pattern: str) -> str:
    if "person" not in re.compile(pattern).groupindex:
        raise ValueError("expected a group named 'person', as in '(?P<person>P\\d+)_'")
    return pattern


def _range(limits: tuple[float, float]) -> tuple[float, float]:
    if not (math.isfinite(limits[0]) and math.isfinite(limits[1]) and limits[0] < limits[1]):
        raise ValueError("expected the lowest and the highest rating, as in [1, 9]")
    return limits


class Conventions(Strict):
    """The conventions of a laboratory's XDF files; nothing given means memhacl's own.

    ``person`` is a regular expression searched for in a file's path below the folder; ``leave_out_files`` are
    shell patterns of such paths. ``stimuli`` renames what the rules for ``markers`` call a stimulus; the CSV
    file of ``ratings`` may use either name. ``scales`` gives each scale's lowest and highest rating.
    """

    person: Annotated[Pattern, AfterValidator(_names_person)] | None = None
    leave_out_files: tuple[str, ...] = ()
    markers: MarkerRules | None = None
    stimuli: Mapping[str, str] = Field(default_factory=dict)
    ratings: RatingsFile | None = None
    scales: Mapping[str, Annotated[tuple[float, float], AfterValidator(_range)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.stimuli and self.markers is None:
            raise ValueError("stimuli: expected 'markers', whose stimuli they rename")
        return self

    def meaning(self) -> str:
        """Return all that they say, but for where the CSV file lies, as JSON."""
        return self.model_dump_json(exclude={"ratings": {"file"}})
