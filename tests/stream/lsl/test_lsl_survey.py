"""What is said of every visible stream before a session: real outlets."""

from collections.abc import Callable
from typing import Any

import pytest

from memhacl.stream.lsl.finding import visible
from memhacl.stream.lsl.outlet import MarkerOutlet
from memhacl.stream.lsl.survey import survey


def test_every_stream_is_measured_or_says_why_not(source: Callable[..., Any]) -> None:
    source("amp", "serial-1", labels="Fp1,Cz")
    source("unix", "serial-2", rate=50.0, unix=True)
    frozen = source("frozen", "serial-3")
    markers = MarkerOutlet("events", source_id="")
    seen = visible()
    frozen.freeze()
    found = {each.candidate.name: each for each in survey(2.0, seen)}
    markers.close()

    assert found["amp"].problem == ""
    assert found["amp"].described.format.channels == ("Fp1", "Cz")
    assert found["amp"].rate == pytest.approx(98, rel=0.1)  # sleeps of 10 ms, and what comes between
    assert abs(found["amp"].offset) < 1e-3
    assert not found["amp"].absurd_clock
    assert found["unix"].absurd_clock
    assert found["unix"].problem == ""
    assert found["frozen"].described is None
    assert "'frozen'" in found["frozen"].problem
    assert "cannot be opened within 3 s" in found["frozen"].problem
    assert (found["events"].problem, found["events"].rate) == ("", None)  # markers may be silent


def test_a_regular_stream_without_samples_is_a_problem(source: Callable[..., Any]) -> None:
    source("slow", "", rate=0.1)
    (slow,) = (each for each in survey(0.5) if each.candidate.name == "slow")
    assert "no sample came within 0.5 s" in slow.problem
    assert slow.described.format.rate == 0.1
