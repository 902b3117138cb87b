"""YAML files at the border."""

from pathlib import Path

import pytest
from pydantic import Field

from memhacl.stream.errors import ConfigError
from memhacl.stream.strict import Strict, did_you_mean, known_keys, read_yaml


class Inner(Strict):
    size: int = 0


class Outer(Strict):
    one: Inner | None = None
    many: tuple[Inner, ...] = ()
    listed: list[Inner] = Field(default_factory=list)


def test_only_items_of_lists_are_numbered() -> None:
    assert list(known_keys(Outer)) == ["one.size", "many.0.size", "listed.0.size"]


def test_what_was_written_is_not_what_was_meant() -> None:
    assert did_you_mean("method.settings", ["method.settings"]) == ""
    assert did_you_mean("method.setings", ["method.settings"]) == "did you mean 'method.settings'?"


@pytest.mark.parametrize("found", ["P01", {"a": 1}, 3])
def test_where_a_list_is_expected_it_is_said_how_to_write_one(found: object) -> None:
    with pytest.raises(ConfigError, match=r"^x: many: expected a list, as in \["):
        Outer.parse({"many": found}, "x")


def test_a_key_given_twice_is_an_error_and_not_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "session.yaml"
    path.write_text("streams:\n  EEG: {name: one}\n  EEG: {name: two}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"session.yaml: is not valid YAML: key 'EEG' is given twice .* line 3"):
        read_yaml(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: 2024-02-30\n", "is not valid YAML: day is out of range for month; put such text in quotes"),
        ("", "expected a mapping of settings, found an empty file"),
        ("# nothing yet\n", "found an empty file"),
    ],
)
def test_what_yaml_stumbles_over_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "session.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"session.yaml: .*{says}"):
        read_yaml(path)


def test_merged_and_nested_mappings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("base: &b {x: 1}\nother: {<<: *b, y: [{x: 2}, {x: 3}]}\n", encoding="utf-8")
    assert read_yaml(path) == {"base": {"x": 1}, "other": {"x": 1, "y": [{"x": 2}, {"x": 3}]}}


def test_what_was_found_is_shown_in_short_however_much_it_is() -> None:
    found: list[object] = ["x"] * 10
    for _ in range(12):  # YAML's references: a few lines stand for 10^13 words
        found = [found] * 10
    with pytest.raises(ConfigError) as problem:
        Inner.parse({"size": found}, "x")
    assert len(str(problem.value)) < 150
