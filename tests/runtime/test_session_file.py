"""The session file: what it chooses, and every mistake in it as one line that says where and what to do."""

from pathlib import Path

import pytest

from memhacl.runtime.participants import SignalChoice, alone
from memhacl.runtime.seat import as_chosen
from memhacl.runtime.session_file import read_session
from memhacl.stream.errors import ConfigError, StreamError
from memhacl.stream.lsl.finding import Wanted
from memhacl.stream.path.match import match
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import ModalitySpec, SignalSpec

EEG = ModalitySpec(modality="EEG", channels=("Cz", "Oz"), unit="uV", baseline="none")
GSR = ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none")
SPEC = SignalSpec(modalities=(EEG, GSR))
TWO = """
participants:
  - name: anna
    streams:
      EEG: {name: amp-anna, host: lab-1}
      GSR: {type: EEG, source_id: "plux-*", channels: {GSR: AUX 1}}
  - name: ben
    streams: {EEG: {name: amp-ben}, GSR: {}}
    markers: {name: buttons}
markers: {name: PsychoPy}
"""


def read(folder: Path, text: str, *changes: tuple[str, str]):
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "session.yaml"
    path.write_text(text, encoding="utf-8")
    return read_session(path, SPEC)


def test_a_file_says_which_stream_is_whose(tmp_path: Path) -> None:
    session = read(tmp_path, TWO)
    anna, ben = session.participants
    assert (anna.name, ben.name) == ("anna", "ben")
    assert anna.streams["EEG"].wanted("EEG") == Wanted("EEG", name="amp-anna", host="lab-1")
    assert anna.streams["GSR"].wanted("GSR") == Wanted("GSR", type="EEG", source_id="plux-*")
    assert ben.streams["GSR"].wanted("GSR") == Wanted("GSR")
    assert ben.markers is not None
    assert session.shared_markers == session.markers


def test_without_a_word_on_markers_the_only_marker_stream_is_for_all(tmp_path: Path) -> None:
    unsaid = read(tmp_path, TWO, ("markers: {name: PsychoPy}", ""), ("    markers: {name: buttons}\n", ""))
    choice = unsaid.shared_markers
    assert choice is not None
    assert not choice.selective
    assert read(tmp_path, TWO, ("markers: {name: PsychoPy}", "")).shared_markers is None  # ben has his own
    assert alone("p1", ["EEG"], {}).shared_markers == choice


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("host: lab-1", "hots: lab-1", r"unknown key 'participants.0.streams.EEG.hots'; did you mean 'host'\?"),
        ("source_id", "device", "unknown key .*device'; expected keys are .*source_id"),
        ("name: anna", "name: ben", "expected every name once, found 'ben' twice"),
        ("name: anna", "name: a.b", r"participants.0.name: participant 'a.b': expected 1 to 64 letters"),
        ("name: anna", "name: 5", r"participants.0.name: expected text, found 5; put it in quotes$"),
        ("  - name: anna\n", "  - nam: anna\n", "key 'participants.0.name' is missing"),
        ("name: amp-ben", "source_id: 12345", r"source_id: expected text, found 12345; put it in quotes$"),
        ("name: amp-ben", "name: no", r"EEG.name: expected text, found False; put it in quotes$"),
        ("name: amp-ben", "name: 2024-02-30", r"is not valid YAML: day is out of range for month; put"),
        ("name: amp-ben", "name: ''", r"EEG.name: expected a word or a pattern, found an empty text; leave"),
        ("AUX 1", "''", r"channels.GSR: expected a word or a pattern, found an empty text"),
        ("name: amp-ben", "channels: {Cz: A1, Oz: A1}", r"label once, found 'A1' for Cz and for Oz$"),
        ("name: amp-ben", "name: amp-*, channels: 5", r"EEG.channels: expected a mapping such as .*found 5$"),
        ("{name: amp-ben}", "amp-ben", r"participants.1.streams.EEG: expected a mapping such as .*'amp-ben'"),
        ("GSR: {}}", "GSR: {}, Resp: {}}", r"participants.1 \('ben'\).*EEG, GSR, found 'Resp'; take it out"),
        ("GSR: {}}", "GSR: {}, EDA: {}}", r"found 'EDA'; did you mean 'GSR'\?"),
        (", GSR: {}}", "}", r"participants.1 \('ben'\): .*which the model wants, found no GSR; add 'GSR: "),
        ("channels: {GSR:", "channels: {EDA:", r"streams.GSR.channels: expected .*\(GSR\), found 'EDA'"),
        ("{name: amp-ben}", "{name: amp-anna, host: lab-1}", "'anna' and 'ben': expected a stream for each"),
        ("participants:", "people:", r"unknown key 'people'"),
        ("  - name: anna\n", "  name: anna\n", "is not valid YAML: .*line"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_says_where_and_what(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as problem:
        read(tmp_path, TWO, (old, new))
    assert str(problem.value).startswith(str(tmp_path / "session.yaml"))
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("participants: []", "participants: expected at least one participant, found none; docs/session.md"),
        ("participants:\n- name: anna\n  streams: []", r"yaml: participants.0.streams: expected a mapping[^;]*$"),
        ("participants: {name: anna}", "expected a list with a dash before each participant"),
        ("[]", "expected a mapping of settings, found list"),
        ("", "expected a mapping of settings, found an empty file"),
    ],
)
def test_a_file_without_participants_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.yaml: cannot be read"):
        read_session(tmp_path / "nowhere.yaml", SPEC)


