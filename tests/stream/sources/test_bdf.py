"""BDF files: channels at their own rates, status words, what a crash leaves, and every kind of damage."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.bdf import HIGHEST, LOWEST, Track, WriteBdf, track

from memhacl.stream.errors import DataError
from memhacl.stream.signals import StreamFormat
from memhacl.stream.sources.formats.bdf import Wanted, read_channels, read_signals, read_words
from memhacl.stream.sources.formats.bdf_header import read_header

ROOT = Path(__file__).parents[3]
REAL = Path(os.environ.get("MEMHACL_REAL_DATA", ROOT.parent / "shared" / "data")) / "mne_test_files"
needs_real = pytest.mark.skipif(
    not REAL.is_dir(), reason=f"no real recordings: MEMHACL_REAL_DATA has no mne_test_files ({REAL})"
)
RANDOM = np.random.default_rng(0)


def digits(samples: int, low: int = LOWEST, high: int = HIGHEST) -> np.ndarray:
    return RANDOM.integers(low, high + 1, samples)


def form(modality: str = "EEG", channels: tuple[str, ...] = ("a",), unit: str = "uV") -> StreamFormat:
    return StreamFormat("test", modality, channels, unit, 0.0)


def values(one: Track) -> np.ndarray:
    """Physical values as the format defines them, in float64."""
    (low, high), (least, most) = one.physical, one.digital_range
    return (one.digital - least) * ((high - low) / (most - least)) + low


@pytest.fixture
def mixed() -> list[Track]:
    """Three channels at 512, 64 and 2 Hz in 5 records of half a second, and a status."""
    status = digits(1280, 0, 2**24 - 1)
    return [
        Track("Fp1", digits(1280)),
        Track("Resp", digits(160), "mV", (-5, 5)),
        Track("Temp", digits(5, -1000, 1000), "degC", (0, 50), (-1000, 1000)),
        Track("Status", status, "Boolean"),
    ]


@needs_real
@pytest.mark.parametrize("name", ["test.bdf", "test_bdf_stim_channel.bdf"])
def test_reads_real_files_as_mne_does(name: str) -> None:
    import mne

    path = REAL / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = mne.io.read_raw_bdf(path, preload=True, verbose="error")
    header = read_header(path)
    labels = [channel.label for channel in header.channels if channel.label != "Status"]
    found = read_channels(header, {"all": labels})["all"]
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert {channel.rate for channel in header.channels} == {raw.info["sfreq"]}
    expected = raw.get_data(labels).T * 1e6
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=1e-6)
    marks = read_words(header, "Status", 0x1FFFF)
    np.testing.assert_array_equal(marks, raw.get_data(["Status"])[0])
    assert header.notes == ()


@needs_real
def test_a_real_files_status_has_bits_above_that_a_mask_takes_off() -> None:
    header = read_header(REAL / "test_bdf_stim_channel.bdf")
    assert (read_words(header, "Status", 0xFFFFFF) >> 16).max() > 0
    assert read_words(header, "Status", 0xFFFF).max() < 2**16
    assert read_words(header, "status", 0xFFFFFF).dtype == np.uint32


def test_each_channel_keeps_its_rate_and_its_values(
    mixed: list[Track], write_bdf: WriteBdf, tmp_path: Path
) -> None:
    path = write_bdf(tmp_path / "Größe und Maß" / "a b.bdf", mixed, 5, 0.5)
    header = read_header(path)
    assert [(channel.label, channel.unit, channel.rate) for channel in header.channels] == [
        ("Fp1", "uV", 512.0), ("Resp", "mV", 64.0), ("Temp", "degC", 2.0), ("Status", "Boolean", 512.0),
    ]  # fmt: skip
    assert (header.length, header.missing, header.notes) == (2.5, 0, ())
    found = read_channels(header, {1: ["Fp1"], 2: ["Temp"], 3: ["Resp"]})
    for number, one in ((1, mixed[0]), (3, mixed[1]), (2, mixed[2])):
        np.testing.assert_allclose(found[number][:, 0], values(one), rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(read_words(header, "Status", 0xFFFFFF), mixed[3].digital)
    np.testing.assert_array_equal(read_words(header, "Status", 0xFF), mixed[3].digital & 0xFF)


def test_the_whole_range_of_24_bits_keeps_its_sign(write_bdf: WriteBdf, tmp_path: Path) -> None:
    ends = np.array([LOWEST, -1, 0, 1, HIGHEST, 255, 256, -256])
    same = (float(LOWEST), float(HIGHEST))
    header = read_header(write_bdf(tmp_path / "x.bdf", [Track("a", ends, "uV", same)], 1))
    np.testing.assert_array_equal(read_channels(header, {0: ["a"]})[0][:, 0], ends)
    np.testing.assert_array_equal(read_words(header, "a", 0xFFFFFF), ends % 2**24)


def test_order_and_repetition_are_the_callers(mixed: list[Track], write_bdf: WriteBdf, tmp_path: Path) -> None:
    tracks = [Track(label, digits(40)) for label in "abc"]
    header = read_header(write_bdf(tmp_path / "x.bdf", tracks, 4))
    both = read_channels(header, {"back": ["c", "A"], "again": ["a"]})
    np.testing.assert_array_equal(both["back"][:, 1], both["again"][:, 0])
    np.testing.assert_allclose(both["back"][:, 0], values(tracks[2]), rtol=1e-7)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    records=st.integers(1, 12),
    seconds=st.sampled_from([0.1, 0.25, 1.0, 2.0, 10.0]),
    data=st.data(),
)
def test_any_mix_of_channels_comes_back(
    counts: list[int], records: int, seconds: float, data: st.DataObject, write_bdf: WriteBdf, tmp_path: Path
) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    tracks = [
        Track(f"c{number}", random.integers(LOWEST, HIGHEST + 1, count * records))
        for number, count in enumerate(counts)
    ]
    header = read_header(write_bdf(tmp_path / "any.bdf", tracks, records, seconds))
    chosen = data.draw(st.lists(st.sampled_from(tracks), min_size=1, unique_by=lambda one: one.label))
    found = read_channels(header, {one.label: [one.label] for one in chosen})
    for one in chosen:
        np.testing.assert_allclose(found[one.label][:, 0], values(one), rtol=1e-7, atol=1e-5)
        np.testing.assert_array_equal(read_words(header, one.label, 0xFFFFFF), one.digital % 2**24)
        assert header.channel(one.label).rate == pytest.approx(len(one.digital) / records / seconds)


def test_signals_take_the_headers_unit_where_it_measures_the_same(write_bdf: WriteBdf, tmp_path: Path) -> None:
    tracks = [
        track("A", np.full(8, 2.0), "mV", (-10, 10)), track("B", np.full(8, 3.0), "mV", (-10, 10)),
        track("GSR1", np.full(8, 4.0), "Ohm", (0, 100)), track("Resp", np.full(8, 5.0), "uV"),
    ]  # fmt: skip
    header = read_header(write_bdf(tmp_path / "x.bdf", tracks, 2, 0.5))
    eeg, difference, skin, belt, temperature = read_signals(
        header,
        [
            Wanted(form(channels=("a", "b")), ("A", "B")),
            Wanted(form("EOG", ("one",)), ("A", "B"), bipolar=True),
            Wanted(form("GSR", unit="nS"), ("GSR1",)),
            Wanted(form("Resp", unit="a.u."), ("Resp",), stated=False),
            Wanted(form("Temp", unit="degC"), ("Resp",)),
        ],
        start=7.0,
    )
    assert (eeg.format.unit, eeg.format.rate, eeg.format.channels, eeg.start) == ("mV", 8.0, ("a", "b"), 7.0)
    np.testing.assert_allclose(difference.data[:, 0], -1, atol=1e-5)
    assert difference.data.flags.c_contiguous
    assert (skin.format.unit, belt.format.unit, temperature.format.unit) == ("ohm", "a.u.", "degC")


def test_channels_that_do_not_go_together_are_told(
    mixed: list[Track], write_bdf: WriteBdf, tmp_path: Path
) -> None:
    header = read_header(write_bdf(tmp_path / "x.bdf", mixed, 5, 0.5))
    with pytest.raises(
        DataError, match=r"x\.bdf: expected channels of one rate, found \(in Hz\) Fp1 512, Resp 64"
    ):
        read_channels(header, {0: ["Fp1", "Resp"]})
    two = [track("A", np.zeros(8), "mV", (-10, 10)), track("B", np.zeros(8), "uV")]
    header = read_header(write_bdf(tmp_path / "y.bdf", two, 1))
    with pytest.raises(DataError, match=r"y\.bdf: expected one unit for A, B, found mV, uV"):
        read_signals(header, [Wanted(form(), ("A", "B"))])


def test_missing_and_doubled_labels_are_told(write_bdf: WriteBdf, tmp_path: Path) -> None:
    header = read_header(write_bdf(tmp_path / "x.bdf", [Track(label, digits(4)) for label in ("a", "B", "b")], 1))
    with pytest.raises(DataError, match="expected a channel 'Fz', found none among a, B, b"):
        header.channel("Fz")
    with pytest.raises(DataError, match="expected a channel 'b', found 2 of them"):
        header.channel("b")


@pytest.mark.parametrize("physical", [(5, 5), (0, 0)])
def test_a_channel_without_a_range_is_told_when_it_is_asked_for(
    physical: tuple[float, float], write_bdf: WriteBdf, tmp_path: Path
) -> None:
    tracks = [Track("a", digits(4), "uV", physical), Track("b", digits(4))]
    header = read_header(write_bdf(tmp_path / "x.bdf", tracks, 1))
    with pytest.raises(DataError, match="channel 'a': expected a physical and a digital range, found"):
        read_channels(header, {0: ["a"]})
    assert len(read_channels(header, {0: ["b"]})[0]) == 4


def test_a_recorder_that_crashed_leaves_what_it_wrote(
    mixed: list[Track], write_bdf: WriteBdf, tmp_path: Path
) -> None:
    path = write_bdf(tmp_path / "x.bdf", mixed, 5, 0.5, stated=-1)
    with path.open("ab") as file:
        file.write(bytes(11))
    header = read_header(path)
    assert (header.records, header.length, header.missing) == (5, 2.5, 0)
    assert "did not write how many records" in header.notes[0]
    assert "2.5 s were found" in header.notes[0]
    assert "11 bytes of an unfinished record" in header.notes[1]
    np.testing.assert_array_equal(read_words(header, "Status", 0xFFFFFF), mixed[3].digital)


def test_a_file_that_was_cut_off_gives_its_whole_records(
    mixed: list[Track], write_bdf: WriteBdf, tmp_path: Path
) -> None:
    path = write_bdf(tmp_path / "x.bdf", mixed, 5, 0.5)
    path.write_bytes(path.read_bytes()[:-1])
    header = read_header(path)
    assert (header.records, header.missing) == (4, 1)
    assert header.notes[0] == "x.bdf: the file is cut off: 4 of its 5 records are there (2 s)"
    np.testing.assert_array_equal(read_words(header, "Status", 0xFFFFFF), mixed[3].digital[: 4 * 256])


def test_bdf_plus_is_read_as_far_as_signals_go(write_bdf: WriteBdf, tmp_path: Path) -> None:
    texts = Track("BDF Annotations", digits(20), "", (-1, 1))
    path = write_bdf(tmp_path / "x.bdf", [Track("a", digits(8)), texts], 2, reserved="BDF+C")
    header = read_header(path)
    assert len(read_channels(header, {0: ["a"]})[0]) == 8
    with pytest.raises(DataError, match="expected a channel 'BDF Annotations', found none"):
        header.channel("BDF Annotations")
    with pytest.raises(DataError, match=r"expected a continuous recording.*BDF\+D.*not supported"):
        read_header(write_bdf(tmp_path / "y.bdf", [Track("a", digits(8))], 2, reserved="BDF+D"))


@pytest.mark.parametrize(
    ("replaced", "match"),
    [
        ({0: b"0       "}, r"expected a BDF file.*found EDF \(16-bit samples\)"),
        ({0: b"GDF 1.25"}, "found GDF"),
        ({0: b"\xffBIOSEMX"}, r"begins with b'\\xffBIOSEMI', found"),
        ({184: b"512     "}, "expected a header of 768 bytes for 2 channels, found 512"),
        ({252: b"3   "}, "expected a header of 1024 bytes for 3 channels"),
        ({252: b"9999"}, "expected a header of 2560000 bytes"),
        ({252: b"0   "}, "number of channels: expected a whole number from 1, found 0"),
        ({252: b"x   "}, "number of channels: expected a number, found 'x'"),
        ({236: b"-2      "}, "number of records: expected a whole number from -1, found -2"),
        ({236: b"0.5     "}, "number of records: expected a whole number"),
        ({236: b"2       "}, "expected 816 bytes for 2 records, found 840"),
        ({236: b"0       "}, "expected 768 bytes for 0 records, found 840"),
        ({244: b"0       "}, "expected records that last .* found 0 s"),
        ({244: b"-1      "}, "found -1 s"),
        ({244: b"nan     "}, "duration of a record: expected a number, found 'nan'"),
        ({244: b"1e999   "}, "duration of a record: expected a number"),
        ({244: b"1\xb2"}, "duration of a record: expected ASCII"),
        ({256: b"\xe9"}, "label of channel 1: expected ASCII text"),
        ({256 + 2 * 96: b"\xb5V      "}, "unit of a: expected ASCII text"),
        ({256 + 2 * 104: b"low     "}, "physical minimum of a: expected a number, found 'low'"),
        ({256 + 2 * 216: b"0       "}, "samples in a record of a: expected a whole number from 1"),
        ({256 + 2 * 216: b"99999999"}, "expected a whole record of samples"),
    ],
)
def test_says_what_is_wrong_with_a_header(
    replaced: dict[int, bytes], match: str, write_bdf: WriteBdf, tmp_path: Path
) -> None:
    tracks = [Track("a", digits(12)), Track("b", digits(12))]
    with pytest.raises(DataError, match=rf"x\.bdf: .*{match}") as raised:
        read_header(write_bdf(tmp_path / "x.bdf", tracks, 3, replaced=replaced))
    assert "\n" not in str(raised.value)


def test_a_persons_name_need_not_be_ascii(write_bdf: WriteBdf, tmp_path: Path) -> None:
    path = write_bdf(tmp_path / "x.bdf", [Track("a", digits(4))], 1, replaced={8: "Łukasz".encode()})
    assert read_header(path).records == 1


@pytest.mark.parametrize("size", [0, 1, 7, 8, 100, 255, 256, 300, 767, 768, 769, 840])
def test_a_file_without_one_whole_record_is_told(size: int, write_bdf: WriteBdf, tmp_path: Path) -> None:
    path = write_bdf(tmp_path / "x.bdf", [Track("a", digits(12)), Track("b", digits(12))], 1)
    assert path.stat().st_size == 840
    path.write_bytes(path.read_bytes()[:size] if size < 840 else b"no header at all, but long" * 40)
    with pytest.raises(DataError, match=r"x\.bdf: expected") as raised:
        read_header(path)
    assert "\n" not in str(raised.value)


def test_no_file_and_a_folder_are_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.bdf"):
        with pytest.raises(DataError, match="cannot be read"):
            read_header(path)


def test_a_file_that_shrinks_while_it_is_read_is_told(
    mixed: list[Track], write_bdf: WriteBdf, tmp_path: Path
) -> None:
    path = write_bdf(tmp_path / "x.bdf", mixed, 5, 0.5)
    header = read_header(path)
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(DataError, match="became shorter"):
        read_channels(header, {0: ["Fp1"]})
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        read_words(header, "Status", 0xFF)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_an_error_or_readable(
    data: st.DataObject, mixed: list[Track], write_bdf: WriteBdf, tmp_path: Path
) -> None:
    content = bytearray(write_bdf(tmp_path / "x.bdf", mixed, 5, 0.5).read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, min(len(content), 1280) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "y.bdf"
    path.write_bytes(content)
    told = ""
    try:
        header = read_header(path)
        found = [read_channels(header, {0: [channel.label]})[0] for channel in header.channels]
        assert sum(len(one) * 3 for one in found) <= len(content)
    except DataError as problem:
        told = str(problem)
    assert "\n" not in told
