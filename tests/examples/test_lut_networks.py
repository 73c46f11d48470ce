"""Networks of look-up tables from torch: the compiled integers equal torch's own, down to the word graph."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

from nc.backends.fpga.design import build  # noqa: E402
from nc.backends.fpga.options import Options  # noqa: E402
from nc.compiler.config import Common  # noqa: E402
from nc.compiler.frontends.onnx import read_onnx  # noqa: E402
from nc.compiler.passes.lower_primitive import LowerPrimitive  # noqa: E402
from nc.compiler.passes.manager import run_passes  # noqa: E402
from nc.compiler.passes.pipelines import to_integers  # noqa: E402
from nc.ir.diagnostics import NcError  # noqa: E402
from nc.ir.interpret import evaluate as interpret  # noqa: E402
from nc.ir.words import Kind, evaluate  # noqa: E402

_path = Path(__file__).parents[2] / "examples/lut_networks/export.py"
_spec = importlib.util.spec_from_file_location("lut_networks_export", _path)
assert _spec is not None and _spec.loader is not None
lut: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lut)


def logic_nets() -> Any:
    """Two-bit codes, sparse neurons of three inputs, tabulated from a quantised layer."""
    generator = torch.Generator().manual_seed(1)

    def layer(inputs: int, neurons: int) -> Any:
        weights = torch.randn(3, neurons, generator=generator)
        tables = lut.truth_tables(lambda c: torch.round(c.float() @ weights).clamp(0, 3), 3, 2)
        return lut.LutLayer(torch.randint(0, inputs, (neurons, 3), generator=generator), tables, 2)

    return torch.nn.Sequential(lut.Codes(1 / 3, 2), layer(8, 12), layer(12, 5))


def splines() -> Any:
    """Three-bit codes through sums of tables, as a quantised Kolmogorov-Arnold network has them."""
    generator = torch.Generator().manual_seed(2)

    def layer(outputs: int, inputs: int, bits: int) -> Any:
        return lut.TableSum(torch.randint(-20, 30, (outputs, inputs, 8), generator=generator), 2 if bits else 0, bits)

    return torch.nn.Sequential(lut.Codes(1 / 8, 3), layer(6, 8, 3), layer(4, 6, 0))


@pytest.mark.parametrize("technology", ["generic", "lut6"])
@pytest.mark.parametrize("make", [lut.weightless, logic_nets, splines], ids=["weightless", "logic_nets", "splines"])
def test_tables_compute_what_torch_computes(make: Any, technology: str, tmp_path: Path) -> None:
    network = make()
    path = tmp_path / "network.onnx"
    onnx.save(lut.to_onnx(network, 8), path)
    graph = read_onnx(path)
    common = Common.model_validate({"input": {"x": {"bits": 8, "scale": "1/256"}}})
    graph = LowerPrimitive().run(run_passes(graph, to_integers(graph, common, None))[0])
    x = np.random.default_rng(0).integers(0, 256, (200, 8))
    want = network(torch.tensor(x / 256, dtype=torch.float32)).numpy()
    (label,), (name,) = graph.inputs, graph.outputs
    if make is lut.weightless:
        assert np.array_equal(interpret(graph, {label: x})[name], want)
    else:
        # The port is the quantiser's own grid: its integers are the codes.
        codes = network[0](torch.tensor(x / 256, dtype=torch.float32)).numpy()
        kind = graph.type(graph.inputs[label]).int
        x = x if kind.hi > 7 else codes
        assert np.array_equal(interpret(graph, {label: x})[name], want)
    words = build(graph, Options.model_validate({"optimise": {"technology": technology}})).words
    assert np.array_equal(evaluate(words, [x])[0], want)
    assert (words.kind[words.live()] == Kind.TABLE).any()


def test_codes_out_of_range_are_refused(tmp_path: Path) -> None:
    network = torch.nn.Sequential(lut.Codes(0.5, 3), lut.LutLayer(torch.zeros(2, 2), torch.zeros(2, 16), 2))
    path = tmp_path / "network.onnx"
    onnx.save(lut.to_onnx(torch.nn.Sequential(lut.Codes(0.5, 2), network[1]), 4), path)
    model = onnx.load(path)
    model.graph.node[0].attribute[0].i = 3
    onnx.save(model, path)
    with pytest.raises(NcError) as error:
        read_onnx(path)
    assert "the operand of lookup must hold codes 0..3, not u3" in str(error.value)
