"""A model that quantises one layer itself and leaves one in floats: nc verify measures it, never says different."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

import nc.compiler
from nc.compiler.driver.float_links import float_links
from nc.compiler.driver.opened import Opened

QONNX = "qonnx.custom_op.general"
HEAD = f'<ir_version: 8, opset_import: ["": 13, "{QONNX}": 1]> mixed (float[N, 4] x) => (float[N, 3] y)'
FIRST = ["xq = Q(x, step, zero, bits)", "uq = Q(u, step, zero, bits)", "h = MatMul(xq, uq)", "r = Relu(h)"]
LAYERS = {
    "float last": [*FIRST, "y = MatMul(r, v)"],
    "float last behind a quantiser": [*FIRST, "rq = Q(r, step, zero, bits)", "y = MatMul(rq, v)"],
    "float first": ["h = MatMul(x, u)", "r = Relu(h)", "rq = Q(r, step, zero, bits)", "vq = Q(v, step, zero, bits)",
                    "y = MatMul(rq, vq)"],
    "float input": ["uq = Q(u, step, zero, bits)", "h = MatMul(x, uq)", "r = Relu(h)", "rq = Q(r, step, zero, bits)",
                    "vq = Q(v, step, zero, bits)", "y = MatMul(rq, vq)"],
    "all quantised": [*FIRST, "rq = Q(r, step, zero, bits)", "vq = Q(v, step, zero, bits)", "y = MatMul(rq, vq)"],
}  # fmt: skip
# a float input of a quantised layer becomes integers at the port, and the samples are drawn there
VERDICTS = dict.fromkeys(LAYERS, "measured") | {"all quantised": "equal", "float input": "equal"}


def write(path: Path, lines: list[str]) -> Path:
    quant = f'{QONNX}.Quant<signed = 1, narrow = 0, rounding_mode = "ROUND">'
    body = "\n".join(lines).replace(" Q(", f" {quant} (")
    model = onnx.parser.parse_model(f"{HEAD} {{ {body} }}")
    rng = np.random.default_rng(0)
    values = {"u": rng.normal(0, 1, (4, 6)), "v": rng.normal(0, 1, (6, 3)), "step": 0.25, "zero": 0.0, "bits": 5.0}
    used = " ".join(lines)
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in values.items() if k in used
    )
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("which", LAYERS)
def test_verify(tmp_path: Path, which: str) -> None:
    model = write(tmp_path / "mixed.onnx", LAYERS[which])
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(1).normal(0, 1.5, (200, 4)))
    nc.compiler.compile(model, target="paper", calib=tmp_path / "data.npz", output=tmp_path / "build")
    (link,) = float_links(Opened.of(tmp_path / "build"))
    assert link.verdict == VERDICTS[which], link
