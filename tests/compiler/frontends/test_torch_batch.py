"""Ordinary torch networks through every exporter: one sample is computed as torch computes each of a batch."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import onnx
import pytest

from nc.compiler.frontends.onnx import from_onnx
from nc.compiler.frontends.torch_export import from_torch
from nc.ir.diagnostics import NcError
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from tests.compiler.frontends.torch_networks import NETWORKS  # noqa: E402

QUICK = {("lstm", False), ("merged_steps", False), ("shuffle", False), ("encoder", False), ("encoder", True)}
REFUSED = {"embedding": ("NC104", "the indices of Gather must be constant")}


def example(name: str, count: int) -> Any:
    shape = (count, *NETWORKS[name][1])
    torch.manual_seed(1)
    return torch.randint(0, 2, shape) if name == "embedding" else torch.randn(shape)


def exported(module: Any, x: Any, dynamo: bool, dynamic: bool) -> onnx.ModelProto:
    buffer = io.BytesIO()
    options: dict[str, Any] = {"dynamo": dynamo, "opset_version": 20, "input_names": ["x"]}
    if dynamo:
        options |= {"dynamic_shapes": ({0: torch.export.Dim("batch")},) if dynamic else None, "verbose": False}
    elif dynamic:
        options |= {"dynamic_axes": {"x": {0: "batch"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), buffer, **options)
    return onnx.load_from_string(buffer.getvalue())


def check(graph: Graph, module: Any, name: str) -> None:
    """Against torch in float64, four samples at once."""
    x = example(name, 4)
    x = x if name == "embedding" else x.double()
    with torch.no_grad():
        want = module.double()(x)
    wants = want if isinstance(want, tuple) else (want,)
    (label,) = graph.inputs
    found = list(evaluate(graph, {label: x.numpy()}).values())
    assert len(found) == len(wants)
    for got, expected in zip(found, wants, strict=True):
        assert got.shape == tuple(expected.shape)
        assert np.allclose(got, expected.numpy(), atol=1e-5)


def module_of(name: str) -> Any:
    torch.manual_seed(0)
    return NETWORKS[name][0]().eval()


def read(name: str, model: onnx.ModelProto) -> Graph | None:
    """The graph; None where the network is refused, by the name of its operator."""
    if name not in REFUSED:
        return from_onnx(model)
    code, words = REFUSED[name]
    with pytest.raises(NcError) as caught:
        from_onnx(model)
    assert [(d.code, words in d.message) for d in caught.value.diagnostics] == [(code, True)]
    return None


CASES = [
    pytest.param(n, d, id=f"{n}-{'dynamo' if d else 'torchscript'}", marks=() if (n, d) in QUICK else pytest.mark.slow)
    for n in NETWORKS
    for d in (True, False)
]


@pytest.mark.parametrize("dynamic", [True, False], ids=["dynamic", "fixed"])
@pytest.mark.parametrize(("name", "dynamo"), CASES)
def test_onnx_exports(name: str, dynamo: bool, dynamic: bool) -> None:
    module = module_of(name)
    model = exported(module, example(name, 2 if dynamic else 1), dynamo, dynamic)
    graph = read(name, model)
    if graph is not None:
        check(graph, module, name)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in ("attention", "group_norm") else pytest.mark.slow) for n in NETWORKS]
)
@pytest.mark.parametrize("count", [1, 2])
def test_torch_export(name: str, count: int) -> None:
    """A program for one sample; of two, whose sizes stand in it, one for any number of samples is made."""
    module = module_of(name)
    if name in REFUSED:
        with pytest.raises(NcError, match=REFUSED[name][1]):
            from_torch(module, example(name, count))
        return
    check(from_torch(module, example(name, count)), module, name)
