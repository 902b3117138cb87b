"""The page in a real browser; skipped, and said so, where there is none."""

import re
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from memhacl.train.measure.predictions import Predictions
from memhacl.train.report import write_report

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars"
).split()
_OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"


def browse(chromium: str, profile: Path, *arguments: str) -> str:
    command = [chromium, *_FLAGS, _OFFLINE, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=90).stdout.decode()


def test_the_browser_shows_the_headline_without_a_network(chromium: str, trained: Path, tmp_path: Path) -> None:
    path = trained / "evaluate" / "report.html"
    shown = browse(chromium, tmp_path / "profile", "--dump-dom", path.as_uri())
    value = re.search(r'<p class="value">([\d.]+)', path.read_text(encoding="utf-8"))
    assert value is not None
    assert f'<p class="value">{value[1]}' in shown
    assert shown.count("<svg") == path.read_text(encoding="utf-8").count("<svg")
    assert "Read this before the numbers" in shown


def test_hostile_names_make_no_element_in_the_browser(
    chromium: str, made_up: Callable[..., Path], said_of: Callable[..., Predictions], tmp_path: Path
) -> None:
    name = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    said = said_of([name, "p1"], [name, "v1"], ("low", name))
    path = write_report(made_up({"mood": said}, name=name, source=name))
    shown = browse(chromium, tmp_path / "profile", "--dump-dom", path.as_uri())
    assert "<img" not in shown
    assert "<script" not in shown
    title = re.search(r"<title>(.*?)</title>", shown, re.DOTALL)
    assert title is not None
    assert name in unescape(title[1])


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_readable_in_light_and_in_dark(chromium: str, trained: Path, tmp_path: Path, dark: bool) -> None:
    from matplotlib.image import imread

    picture = tmp_path / "page.png"
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    where = (trained / "evaluate" / "report.html").as_uri()
    browse(chromium, tmp_path / "profile", "--window-size=1200,2000", f"--screenshot={picture}", *scheme, where)
    grey = imread(picture)[:, :, :3].mean(axis=2)
    paper = float(np.median(grey))
    assert paper < 0.2 if dark else paper > 0.9
    assert np.mean(np.abs(grey - paper) > 0.5) > 0.01  # there is writing on it
