"""run: the answers of golden models, hardware, boards and model files, as arrays in files."""

from __future__ import annotations

import csv
import json
import threading
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

import nc.compiler
from nc.compiler.cli.main import run
from nc.compiler.driver.opened import Opened

MODEL = """<ir_version: 8, opset_import: ["": 13]> two (float[N, 2] a, float[N, 3] b) => (float[N, 2] y, float[N, 2] z)
<float[2, 2] v = {1.0, -2.0, 3.0, 1.0}, float[3, 2] w = {1.0, 0.5, -1.0, 2.0, 0.25, 1.0}>
{ p = MatMul(a, v) q = MatMul(b, w) y = Add(p, q) z = Relu(q) }"""
V, W = np.array([[1, -2], [3, 1]]), np.array([[1, 0.5], [-1, 2], [0.25, 1]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two inputs and two outputs, y = a v + b w and z = relu(b w): two.onnx, data.npz and a build of them."""
    where = tmp_path_factory.mktemp("run")
    onnx.save(onnx.parser.parse_model(MODEL), where / "two.onnx")
    rng = np.random.default_rng(0)
    np.savez(where / "data.npz", a=rng.uniform(-1, 1, (20, 2)), b=rng.uniform(0, 2, (20, 3)))
    compiled = ["compile", str(where / "two.onnx"), "-o", str(where / "build"), "--target", "fpga", "--quiet"]
    assert run([*compiled, "--calib", str(where / "data.npz")]) == 0
    return where


def answered(folder: Path, *arguments: str, what: str = "build", code: int = 0) -> dict[str, np.ndarray]:
    given = ["run", str(folder / what), "--data", str(folder / "data.npz"), "-o", str(folder / "o.npz"), "--quiet"]
    assert run([*given, *arguments]) == code
    with np.load(folder / "o.npz", allow_pickle=False) as found:
        return {key: found[key] for key in found.files}


def reference(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(folder / "data.npz") as data:
        q = data["b"] @ W
        return data["a"] @ V + q, np.maximum(q, 0)


def test_a_model_file_answers_as_float(folder: Path) -> None:
    found, (y, z) = answered(folder, "--layers", what="two.onnx"), reference(folder)
    assert list(found) == ["y", "z", "layer.p", "layer.q", "layer.y", "layer.z"]
    np.testing.assert_allclose(found["y"], y, rtol=1e-12)
    np.testing.assert_allclose(found["z"], z, rtol=1e-12)
    np.testing.assert_allclose(found["layer.p"], y - reference_q(folder), atol=1e-12)


def reference_q(folder: Path) -> np.ndarray:
    with np.load(folder / "data.npz") as data:
        return np.asarray(data["b"] @ W)


def test_a_build_answers_in_real_numbers_or_integers(folder: Path) -> None:
    """Real numbers are scale * integer + offset of the port, near the float model's; the integers are the graph's."""
    real, (y, z) = answered(folder), reference(folder)
    np.testing.assert_allclose(real["y"], y, atol=0.05)
    np.testing.assert_allclose(real["z"], z, atol=0.05)
    integers = answered(folder, "--integers", "--vectors", "7")
    assert list(integers) == ["y", "z", "input.a", "input.b"]
    graph = Opened.of(folder / "build").integer
    for name in ("y", "z"):
        meaning = graph.type(graph.outputs[name]).meaning
        np.testing.assert_array_equal(integers[name] * float(meaning.scale[0]), real[name][:7])
    with np.load(folder / "data.npz") as data:
        meaning = graph.type(graph.inputs["a"]).meaning
        assert np.abs(integers["input.a"] * float(meaning.scale[0]) - data["a"][:7]).max() <= float(meaning.scale[0])


def test_hardware_answers_the_same(folder: Path) -> None:
    golden, hardware = answered(folder, "--vectors", "6"), answered(folder, "--vectors", "6", "--engine", "amaranth")
    for name in golden:
        np.testing.assert_array_equal(golden[name], hardware[name])


def test_other_files_and_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["run", str(folder / "two.onnx"), "--data", str(folder / "data.npz"), "--vectors", "3"]
    assert run([*given, "-o", str(folder / "o.csv"), "--quiet"]) == 0
    with (folder / "o.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["y[0]", "y[1]", "z[0]", "z[1]"] and len(rows) == 4
    y, z = reference(folder)
    np.testing.assert_allclose(np.array(rows[1:], float), np.hstack([y, z])[:3], rtol=1e-12)
    assert run([*given, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["engine"], found["samples"], found["mismatches"], found["output"]) == ("float", 3, None, None)
    np.testing.assert_allclose(found["values"]["y"], y[:3], rtol=1e-12)
    assert run(given) == 0
    assert "3 samples by float" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("what", "arguments", "code", "message"),
    [
        ("two.onnx", ["-o", "o.npy"], 2, "an .npy file holds one array, not 2: y, z\n  help: write an .npz"),
        ("two.onnx", ["-o", "o.txt"], 2, "the output must be .npz, .npy, .csv, not '.txt'"),
        ("two.onnx", ["-o", "none/o.npz"], 1, "the output must be a file, not lie in a folder that does not exist"),
        ("two.onnx", ["--integers"], 2, "a model file has no hardware and no integers; a build has"),
        ("two.onnx", ["--engine", "icarus"], 2, "a model file has no hardware"),
        ("build", ["--engine", "icarus", "--board", "/dev/null"], 2, "give one of them"),
        ("build", ["--engine", "spice"], 2, "--engine must be one of golden"),
        ("build", ["--vectors", "0"], 2, "--vectors must be at least 1"),
        ("build", ["--set", "seed=1"], 2, "--set is for model files"),
    ],
)
def test_what_cannot_be_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    what: str, arguments: list[str], code: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    assert run(["run", what, "--data", "data.npz", *arguments]) == code
    assert message in capsys.readouterr().err
    assert not list(folder.glob(".o*"))


def test_a_board_answers(folder: Path) -> None:
    """A simulated board would take Verilator: the other end of this line is the golden model itself."""
    os, tty = pytest.importorskip("os"), pytest.importorskip("tty")
    pytest.importorskip("serial")
    from nc.compiler.driver.vectors import make_vectors
    from nc.ir.serial import bytes_of, frame
    from nc.ir.stream import pack
    from nc.sim.bench import stream_of

    opened = Opened.of(folder / "build")
    spec = stream_of(folder / "build")
    assert spec is not None
    samples = opened.data(folder / "data.npz")
    vectors = make_vectors(opened.form, opened.integer, opened.staged, samples, 4, opened.settings)
    inputs, expected = vectors.at(spec)
    words = pack(expected, spec.outputs, spec.m_width)
    size = len(frame(pack(inputs, spec.inputs, spec.s_width)[0].tobytes()))
    assert words[0].nbytes == spec.m_beats * bytes_of(spec.m_width)
    master, slave = os.openpty()
    tty.setraw(slave)

    def serve() -> None:
        for word in words:
            held = b""
            while len(held) < size:
                held += os.read(master, size - len(held))
            os.write(master, frame(word.tobytes()))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    found = nc.compiler.run(opened, folder / "data.npz", board=os.ttyname(slave), vectors=4)
    thread.join(5)
    os.close(slave), os.close(master)
    assert (found.engine, found.mismatches, found.samples) == ("board", 0, 4)
    np.testing.assert_array_equal(found.outputs["y"], answered(folder, "--vectors", "4")["y"])
