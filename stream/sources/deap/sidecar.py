"""simulated.json: it stands beside simulated DEAP files and says that, and what, they simulate."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from memhacl.stream.errors import DataError
from memhacl.stream.sources.deap.layout import Shape
from memhacl.stream.sources.simulated.people import People
from memhacl.stream.sources.simulated.source import deap_shape, planted
from memhacl.stream.strict import Strict

SIDECAR = "simulated.json"


class Sidecar(Strict):
    """The settings of simulated people and the latents planted in each trial: person → stimulus → scale → z."""

    format: Literal["memhacl.simulated/1"] = "memhacl.simulated/1"
    simulated: Literal[True] = True
    people: People
    planted: Mapping[str, Mapping[str, Mapping[str, float]]]

    @property
    def shape(self) -> Shape:
        """The shape of each person's file."""
        return deap_shape(self.people)

    def of(self, person: str) -> list[Mapping[str, float]]:
        """Return the latents of a person's trials, in the order of the stimuli."""
        return [self.planted[person][stimulus] for stimulus in self.people.stimulus_names]

    def missing(self, persons: Iterable[str]) -> tuple[str, ...]:
        """Return the simulated people who are not among ``persons``, whose files are there.

        Raises
        ------
        DataError
            A file's person was not simulated.
        """
        names = set(persons)
        strangers = sorted(names - self.planted.keys())
        if strangers:
            raise DataError(
                f"{SIDECAR}: lists no simulated person '{strangers[0]}', but {strangers[0]}.dat lies beside it; "
                "keep real and simulated files in folders of their own"
            )
        return tuple(sorted(self.planted.keys() - names))


def make_sidecar(people: People) -> Sidecar:
    """Return what is to stand beside the files of these people."""
    latents = {
        name: dict(zip(people.stimulus_names, planted(people, person), strict=True))
        for person, name in enumerate(people.person_names)
    }
    return Sidecar(people=people, planted=latents)


def read_sidecar(folder: Path) -> Sidecar | None:
    """Return a folder's sidecar, or None where it has none.

    Raises
    ------
    DataError
        The sidecar is damaged or does not fit itself.
    """
    path = folder / SIDECAR
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        raise DataError(
            f"{path}: expected JSON written by 'memhacl-train simulate' ({problem}); simulate again"
        ) from None
    sidecar = Sidecar.parse(values, str(path), DataError)
    if sidecar.people.layout != "deap":
        raise DataError(f"{path}: people.layout: expected 'deap', found '{sidecar.people.layout}'")
    if sidecar.planted.keys() != set(sidecar.people.person_names) or any(
        latents.keys() != set(sidecar.people.stimulus_names) for latents in sidecar.planted.values()
    ):
        raise DataError(f"{path}: planted: expected every person and stimulus of 'people'; simulate again")
    return sidecar
