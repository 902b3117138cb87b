"""Several people in one server, by session file, on real LSL and ZeroMQ; and `--check`."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from memhacl.runtime.server import together
from memhacl.stream.lsl.clock import local_clock
from memhacl.stream.lsl.finding import Wanted, find_all
from memhacl.stream.lsl.outlet import MarkerOutlet
from memhacl.stream.signals import StreamFormat

NAMES = ("anna", "ben")
EEG = {name: StreamFormat(f"amp-{name}", "EEG", ("Cz", "Oz"), "uV", 128.0) for name in NAMES}
GSR = {name: StreamFormat(f"skin-{name}", "GSR", ("GSR",), "uS", 128.0) for name in NAMES}
FOUR = (*EEG.values(), *GSR.values())


def session_file(folder: Path, **changes: dict) -> str:
    """A session of anna and ben, each with streams of their own name, on this host; ``changes`` by person."""
    host = socket.gethostname()[:2] + "*"
    people = [
        {
            "name": name,
            "streams": {"EEG": {"name": f"amp-{name}", "host": host}, "GSR": {"source_id": f"*skin-{name}"}},
            **changes.get(name, {}),
        }
        for name in NAMES
    ]
    path = folder / "session.yaml"
    path.write_text(json.dumps({"participants": people, "markers": {"name": "stimuli"}}), encoding="utf-8")
    return str(path)


def valid_of_both(found: list[dict]) -> bool:
    return {message["participant"] for message in found if message["valid"]} == set(NAMES)


def test_each_is_predicted_from_streams_of_their_own(serve, plugged, tmp_path: Path) -> None:
    server = serve("--session", session_file(tmp_path))
    with plugged(*FOUR, loud={"amp-anna": 4.0, "skin-ben": 4.0}):
        found = server.until("emotion.", lambda found: len(found) > 12 and valid_of_both(found))
        for name, label in (("anna", "high"), ("ben", "low")):  # high where EEG has more power than skin
            mine = [m for m in found if m["participant"] == name and m["task"] == "valence"]
            assert [m["seq"] for m in mine] == list(range(len(mine)))
            assert {m["label"] for m in mine if m["valid"]} == {label}
        (status,) = server.messages("status", 1)
        assert status["participants"] == ["anna", "ben"]
        assert all(set(status["streams"][name]) == {"EEG", "GSR", "Markers"} for name in NAMES)
        assert status["streams"]["ben"]["GSR"]["name"] == "skin-ben"
        assert {"late", "gaps", "jitter", "clock_shift"} <= set(status["streams"]["ben"]["GSR"])
        outlets = [Wanted("Emotion", name=f"memhacl-predictions-{name}") for name in NAMES]
        assert len(find_all(outlets, within=10)) == 2


def test_what_one_loses_does_not_touch_the_other(serve, plugged, tmp_path: Path) -> None:
    server = serve("--session", session_file(tmp_path))
    with plugged(*FOUR) as device:
        server.until("emotion.", valid_of_both)
        device.unplug("skin-ben")
        lost = server.until(
            "emotion.", lambda found: sum(m["participant"] == "ben" and not m["valid"] for m in found) >= 4
        )
        assert all(m["valid"] for m in lost if m["participant"] == "anna")
        reasons = [m["reasons"] for m in lost if m["participant"] == "ben" and not m["valid"]]
        assert {reason.split(":")[1] for one in reasons for reason in one} == {"GSR"}
        degraded = server.until("status", lambda found: found and found[-1]["state"] == "degraded")[-1]
        assert degraded["streams"]["ben"]["GSR"]["state"] in ("lost", "stalled")
        assert degraded["streams"]["anna"]["GSR"]["state"] == "streaming"
        device.plug("skin-ben")
        server.until("emotion.ben", lambda found: found and found[-1]["valid"])


def test_markers_for_all_and_markers_of_ones_own(serve, plugged, tmp_path: Path) -> None:
    outlets = {name: MarkerOutlet(name, source_id=name) for name in ("stimuli", "buttons")}
    server = serve("--session", session_file(tmp_path, ben={"markers": {"name": "buttons"}}))
    with plugged(*FOUR):
        server.until("emotion.", valid_of_both)
        server.until("status", lambda found: all(
            found and found[-1]["streams"][name]["Markers"]["state"] == "connected" for name in NAMES
        ))  # fmt: skip
        for name, outlet in outlets.items():
            outlet.push(f"from {name}", local_clock())
        heard: dict[str, set[str]] = {name: set() for name in NAMES}

        def both(found: list[dict]) -> bool:
            for message in found:
                heard[message["participant"]] |= {marker["text"] for marker in message["markers"]}
            return all(heard.values())

        server.until("emotion.", both)
        assert heard == {"anna": {"from stimuli"}, "ben": {"from buttons"}}


def test_one_stream_serves_two_modalities_by_its_channels(serve, plugged, tmp_path: Path) -> None:
    box = StreamFormat("box", "EEG", ("Cz", "Oz", "AUX 1"), "mixed", 128.0, (), ("uV", "uV", "uS"))
    path = tmp_path / "one.yaml"
    path.write_text(
        "participants:\n- name: anna\n  streams:\n    EEG: {name: box}\n"
        "    GSR: {name: box, type: EEG, channels: {GSR: AUX 1}}\n"
    )
    server = serve("--session", str(path))
    with plugged(box):
        server.until("emotion.anna.valence", lambda found: sum(m["valid"] for m in found) >= 2)
        status = server.until("status", lambda found: found and found[-1]["state"] == "running")[-1]
        assert {name: seen["name"] for name, seen in status["streams"]["anna"].items()} == {
            "EEG": "box",
            "GSR": "box",
            "Markers": None,
        }


def test_a_channel_that_the_file_names_and_the_stream_lacks_ends_the_start(serve, plugged, tmp_path: Path) -> None:
    streams = {"EEG": {"name": "amp-ben"}, "GSR": {"name": "skin-ben", "channels": {"GSR": "EDA 2"}}}
    with plugged(*FOUR):
        code, _, said = serve("--session", session_file(tmp_path, ben={"streams": streams})).end_by_itself()
    assert code == 2
    assert "ben: stream 'skin-ben': expected a channel 'EDA 2' for GSR, found GSR" in said
    assert "Traceback" not in said


def test_patterns_that_lead_two_people_to_one_stream_end_the_start(serve, plugged, tmp_path: Path) -> None:
    anna, ben = (
        {"streams": {"EEG": {"name": pattern}, "GSR": {"name": f"skin-{name}"}}}
        for name, pattern in (("anna", "*-anna"), ("ben", "amp-a*"))
    )
    with plugged(EEG["anna"], *GSR.values()):
        code, _, said = serve("--session", session_file(tmp_path, anna=anna, ben=ben)).end_by_itself()
    assert code == 2
    assert "EEG: expected a stream for each participant, found 'amp-anna'" in said
    assert "Traceback" not in said


def test_a_pattern_never_takes_what_another_names(serve, plugged, tmp_path: Path) -> None:
    """Once ben was predicted from anna's amplifier, validly, where his own was late."""
    ben = {"streams": {"EEG": {"name": "amp-*"}, "GSR": {"name": "skin-ben"}}}
    server = serve("--session", session_file(tmp_path, ben=ben))
    with plugged(EEG["anna"], *GSR.values()):
        server.until("emotion.anna.valence", lambda found: sum(m["valid"] for m in found) >= 2)
        status = server.messages("status", 1)[0]["streams"]
        assert status["anna"]["EEG"]["name"] == "amp-anna"
        assert status["ben"]["EEG"]["state"] == "searching"
        with plugged(EEG["ben"]):
            server.until("emotion.ben.valence", lambda found: found and found[-1]["valid"])
            (last,) = server.messages("status", 1)
            assert last["streams"]["ben"]["EEG"]["name"] == "amp-ben"


