"""memhacl-train inspect: what a user sees of the data before a night is spent on it."""

import re
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording, Segment, Signal, StreamFormat, Trial
from memhacl.stream.sources.simulated.deap_files import write_deap
from memhacl.stream.sources.simulated.people import People
from memhacl.train.cli import dispatch
from memhacl.train.commands.inspect import inspect
from memhacl.train.config import Config
from memhacl.train.corpus.survey import Fit, Survey, fits, look_at
from memhacl.train.corpus.survey_view import show
from memhacl.train.progress import stage_bar

PEOPLE = People(subjects=3, stimuli=3, rest=3, seconds=4, seed=5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "Größe 5"
    write_deap(PEOPLE, folder)
    return folder


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run inspect on a wide terminal; return exit code and what was printed, without frames."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> tuple[int, str]:
        code = inspect([str(argument) for argument in arguments])
        return code, re.sub(r"[│┃ ]+", " ", capsys.readouterr().out)

    return run


Shown = Callable[..., tuple[int, str]]


def test_people_stimuli_signals_ratings_and_fitting_configs_are_shown(folder: Path, shown: Shown) -> None:
    code, text = shown(folder)
    assert code == 0
    assert "simulated people: 3 people, 3 stimuli, 9 trials of 4 s" in text
    done = "bandpass, average-reference, eog-removal, downsample"
    assert f" DEAP EEG EEG 32: Fp1, AF3, F3, F7, ... uV 128 Hz 3 {done} " in text
    assert " DEAP GSR GSR GSR ohm 128 Hz 3 downsample " in text
    assert re.search(r" valence 1 to 9 9 of 9 \d\.\d\d \d\.\d\d low \d \(\d+%\), high \d \(\d+%\) ", text)
    assert re.search(r" quadrant .*LVLA \d", text)
    assert "Missing or odd: nothing" in text
    assert re.search(r" demo 3 of 3 people \n", text)
    assert " wesad no s01 has no ECG " in text


def test_only_the_configs_asked_for_are_tried(folder: Path, shown: Shown) -> None:
    _, text = shown(folder, "--config", "demo", "deap")
    assert " demo 3 of 3 people " in text
    assert " deap 3 of 3 people " in text
    assert "wesad" not in text


def test_somebody_unreadable_is_named_and_the_others_are_shown(folder: Path, shown: Shown) -> None:
    whole = (folder / "s02.dat").read_bytes()
    (folder / "s02.dat").write_bytes(whole[: len(whole) // 2])
    code, text = shown(folder)
    assert code == 1
    assert "3 people, 3 stimuli, 6 trials" in text
    assert re.search(
        r"- s02 cannot be read: .*s02\.dat: expected a pickle of numpy arrays, found a truncated", text
    )
    assert " demo 2 of 2 people " in text


def test_copies_are_told(folder: Path, shown: Shown) -> None:
    shutil.copy(folder / "s01.dat", folder / "s03.dat")
    code, text = shown(folder)
    assert code == 0
    assert "- 3 trials are there more than once, sample by sample: s01 in 01 = s03 in 01" in text


def test_nothing_readable_and_nothing_known_end_with_2(folder: Path, tmp_path: Path, shown: Shown) -> None:
    for path in folder.glob("*.dat"):
        path.write_bytes(b"")
    assert shown(folder)[0] == 2
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").touch()
    with pytest.raises(DataError, match=r"found no recording that is known among 1 entries \(beach\.jpg\)"):
        shown(tmp_path / "holiday")


def test_a_runs_corpus_is_verified_and_shown(folder: Path, tmp_path: Path, shown: Shown) -> None:
    assert dispatch(["prepare", "demo", "--data", str(folder), "--out", str(tmp_path / "run")]) == 0
    code, text = shown(tmp_path / "run")
    assert code == 0
    assert "corpus of simulated people: 3 people, 3 stimuli, 9 trials, 36 windows of (35, 128)" in text
    assert "Left out: windows: 27 outside_stimulus" in text
    path = tmp_path / "run" / "corpus" / "windows.npy"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"the windows of person 's02' are damaged; prepare it again with --force"):
        shown(tmp_path / "run")


class Described:
    """People with one stream each, whose trials and streams a test describes."""

    name, notes, one_file = "[/b]made up", (), False

    def __init__(
        self, trials: dict[str, tuple[Trial, ...]], done: dict[str, tuple[str, ...]] | None = None
    ) -> None:
        self._trials, self._done = trials, done or {}
        self.people = tuple(trials)
        self.streams = 1

    def open(self, person: str) -> Recording:
        form = StreamFormat("skin", "GSR", ("GSR",), "uS", 128.0, self._done.get(person, ()))
        data = np.random.default_rng(len(person)).normal(size=(128 * 12, 1)).astype(np.float32)
        signals = (Signal(form, data, 0.0),) * self.streams
        return Recording(person, self.name, (Segment(signals, self._trials[person]),))

    def fingerprint(self) -> str:
        return "0" * 64


def config_of(tmp_path: Path, **labels: object) -> Config:
    modality = {"modality": "GSR", "channels": ["GSR"], "unit": "uS"}
    return Config.model_validate(
        {"name": "mine", "signals": {"modalities": [modality]}, "labels": {"tasks": ["mood"], **labels}}
    )


def seen(source: Described, config: Config) -> tuple[Survey, str, Fit]:
    with stage_bar("inspect", Console(file=StringIO())) as bar:
        survey = look_at(source, bar)
    fit, out = fits(survey, config), StringIO()
    show(survey, [fit], Console(file=out, width=200))
    return survey, re.sub(r"[│┃ ]+", " ", out.getvalue()), fit


def test_names_of_any_letters_and_scales_of_unknown_range_are_shown(tmp_path: Path) -> None:
    moods = ("[/b]tense", "[red]calm")
    trials = tuple(
        Trial(
            f"[i]film {n}",
            2.0,
            2.0 + 3 * n,
            4.0 + 3 * n,
            {"valence": n, "arousal": n, "How happy?": n},
            {},
            {"mood": m},
        )
        for n, m in enumerate(moods)
    )
    _, text, fit = seen(Described({"[/red]P1": trials, "P2": trials[:1]}), config_of(tmp_path))
    assert (fit.people, fit.reason) == (2, "")
    assert "[/b]made up: 2 people, 2 stimuli, 3 trials of 2 s" in text
    assert " valence not known 3 of 3 0.33 0.47 needs labels.thresholds " in text
    assert " quadrant needs labels.thresholds " in text
    assert " How happy? not known " in text
    assert "Category mood: [/b]tense 2 (67%), [red]calm 1 (33%)" in text


def test_what_preparing_would_refuse_does_not_fit(tmp_path: Path) -> None:
    moods = [Trial("x", 2.0, 2.0, 6.0, categories={"mood": m}) for m in ("calm", "tense")]
    people = {"P1": tuple(moods), "P2": tuple(moods)}
    config = config_of(tmp_path)
    assert seen(Described(people), config)[2].people == 2
    differ = seen(Described(people, {"P2": ("bandpass",)}), config)[2]
    assert differ == Fit(
        "mine", 0, "people differ in what was done to GSR (bandpass and nothing): prepare them apart"
    )
    twice = Described(people)
    twice.streams = 2
    assert "P1 has several streams of GSR" in seen(twice, config)[2].reason
    short = {"P1": (Trial("x", 2.0, 2.0, 2.5, categories={"mood": "calm"}),), "P2": tuple(moods)}
    fit = seen(Described(short), config)[2]
    assert (fit.people, fit.reason) == (1, "P1's trials last 0.5 s at most, a window 1 s")
