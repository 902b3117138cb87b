"""A network trained by the product's stages, and what it says of the people it never saw."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy.special import softmax

from memhacl.stream.sources.registry import Source
from memhacl.train.config import Config
from memhacl.train.folder import RunFolder
from memhacl.train.keys import STAGES
from memhacl.train.loops.finetune import load_groups, predict_logits
from memhacl.train.loops.work import Work
from memhacl.train.stages import Pipeline


def until(stage: str, config: Config, folder: Path, source: Source) -> Pipeline:
    """Run the stages of ``config`` up to ``stage``, those that are needed."""
    pipeline = Pipeline(config, RunFolder(folder), source, Console(quiet=True), workers=1)
    for name in STAGES[: STAGES.index(stage) + 1]:
        pipeline.execute(name)
    return pipeline


def said_of_test(config: Config, folder: Path, source: Source) -> tuple[Work, dict[str, NDArray[np.float64]]]:
    """Train, and return what was trained on and by task the probabilities (test rows, classes)."""
    work = until("finetune", config, folder, source).work
    groups, temperatures = load_groups(work, folder / "finetune")
    said = {}
    for group in groups.values():
        for task, logits in predict_logits(group, work.feed, work.split.test).items():
            said[task] = np.asarray(softmax(logits / temperatures[task], axis=1))
    return work, said