def checked(model_file: Path, *options: str) -> tuple[int, str]:
    command = [str(Path(sys.executable).parent / "memhacl-serve"), "--check", "--model", str(model_file), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_check_says_that_all_fits_and_what_is_whose(model_file: Path, plugged, tmp_path: Path) -> None:
    path = session_file(tmp_path)
    stimuli = MarkerOutlet("stimuli", source_id="stimuli")
    with plugged(*FOUR):
        code, said = checked(model_file, "--session", path)
    stimuli.close()
    lines = said.splitlines()
    assert code == 0, said
    assert lines[0] == "5 visible streams"
    assert sum("measured 12" in line for line in lines) == 4
    assert lines[lines.index("ben") + 1] == "  EEG       amp-ben  fits"
    assert lines[-1] == "all fits"


def test_check_names_what_is_missing_or_chosen_in_vain_and_exits_with_2(
    model_file: Path, plugged, tmp_path: Path
) -> None:
    elsewhere = {"EEG": {"name": "amp-ben", "host": "no-such-host-*"}, "GSR": {"name": "skin-ben"}}
    with plugged(*EEG.values(), GSR["anna"]):
        code, said = checked(model_file, "--session", session_file(tmp_path, ben={"streams": elsewhere}))
        alone_code, alone = checked(model_file)
    assert code == 2
    assert "expected one EEG stream named 'amp-ben' on host 'no-such-host-*', found none" in said
    assert "expected one GSR stream named 'skin-ben', found none" in said
    assert "KnownPeers" in said
    assert said.splitlines()[-1] == "4 problems"  # and the markers of both
    assert alone_code == 2
    assert "expected one EEG stream, found 2: 'amp-anna'" in alone


def test_a_rest_period_by_duration_gives_the_baseline_without_any_marker(
    serve, plugged, model, tmp_path: Path, write_model
) -> None:
    resting = tuple(m.model_copy(update={"baseline": "rest"}) for m in model.card.spec.modalities)
    path = write_model(tmp_path / "resting.onnx", model.card.spec.model_copy(update={"modalities": resting}))
    with plugged(EEG["anna"], GSR["anna"]):
        server = serve("--model", str(path), "--rest", "3")
        found = server.until("emotion.p1.valence", lambda found: found and found[-1]["valid"])
    assert [m["reasons"] for m in found[:2]] == [["baseline_warmup:EEG", "baseline_warmup:GSR"]] * 2
    assert len(found) == 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--participant", "anna"], "--participant: expected none beside --session"),
        (["--stream", "EEG=amp"], "--stream: expected none beside --session"),
        (["--rest", "0"], "--rest: expected above 0"),
    ],
)
def test_options_at_odds_with_a_session_are_one_line(serve, tmp_path: Path, options: list[str], says: str) -> None:
    code, _, said = serve("--session", session_file(tmp_path), *options).end_by_itself()
    assert code == 2
    assert says in said
    assert "Traceback" not in said


def test_a_wrong_session_file_ends_the_start_with_one_line(serve, tmp_path: Path) -> None:
    code, _, said = serve("--session", session_file(tmp_path, ben={"name": "anna"})).end_by_itself()
    assert code == 2
    assert "session.yaml: participants: expected every name once, found 'anna' twice" in said
    assert "Traceback" not in said


def test_what_holds_for_all_is_said_once_and_what_does_not_with_the_name() -> None:
    said = {"anna": ["simulated", "no unit"], "ben": ["simulated"]}
    assert together(said) == ["simulated", "anna: no unit"]
    assert together({"anna": ["no unit"]}) == ["no unit"]
