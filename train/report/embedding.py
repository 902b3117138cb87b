"""Where the encoder puts test windows (t-SNE of its features), and what its attention looks at."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from memhacl.stream.errors import DataError
from memhacl.train.corpus.labels import UNRATED
from memhacl.train.loops.networks import Group
from memhacl.train.loops.work import Work, batches

FORMAT = "memhacl.embedding/1"

_WINDOWS = 1500  # of all encoders of a run together: what a page can hold and a reader can see
_FEWEST = 12  # windows of which a picture in two dimensions says anything
_PERPLEXITY = 30.0
_BATCH = 512
_NO_CLASS = "no label"


@dataclass(frozen=True)
class Cloud:
    """Test windows as one encoder sees them.

    ``points`` are (n, 2); ``subject``, ``stimulus`` and, by task, ``classes`` name each one's (n,). ``attention``
    is the mean weight of each of ``modalities`` for each head, (heads, M); (0, 0) where the encoder has none.
    """

    points: NDArray[np.float64]
    subject: NDArray[np.str_]
    stimulus: NDArray[np.str_]
    classes: Mapping[str, NDArray[np.str_]]
    attention: NDArray[np.float64]
    modalities: tuple[str, ...]


Clouds = Mapping[str, Cloud]  # by group of tasks that share an encoder


def embed(work: Work, groups: Mapping[str, Group]) -> dict[str, Cloud]:
    """Run a sample of the test windows through every encoder; nothing where there are too few to show."""
    rows = _sample(work.split.test, _WINDOWS // len(groups))
    if len(rows) < _FEWEST:
        return {}
    index, manifest = work.corpus.index[rows], work.corpus.manifest
    subject = np.array(manifest.people, dtype=np.str_)[index["subject"]]
    stimulus = np.array(manifest.stimuli, dtype=np.str_)[index["stimulus"]]
    clouds = {}
    for name, group in groups.items():
        features, attention = _features(group.encoder, work, rows)
        clouds[name] = Cloud(
            two_dimensions(features),
            subject,
            stimulus,
            {task: _class_names(work, task, rows) for task in group.tasks},
            attention,
            tuple(work.corpus.spec.rows) if len(attention) else (),
        )
    return clouds


def _sample(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return at most ``most`` of ``rows``, in their order, the same each time."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def _features(
    encoder: nn.Module, work: Work, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features (n, features) of ``rows`` and the mean attention (heads, M); (0, 0) from an encoder without."""
    attend = getattr(encoder, "attend", None)
    features, weights = [], []
    with torch.inference_mode():
        for batch in batches(rows, _BATCH):
            windows = work.feed(batch)
            if attend is None:
                features.append(encoder(windows))
            else:
                seen, weight = attend(windows)  # (B, features), (B, heads, M)
                features.append(seen)
                weights.append(weight)
    attention = torch.cat(weights).mean(dim=0).double().cpu().numpy() if weights else np.zeros((0, 0))
    return torch.cat(features).double().cpu().numpy(), attention


def two_dimensions(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (n, 2) for features (n, columns), by t-SNE with a fixed seed; like lies beside like."""
    from sklearn.manifold import TSNE  # heavy, and only here

    varied = features[:, features.std(axis=0) > 0]
    if varied.shape[1] < 2:  # every window looks the same to this encoder
        return np.zeros((len(features), 2))
    standard = (varied - varied.mean(axis=0)) / varied.std(axis=0)
    perplexity = min(_PERPLEXITY, (len(standard) - 1) / 3)
    found = TSNE(perplexity=perplexity, init="pca", random_state=0, n_jobs=1).fit_transform(standard)
    return np.asarray(found, dtype=np.float64)


def _class_names(work: Work, task: str, rows: NDArray[np.int64]) -> NDArray[np.str_]:
    target = work.targets[task]
    names = np.array([*target.classes, _NO_CLASS], dtype=np.str_)
    assert UNRATED == -1  # the last of the names
    return names[target.values[rows]]


def save_clouds(path: Path, clouds: Clouds) -> None:
    """Write ``clouds`` to an .npz file without pickles."""
    head = {
        "format": FORMAT,
        "groups": {name: [list(cloud.classes), list(cloud.modalities)] for name, cloud in clouds.items()},
    }
    arrays: dict[str, Any] = {"head": np.array(json.dumps(head))}
    for number, cloud in enumerate(clouds.values()):  # a name may hold what a file's name may not
        columns = {name: getattr(cloud, name) for name in ("points", "subject", "stimulus", "attention")}
        columns |= {f"class {place}": values for place, values in enumerate(cloud.classes.values())}
        arrays |= {f"{number} {name}": values for name, values in columns.items()}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_clouds(path: Path) -> dict[str, Cloud]:
    """Read what ``save_clouds`` wrote; nothing where there is no such file.

    Raises
    ------
    DataError
        The file is damaged, or of another version.
    """
    if not path.is_file():
        return {}
    try:
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
        head = json.loads(str(arrays["head"]))
        if head["format"] != FORMAT:
            raise DataError(f"{path}: expected {FORMAT}, found {head['format']}; evaluate again with --force")
        return {
            group: Cloud(
                arrays[f"{number} points"],
                arrays[f"{number} subject"],
                arrays[f"{number} stimulus"],
                {task: arrays[f"{number} class {place}"] for place, task in enumerate(tasks)},
                arrays[f"{number} attention"],
                tuple(modalities),
            )
            for number, (group, (tasks, modalities)) in enumerate(head["groups"].items())
        }
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as problem:
        raise DataError(f"{path}: holds no embedding ({problem!r}); evaluate again with --force") from None
