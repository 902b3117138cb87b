"""Evaluated folders: made up in a moment, with names and numbers as a test wants them, or really trained."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memhacl.train.measure.predictions import Predictions, save_predictions
from memhacl.train.measure.summary import summarise
from memhacl.train.settings import load_config, save_config

ABOUT: dict[str, Any] = {
    "name": "trial-run",
    "method": "me-mhacl",
    "source": "a study",
    "simulated": False,
    "already_done": {},
    "protocol": "subject",
    "protocol_means": "people unseen, stimuli seen",
    "disjoint": ["subject"],
    "leaky": False,
    "folds": 1,
    "seeds": [0],
    "left_out": 0,
    "permuted": None,
    "finetuned": {"mode": "full", "labels": 1.0},
    "test": {"people": 6, "stimuli": 8, "trials": 48, "windows": 96},
    "classes": {"valence": "low 50 (50%), high 50 (50%)"},
    "unavailable": {"person": "people are unseen"},
}
_EMPTY = {"meta", "br"}  # elements without an end


@dataclass
class Page:
    """What a page is made of: tags and their attributes in order, texts, and texts by the class around them."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    grave: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text, its white space made single spaces."""
        return " ".join(" ".join(self.texts).split())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.page.tags.append((tag, attributes))
        if tag not in _EMPTY:
            self._open.append((tag, attributes.get("class") or ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] == "style":
            return
        self.page.texts.append(data)
        if any("grave" in classes for _, classes in self._open):
            self.page.grave.append(data)


@pytest.fixture
def read() -> Callable[[Path], Page]:
    """Take a page apart; every element must be closed by its own end."""

    def read_page(path: Path) -> Page:
        reader = _Reader()
        reader.feed(path.read_text(encoding="utf-8"))
        reader.close()
        return reader.page

    return read_page


def predictions(
    people: Sequence[str], stimuli: Sequence[str], classes: Sequence[str], skill: float = 1.0, folds: int = 1
) -> Predictions:
    """Two windows of every person and stimulus, with what a model of some ``skill`` and two baselines say."""
    random = np.random.default_rng(0)
    who, what = (
        part.ravel() for part in np.meshgrid(np.arange(len(people)), np.arange(len(stimuli)), indexing="ij")
    )
    truth = random.integers(0, len(classes), len(who))
    who, what, truth = (np.repeat(values, 2) for values in (who, what, truth))

    def said(by: float) -> np.ndarray:
        scores = random.normal(size=(len(truth), len(classes)))
        scores[np.arange(len(truth)), truth] += by
        chances = np.exp(scores)
        return chances / chances.sum(axis=1, keepdims=True)

    return Predictions(
        classes=tuple(classes),
        subject=np.array(people, dtype=np.str_)[who],
        stimulus=np.array(stimuli, dtype=np.str_)[what],
        trial=who * len(stimuli) + what,
        start=np.tile([0.0, 1.0], len(truth) // 2),
        fold=who % folds,
        truth=truth,
        planted=np.full(len(truth), -1),
        probabilities={
            "model": said(skill),
            "lda": said(0.3),
            "majority": np.tile(np.eye(len(classes))[0], (len(truth), 1)),
        },
        temperature=np.full(len(truth), 1.5),
    )


@pytest.fixture
def made_up(tmp_path: Path) -> Callable[..., Path]:
    """Make the evaluated folder tmp_path/run anew, from predictions by task and what else metrics.json says."""

    def make(tasks: dict[str, Predictions] | None = None, **about: Any) -> Path:
        folder = tmp_path / "run"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "evaluate").mkdir(parents=True)
        save_config(load_config("demo"), folder / "config.yaml")
        found = tasks or {
            "valence": predictions([f"p{n}" for n in range(6)], [f"v{n}" for n in range(8)], ("low", "high"))
        }
        save_predictions(folder / "evaluate" / "predictions.npz", found)
        report = summarise(found, ABOUT | about, 100, 0)
        (folder / "evaluate" / "metrics.json").write_text(json.dumps(report), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def said_of() -> Callable[..., Predictions]:
    """Make predictions of one task."""
    return predictions


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of simulated people, trained and evaluated with the attention encoder; not to be written to."""
    from plugins.pretraining import PEOPLE, pretraining, run  # loads torch, which most tests can do without

    from memhacl.train.settings import with_method

    folder = tmp_path_factory.mktemp("report") / "run"
    (folder.parent / "people.yaml").write_text(PEOPLE.replace("seconds: 4", "seconds: 6"), encoding="utf-8")
    config = pretraining()
    config = with_method(config, "me-mhacl", config.method.settings | {"encoder": "attention"}, "test")
    config = config.model_copy(
        update={
            "protocol": config.protocol.model_copy(update={"name": "subject"}),
            "labels": config.labels.model_copy(update={"tasks": ("valence", "quadrant")}),
            "finetune": config.finetune.model_copy(update={"epochs": 2, "encoder": "shared"}),
            "evaluate": config.evaluate.model_copy(update={"baselines": ("majority", "lda"), "resamples": 100}),
        }
    )
    run(config, folder, "prepare", "split", "pretrain", "finetune", "evaluate")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's command; without one, what needs it is skipped."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium here: apt-get install chromium, and the page is tried in a browser")
    return found
