"""Binary networks from torch and QONNX through the front door onto the array: results equal the source's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import nc.compiler
from nc.backends.threshold import golden
from nc.compiler.driver.opened import Opened

QONNX = "qonnx.custom_op.general"
Array = np.ndarray[Any, Any]


def results(build: Path, inputs: Array) -> Array:
    """What the array's programs give for integers at the port."""
    opened = Opened.of(build)
    placement = opened.backend.lower(opened.staged, opened.settings.options).placement
    return golden.run(placement, inputs)[0]


def test_torch_module_with_sign_activations(tmp_path: Path) -> None:
    """Zero-padded convolutions, batch norms, signs, a pool and a dense layer: logits equal torch's on every image."""
    torch = pytest.importorskip("torch")
    random = torch.Generator().manual_seed(3)

    def binary(layer: Any) -> Any:
        layer.weight.data = torch.sign(torch.randn(layer.weight.shape, generator=random))
        return layer

    def norm(layer: Any, spread: float) -> Any:
        layer.running_mean = torch.randn(layer.num_features, generator=random) * spread
        layer.weight.data = torch.randn(layer.num_features, generator=random)
        return layer

    class Sign(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return torch.sign(x)

    net = torch.nn.Sequential(
        binary(torch.nn.Conv2d(3, 16, 3, padding=1, bias=False)), norm(torch.nn.BatchNorm2d(16), 300), Sign(),
        binary(torch.nn.Conv2d(16, 20, 3, padding=1, bias=False)), norm(torch.nn.BatchNorm2d(20), 5), Sign(),
        torch.nn.MaxPool2d(2),
        binary(torch.nn.Conv2d(20, 8, 3, bias=False)), norm(torch.nn.BatchNorm2d(8), 5), Sign(),
        torch.nn.Flatten(), binary(torch.nn.Linear(32, 10, bias=False)),
    ).eval()  # fmt: skip
    images = torch.randint(0, 256, (12, 3, 8, 8), generator=random)
    ports = ["input.input.bits=8", "input.input.signed=false", "input.input.scale=1", "array.pes=16"]
    nc.compiler.compile(net, images[:1].float(), target="threshold", output=tmp_path / "b", set=ports)
    with torch.no_grad():
        want = net(images.float()).numpy()
    assert np.array_equal(results(tmp_path / "b", images.numpy()), want)


def cnv(path: Path) -> Path:
    """As FINN's CNV, small: bipolar or ternary weights by Quant, BipolarQuant activations, no padding, 8-bit input."""
    rng, nodes = np.random.default_rng(4), []
    data = {"one": np.array(1.0), "zero": np.array(0.0), "two": np.array(2.0), "eight": np.array(8.0)}
    data |= {"pixel": np.array(1 / 256)}

    def add(kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    at = add("Quant", ["x", "pixel", "zero", "eight"], "xq", QONNX, signed=0, narrow=0, rounding_mode="ROUND")
    for k, (channels, outputs, ternary) in enumerate([(3, 8, False), (8, 12, False), (12, 8, True)]):
        choices = [-1.0, 0.0, 1.0] if ternary else [-1.0, 1.0]
        data[f"w{k}"] = rng.choice(choices, (outputs, channels, 3, 3))
        bits = "two" if ternary else "one"
        weights = add(
            "Quant", [f"w{k}", "one", "zero", bits], f"wq{k}", QONNX, signed=1, narrow=1, rounding_mode="ROUND"
        )
        at = add("Conv", [at, weights], f"c{k}")
        data |= {f"s{k}": rng.normal(1, 0.3, outputs), f"b{k}": rng.normal(0, 1, outputs)}
        data |= {f"m{k}": rng.normal(0, 1, outputs), f"v{k}": np.full(outputs, 9.0 * channels)}
        at = add("BatchNormalization", [at, f"s{k}", f"b{k}", f"m{k}", f"v{k}"], f"n{k}")
        at = add("BipolarQuant", [at, "one"], f"a{k}", QONNX)
        if k == 1:
            at = add("MaxPool", [at], "p", kernel_shape=[2, 2], strides=[2, 2])
    data["wd"] = rng.choice([-1.0, 1.0], (8, 5))
    at = add("MatMul", [add("Flatten", [at], "f"), add("BipolarQuant", ["wd", "one"], "wdq", QONNX)], "y")
    floats = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in data.items()]
    ports = [
        helper.make_tensor_value_info(*p)
        for p in (("x", TensorProto.FLOAT, [1, 3, 10, 10]), ("y", TensorProto.FLOAT, [1, 5]))
    ]
    graph = helper.make_graph(nodes, "cnv", ports[:1], ports[1:], floats)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


def test_qonnx_convolutions(tmp_path: Path) -> None:
    """A CNV-like network: the array's programs equal the integer graph, and that the float64 evaluation of the file."""
    nc.compiler.compile(cnv(tmp_path / "cnv.onnx"), target="threshold", output=tmp_path / "b", set=["array.pes=16"])
    opened = Opened.of(tmp_path / "b")
    pixels = np.random.default_rng(1).integers(0, 256, (6, 3, 10, 10))
    (label,) = opened.integer.inputs
    (want,) = opened.form.run(opened.real, {label: pixels / 256}).values()
    assert np.array_equal(results(tmp_path / "b", pixels), want.reshape(6, -1))