def test_two_people_may_share_an_amplifier_where_the_channels_of_each_are_given(tmp_path: Path) -> None:
    shared = "{name: amp, channels: {Cz: %s, Oz: %s}}"
    changes = (
        ("{name: amp-anna, host: lab-1}", shared % (1, 2)),
        ("{name: amp-ben}", shared % (33, 34)),
    )
    with pytest.raises(ConfigError, match="found 33; put it in quotes"):  # a bare number is no label in YAML
        read(tmp_path, TWO, *changes)
    quoted = tuple((old, new.replace("Cz: ", "Cz: E").replace("Oz: ", "Oz: E")) for old, new in changes)
    assert read(tmp_path, TWO, *quoted).participants[1].streams["EEG"].channels == {"Cz": "E33", "Oz": "E34"}


def test_a_channel_map_renames_channels_of_any_stream() -> None:
    found = StreamFormat("amp", "EEG", ("Cz", "Oz", "AUX 1"), "mixed", 500.0, (), ("uV", "uV", "uS"))
    chosen = as_chosen(found, "GSR", SignalChoice(channels={"GSR": "AUX 1"}))
    assert chosen.modality == "GSR"
    assert match(GSR, chosen).columns.tolist() == [2]
    assert match(EEG, as_chosen(found, "EEG", SignalChoice())).columns.tolist() == [0, 1]


def test_a_chosen_channel_is_taken_though_another_bears_its_name() -> None:
    found = StreamFormat("amp", "EEG", ("EEG Cz-REF", "Oz", "spare"), "uV", 128.0)
    chosen = as_chosen(found, "EEG", SignalChoice(channels={"Cz": "spare"}))
    assert match(EEG, chosen).columns.tolist() == [2, 1]


def test_a_channel_that_the_stream_lacks_is_named_with_what_it_has() -> None:
    found = StreamFormat("amp", "EEG", ("Cz", "Oz", "AUX 1"), "uV", 128.0)
    with pytest.raises(
        StreamError, match=r"'amp': expected a channel 'AUX1' for GSR, found Cz, Oz, AUX 1; did you"
    ):
        as_chosen(found, "GSR", SignalChoice(channels={"GSR": "AUX1"}))


def test_a_wish_without_a_file_must_be_for_what_the_model_wants() -> None:
    with pytest.raises(ConfigError, match=r"--stream Resp=belt: expected EEG, GSR, Markers before '='"):
        alone("p1", ["EEG", "GSR"], {"Resp": "belt"})
    with pytest.raises(ConfigError, match=r"--stream EEG=: expected the name of a stream after '=', found none"):
        alone("p1", ["EEG"], {"EEG": ""})
    with pytest.raises(ConfigError, match="letters, digits"):
        alone("a.b", ["EEG"], {})
