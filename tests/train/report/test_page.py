import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memhacl.stream.errors import DataError
from memhacl.train.cli import dispatch
from memhacl.train.measure.predictions import Predictions
from memhacl.train.protocols import IN_WORDS
from memhacl.train.report import write_report
from memhacl.train.report.embedding import Cloud, save_clouds

Make = Callable[..., Path]
Say = Callable[..., Predictions]
Read = Callable[[Path], Any]

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></table><h1>",
    "{{ 7 * 7 }}",
    r"$\frac{$",
    "a&b 'c' 日本 id=\"x\"",
)


def numbers_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "evaluate" / "metrics.json").read_text(encoding="utf-8"))


def test_the_headline_is_the_models_balanced_accuracy_per_trial_with_its_interval(
    made_up: Make, read: Read
) -> None:
    folder = made_up()
    text = read(write_report(folder)).text
    model = numbers_of(folder)["tasks"]["valence"]["trial"]["model"]
    low, high = model["intervals"]["balanced_accuracy"]
    assert f"valence {model['balanced_accuracy']:.2f} {low:.2f} to {high:.2f}" in text
    assert "people unseen, stimuli seen" in text
    assert IN_WORDS["subject"] in text


@pytest.mark.parametrize(
    ("skill", "words"),
    [(3.0, "the whole interval lies above chance"), (0.0, "no better than guessing"), (-3.0, "lies below chance")],
)
def test_the_verdict_follows_the_interval(
    made_up: Make, said_of: Say, read: Read, skill: float, words: str
) -> None:
    said = said_of([f"p{n}" for n in range(8)], [f"v{n}" for n in range(12)], ("low", "high"), skill)
    text = read(write_report(made_up({"valence": said}))).text
    assert words in text
    assert ("above the best baseline, lda" in text) == (skill > 1)


def test_what_comes_from_the_data_is_text_and_never_markup(made_up: Make, said_of: Say, read: Read) -> None:
    said = said_of(HOSTILE, [f"stimulus {name}" for name in HOSTILE], ("low", "<b>high</b>"))
    folder = made_up({"mood": said}, name=HOSTILE[0], source=HOSTILE[1], unavailable={"person": HOSTILE[2]})
    page = read(write_report(folder))
    assert not {tag for tag, _ in page.tags} & {"script", "img", "h4", "b", "iframe", "object", "link"}
    assert len(page.of("h1")) == 1
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    for name in HOSTILE:
        assert " ".join(name.split()) in page.text
    assert "49" not in page.text.split("What the model is compared with")[1].split("Protocol")[0]


