"""Real EEG, skin conductance, breath and skin temperature, each at its own rate, through LSL and the server.

It says nothing about emotion: the model learnt from simulated people. It shows that real rates, units and noise
go through. The recordings are in the folder that MEMHACL_REAL_DATA names.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memhacl.runtime.predict import predict_recording
from memhacl.runtime.session import Model
from memhacl.stream.lsl.replay import Player
from memhacl.stream.lsl.selection import select
from memhacl.stream.signals import Recording, Segment, Signal, StreamFormat

ROOT = Path(__file__).parents[2]
REAL = Path(os.environ.get("MEMHACL_REAL_DATA", ROOT.parent / "shared" / "data"))
SECONDS = 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (REAL / "kalunga_ssvep").is_dir(),
        reason=f"no real recordings: MEMHACL_REAL_DATA ({REAL}) has no kalunga_ssvep",
    ),
]


def eeg() -> Signal:
    import mne

    (path,) = (REAL / "kalunga_ssvep").glob("*_raw.fif")
    raw = mne.io.read_raw_fif(path, preload=True, verbose="error").crop(30, 30 + SECONDS)
    form = StreamFormat("g.Mobilab", "EEG", tuple(raw.ch_names[:8]), "arbitrary", raw.info["sfreq"])
    return Signal(form, raw.get_data()[:8].T.astype(np.float32), 0.0)


def body() -> list[Signal]:
    table = np.genfromtxt(REAL / "neurokit" / "bio_resting_8min_100hz.csv", delimiter=",", names=True)
    part = table[: 100 * SECONDS]
    celsius = np.loadtxt(REAL / "stress_predict" / "Raw_data" / "S02" / "TEMP.csv")
    rate = celsius[1]

    def signal(modality: str, unit: str, rate: float, values: np.ndarray) -> Signal:
        form = StreamFormat(f"real-{modality}", modality, (modality,), unit, rate)
        return Signal(form, values[:, None].astype(np.float32), 0.0)

    return [
        signal("GSR", "uS", 100.0, part["EDA"]),
        signal("Resp", "arbitrary", 100.0, part["RSP"]),
        signal("Temp", "degC", rate, celsius[2 : 2 + int(rate * SECONDS)]),
    ]


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording("real", "real recordings", (Segment((eeg(), *body()), ()),))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The montage's own config, trained briefly on simulated people and exported, by the installed commands."""
    folder = tmp_path_factory.mktemp("lab")
    people, run, out = folder / "people.yaml", folder / "run", folder / "lab.onnx"
    text = (ROOT / "configs" / "people" / "lab-montage.yaml").read_text()
    people.write_text(text.replace("subjects: 12", "subjects: 6").replace("stimuli: 16", "stimuli: 6"))
    small = "--pretrain.epochs 1 --finetune.epochs 1 --protocol.name paper --method.settings.width 0.0625".split()
    command("memhacl-train", "run", "lab-montage", "--data", str(people), "--out", str(run), *small)
    command("memhacl-export", str(run), "--out", str(out))
    return Model.load(out)


def command(name: str, *arguments: str) -> None:
    done = subprocess.run([str(Path(sys.executable).parent / name), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def played(serving: Callable, model: Model, recording: Recording) -> list[dict]:
    """Messages of a real server while ``recording`` plays: one for each of its seconds."""
    player = Player(recording, select(recording, ("EEG", "GSR", "Resp", "Temp")))
    messages: list[dict] = []
    with serving(model) as subscriber:
        try:
            player.wait(20)
            playing = threading.Thread(target=lambda: list(player.play()))
            playing.start()
            while len(messages) < SECONDS and (message := subscriber.wait(10)):
                messages.append(message)
            playing.join()
        finally:
            player.close()
    return messages


def test_one_message_a_second_and_none_invalid_without_its_reason(
    serving: Callable, model: Model, recording: Recording
) -> None:
    messages = played(serving, model, recording)
    assert [m["seq"] for m in messages] == list(range(SECONDS))
    steps = np.diff([m["window_end"] for m in messages])
    np.testing.assert_allclose(steps, 1.0, atol=1e-3)
    assert all(m["valid"] or m["reasons"] for m in messages)
    warm = {"baseline_warmup", "adapt_warmup", "filter_warmup"}
    assert all({reason.split(":")[0] for reason in m["reasons"]} <= warm for m in messages[:-1])
    assert all(m["valid"] for m in messages[6:-1])  # adaptation takes 5 s, the rest less
    assert not any("processed" in text for text in messages[-1]["warnings"])  # raw, as in training

    offline = [m for m in predict_recording(model, recording) if m.task == "valence"]
    for live, again in zip(messages[6:-1], offline[6:], strict=False):
        assert live["probabilities"] == pytest.approx(again.probabilities, abs=1e-3)
