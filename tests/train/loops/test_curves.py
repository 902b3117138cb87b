from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from memhacl.train.loops.curves import finetune_curves, pretrain_curves


def epochs(count: int, **of: Any) -> list[dict[str, Any]]:
    return [{"epoch": n, "loss": 2.0 / n, "accuracy": 1 - 0.5 / n} | of for n in range(1, count + 1)]


HELD_OUT = {"validation_apart_accuracy": 0.2, "validation_apart_loss": 2.5, "validation_apart_chance": 0.1}


@pytest.mark.parametrize(
    "lines",
    [
        epochs(1),
        epochs(30, chance=0.1),
        epochs(30, **HELD_OUT),
        [line | (HELD_OUT if line["epoch"] % 4 == 0 else {}) for line in epochs(30, chance=0.1)],
        [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.0}],  # a method without accuracy; no logarithm of 0
    ],
)
def test_pretraining_is_drawn_with_whatever_the_log_has(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    pretrain_curves(lines, tmp_path / "curves.png", "demo", simulated=True, chosen=1)
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.text["Title"] == "Pretraining of demo (simulated people)"
        assert picture.size[0] > 1000
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 10  # something is on it


@pytest.mark.parametrize("groups", [("shared",), ("valence", "arousal", "quadrant")])
def test_fine_tuning_is_drawn_in_a_column_for_each_group(tmp_path: Path, groups: tuple[str, ...]) -> None:
    tasks = {"valence": 0.6, "arousal": 0.5} if groups == ("shared",) else {"valence": 0.6}
    lines = [
        {"group": group, **line, "validation": 0.55, "tasks": tasks} for group in groups for line in epochs(5)
    ]
    finetune_curves(lines, tmp_path / "curves.png", "lab", False, dict.fromkeys(groups, 3))
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.text["Title"] == "Fine-tuning of lab"
        assert picture.size[0] > 500 * len(groups)


def test_where_nothing_was_trained_nothing_is_drawn(tmp_path: Path) -> None:
    pretrain_curves([], tmp_path / "curves.png", "demo", True)
    finetune_curves([], tmp_path / "curves.png", "demo", True, {})
    assert not any(tmp_path.iterdir())
