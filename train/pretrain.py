"""Stage 'pretrain': the encoder learns without labels, from the training rows alone."""

import json
import math
import time
from pathlib import Path

import numpy as np
import torch

from memhacl.stream.errors import ConfigError
from memhacl.train.methods.contract import Clips
from memhacl.train.networks import save_weights
from memhacl.train.progress import Bar
from memhacl.train.work import Work, diverged


def pretrain(work: Work, folder: Path, bar: Bar) -> None:
    """Train the method's encoder on its own objective; write encoder.safetensors and log.jsonl to ``folder``.

    Raises
    ------
    ConfigError
        The loss is no longer finite.
    DataError
        The split leaks.
    """
    config, method, feed = work.config, work.method, work.feed
    work.split.check(work.corpus)
    train, index = work.split.train, work.corpus.index
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    clips = Clips(subject=index["subject"][train].astype(np.int64), clip=work.corpus.clips[train])
    sampler = method.sampler(clips, config.seed)
    if sampler is None:
        raise ConfigError(f"method '{method.name}': has no sampler, so it cannot pretrain")
    encoder = method.encoder().to(feed.device).train()
    objective = method.objective(int(encoder.features)).to(feed.device).train()  # type: ignore[arg-type]
    parameters = [*encoder.parameters(), *objective.parameters()]
    adam = torch.optim.Adam(parameters, lr=config.pretrain.lr, weight_decay=config.pretrain.weight_decay)

    bar.start(config.pretrain.epochs)
    with (folder / "log.jsonl").open("w", encoding="utf-8") as log:
        for epoch in range(1, config.pretrain.epochs + 1):
            began = time.perf_counter()
            seen: dict[str, list[float]] = {"loss": []}
            for rows in sampler.epoch(epoch):
                views = method.views(feed(train[rows]), generator)  # the method's own shape, ending in C, T
                outcome = method.pretrain_step(encoder, objective, views)
                loss = outcome.loss.item()
                if not math.isfinite(loss):
                    raise ConfigError(diverged("pretrain", epoch, loss, config.pretrain.lr))
                adam.zero_grad(set_to_none=True)
                outcome.loss.backward()  # type: ignore[no-untyped-call]
                adam.step()
                for name, value in {"loss": loss, **outcome.metrics}.items():
                    seen.setdefault(name, []).append(value)
            means = {name: sum(values) / max(1, len(values)) for name, values in seen.items()}
            seconds = round(time.perf_counter() - began, 3)
            log.write(json.dumps({"epoch": epoch, "steps": len(seen["loss"]), "seconds": seconds, **means}) + "\n")
            log.flush()
            bar.step(f"loss {means['loss']:.3f}")
    save_weights(encoder, folder / "encoder.safetensors")
    bar.finish(f"{config.pretrain.epochs} epochs of {len(train)} windows; {method.name}")
