"""The data file: which recordings, without whom, which stream is which, and ratings from a CSV file."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.lsl.selection import choose_modalities, select
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import Trial
from memhacl.stream.sources.data_file import DataFile
from memhacl.stream.sources.registry import Source, open_source
from memhacl.stream.sources.xdf.ratings_csv import read_table
from memhacl.stream.sources.xdf.ratings_table import RatingsFile, RatingsTable
from memhacl.stream.spec import ModalitySpec, SignalSpec

Xdf = Callable[[], Any]
SKIN = ({"label": "skin", "unit": "uS"},)


def described(folder: Path, **values: Any) -> Source:
    path = folder / "lab.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    return open_source(str(path))


def session(
    xdf: Xdf, path: Path, skins: tuple[tuple[str, str, str], ...], trials: tuple[str, ...] = ("a", "b")
) -> Path:
    """EEG and streams of skin conductance (name, type, source_id) of 40 s, and a trial of 5 s every 10 s."""
    file = xdf()
    amp = file.stream("amp", "EEG", 32.0, ({"label": "Cz", "unit": "uV"},))
    noise = np.random.default_rng(len(path.name))
    file.samples(amp, (np.arange(1280) / 32).tolist(), noise.normal(size=1280).tolist())
    for number, (name, kind, source_id) in enumerate(skins, 1):
        stream = file.stream(name, kind, 32.0, SKIN, source_id=source_id)
        file.samples(stream, (np.arange(1280) / 32).tolist(), [float(number)] * 1280)
    keys = file.stream("keys", "Markers", 0.0, format="string")
    for number, stimulus in enumerate(trials):
        file.samples(keys, [10.0 * number + 3, 10.0 * number + 8], [f"on {stimulus}", "off"])
    return Path(file.write(path))


MARKERS = {"start": r"on (?P<stimulus>\w+)", "end": "off"}
TWO = (("Shimmer", "EDA", "left"), ("Shimmer", "EDA", "right"), ("Shimmer", "PPG", "left"))


@pytest.mark.parametrize(
    ("wanted", "value"),
    [("right", 2.0), ("l?ft-hand", 4.0), ("Odd", 5.0)],
    ids=["source_id", "pattern", "odd type"],
)
def test_of_several_streams_the_one_that_is_named_is_the_modality(
    xdf: Xdf, tmp_path: Path, wanted: str, value: float
) -> None:
    session(xdf, tmp_path / "P1.xdf", (*TWO, ("x", "GSR", "left-hand"), ("Odd", "Galvactivator", "")))
    recording = described(tmp_path, recordings=".", streams={"GSR": wanted}, markers=MARKERS).open("P1")
    (segment,) = recording.segments
    gsr = [signal for signal in segment.signals if signal.format.modality == "GSR"]
    assert [signal.data[0, 0] for signal in gsr] == [value]
    assert {signal.format.modality for signal in segment.signals} - {"GSR (other)", "Galvactivator"} == {
        "EEG",
        "GSR",
        "BVP",
    }
    assert gsr[0].origin is not None
    assert gsr[0].origin.type in ("GSR", "EDA")  # a replay of it is found as GSR
    spec = SignalSpec(modalities=(ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none"),))
    valid = [window for _, window in recording_windows(recording, spec) if window.valid]
    assert len(valid) > 30
    assert all(window.data == pytest.approx(value) for window in valid)
    (piece,) = select(recording, choose_modalities(recording, None))
    assert len(piece.streams) == 7


def test_streams_of_one_device_are_told_apart_by_what_they_are(xdf: Xdf, tmp_path: Path) -> None:
    session(xdf, tmp_path / "P1.xdf", TWO[1:])
    (segment,) = described(tmp_path, recordings=".", streams={"GSR": "Shimmer"}).open("P1").segments
    assert [signal.format.modality for signal in segment.signals] == ["EEG", "GSR", "BVP"]


def test_one_stream_may_be_two_modalities(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    kinds = [("Cz", "uV", "EEG"), ("AUX1", "uS", "GSR")]
    amp = file.stream(
        "amp", "EEG", 64.0, [dict(zip(("label", "unit", "type"), kind, strict=True)) for kind in kinds]
    )
    file.samples(amp, (np.arange(640) / 64).tolist(), [[n % 7, 5.0] for n in range(640)])
    file.write(tmp_path / "P1.xdf")
    recording = described(tmp_path, recordings="P1.xdf", streams={"EEG": "amp", "GSR": "amp"}).open("P1")
    spec = SignalSpec(
        modalities=(
            ModalitySpec(modality="EEG", channels=("Cz",), unit="uV", baseline="none"),
            ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none"),
        ),
        rate=64.0,
    )
    valid = [window for _, window in recording_windows(recording, spec) if window.valid]
    assert len(valid) == 10
    assert valid[3].data[1] == pytest.approx(5.0)
    assert set(valid[3].data[0].tolist()) == set(range(7))


def test_a_stream_that_is_not_there_or_not_one_is_an_error_that_lists_them(xdf: Xdf, tmp_path: Path) -> None:
    session(xdf, tmp_path / "P1.xdf", TWO)
    with pytest.raises(
        DataError,
        match=r"lab\.yaml: person P1: streams\.GSR: .* 'Shimer', found 'amp' \(EEG\), 'Shimmer' \(GSR, left\)",
    ):
        described(tmp_path, recordings=".", streams={"GSR": "Shimer"}).open("P1")
    with pytest.raises(DataError, match=r"expected one stream 'Sh\*', found 'Shimmer' \(GSR, left\), .*right"):
        described(tmp_path, recordings=".", streams={"GSR": "Sh*"}).open("P1")


def test_people_are_left_out_of_any_data_set(tmp_path: Path, write_deap_files: Callable[..., Path]) -> None:
    write_deap_files(tmp_path / "meine Daten é", people=3, trials=40)
    plain = open_source(str(tmp_path / "meine Daten é"))
    source = described(tmp_path, recordings="meine Daten é", leave_out=["s02"], streams={"GSR": "DEAP Temp"})
    assert (source.name, source.people, source.one_file) == ("DEAP, by lab.yaml", ("s01", "s03"), False)
    assert source.notes == (*plain.notes, "lab.yaml leaves out s02", "lab.yaml: GSR is stream 'DEAP Temp'")
    recording = pickle.loads(pickle.dumps(source)).open("s03")
    assert recording.formats["GSR"].name == "DEAP Temp"
    assert recording.formats["GSR (other)"].unit == "ohm"
    assert "Temp" not in recording.formats
    assert choose_modalities(recording, None) == ("EEG", "GSR", "Resp", "BVP", "EOG", "EMG")
    with pytest.raises(DataError, match="expected a person of s01, s03, found 's02'"):
        source.open("s02")
    with pytest.raises(DataError, match=r"lab\.yaml: leave_out: expected a person of s01, s02, s03, found 's2'"):
        described(tmp_path, recordings="meine Daten é", leave_out=["s2"])
    with pytest.raises(DataError, match="expected somebody to be left"):
        described(tmp_path, recordings="meine Daten é", leave_out=["s01", "s02", "s03"])


def test_the_fingerprint_follows_meaning_and_content_alone(xdf: Xdf, tmp_path: Path) -> None:
    session(xdf, tmp_path / "P1.xdf", TWO)
    session(xdf, tmp_path / "P22.xdf", TWO)
    ratings = {"file": "r.csv", "person": "who", "stimulus": "what", "scales": {"valence": "v"}}
    (tmp_path / "r.csv").write_text("who,what,v\nP1,a,5\n")
    (tmp_path / "other").mkdir()
    base = {"recordings": ".", "markers": MARKERS, "ratings": ratings}
    first = described(tmp_path, **base).fingerprint()
    assert described(tmp_path, **dict(reversed(base.items()))).fingerprint() == first
    (tmp_path / "other" / "copy of r.csv").write_text("who,what,v\nP1,a,5\n")
    moved = base | {"recordings": str(tmp_path), "ratings": ratings | {"file": "other/copy of r.csv"}}
    assert described(tmp_path, **moved).fingerprint() == first
    changes = (
        {"leave_out": ["P1"]},
        {"streams": {"GSR": "right"}},
        {"markers": MARKERS | {"rest_seconds": 2}},
        {"stimuli": {"a": "b"}},
        {"scales": {"valence": [1, 9]}},
        {"person": r"(?P<person>\d+)"},
        {"ratings": ratings | {"scales": {"arousal": "v"}}},
    )
    seen = [first, *(described(tmp_path, **(base | change)).fingerprint() for change in changes)]
    (tmp_path / "r.csv").write_text("who,what,v\nP1,a,6\n")
    seen.append(described(tmp_path, **base).fingerprint())
    session(xdf, tmp_path / "P22.xdf", TWO, trials=("a",))
    seen.append(described(tmp_path, **base).fingerprint())
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("values", "error", "match"),
    [
        ({"recordings": "nowhere"}, DataError, r"lab\.yaml: recordings: .*nowhere: there is no such file"),
        ({"recordings": "lab.yaml"}, ConfigError, "found another YAML file"),
        ({"recordings": ""}, ConfigError, "recordings: .*at least 1 character"),
        ({"recordings": ".", "leave_outs": ["P1"]}, ConfigError, "unknown key 'leave_outs'; did you mean"),
        ({"recordings": ".", "leave_out": [1]}, ConfigError, r"leave_out\.0: .*string"),
        ({"recordings": ".", "streams": {"Skin": "x"}}, ConfigError, "streams: expected modalities out of EEG"),
        ({"recordings": ".", "person": r"P\d"}, ConfigError, "expected a group named 'person'"),
        ({"recordings": ".", "person": "(?P<person>Q.)"}, DataError, r"'person' .*, found none among 1"),
        ({"recordings": ".", "leave_out_files": ["Q*"]}, DataError, "expected files that fit 'Q\\*'"),
        ({"recordings": ".", "scales": {"valence": [9, 1]}}, ConfigError, "expected the lowest and the highest"),
        ({"recordings": ".", "stimuli": {"a": "b"}}, ConfigError, "stimuli: expected 'markers', whose"),
        ({"recordings": ".", "markers": {"start": "a", "end": False}}, ConfigError, r"s\.end: .* quotes in YAML"),
        ({"recordings": ".", "leave_out": "P1"}, ConfigError, r"leave_out: expected a list, as in \[P1\]"),
        ({"recordings": ".", "xyz": 1}, ConfigError, "unknown key 'xyz'; docs/xdf.md lists all"),
        ({"recordings": ".", "markers": {"strat": "x"}}, ConfigError, r"did you mean 'markers\.start'\?"),
        ({"recording": "."}, ConfigError, "key 'recordings' is missing; unknown key 'recording'; did you mean"),
        ({"Recordings": ".", "markers": MARKERS}, ConfigError, "key 'recordings' is missing"),
        ({"record1ngs": ".", "streams": {"GSR": "x"}}, ConfigError, "key 'recordings' is missing"),
        ({"stimuli": 0}, ConfigError, r"^((?!recordings).)*$"),  # simulated people's
        ({"leave_out": ["P1"]}, ConfigError, r"lab\.yaml: key 'recordings' is missing$"),
        ({"recordings": "deap", "markers": MARKERS}, ConfigError, "markers: is for XDF files, but 'deap' is DEAP"),
    ],
)  # fmt: skip
def test_a_data_file_that_fits_nothing_is_refused_in_one_line(
    xdf: Xdf, tmp_path: Path, values: dict[str, Any], error: type[Exception], match: str
) -> None:
    if values.get("recordings") == "deap":
        (tmp_path / "deap").mkdir()
        (tmp_path / "deap" / "s01.dat").touch()
    session(xdf, tmp_path / "P1.xdf", ())
    with pytest.raises(error, match=match) as problem:
        described(tmp_path, **values)
    assert "\n" not in str(problem.value)


def test_the_guides_example_is_a_data_file() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "xdf.md").read_text(encoding="utf-8")
    example = guide.partition("```yaml\n")[2].partition("```")[0]
    said = DataFile.parse(yaml.safe_load(example), "docs/xdf.md")
    assert said.markers is not None
    assert said.ratings is not None


def table(path: Path, text: str | bytes, stimuli: dict[str, str] | None = None, **wanted: Any) -> RatingsTable:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    columns = {"person": "who", "stimulus": "what", "scales": {"valence": "Valenz"}} | wanted
    said = RatingsFile.parse({"file": path.name, **columns}, "lab.yaml: ratings")
    return read_table(path, said, stimuli or {}, {"valence": (1.0, 9.0)})


TRIALS = tuple(Trial(name, 10.0 * number, 10.0 * number, 10.0 * number + 5) for number, name in enumerate("aba"))


def test_a_spreadsheets_file_is_read_with_its_byte_order_mark_and_commas(tmp_path: Path) -> None:
    text = '\ufeffwho;what;Valenz;Gefühl;more\nP1; a ;6,5;"Freude; Spaß";\n;;;;\n\nP1;b;;;x\n'
    read = table(tmp_path / "Bewertungen é.csv", text, delimiter=";", categories={"emotion": "Gefühl"})
    trials, notes = read.label("P1", TRIALS)
    joy = {"emotion": "Freude; Spaß"}
    assert [(trial.ratings, trial.categories) for trial in trials] == [
        ({"valence": 6.5}, joy), ({}, {}), ({"valence": 6.5}, joy),
    ]  # fmt: skip
    assert notes == ("Bewertungen é.csv: 'P1' saw 'a' more than once: one row counts each time",)


def test_rows_that_fit_nothing_and_trials_without_a_row_are_counted(tmp_path: Path) -> None:
    text = "who,what,Valenz\nP1,a,3\nP1,zz,4\nP9,a,5\nP9,b,5\nP1,9,8\nP8,1,1\n"
    read = table(tmp_path / "r.csv", text)
    assert read.strangers(["P1"]) == (
        "r.csv: rows of people who are not there are left out: 'P9' in line 4, 'P9' in line 5, 'P8' in line 7",
    )
    assert read.label("P1", TRIALS)[1] == (
        "r.csv: rows of trials that are not there are left out: 'zz' of 'P1' in line 3, '9' of 'P1' in line 6",
        "r.csv: no row for 1 of 3 trials of 'P1': 'b'",
        "r.csv: 'P1' saw 'a' more than once: one row counts each time",
    )
    assert read.label("P2", TRIALS)[1] == ("r.csv: no row for 3 of 3 trials of 'P2': 'a', 'b', 'a'",)


def test_rows_go_by_a_trials_number_and_stimuli_by_their_new_names(tmp_path: Path) -> None:
    text = "who,what,Valenz\nP1,2,3\nP1,1.0,4\nP1,3,NaN\n"
    trials, _ = table(tmp_path / "r.csv", text, stimulus=None, trial="what").label("P1", TRIALS)
    assert [trial.ratings for trial in trials] == [{"valence": 4.0}, {"valence": 3.0}, {}]
    trials, _ = table(tmp_path / "r.csv", text, {"2": "b", "x": "b"}).label("P1", TRIALS)
    assert [trial.ratings for trial in trials] == [{}, {"valence": 3.0}, {}]


@pytest.mark.parametrize(
    ("stimuli", "cell", "stimulus"),
    [
        ({"12": "a", "7": "b"}, "a", "a"),
        ({"12": "a", "7": "b"}, "12", "a"),
        ({"12": "a"}, "b", "b"),  # is called so by its markers
        ({"a": "a", "12": "a"}, "a", "a"),
        ({"1": "2", "2": "3", "3": "1"}, "1", None),
        ({"1": "2", "2": "b"}, "2", None),
        ({"1": "2", "2": "b"}, "1", "2"),
    ],
)
def test_a_cell_is_a_final_name_or_else_a_markers_and_never_either(
    tmp_path: Path, stimuli: dict[str, str], cell: str, stimulus: str | None
) -> None:
    text = f"who,what,Valenz\nP1,{cell},3\n"
    if stimulus is not None:
        assert list(table(tmp_path / "r.csv", text, stimuli).rows["P1"]) == [stimulus]
        return
    with pytest.raises(DataError, match=rf"r\.csv, line 2: '{cell}' may be .* 'stimuli' of the data file"):
        table(tmp_path / "r.csv", text, stimuli)


@pytest.mark.parametrize("cell", ["", "NA", "n/a", "nan", "NaN", " N/A "])
def test_a_cell_that_says_there_is_nothing_is_empty(tmp_path: Path, cell: str) -> None:
    text = f"who,what,Valenz,k\nNA,a,{cell},{cell}\n"  # a person may be called so
    (row,) = table(tmp_path / "r.csv", text, categories={"kind": "k"}).rows["NA"].values()
    assert (row.ratings, row.categories) == ({}, {})


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;\r"])
def test_a_spreadsheets_line_on_the_delimiter_is_understood(tmp_path: Path, first: str) -> None:
    text = f"\ufeff{first}\nwho;what;Valenz\nP1;a;6,5\n"
    (row,) = table(tmp_path / "r.csv", text).rows["P1"].values()
    assert (row.ratings, row.line) == ({"valence": 6.5}, 3)


def test_what_a_marker_says_otherwise_is_refused(tmp_path: Path) -> None:
    read = table(tmp_path / "r.csv", "who,what,Valenz,k\nP1,a,3,x\n", categories={"kind": "k"})
    same = Trial("a", 1.0, 1.0, 2.0, {"valence": 3.0, "arousal": 9.0}, categories={"kind": "x"})
    assert read.label("P1", [same])[0] == (same,)
    for other in (
        Trial("a", 1.0, 1.0, 2.0, {"valence": 4.0}),
        Trial("a", 1.0, 1.0, 2.0, categories={"kind": "y"}),
    ):
        with pytest.raises(DataError, match=r"r\.csv, line 2: says .*, but a marker .* of 'P1' at 1\.000 s"):
            read.label("P1", [other])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "expected a line with the columns' names, found an empty file"),
        ("who,what\nP1,a\n", r"expected one column 'Valenz', found who, what; .*delimiter \(','\)"),
        ("who,what,Valenz,Valenz\n", "expected one column 'Valenz'"),
        ("who,what,Valenz\nP1,a,3\nP1,b,4\nP1,a,5\n", r"line 4: .*'P1', what 'a', found another in line 2"),
        ("who,what,Valenz\nP1,a,3\n\nP1,b,gut\n", "line 4: valence: expected a number, found 'gut'"),
        ("who,what,Valenz\nP1,a,0\n", r"line 2: rates valence 0, expected 1 to 9"),
        ("who,what,Valenz\nP1,a,1e999\n", "expected a number, found '1e999'"),
        ("who,what,Valenz\nP1,a,6,5\n", r"line 2: expected 3 cells as in the first line, found 4"),
        ("who,what,Valenz\nP1,a\n", "line 2: expected 3 cells"),
        ("who,what,Valenz\n,a,3\n", "line 2: expected a person in column 'who'"),
        ("who,what,Valenz\nP1,,3\n", "line 2: expected a stimulus in column 'what'"),
        ('who,what,Valenz\nP1,"a,3\n', "cannot be read as CSV"),
        ("who,what,Valenz\nP1,ü,3\n".encode("latin-1"), "expected text in UTF-8"),
    ],
)
def test_a_csv_file_that_is_wrong_is_told_with_its_line(tmp_path: Path, text: str | bytes, match: str) -> None:
    with pytest.raises(DataError, match=rf"r\.csv.*{match}") as problem:
        table(tmp_path / "r.csv", text)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("cell", ["0", "1.5", "", "first", "nan"])
def test_a_trials_number_is_a_whole_one(tmp_path: Path, cell: str) -> None:
    with pytest.raises(DataError, match=r"r\.csv, line 2: .*expected a (trial's )?number"):
        table(tmp_path / "r.csv", f"who,what,Valenz\nP1,{cell},3\n", stimulus=None, trial="what")


def test_columns_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    for wanted in ({"trial": "n"}, {"stimulus": None}, {"scales": {}}, {"delimiter": ", "}):
        with pytest.raises(ConfigError, match="expected"):
            table(tmp_path / "r.csv", "who,what,Valenz\n", **wanted)
    said = RatingsFile(file="no.csv", person="a", stimulus="b", scales={"valence": "c"})
    with pytest.raises(DataError, match=r"no\.csv: cannot be read as CSV"):
        read_table(tmp_path / "no.csv", said, {}, {})
