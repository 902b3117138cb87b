"""The command memhacl-train inspect: what data or a corpus holds, what is odd about it, and which configs fit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from memhacl.stream.arguments import parse_arguments
from memhacl.stream.errors import ConfigError
from memhacl.stream.sources.files import is_file
from memhacl.stream.sources.registry import open_source
from memhacl.train.corpus.store import load_corpus, verify
from memhacl.train.corpus.survey import fits, look_at
from memhacl.train.corpus.survey_view import show, show_corpus
from memhacl.train.progress import stage_bar
from memhacl.train.settings import load_config, packaged

_WIDTH = 140


@dataclass(frozen=True)
class InspectArguments:
    """Look at recordings, or at a run's corpus, and say what is there: people, stimuli, signals, ratings, what is
    missing or odd, and which of the packaged configs fit.

    Exit code 0: all is readable; 1: somebody's recording is not; 2: nothing that is known.
    """  # noqa: D205

    data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
    """A data set's folder or one of its files, XDF files, a YAML file that describes data or simulated people,
    'simulated', or a run folder."""
    config: tuple[str, ...] = ()
    """Configs to try; without any, all that come with the package."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Processes that read recordings at once; 0: as many as there are cores."""


def inspect(arguments: list[str]) -> int:
    """Print what the data holds; return the exit code."""
    asked = parse_arguments(InspectArguments, arguments, "memhacl-train inspect")
    if asked.workers < 0:
        raise ConfigError(f"--workers {asked.workers}: expected 0 or more")
    corpus = _corpus_in(Path(asked.data))
    console = Console()
    if not console.is_terminal:  # what is piped into a file would be cut at 80
        console.width = max(console.width, _WIDTH)
    if corpus is not None:
        opened = load_corpus(corpus)
        verify(opened, corpus)
        show_corpus(opened, console)
        return 0
    configs = [load_config(name) for name in asked.config or packaged()]
    source = open_source(asked.data)
    with stage_bar("inspect", Console(stderr=True)) as bar:
        survey = look_at(source, bar, asked.workers)
        bar.finish(f"{len(survey.sights)} of {len(source.people)} people can be read")
    show(survey, [fits(survey, config) for config in configs], console)
    if not survey.sights:
        return 2
    return 1 if survey.unreadable else 0


def _corpus_in(path: Path) -> Path | None:
    for folder in (path, path / "corpus"):
        if is_file(folder / "manifest.json") and is_file(folder / "windows.npy"):
            return folder
    return None
