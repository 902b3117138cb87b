"""Several processes against one, in float64: batch norm, what is gathered, and whole steps of ME-MHACL.

This file is also the script that torchrun runs in each process: ``compute`` saves its results.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from plugins.torchrun import finish, start
from torch import Tensor, nn

from memhacl.stream.command import run_command
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.train.loops.batch_norm import SharedBatchNorm, synchronised
from memhacl.train.loops.distributed import average_gradients, from_first, gather, joined, of_all, world
from memhacl.train.methods.me_mhacl.method import MeMhacl
from memhacl.train.methods.me_mhacl.settings import MeMhaclSettings

SPEC = SignalSpec(
    modalities=(
        ModalitySpec(modality="EEG", channels=("Fz", "Cz", "Pz"), unit="uV"),
        ModalitySpec(modality="GSR", channels=("GSR",), unit="ohm"),
    ),
    rate=32.0,
)
SHAPES = [(7, 3, 4, 5), (7, 3), (1, 3, 2, 2)]  # rows for 2 processes, and 1 row: some have none
STEPS = [("resnet18-1d", 5), ("attention", 5), ("resnet18-1d", 2), ("attention", 8)]  # encoder, P


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def normalised(shape: tuple[int, ...], affine: bool = True) -> dict[str, Tensor]:
    """Twice through a batch norm: outputs, gradients of inputs, weights, and running statistics."""
    norm: nn.Module = nn.BatchNorm2d(3, affine=affine) if len(shape) == 4 else nn.BatchNorm1d(3, affine=affine)
    net = synchronised(nn.Sequential(norm)).double()
    if affine:
        net.load_state_dict({"0.weight": draw(3, seed=1), "0.bias": draw(3, seed=2)}, strict=False)
    here = world()
    rows, wanted = (draw(*shape, seed=seed).tensor_split(here.count)[here.rank] for seed in (3, 4))
    rows.requires_grad_()
    output = net(net(5 + 3 * rows))
    (here.count * (output * wanted).sum()).backward()  # the mean over processes is what one alone would have
    if affine:
        average_gradients(net.parameters())
    assert rows.grad is not None
    return {
        "output": gather(output.detach(), 0),
        "rows": gather(rows.grad / here.count, 0),
        **{f"{name}.grad": parameter.grad for name, parameter in net.named_parameters()},
        **net.state_dict(),
        "evaluated": net.eval()(draw(4, *shape[1:])).detach(),
    }


def gathered() -> dict[str, Tensor]:
    """Shares of 5 rows along the second axis, a weight before and one after they are joined."""
    here = world()
    before, after = (nn.Parameter(draw(4, seed=seed)) for seed in (1, 2))
    share = draw(2, 5, 4).tensor_split(here.count, dim=1)[here.rank]
    whole = gather(share * before, dim=1)
    (whole.softmax(dim=1) * after).square().sum().backward()
    average_gradients([before, after])
    return {"whole": whole.detach(), "before": before.grad, "after": after.grad}


def trained(encoder_name: str, clips: int) -> dict[str, Any]:
    """Four steps of pretraining: losses, accuracies and all weights."""
    here = world()
    settings = MeMhaclSettings(encoder=encoder_name, width=0.125, dropout=0, heads=4, clips=clips)
    method = MeMhacl(settings, SPEC)
    torch.manual_seed(0)
    encoder = method.encoder().double()
    objective = method.objective(int(encoder.features)).double()
    networks = synchronised(nn.ModuleList([encoder, objective]))
    # Adam divides by its eps what rounding leaves of gradients that are 0 (biases before a batch norm), so that a
    # larger rate would move those by more than is allowed here; nothing depends on them.
    adam = torch.optim.Adam(networks.parameters(), lr=1e-4)
    generator = torch.Generator().manual_seed(0)
    losses, accuracies = [], []
    for step in range(4):
        views = method.views(draw(clips, 4, *SPEC.shape, seed=step), generator)
        outcome = method.pretrain_step(encoder, objective, method.part(views, here.rank, here.count))
        adam.zero_grad()
        outcome.loss.backward()
        average_gradients(networks.parameters())
        adam.step()
        losses.append(outcome.loss.detach())
        accuracies.append(outcome.metrics["accuracy"])
    return {"loss": torch.stack(losses), "accuracy": torch.stack(accuracies), **networks.state_dict()}


def compute() -> dict[Any, dict[str, Any]]:
    cases: dict[Any, dict[str, Any]] = {shape: normalised(shape) for shape in SHAPES}
    cases["plain"] = normalised(SHAPES[0], affine=False)
    cases["gather"] = gathered()
    return cases | {case: trained(*case) for case in STEPS}


@pytest.fixture(scope="module")
def alone() -> Iterator[dict[Any, dict[str, Any]]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield compute()
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=[2, pytest.param(3, marks=pytest.mark.slow)])
def together(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[Any, Any]]:
    """What each of 2, and of 3, processes computed."""
    folder = tmp_path_factory.mktemp("ranks")
    code, _, errors = finish(start(request.param, __file__, str(folder)))
    assert code == 0, errors
    return [torch.load(folder / f"{rank}.pt") for rank in range(request.param)]


@pytest.mark.parametrize("case", [*SHAPES, "plain", "gather", *STEPS], ids=str)
def test_every_process_has_what_one_alone_has(
    together: list[dict[Any, Any]], alone: dict[Any, dict[str, Any]], case: Any
) -> None:
    for process in together:
        assert process[case].keys() == alone[case].keys()
        for name, value in alone[case].items():
            torch.testing.assert_close(process[case][name], value, rtol=1e-10, atol=1e-10, msg=name)


def test_processes_hold_the_same_weights_to_the_bit(together: list[dict[Any, Any]]) -> None:
    first, *others = together
    for case in STEPS:
        for other in others:
            assert all(torch.equal(other[case][name], value) for name, value in first[case].items())


def test_they_tell_each_other_what_they_have(together: list[dict[Any, Any]]) -> None:
    for rank, process in enumerate(together):
        assert process["told"] == {"rank": rank, "first": "word of 0", "all": list(range(len(together)))}


@pytest.fixture
def one_process(tmp_path: Path) -> Iterator[None]:
    dist.init_process_group("gloo", init_method=(tmp_path / "meet").as_uri(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("shape", [(4, 3), (3, 2, 2, 3)])
def test_its_gradients_are_those_of_finite_differences(shape: tuple[int, ...]) -> None:
    norm = SharedBatchNorm(nn.BatchNorm1d(shape[1]) if len(shape) == 2 else nn.BatchNorm2d(shape[1])).double()
    weights = [draw(shape[1], seed=seed).requires_grad_() for seed in (1, 2)]

    def run(rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(norm, {"weight": weight, "bias": bias}, (rows,))

    assert torch.autograd.gradcheck(run, (draw(*shape).requires_grad_(), *weights))


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_it_is_torchs_batch_norm_also_far_from_zero(precision: torch.dtype) -> None:
    theirs = nn.BatchNorm2d(3)
    ours = SharedBatchNorm(nn.BatchNorm2d(3))
    rows = (100 + draw(8, 3, 5, 5)).to(precision)  # sums of squares would have lost the deviations here
    first, second = theirs(rows), ours(rows)
    assert second.dtype == precision
    torch.testing.assert_close(second, first, rtol=1e-2 if precision == torch.bfloat16 else 1e-4, atol=1e-4)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)


@pytest.mark.slow
def test_a_process_that_is_lost_ends_the_others_and_the_first_says_so() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = []
    for rank in ("0", "1", "2"):  # without torchrun, which would end them
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "3"}
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, "lose"]
        environment = os.environ | place | meeting | {"PYTHONPATH": str(Path(__file__).parents[2])}
        processes.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment))
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [2, 1, 9]
    assert "memhacl-train: another process of this training has ended" in said[0]
    assert "Traceback" not in "".join(said)
    assert "memhacl" not in said[1]


def lose() -> None:
    """Exchange sums until the third process ends in the middle of it."""
    with joined("cpu") as here:
        while True:
            of_all(here.rank)
            if here.rank == 2:
                os._exit(9)


def test_alone_nothing_is_replaced() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3))
    assert isinstance(synchronised(net)[0], nn.BatchNorm1d)


if __name__ == "__main__":
    if sys.argv[1] == "lose":
        sys.exit(run_command("memhacl-train", lose))
    with joined("cpu") as _here:
        _results = compute()
        _told = {"rank": _here.rank, "first": from_first(f"word of {_here.rank}"), "all": of_all(_here.rank)}
        torch.save(_results | {"told": _told}, Path(sys.argv[1]) / f"{_here.rank}.pt")
