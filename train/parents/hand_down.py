"""What a run keeps, in place of pretraining, of the model that it starts from, and where fine-tuning finds it."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from memhacl.stream.command import warn
from memhacl.train.loops.networks import group_tasks, new_group, read_weights
from memhacl.train.loops.starts import Start
from memhacl.train.loops.work import Work
from memhacl.train.parents.inherit import Heritage, same_shapes
from memhacl.train.parents.lineage import Inheritance, lineage_warnings, load_inheritance
from memhacl.train.parents.parent import Branch, State, weights_below
from memhacl.train.parents.unseen import check_unseen
from memhacl.train.progress import Bar


def hand_down(heritage: Heritage, work: Work, folder: Path, bar: Bar) -> None:
    """Write what ``work`` starts from to ``folder``: the run does without the model from then on.

    Raises
    ------
    DataError
        The model has, or may have, seen what the run measures.
    """
    check_unseen(heritage.parent, work)
    for number, branch in enumerate(heritage.branches):
        save_file(_named(branch), folder / _file(number))
    record = heritage.record
    record.save(folder)
    warn((*record.notes, *lineage_warnings(record.lineage)))
    told = [_told(name, work, start, record) for name, start in inherited_starts(work, folder).items()]
    name = heritage.parent.own.name
    bar.finish(f"nothing to do: starts from '{name}' ({work.config.init}): {'; '.join(told)}")


def inherited_starts(work: Work, folder: Path) -> dict[str, Start]:
    """Where each group of tasks begins, from what `hand_down` wrote to ``folder``.

    An encoder is that of the group's first task which the model has, else the model's first. A head goes with its
    encoder where its classes and its shape are the run's.

    Raises
    ------
    DataError
        A file is missing or damaged.
    """
    record = load_inheritance(folder)
    starts = {}
    for name, tasks in group_tasks(work.config).items():
        path = folder / _file(_chosen(tasks, record))
        weights = read_weights(path)
        starts[name] = Start(weights_below("encoder.", weights), _heads(tasks, work, record, weights), path)
    return starts


def _heads(tasks: tuple[str, ...], work: Work, record: Inheritance, weights: State) -> dict[str, State]:
    with torch.random.fork_rng():
        fresh = new_group(work.method, work.classes(tasks), work.config.finetune.mode).networks()
    found: dict[str, State] = {}
    for task in record.groups[_chosen(tasks, record)]:
        if task in tasks and record.tasks[task] == work.targets[task].classes:
            head = weights_below(f"heads.{task}.", weights)
            if same_shapes(fresh[task].head.state_dict(), head):  # a probe's is another
                found[task] = head
    return found


def _chosen(tasks: tuple[str, ...], record: Inheritance) -> int:
    """Return the place of the encoder that a group of ``tasks`` starts from."""
    places = {task: place for place, group in enumerate(record.groups) for task in group}
    return next((places[task] for task in tasks if task in places), 0)


def _told(name: str, work: Work, start: Start, record: Inheritance) -> str:
    tasks = group_tasks(work.config)[name]
    encoder = ", ".join(record.groups[_chosen(tasks, record)])
    fresh = ", ".join(task for task in tasks if task not in start.heads)
    return f"{name} with the encoder of {encoder} and {f'a fresh head for {fresh}' if fresh else 'its head'}"


def _file(number: int) -> str:
    return f"init-{number}.safetensors"


def _named(branch: Branch) -> dict[str, torch.Tensor]:
    named = {f"encoder.{name}": tensor for name, tensor in branch.encoder.items()}
    for task, head in branch.heads.items():
        named |= {f"heads.{task}.{name}": tensor for name, tensor in head.items()}
    # Copies: safetensors refuses tensors that share memory, and those that are parts of others.
    return {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in named.items()}
