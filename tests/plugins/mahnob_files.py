"""A writer of MAHNOB-HCI's files: Sessions/<id>/session.xml with a BDF file beside each."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from plugins.bdf import Track, track, words, write
from plugins.deap_original_files import GENEVA, level

STIMULI = ("69.avi", "53.avi", "earworm_f.avi", "111.avi")
EMOTIONS = (4, 3, 2, 12)
REST, AFTER = 5.0, 2.0  # s before and after a film; about 30 each in the real files


def write_xml(folder: Path, subject: int, attributes: Mapping[str, object]) -> Path:
    """Write a session.xml; an attribute that is None is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    said = " ".join(f'{name}="{value}"' for name, value in attributes.items() if value is not None)
    text = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<session {said}>\n'
        f'  <subject birth="1980" gender="female" id="{subject}"/>\n'
        '  <track type="Physiological" filename="x.bdf"/>\n</session>\n'
    )
    path = folder / "session.xml"
    path.write_text(text, encoding="utf-8")
    return path


def attributes(session: int, stimulus: str, trial: int, film: float, **changed: object) -> dict[str, object]:
    """Return the attributes of a stimulus session: ratings that follow from session and film."""
    index = STIMULI.index(stimulus) if stimulus in STIMULI else 0
    return {
        "sessionId": session, "date": "2009.07.20", "experimentType": "emotion elicitation", "isStim": 1,
        "cutNr": 2 * trial, "cutLenSec": film, "mediaFile": stimulus, "feltEmo": EMOTIONS[index],
        "feltArsl": 1 + (session + index) % 9, "feltVlnc": 1 + (2 * session + index) % 9,
        "feltCtrl": 1 + (3 * session + index) % 9, "feltPred": 1 + (5 * session + index) % 9,
    } | changed  # fmt: skip


def tracks(seed: int, seconds: int, status: np.ndarray, rate: int = 256, slow: int = 256) -> list[Track]:
    """Make the 47 channels of a session; those at ``slow`` Hz are GSR, respiration and temperature."""
    random = np.random.default_rng(seed)
    clock = np.arange(seconds * slow) / slow

    def noise(size: float) -> np.ndarray:
        return size * random.standard_normal(seconds * rate)

    made = [track(label, level(label) + noise(10)) for label in GENEVA]
    made += [track(f"EXG{number}", 1000.0 * number + noise(20)) for number in range(1, 9)]
    made += [track("GSR1", 2e5 * (1 + 0.1 * np.sin(clock)), "Ohm", (0, 1e6)), track("GSR2", 0 * clock, "Ohm")]
    made += [track(label, 0 * clock) for label in ("Erg1", "Erg2")]
    made += [
        track("Resp", 2000 * np.sin(1.5 * clock)),
        track("Temp", 32 + 0.5 * np.sin(clock / 9), "`C", (0, 100)),
    ]
    return [*made, Track("Status", status, "Boolean")]


def status(seconds: int, film: float, rate: int = 256, end: bool = True) -> np.ndarray:
    """Make status words with a pulse where the film begins, and one where it ends."""
    marks = {round(REST * rate): 16} | ({round((REST + film) * rate): 16} if end else {})
    return words(seconds * rate, marks, above=0x190000, hold=rate // 4)


def write_session(
    sessions: Path,
    number: int,
    subject: int,
    stimulus: str,
    trial: int,
    film: float = 6.0,
    rate: int = 256,
    slow: int = 256,
    **changed: object,
) -> Path:
    """Write one stimulus session and return its folder."""
    folder = sessions / str(number)
    seconds = int(REST + film + AFTER)
    write_xml(folder, subject, attributes(number, stimulus, trial, film, **changed))
    name = f"Part_{subject}_S_Trial{trial}_emotion.bdf"
    write(folder / name, tracks(number, seconds, status(seconds, film, rate), rate, slow), seconds)
    return folder


def write_set(
    root: Path, people: tuple[int, ...] = (1, 3), stimuli: int = 3, film: float = 6.0, slow: int = 256
) -> Path:
    """Write Sessions/<id> in ``root``: each of ``people`` sees the films in an order of their own.

    The real set has 30 people, 20 films of 34 to 117 s, and neutral clips and tagging sessions between.
    """
    number = 2
    for person in people:
        for trial, film_number in enumerate(np.random.default_rng(person).permutation(stimuli).tolist(), 1):
            write_session(root / "Sessions", number, person, STIMULI[film_number], trial, film, slow=slow)
            number += 2
    return root


WriteMahnob = Callable[..., Path]


@pytest.fixture(scope="session")
def write_mahnob() -> WriteMahnob:
    return write_set
