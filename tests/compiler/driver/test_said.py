"""What compile says about a quantised model whose function reads an accumulator, with and without calibration data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
from onnx import numpy_helper

import nc.compiler

TEXT = """<ir_version: 8, opset_import: ["": 17]> hs (float[N, 4] x) => (float[N, 2] y) {
    q = QuantizeLinear (x, s, z)
    d = DequantizeLinear (q, s, z)
    w = DequantizeLinear (u, t, z)
    h = MatMul (d, w)
    a = HardSwish (h)
    p = QuantizeLinear (a, s, z)
    y = DequantizeLinear (p, s, z)
}"""


def model(folder: Path) -> Path:
    made = onnx.parser.parse_model(TEXT)
    values = {"s": np.float32(0.125), "z": np.int8(0), "t": np.float32(1 / 64)}
    values["u"] = np.random.default_rng(3).integers(-20, 20, (4, 2)).astype(np.int8)
    made.graph.initializer.extend(numpy_helper.from_array(np.asarray(v), k) for k, v in values.items())
    onnx.save(made, folder / "hs.onnx")
    return folder / "hs.onnx"


def test_a_long_table_or_the_quantiser_that_shortens_it(tmp_path: Path) -> None:
    path = model(tmp_path)
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(0, 1, (50, 4)))
    exact = nc.compiler.compile(path, target="paper", output=tmp_path / "a")
    rounded = nc.compiler.compile(path, target="paper", output=tmp_path / "b", calib=tmp_path / "x.npz")
    ours = {"NC314", "NC315"}
    assert [w.code for w in exact.warnings if w.code in ours] == ["NC314"]
    (said,) = (w for w in rounded.warnings if w.code in ours)
    assert (said.code, "8 bits" in said.message) == ("NC315", True)
    assert "NC315" in {w["code"] for w in rounded.build.manifest.warnings}