def test_nothing_is_loaded_from_anywhere(trained: Path, read: Read) -> None:
    path = trained / "evaluate" / "report.html"
    page, text = read(path), path.read_text(encoding="utf-8")
    links = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("href", "src")]
    links += [value for _, attributes in page.tags for name, value in attributes.items() if name == "xlink:href"]
    assert links
    assert all(str(link).startswith("#") for link in links)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))
    assert "@import" not in text
    policy = next(one["content"] for one in page.of("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"  # a browser would refuse it besides


def test_every_id_is_there_once_and_every_reference_leads_to_one(trained: Path, read: Read) -> None:
    path = trained / "evaluate" / "report.html"
    page, text = read(path), path.read_text(encoding="utf-8")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = {
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("href", "xlink:href")
    }
    used |= {f"#{name}" for name in re.findall(r"url\(#([^)]*)\)", text)}
    assert used <= {f"#{name}" for name in ids}


def test_every_figure_says_in_words_what_it_shows(trained: Path, read: Read) -> None:
    page = read(trained / "evaluate" / "report.html")
    figures = page.of("svg")
    assert len(figures) > 8
    assert all(figure["role"] == "img" and len(str(figure["aria-label"])) > 20 for figure in figures)
    headline = next(str(one["aria-label"]) for one in figures if str(one["aria-label"]).startswith("quadrant"))
    model = numbers_of(trained)["tasks"]["quadrant"]["trial"]["model"]
    chance = 1 / sum(any(row) for row in model["confusion"])
    assert f"Chance {chance:.2f}. model {model['balanced_accuracy']:.2f}" in headline


def test_figures_have_the_colours_of_the_page_so_that_they_can_be_read_in_the_dark(trained: Path) -> None:
    text = (trained / "evaluate" / "report.html").read_text(encoding="utf-8")
    style, drawn = text.split("</style>")[0], "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert not re.findall(r"#[0-9a-f]{6}\b", drawn)
    used = set(re.findall(r"var\((--[a-z0-9]+)\)", drawn))
    assert {"--ink", "--accent", "--other", "--c0"} <= used
    light, dark = style.split("@media screen and (prefers-color-scheme: dark)")
    assert all(f"{name}:" in light and f"{name}:" in dark for name in used)


def test_simulated_stands_in_every_figure_table_and_headline(trained: Path, made_up: Make, read: Read) -> None:
    path = trained / "evaluate" / "report.html"
    text, page = path.read_text(encoding="utf-8"), read(path)
    assert all("(simulated people)" in str(figure["aria-label"]) for figure in page.of("svg"))
    captions = re.findall(r"<caption>(.*?)</caption>", text, re.DOTALL)
    assert all("(simulated people)" in caption for caption in captions if "Stages" not in caption)
    assert all(
        'class="badge">simulated' in one for one in re.findall(r'<p class="value">.*?</p>', text, re.DOTALL)
    )
    assert "simulated" not in read(write_report(made_up())).text.split("All settings")[0]


def test_a_leaky_protocol_is_called_leaky_in_red_at_the_top(made_up: Make, read: Read) -> None:
    means = "paper (leaky: neighbouring seconds of one trial on both sides)"
    page = read(write_report(made_up(leaky=True, protocol="paper", protocol_means=means, disjoint=[])))
    assert page.grave[0] == "LEAKY protocol"
    assert all("LEAKY protocol" in str(figure["aria-label"]) for figure in page.of("svg"))
    assert page.text.index("LEAKY protocol") < page.text.index("Result")
    assert sum("LEAKY" in text for text in page.grave) == 3  # in the box, at the number, at the protocol
    assert IN_WORDS["paper"] in page.text
    assert not read(write_report(made_up())).grave


def test_what_must_be_known_stands_before_the_numbers(made_up: Make, read: Read) -> None:
    folder = made_up(simulated=True, already_done={"EEG": ["bandpass"]})
    text = read(write_report(folder)).text
    top = text[: text.index("Balanced accuracy per trial")]
    for warning in numbers_of(folder)["warnings"]:
        assert warning in top
    assert "EEG: bandpass" in top
    assert "Only 6 test people" in top


def test_what_was_not_measured_is_said(made_up: Make, read: Read) -> None:
    folder = made_up()
    path = folder / "evaluate" / "metrics.json"
    least = numbers_of(folder)
    for name in (
        "warnings",
        "comparisons",
        "permutation",
        "unavailable",
        "disjoint",
        "seeds",
        "bootstrap",
        "classes",
    ):
        del least[name]
    scores = {
        name: {"accuracy": 0.6, "balanced_accuracy": 0.61, "macro_f1": 0.5, "auroc": None}
        for name in ("model", "lda")
    }
    least["tasks"] = {"valence": {"window": scores, "trial": scores}}
    path.write_text(json.dumps(least), encoding="utf-8")
    (folder / "evaluate" / "predictions.npz").unlink()
    text = read(write_report(folder)).text
    assert "valence 0.61" in text
    assert "how sure that is was not measured" in text
    for what in ("Scores of each person", "Confusion of valence", "Training curves", "Features of the encoder"):
        assert f"{what}: not measured" in text
    for what in ("Paired comparisons", "Training on permuted labels", "Who was tested in which fold"):
        assert f"{what}: not measured" in text


def test_a_task_without_a_rated_test_window_is_left_out_and_said(made_up: Make, said_of: Say, read: Read) -> None:
    said = said_of(["p0", "p1"], ["v0", "v1"], ("low", "high"))
    nobody = said.of(np.zeros(len(said), dtype=bool))
    assert "no window of the test has a label" in read(write_report(made_up({"valence": nobody}))).text


def test_permuted_trainings_and_comparisons_are_told(made_up: Make, read: Read) -> None:
    folder = made_up()
    numbers = numbers_of(folder)
    permuted = {"score": 0.7, "permuted": [0.4, 0.5, 0.6], "p": 0.25}
    numbers["permutation"] = {"permutations": 3, "how": "person", "tasks": {"valence": permuted}}
    (folder / "evaluate" / "metrics.json").write_text(json.dumps(numbers), encoding="utf-8")
    text = read(write_report(folder)).text
    assert "repeated 3 times" in text
    assert "exchanged within each person" in text
    assert "valence 0.70 0.50 0.60 0.250" in text
    found = next(
        one
        for one in numbers["comparisons"]
        if (one["than"], one["level"], one["measure"]) == ("lda", "trial", "balanced_accuracy")
    )
    low, high = found["interval"]
    assert f"valence lda {found['difference']:+.2f} {low:+.2f} to {high:+.2f} 6" in text


def test_a_cross_validation_names_its_folds_and_who_was_tested(made_up: Make, said_of: Say, read: Read) -> None:
    people = [f"p{number}" for number in range(6)]
    folder = made_up({"valence": said_of(people, ["v0", "v1"], ("low", "high"), folds=3)}, folds=3, seeds=[0, 1])
    (folder / "folds.json").write_text("{}", encoding="utf-8")
    page = read(write_report(folder))
    assert "Evaluation of a cross-validation" in page.text
    assert "0 8 p0, p3 v0, v1" in page.text
    assert "Seeds of training 0, 1; their numbers are averaged" in page.text
    assert "memhacl-train crossvalidate settings.yaml" in page.text
    assert "the procedure's: 3 folds, each trained without what it tests" in page.text
    model = folder / "final"  # refit on everybody: it borrows the numbers, and their page stays what it is
    model.mkdir()
    (model / "evaluate").symlink_to("../evaluate")
    shutil.copy(folder / "config.yaml", model)
    assert read(write_report(model)).text == page.text


def test_very_many_people_and_windows_make_a_page_of_a_size_that_can_be_sent(made_up: Make, said_of: Say) -> None:
    people, stimuli = [f"person {number}" for number in range(120)], [f"v{number}" for number in range(8)]
    tasks = {name: said_of(people, stimuli, ("low", "high")) for name in ("valence", "arousal", "quadrant")}
    folder = made_up(tasks)
    random = np.random.default_rng(0)
    subject, stimulus = random.choice(people, 500), random.choice(stimuli, 500)
    clouds = {
        task: Cloud(random.normal(size=(500, 2)), subject, stimulus, {task: stimulus}, np.zeros((0, 0)), ())
        for task in tasks
    }
    save_clouds(folder / "evaluate" / "embedding.npz", clouds)
    assert write_report(folder).stat().st_size < 2_000_000


def test_the_command_makes_the_page_again_to_the_byte(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again"
    shutil.copytree(trained, again)
    assert dispatch(["report", str(again)]) == 0
    path = again / "evaluate" / "report.html"
    assert capsys.readouterr().out.split() == [str(path)]
    first = path.read_bytes()
    path.unlink()
    assert dispatch(["report", str(again)]) == 0
    assert path.read_bytes() == first


def test_a_folder_without_numbers_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected an evaluated run or cross-validation.*memhacl-train evaluate"):
        dispatch(["report", str(tmp_path)])


@pytest.mark.parametrize("name", ["evaluate/metrics.json", "evaluate/embedding.npz", "finetune/log.jsonl"])
def test_a_damaged_file_is_named(made_up: Make, name: str) -> None:
    folder = made_up()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"{ not json")
    with pytest.raises(DataError, match=re.escape(name)):
        write_report(folder)


def test_a_run_says_how_it_was_made_and_how_to_make_it_again(trained: Path, read: Read) -> None:
    text = read(trained / "evaluate" / "report.html").text
    stages = json.loads((trained / "stages.json").read_text(encoding="utf-8"))
    assert stages["finetune"]["key"][:16] in text
    assert f"torch {stages['finetune']['versions']['torch']}" in text
    manifest = json.loads((trained / "corpus" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["fingerprint"] in text
    assert "memhacl-train run settings.yaml --data DATA" in text
    assert "Pretraining: loss" in text
    assert "2 epochs without labels" in text
    assert "7 people, 6 stimuli" in text
