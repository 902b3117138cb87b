"""MAHNOB-HCI's session folders: who saw what, films marked in the status, and each session that is left out."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins import mahnob_files as made
from plugins.bdf import WriteBdf

from memhacl.stream.errors import DataError
from memhacl.stream.lsl.selection import choose_modalities, select
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import TRIAL_GAP, Recording
from memhacl.stream.sources.deap.layout import ELECTRODES
from memhacl.stream.sources.mahnob import edges
from memhacl.stream.sources.registry import open_source
from memhacl.stream.spec import Conditioning, ModalitySpec, SignalSpec

FILM = 6.0
SECONDS = int(made.REST + FILM + made.AFTER)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, write_mahnob: made.WriteMahnob) -> Path:
    """Three films; P01 in sessions 2, 4 and 6, P03 in 8, 10 and 12."""
    return write_mahnob(tmp_path_factory.mktemp("MAHNOB ß") / "the set", slow=64)


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "set"))


@pytest.fixture(scope="module")
def recording(written: Path) -> Recording:
    return open_source(str(written)).open("P03")


def bdf_of(folder: Path) -> Path:
    (path,) = folder.glob("*.bdf")
    return path


def films(person: int) -> list[str]:
    return [made.STIMULI[number] for number in np.random.default_rng(person).permutation(3)]


def test_a_persons_sessions_are_segments_in_the_order_they_were_watched(recording: Recording) -> None:
    trials = [trial for _, trial in recording.trials()]
    assert [trial.stimulus for trial in trials] == films(3)
    assert recording.excluded == {}
    assert recording.notes == ()
    for place, (segment, trial) in enumerate(zip(recording.segments, trials, strict=True)):
        start = place * (SECONDS + TRIAL_GAP)
        assert (segment.start, segment.end) == (start, start + SECONDS)
        assert (trial.rest, trial.onset, trial.end) == (start, start + made.REST, start + made.REST + FILM)


def test_signals_keep_their_own_rates_units_and_names(recording: Recording) -> None:
    found = recording.segments[1].signals
    assert [(one.format.modality, one.format.channels, one.format.unit, one.format.rate) for one in found] == [
        ("EEG", ELECTRODES, "uV", 256.0),
        ("ECG", ("ECG1", "ECG2", "ECG3"), "uV", 256.0),
        ("GSR", ("GSR",), "ohm", 64.0),
        ("Resp", ("Resp",), "a.u.", 64.0),
        ("Temp", ("Temp",), "degC", 64.0),
    ]
    assert all(one.data.dtype == np.float32 and one.data.flags.c_contiguous for one in found)
    np.testing.assert_allclose(found[0].data.mean(axis=0), [made.level(label) for label in ELECTRODES], atol=2)
    np.testing.assert_allclose(found[1].data.mean(axis=0), [1000, 2000, 3000], atol=4)
    assert found[2].data.mean() == pytest.approx(2e5, rel=0.1)
    assert {one.format.already_done for one in found} == {()}


def test_ratings_and_emotion_are_what_was_felt(recording: Recording) -> None:
    for number, (_, trial) in zip((8, 10, 12), recording.trials(), strict=True):
        index = made.STIMULI.index(trial.stimulus)
        assert trial.ratings == {
            "arousal": 1 + (number + index) % 9,
            "valence": 1 + (2 * number + index) % 9,
            "dominance": 1 + (3 * number + index) % 9,
            "predictability": 1 + (5 * number + index) % 9,
        }
        assert trial.categories == {"emotion": ("joy", "fear", "disgust", "anxiety")[index]}
    assert set(recording.scales.values()) == {(1.0, 9.0)}


@pytest.mark.parametrize("where", [".", "Sessions"])
def test_people_are_found_from_each_place(where: str, root: Path) -> None:
    source = open_source(str(root / where))
    assert (source.name, source.people, source.notes) == ("MAHNOB-HCI", ("P01", "P03"), ())
    assert len(source.open("P01").segments) == 3


@pytest.mark.parametrize("where", ["", "session.xml", "Part_3_S_Trial2_emotion.bdf"])
def test_one_session_can_be_opened_alone(where: str, root: Path) -> None:
    source = open_source(str(root / "Sessions" / "10" / where))
    assert (source.people, source.notes) == (("P03",), ())
    assert [trial.stimulus for _, trial in source.open("P03").trials()] == films(3)[1:2]


def test_windows_come_out_valid_within_the_films(recording: Recording) -> None:
    spec = SignalSpec(
        modalities=(
            ModalitySpec(
                modality="EEG",
                channels=ELECTRODES[:6],
                unit="uV",
                conditioning=Conditioning(band=(4.0, 45.0), reference="average"),
            ),
            ModalitySpec(modality="GSR", channels=("GSR",), unit="uS"),
            ModalitySpec(modality="Resp", channels=("Resp",), unit="a.u."),
        )
    )
    found = list(recording_windows(recording, spec))
    for number, trial in recording.trials():
        inside = [w for segment, w in found if segment == number and trial.onset <= w.start <= trial.end - 1]
        assert len(inside) == FILM
        assert all(window.valid for window in inside)
        assert inside[0].data.shape == (8, 128)


def test_it_can_be_replayed(recording: Recording) -> None:
    assert choose_modalities(recording, None) == ("EEG", "GSR", "Resp", "Temp", "ECG")
    (piece,) = select(recording, ("EEG", "ECG"), frozenset({2}))
    assert piece.numbers == (2,)


def test_neutral_clips_and_tagging_sessions_are_left_out_and_counted(root: Path) -> None:
    sessions = root / "Sessions"
    made.write_session(sessions, 20, 3, "colorbars.avi", 1, isStim=0)
    named = made.write_session(sessions, 21, 3, "other.avi", 1)
    bdf_of(named).rename(named / "Part_3_N_Trial1_emotion.bdf")
    made.write_session(sessions, 22, 3, "111.avi", 9, feltArsl=None, feltVlnc=None, feltEmo=None)
    tagged = made.write_session(sessions, 23, 3, "111.avi", 9)
    bdf_of(tagged).rename(tagged / "Part_3_S_Trial9_taggingVideos.bdf")
    source = open_source(str(root))
    assert source.notes == ("left out: 2 neutral_clip, 2 tagging_session",)
    assert source.open("P03").excluded == {"neutral_clip": 2, "tagging_session": 2}
    assert source.open("P01").excluded == {}


def test_folders_that_lack_a_file_are_left_out_and_counted(root: Path) -> None:
    sessions = root / "Sessions"
    bdf_of(sessions / "2").unlink()
    (sessions / "8" / "session.xml").unlink()
    (sessions / "99").mkdir()
    made.write_xml(sessions / "30", 12, made.attributes(30, "69.avi", 1, FILM))
    source = open_source(str(root))
    assert source.people == ("P01", "P03")
    assert source.notes == (
        "left out: 2 no_bdf, 1 no_session_xml",
        "1 folders without session.xml are left out: 99",
        "P01 saw 2 of 3 stimuli",
        "P03 saw 2 of 3 stimuli",
        "P12 saw 0 of 3 stimuli",
    )
    assert source.open("P01").excluded == {"no_bdf": 1}
    assert source.open("P03").excluded == {"no_session_xml": 1}
    with pytest.raises(DataError, match="expected a person of P01, P03, found 'P12'"):
        source.open("P12")


def test_a_film_that_was_seen_twice_counts_once_by_the_first_session(root: Path) -> None:
    (name,) = films(1)[:1]
    made.write_session(root / "Sessions", 100, 1, name.upper(), 0, feltVlnc=9)
    source = open_source(str(root))
    assert source.notes == ("left out: 1 duplicate_session",)
    recording = source.open("P01")
    assert recording.excluded == {"duplicate_session": 1}
    assert len(recording.segments) == 3
    assert next(recording.trials())[1].ratings["valence"] == 1 + (2 * 2 + made.STIMULI.index(name)) % 9


def test_sessions_come_in_the_order_of_cut_numbers_then_ids(root: Path) -> None:
    sessions = root / "Sessions"
    for number, trial in ((2, 5), (4, 1), (6, 5)):
        xml = sessions / str(number) / "session.xml"
        before = xml.read_text()
        xml.write_text(before.replace(f'cutNr="{number}"', f'cutNr="{2 * trial}"'))
    order = [trial.stimulus for _, trial in open_source(str(root)).open("P01").trials()]
    assert order == [films(1)[1], films(1)[0], films(1)[2]]


def rewritten(folder: Path, write_bdf: WriteBdf, status: np.ndarray, seconds: int = SECONDS) -> Path:
    return write_bdf(bdf_of(folder), made.tracks(1, seconds, status), seconds)


def test_a_film_without_marks_is_left_out_and_counted(root: Path, write_bdf: WriteBdf) -> None:
    sessions = root / "Sessions"
    rewritten(sessions / "2", write_bdf, np.full(SECONDS * 256, 0x190000))
    recording = open_source(str(root)).open("P01")
    assert recording.excluded == {"no_status_edge": 1}
    assert len(recording.segments) == 2
    assert "no edge that marks the film's start" in recording.notes[0]
    assert recording.segments[0].start == 0.0
    for number in (4, 6):
        rewritten(sessions / str(number), write_bdf, np.full(SECONDS * 256, 0x190000))
    with pytest.raises(
        DataError, match="person P01: expected a film's start in the status of a BDF file, found none"
    ):
        open_source(str(root)).open("P01")


def test_a_film_without_an_end_mark_lasts_as_long_as_the_session_says(root: Path, write_bdf: WriteBdf) -> None:
    sessions = root / "Sessions"
    rewritten(sessions / "2", write_bdf, made.status(SECONDS, FILM, end=False))
    rewritten(sessions / "4", write_bdf, made.status(SECONDS, FILM, end=False)[: 9 * 256], 9)  # cut off within
    recording = open_source(str(root)).open("P01")
    trial = next(recording.trials())[1]
    assert (trial.onset, trial.end) == (made.REST, made.REST + FILM)
    assert recording.excluded == {"cut_off": 1}
    assert "the film's end is not marked: taken 6 s after its start" in recording.notes[0]
    assert any("the film would end at 11 s of 9 s" in note for note in recording.notes)


def test_only_rising_edges_count_and_those_at_once_are_one() -> None:
    word = np.zeros(2560, dtype=np.uint32)
    word[512:600], word[1280:1300], word[2000:2010] = 16, 16, 16
    assert edges(word, 256.0) == (2.0, 5.0)
    word[512] = 2  # bits that settle one after the other
    assert edges(word, 256.0) == (2.0, 5.0)
    assert edges(word[:1000], 256.0) == (2.0, None)
    assert edges(word[:1], 256.0) == (None, None)
    assert edges(word + np.uint32(1), 256.0) == (2.0, 5.0)


def test_an_unknown_emotion_is_noted_and_a_rating_that_was_not_given_is_none(root: Path) -> None:
    xml = root / "Sessions" / "2" / "session.xml"
    code = made.EMOTIONS[made.STIMULI.index(films(1)[0])]
    xml.write_text(xml.read_text().replace(f'feltEmo="{code}"', 'feltEmo="7"').replace("feltCtrl", "controlled"))
    recording = open_source(str(root)).open("P01")
    trial = next(recording.trials())[1]
    assert trial.categories == {}
    assert set(trial.ratings) == {"arousal", "valence", "predictability"}
    assert recording.notes == ("2: feltEmo 7 is no emotion that is known",)


def test_a_missing_channel_is_named(root: Path, write_bdf: WriteBdf) -> None:
    tracks = [one for one in made.tracks(1, SECONDS, made.status(SECONDS, FILM)) if one.label != "EXG2"]
    write_bdf(bdf_of(root / "Sessions" / "2"), tracks, SECONDS)
    with pytest.raises(DataError, match=r"Trial1_emotion\.bdf: expected a channel 'EXG2', found none among"):
        open_source(str(root)).open("P01")


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("<session ", "<!DOCTYPE x [<!ENTITY a 'b'>]>\n<session ", "expected plain XML, found a document type"),
        ("<session ", "<!entity ><session ", "expected plain XML"),
        ("</session>", "", r"expected XML \(no element found.*copy the session again"),
        ("<subject ", "<person ", r"expected <subject id=...> with a number, found ''"),
        ('id="1"/>', 'id="one"/>', "expected <subject id=...> with a number, found 'one'"),
        ("cutNr", "cutNo", "cutNr: expected a number, found ''"),
        ('cutLenSec="6.0"', 'cutLenSec="nan"', "cutLenSec: expected a number, found 'nan'"),
        ("mediaFile", "media", "expected the film's name in mediaFile"),
        ('feltVlnc="', 'feltVlnc="1', "rates valence 1[0-9], expected 1 to 9"),
        ('feltArsl="', 'feltArsl="x', "feltArsl: expected a number, found 'x"),
    ],
)
def test_says_what_is_wrong_with_a_session(old: str, new: str, match: str, root: Path) -> None:
    xml = root / "Sessions" / "2" / "session.xml"
    before = xml.read_text()
    assert old in before
    xml.write_text(before.replace(old, new))
    with pytest.raises(DataError, match=rf"session\.xml: .*{match}") as raised:
        _ = open_source(str(root)).people
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 100, b"<other/>", b"\xff\xfe<", b"\xfe\xff\0", b"x" * (2 << 20), "<session/>".encode("utf-16")],
)
def test_a_session_file_that_is_none_is_told(content: bytes, root: Path) -> None:
    (root / "Sessions" / "2" / "session.xml").write_bytes(content)
    with pytest.raises(DataError, match=r"session\.xml: expected") as raised:
        _ = open_source(str(root)).people
    assert "\n" not in str(raised.value)


def test_a_document_type_is_refused_in_any_encoding(root: Path) -> None:
    xml = root / "Sessions" / "2" / "session.xml"
    text = xml.read_text().replace("<session", "<!DOCTYPE session [<!ENTITY a 'b'>]><session", 1)
    for encoding in ("utf-16", "utf-8-sig", "latin-1"):
        xml.write_bytes(text.replace("female", "ä").replace("UTF-8", encoding).encode(encoding))
        with pytest.raises(DataError, match="found a document type"):
            _ = open_source(str(root)).people


def test_other_encodings_are_read(root: Path) -> None:
    xml = root / "Sessions" / "2" / "session.xml"
    text = xml.read_text().replace('gender="female"', 'gender="ä"')
    for encoding in ("utf-16", "utf-8-sig", "latin-1"):
        xml.write_bytes(text.replace("UTF-8", encoding).encode(encoding))
        assert open_source(str(root)).people == ("P01", "P03")


def test_two_recordings_in_one_session_are_told(root: Path) -> None:
    folder = root / "Sessions" / "2"
    shutil.copy(bdf_of(folder), folder / "copy.bdf")
    with pytest.raises(DataError, match=r"expected one BDF file, found copy\.bdf, Part_1_S_Trial\d_emotion\.bdf"):
        _ = open_source(str(root)).people


def test_a_damaged_recording_is_told_and_one_that_was_cut_off_is_read(root: Path) -> None:
    path = bdf_of(root / "Sessions" / "6")
    path.write_bytes(path.read_bytes()[:-1000])
    recording = open_source(str(root)).open("P01")
    assert recording.notes[0] == f"{path.name}: the file is cut off: 12 of its 13 records are there (12 s)"
    assert len(recording.segments) == 3
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"emotion\.bdf: expected a BDF file, found an empty one"):
        open_source(str(root)).open("P01")


def test_a_set_of_nothing_but_tagging_sessions_is_told(tmp_path: Path) -> None:
    made.write_session(tmp_path / "Sessions", 5, 1, "69.avi", 1, feltArsl="")
    with pytest.raises(
        DataError, match=r"expected sessions of the emotion .* among 1 \(left out: 1 tagging_session\)"
    ):
        _ = open_source(str(tmp_path)).people


@pytest.mark.parametrize("name", ["session.xml", "x.bdf"])
def test_foreign_folders_are_not_taken(name: str, tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / name).write_text("<?xml version='1.0'?><project/>")
    with pytest.raises(DataError, match="known"):
        open_source(str(tmp_path))
    with pytest.raises(DataError, match="known"):
        open_source(str(tmp_path / "12" / name))


def test_the_source_can_be_pickled_and_its_fingerprint_follows_the_content(root: Path) -> None:
    source = open_source(str(root))
    assert pickle.loads(pickle.dumps(source)).people == source.people
    assert pickle.loads(pickle.dumps(source)).open("P01").person == "P01"  # after the list was read, too
    first = source.fingerprint()
    assert open_source(str(root / "Sessions")).fingerprint() == first
    xml = root / "Sessions" / "2" / "session.xml"
    xml.write_text(xml.read_text().replace('feltPred="', 'feltPred=" '))
    assert open_source(str(root)).fingerprint() != first


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_a_session_file_is_told_or_read(data: st.DataObject, written: Path, root: Path) -> None:
    content = bytearray((written / "Sessions" / "2" / "session.xml").read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (root / "Sessions" / "2" / "session.xml").write_bytes(content)
    told = ""
    try:
        source = open_source(str(root))
        recording = source.open(source.people[0])
        assert len(recording.segments) + sum(recording.excluded.values()) in (1, 2, 3)
    except DataError as problem:
        told = str(problem)
    assert "\n" not in told
