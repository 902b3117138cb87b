"""What the page says that its numbers mean: whom intervals are about, what chance is, how it was measured."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from memhacl.train.measure.predictions import Predictions
from memhacl.train.report import write_report

Make = Callable[..., Path]
Say = Callable[..., Predictions]
Read = Callable[[Path], Any]


def test_the_page_says_of_whom_and_what_the_intervals_speak(made_up: Make, said_of: Say, read: Read) -> None:
    assert "would lie for other people and other stimuli of the same kind." in read(write_report(made_up())).text
    said = said_of([f"p{n}" for n in range(8)], ["calm", "stress"], ("rest", "stress"))
    conditions = replace(said, truth=(said.stimulus == "stress").astype(said.truth.dtype))
    text = read(write_report(made_up({"stress": conditions}))).text
    assert "would lie for other people of the same kind and these stimuli." in text


def test_chance_is_what_one_class_of_the_test_gets(made_up: Make, said_of: Say, read: Read) -> None:
    said = said_of([f"p{n}" for n in range(8)], [f"v{n}" for n in range(12)], ("a", "b", "c", "d"))
    three = replace(said, truth=np.minimum(said.truth, 2))
    assert "Chance is 0.25" in read(write_report(made_up({"mood": said}))).text
    assert "Chance is 0.33" in read(write_report(made_up({"mood": three}))).text


def test_permuted_labels_are_named_beside_every_number(made_up: Make, read: Read) -> None:
    page = read(write_report(made_up(permuted={"how": "person", "number": 7})))
    assert page.text.count("PERMUTED LABELS") > 8
    assert page.grave.count("permuted labels") == 2
    assert "permuted" not in read(write_report(made_up())).grave


def test_a_cross_validation_of_one_split_is_not_said_to_have_folds(made_up: Make, read: Read) -> None:
    folder = made_up()  # as `memhacl-train reproduce --quick` makes them
    (folder / "folds.json").write_text("{}", encoding="utf-8")
    text = read(write_report(folder)).text
    assert "the procedure's: one split" in text
    assert "memhacl-train run settings.yaml" in text
    assert "Folds none: one split" in text
