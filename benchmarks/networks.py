"""A network trained by the product's stages, and what it says of the people it never saw."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiment import until
from memhacl.stream.sources.registry import Source
from memhacl.train.config import Config
from memhacl.train.loops.finetune import load_groups, predict_logits
from memhacl.train.loops.work import Work
from memhacl.train.measure.calibration import calibrated


def said_of_test(config: Config, folder: Path, source: Source) -> tuple[Work, dict[str, NDArray[np.float64]]]:
    """Train, and return what was trained on and by task the probabilities (test rows, classes)."""
    work = until("finetune", config, folder, source).work
    groups, temperatures = load_groups(work, folder / "finetune")
    said = {}
    for group in groups.values():
        for task, logits in predict_logits(group, work.feed, work.split.test).items():
            said[task] = calibrated(logits, temperatures[task])
    return work, said
