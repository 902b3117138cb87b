"""A traced graph made small, its weights left under their own names: another laboratory can go on from them."""

from collections.abc import Iterable

import onnx_ir
from onnx_ir.passes.common import NameFixPass
from onnxscript import optimizer


def simplify(model: onnx_ir.Model, weights: Iterable[str]) -> None:
    """Compute in ``model``, in place, what does not depend on its input, but touch none of the ``weights``.

    torch's own optimiser would also merge batch normalisation into convolutions, turn matrices around and keep
    equal weights once: nobody could read the network back. ONNX Runtime does that when it loads the file.
    """
    kept = set(weights)
    optimizer.inline(model)
    optimizer.fold_constants(
        model, onnx_shape_inference=True, should_fold=lambda node: False if kept & _inputs(node) else None
    )
    optimizer.remove_unused_nodes(model)
    NameFixPass()(model)  # a value inside may be called as a task is, such as 'mean'


def _inputs(node: onnx_ir.Node) -> set[str]:
    return {value.name for value in node.inputs if value is not None and value.name is not None}
