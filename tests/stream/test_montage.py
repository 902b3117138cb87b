"""Electrode positions: on the sphere, where the 10-10 system says, and refused by name where unknown."""

import numpy as np
import pytest

from memhacl.stream.errors import DataError
from memhacl.stream.montage import angles, known, positions
from memhacl.stream.sources.deap.layout import ELECTRODES


def test_lies_on_the_unit_sphere_with_x_right_y_front_z_up() -> None:
    vertex, front, right, back = positions(["Cz", "Fpz", "T8", "Iz"])
    np.testing.assert_allclose(vertex, [0, 0, 1], atol=1e-12)
    assert front[1] > 0.9
    assert right[0] > 0.9
    np.testing.assert_allclose(back, [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(positions(ELECTRODES), axis=1), 1)


@pytest.mark.parametrize(
    ("left", "right"), [("AF3", "AF4"), ("FC5", "FC6"), ("CP1", "CP2"), ("PO7", "PO8"), ("O1", "O2")]
)
def test_mirrors_odd_numbers_to_even_ones(left: str, right: str) -> None:
    one, other = positions([left, right])
    assert one[0] < 0
    np.testing.assert_allclose(one * [-1, 1, 1], other, atol=1e-12)


@pytest.mark.parametrize(
    "row", ["F7 F5 F3 F1 Fz F2 F4 F6 F8", "T7 C5 C3 C1 Cz C2 C4 C6 T8", "PO7 PO5 PO3 PO1 POz"]
)
def test_divides_each_row_into_equal_steps(row: str) -> None:
    points = positions(row.split())
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0])


def test_spaces_the_midline_by_a_tenth_of_the_arc() -> None:
    midline = positions("Fpz AFz Fz FCz Cz CPz Pz POz Oz Iz".split())
    np.testing.assert_allclose(np.diagonal(angles(midline[:-1], midline[1:])), np.pi / 10)


@pytest.mark.parametrize(("old", "new"), [("T3", "T7"), ("t4", "T8"), ("T5", "p7"), ("T6", "P8"), ("FP1", "Fp1")])
def test_understands_old_names_and_any_case(old: str, new: str) -> None:
    np.testing.assert_array_equal(positions([old]), positions([new]))


def test_names_an_unknown_electrode_and_its_likely_spelling() -> None:
    assert not known("EXG1")
    with pytest.raises(DataError, match=r"'POO8'.*10-10.*did you mean 'po8'"):
        positions(["Fz", "POO8"])
