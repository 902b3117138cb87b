"""Electrodes left and right of the midline that face each other."""

import re
from collections.abc import Sequence

from memhacl.stream.errors import ConfigError
from memhacl.stream.labels import electrode

_LATERAL = re.compile(r"([a-z]+)(\d+)")  # odd numbers are on the left, each one's partner has the next number


def pairs(labels: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Places (left, right) in ``labels`` of electrodes that mirror each other, in the order of the left ones.

    Electrodes of the midline are in no pair, and neither is one whose partner is not there.

    Raises
    ------
    ConfigError
        There is no pair.
    """
    place = {name: number for number, label in enumerate(labels) if (name := electrode(label))}
    partner = {name: _partner(name) for name in place}
    found = tuple((place[name], place[other]) for name, other in partner.items() if other in place)
    if not found:
        raise ConfigError(
            "method.name: 'tsception' compares the hemispheres: expected pairs of electrodes, named as in the "
            f"10-10 system such as F3 and F4, found {', '.join(labels)}; name them so, or choose another method"
        )
    return found


def _partner(name: str) -> str:
    """Return the electrode right of the midline that faces ``name``; "" where that is not left of it."""
    lateral = _LATERAL.fullmatch(name)
    if lateral is None or int(lateral[2]) % 2 == 0:
        return ""
    return f"{lateral[1]}{int(lateral[2]) + 1}"
