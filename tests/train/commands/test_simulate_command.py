from dataclasses import fields
from pathlib import Path

import pytest

from memhacl.stream.errors import ConfigError
from memhacl.stream.sources.registry import open_source
from memhacl.stream.sources.simulated.people import People
from memhacl.train.cli import dispatch
from memhacl.train.commands.simulate import SimulateArguments


def test_the_files_are_people_that_the_other_commands_open(tmp_path: Path) -> None:
    arguments = "--subjects 3 --stimuli 2 --seconds 2 --seed 4 --E 0.5".split()
    assert dispatch(["simulate", "--out", str(tmp_path / "people"), *arguments]) == 0
    source = open_source(str(tmp_path / "people"))
    assert source.people == ("s01", "s02", "s03")
    recording = source.open("s02")
    assert recording.simulated
    assert len(recording.segments) == 2
    assert recording.segments[0].trials[0].planted.keys() == {"valence", "arousal"}


def test_every_setting_of_people_is_a_flag_but_those_that_change_the_layout() -> None:
    assert {field.name for field in fields(SimulateArguments)} - {"out"} == set(People.model_fields) - {
        "layout",
        "streams",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--subjects", "3"], "--out is missing"),
        (["--out", "x", "--subject", "3"], "unknown argument '--subject'"),
        (["--out", "x", "--subjects", "many"], "--subjects: invalid literal"),
        (["--out", "x", "--subjects", "0"], r"subjects: .*greater than or equal to 1 \(found 0\)"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=said) as caught:
        dispatch(["simulate", *arguments])
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())
