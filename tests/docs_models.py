"""Small models, data and circuits under the names that the pages of docs/ use: each page gets what it reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nir
import numpy as np
import onnx
import onnx.parser
from numpy.typing import NDArray
from onnx import numpy_helper

ROOT = Path(__file__).parents[1]
Array = NDArray[np.float64]
FULL_ADDER = """aag 9 3 0 2 6
2
4
6
15
19
8 2 4
10 3 5
12 9 11
14 6 12
16 7 13
18 15 17
"""
CIRCUIT = """module circuit(input clk, input a, input b, input c, input d, output reg y);
  reg u, v;
  always @(posedge clk) begin u <= a & (b | c); v <= a & b | c & d; y <= u & v | d; end
endmodule
"""


def digits(folder: Path) -> None:
    """The trained perceptron of examples/, with random data of its shape."""
    shutil.copy(ROOT / "examples" / "digits" / "digits_mlp.onnx", folder / "model.onnx")
    _data(folder, (64,), 10, "train", "test")


def printed(folder: Path) -> None:
    from nc.backends.printed.liberty import write_liberty
    from nc.backends.printed.technology import egfet

    rng = np.random.default_rng(1)
    w = {"w1": rng.normal(0, 1, (5, 3)), "b1": rng.normal(0, 1, 3), "w2": rng.normal(0, 1, (3, 3)), "b2": np.ones(3)}
    lines = ["t = MatMul(x, w1)", "a = Add(t, b1)", "r = Relu(a)", "u = MatMul(r, w2)", "y = Add(u, b2)"]
    _onnx(folder / "wine.onnx", "float[N, 5] x", "float[N, 3] y", lines, w)
    for name in ("wine", "wine_test", "wine_more"):
        x = rng.random((200, 5))
        y = (np.maximum(x @ w["w1"] + w["b1"], 0) @ w["w2"] + w["b2"]).argmax(axis=1)
        np.savez(folder / f"{name}.npz", x=x, y=y)
    (folder / "mine.lib").write_text(write_liberty(egfet()))


def sfq(folder: Path) -> None:
    _binary(folder / "digits_bnn.onnx", "x", (6,), (6, 4, 3))
    _data(folder, (6,), 3, "train", "test")
    (folder / "adder.aig").write_text(FULL_ADDER)


def threshold(folder: Path) -> None:
    _binary(folder / "TFC_1W1A.onnx", "0", (1, 4, 4), (16, 8, 4))
    rng = np.random.default_rng(3)
    np.savez(folder / "mnist.npz", x=rng.integers(0, 256, (300, 1, 4, 4)), y=rng.integers(0, 4, 300))
    (folder / "circuit.v").write_text(CIRCUIT)


def neuromorphic(folder: Path) -> None:
    digits(folder)
    shutil.move(folder / "model.onnx", folder / "digits.onnx")
    shutil.move(folder / "train.npz", folder / "digits.npz")
    rng = np.random.default_rng(4)
    full = np.ones(3)
    lif = nir.LIF(tau=0.004 * full, r=full, v_leak=0 * full, v_threshold=0.1 * full, v_reset=0 * full)
    nodes = {"in": nir.Input(np.array([6])), "fc": nir.Linear(rng.normal(0.4, 0.5, (3, 6))), "lif": lif}
    nodes["out"] = nir.Output(np.array([3]))
    nir.write(folder / "net.nir", nir.NIRGraph(nodes, [("in", "fc"), ("fc", "lif"), ("lif", "out")]))


FILES: dict[str, Callable[[Path], None]] = {
    "printed": printed, "sfq": sfq, "threshold": threshold, "neuromorphic": neuromorphic,
}  # fmt: skip


def write(page: str, folder: Path) -> None:
    FILES.get(page, digits)(folder)


def _data(folder: Path, shape: tuple[int, ...], classes: int, *names: str) -> None:
    rng = np.random.default_rng(0)
    for name in names:
        x = rng.integers(0, 17, (64, *shape))
        np.savez(folder / f"{name}.npz", x=x, y=rng.integers(0, classes, len(x)))


def _binary(path: Path, label: str, shape: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    """A binary perceptron in QONNX: 2x - 1 at the input, bipolar weights and activations, integer logits."""
    rng, last = np.random.default_rng(2), len(sizes) - 2
    data = {"one": np.array(1.0), "two": np.array(2.0)}
    lines = [f'f = Flatten("{label}")', "d = Mul(f, two)", "s = Sub(d, one)", "q0 = Q.BipolarQuant(s, one)"]
    for i, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
        data[f"w{i}"] = rng.choice([-1.0, 1.0], (rows, columns))
        lines += [f"b{i} = Q.BipolarQuant(w{i}, one)", f"{'y' if i == last else f'm{i}'} = MatMul(q{i}, b{i})"]
        if i < last:
            data |= {f"g{i}": np.ones(columns), f"h{i}": rng.normal(0, 0.3, columns)}
            data |= {f"e{i}": rng.normal(0, 1, columns), f"v{i}": np.full(columns, float(rows))}
            lines.append(f"n{i} = BatchNormalization(m{i}, g{i}, h{i}, e{i}, v{i})")
            lines.append(f"q{i + 1} = Q.BipolarQuant(n{i}, one)")
    extents = ", ".join(map(str, ("N", *shape)))
    _onnx(path, f'float[{extents}] "{label}"', f"float[N, {sizes[-1]}] y", lines, data)


def _onnx(path: Path, source: str, result: str, lines: list[str], data: dict[str, Array]) -> None:
    """`lines` in the text form of ONNX, `Q.` for QONNX's domain; `data`: float initialisers."""
    domain = "qonnx.custom_op.general"
    body = "\n".join(lines).replace("Q.", f"{domain}.")
    head = f'<ir_version: 8, opset_import: ["": 13, "{domain}": 1]>'
    model = onnx.parser.parse_model(f"{head} page ({source}) => ({result}) {{ {body} }}")
    floats = [numpy_helper.from_array(np.asarray(v, np.float32), name) for name, v in data.items()]
    model.graph.initializer.extend(floats)
    onnx.save(model, path)
