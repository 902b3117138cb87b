"""One signal path: what reaches the model live, over real LSL, is what the corpus and prediction hold."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memhacl.runtime.predict import predict_recording
from memhacl.runtime.session import Model
from memhacl.stream.events import Playing
from memhacl.stream.signals import Marker
from memhacl.stream.sources.registry import Source, open_source
from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import read_yaml
from memhacl.train.corpus.prepare import Plan, prepare
from memhacl.train.corpus.store import Corpus, load_corpus

CONFIGS = Path(__file__).parents[2] / "configs"
STIMULI, SECONDS = 2, 5
NAMES = ("demo", "lab-montage")
Key = tuple[str, int]


class Silent:
    """A progress bar that nobody sees."""

    def start(self, *_: object) -> None: ...

    def step(self, *_: object) -> None: ...

    def finish(self, *_: object) -> None: ...


def simulated(name: str, folder: Path) -> Source:
    """Two short stimuli of two simulated people with the streams that config ``name`` wants."""
    people = {"subjects": 2, "stimuli": STIMULI, "rest": 3, "seconds": SECONDS, "seed": 5}
    if name == "lab-montage":
        people = {**read_yaml(CONFIGS / "people" / "lab-montage.yaml"), **people}
    path = folder / "people.yaml"
    path.write_text(json.dumps(people), encoding="utf-8")
    return open_source(str(path))


def corpus_of(source: Source, name: str, folder: Path) -> Corpus:
    folder.mkdir()
    spec = SignalSpec.parse(read_yaml(CONFIGS / f"{name}.yaml")["signals"], name)
    prepare(source, Plan(spec), folder, Silent(), workers=1)
    return load_corpus(folder / "corpus")


def in_stimulus(messages: list[dict], windows: list[np.ndarray]) -> dict[Key, np.ndarray]:
    """Valid windows by stimulus and second of it."""
    rest = iter(windows)
    found: dict[Key, np.ndarray] = {}
    playing, stimulus, second = Playing(), "", 0
    for message in messages:
        window = next(rest) if message["valid"] else None
        before = stimulus
        seen = [Marker(marker["time"], marker["text"]) for marker in message["markers"]]
        stimulus = playing.at(message["window_start"], seen)
        second = second + 1 if stimulus == before else 0
        if stimulus and window is not None and second < SECONDS:
            found[stimulus, second] = window
    assert next(rest, None) is None
    return found


def live_messages(serving: Callable, watched: object, folder: Path, person: str) -> list[dict]:
    """Messages of a real server while a real replay of ``person`` runs, up to the first invalid one after it."""
    replay = [str(Path(sys.executable).parent / "memhacl-replay"), str(folder / "people.yaml"), "--person", person]
    messages: list[dict] = []
    with serving(watched, patience=1.0, anchor="marker") as subscriber:
        player = subprocess.Popen([*replay, "--gap", "1.5"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while (message := subscriber.wait(2.5)) or player.poll() is None:
            messages += [message] if message else []
            if player.poll() is not None and messages and not messages[-1]["valid"]:
                break
        player.wait(10)
    return messages


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_live_windows_are_the_corpus_and_prediction_the_same_again(
    name: str, tmp_path: Path, make_model: Callable[[SignalSpec], Model], serving: Callable, watch: Callable
) -> None:
    source = simulated(name, tmp_path)
    corpus = corpus_of(source, name, tmp_path / "corpus")
    person = source.people[1]
    rows = np.flatnonzero(corpus.index["subject"] == 1)
    expected = {
        (corpus.manifest.stimuli[row["stimulus"]], int(row["hop"])): corpus.windows[number]
        for number, row in zip(rows, corpus.index[rows], strict=True)
    }
    assert len(expected) == STIMULI * SECONDS  # nothing was left out

    watched = watch(make_model(corpus.spec))
    messages = live_messages(serving, watched, tmp_path, person)
    compare(in_stimulus(messages, watched.windows), expected, corpus)
    assert [message["seq"] for message in messages] == list(range(len(messages)))
    assert all(message["reasons"] for message in messages if not message["valid"])

    again = watch(make_model(corpus.spec))
    predicted = [m.model_dump() for m in predict_recording(again, source.open(person)) if m.task == "valence"]
    compare(in_stimulus(predicted, again.windows), expected, corpus)


def compare(found: dict[Key, np.ndarray], expected: dict[Key, np.ndarray], corpus: Corpus) -> None:
    """All windows, and all channels within 1e-5 after standardisation."""
    assert set(found) == set(expected)
    deviation = corpus.windows.std(axis=(0, 2))[:, None]
    for key, window in expected.items():
        np.testing.assert_allclose(found[key] / deviation, window / deviation, atol=1e-5, rtol=0, err_msg=str(key))
