"""compile, eval, simulate, verify, inspect, from the shell and from Python, with a target that needs no tools."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest

import nc.compiler
from nc.compiler.cli.main import run
from nc.compiler.driver.models import load_model
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate


def json_of(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, object]:
    assert run([*map(str, arguments), "--json"]) == code
    printed = capsys.readouterr()
    assert printed.err == ""
    found: dict[str, object] = json.loads(printed.out)
    return found


def error_of(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 1) -> str:
    assert run([*map(str, arguments)]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    return "".join(line for line in printed.err.splitlines(keepends=True) if not line.startswith("["))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_compile(tmp_path: Path, model: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json_of(
        capsys, "compile", model, "-o", tmp_path / "build", "--target", "paper", "--calib", data, "--set", "seed=3"
    )
    assert found["target"] == "paper" and found["build"] == str(tmp_path / "build")
    assert found["parameters"] == 4 * 5 + 5 * 3 or isinstance(found["parameters"], int)
    assert [p["name"] for p in found["passes"]] == [
        "read",
        "format-inputs",
        "binary-heads",
        "strip-heads",
        "round-leaves",
        "fold-constants",
        "pads-into-pools",
        "signs-to-steps",
        "fold-batchnorm",
        "quantise",
        "integerize",
        "lower-primitive",
        "lower",
        "emit",
        "bench",
    ]  # type: ignore[attr-defined]
    unseen, paper = found["warnings"]  # type: ignore[misc]
    assert unseen["code"] == "NC317"  # of an untrained network: a class that it never decides
    assert paper["message"] == "paper burns"
    manifest = json.loads((tmp_path / "build/manifest.json").read_text())
    assert manifest["options"]["seed"] == 3 and manifest["options"]["limit"] == 1000
    assert manifest["calibration"]["name"] == "data.npz"
    assert list(manifest["files"]) == ["float.nc", "float_weights.npz", "hdl/paper.txt", "model.nc", "weights.npz"]
    assert manifest["estimate"] == found["estimate"]


def test_two_compiles_are_equal_byte_for_byte(tmp_path: Path, model: Path) -> None:
    for name in ("a", "b"):
        nc.compiler.compile(model, target="paper", output=tmp_path / name)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    text = b"".join(bytes_of(tmp_path / "a").values())
    assert str(tmp_path).encode() not in text


def test_the_float_model_can_be_left_out(
    tmp_path: Path, model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    json_of(capsys, "compile", model, "-o", tmp_path / "build", "--target", "paper", "--no-float")
    assert "float.nc" not in bytes_of(tmp_path / "build")
    found = json_of(capsys, "eval", tmp_path / "build", "--data", data)
    assert found["agreement"] is None and found["float_accuracy"] is None and found["accuracy"] is not None


def test_eval_equals_an_independent_evaluation(
    tmp_path: Path, model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import qonnx.core.onnx_exec as executor
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.infer_shapes import InferShapes

    json_of(capsys, "compile", model, "-o", tmp_path / "build", "--target", "paper")
    found = json_of(capsys, "eval", tmp_path / "build", "--data", data)
    arrays = np.load(data)
    reference = ModelWrapper(str(model)).transform(InferShapes())
    wanted = np.array([executor.execute_onnx(reference, {"x": x[None]})["y"][0].argmax() for x in arrays["x"]])
    assert found["samples"] == 50
    assert found["accuracy"] == found["float_accuracy"] == np.mean(wanted == arrays["y"])
    assert found["agreement"] == 1.0
    assert json.loads((tmp_path / "build/reports/eval.json").read_text()) == found


def test_golden_simulation_and_verification(
    tmp_path: Path, model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    json_of(capsys, "compile", model, "-o", tmp_path / "build", "--target", "paper")
    found = json_of(capsys, "simulate", tmp_path / "build", "--engine", "golden", "--data", data, "--vectors", "20")
    assert (found["engine"], found["vectors"], found["mismatches"], found["cycles"]) == ("golden", 20, 0, None)
    assert isinstance(found["accuracy"], float)
    found = json_of(capsys, "verify", tmp_path / "build")
    verdicts = {link["name"]: link["verdict"] for link in found["links"]}  # type: ignore[attr-defined]
    assert found["ok"] is True
    assert verdicts == {
        "float64 evaluation ≡ integer graph": "equal",
        "integer graph ≡ primitive graph": "equal",
        "graph ≡ paper": "equal",
    }


def test_what_was_quantised_here_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A float model: agreement is a figure, and no reason to call the build wrong."""
    from nc.compiler.samples import networks, samples

    network, _ = next(networks("", "Relu", samples("", "Relu")[0]))
    onnx.save(network, tmp_path / "float.onnx")
    np.savez(tmp_path / "calib.npz", x=np.random.default_rng(1).uniform(0, 1, (64, 4)))
    calib = ["--calib", tmp_path / "calib.npz"]
    json_of(capsys, "compile", tmp_path / "float.onnx", "-o", tmp_path / "build", "--target", "paper", *calib)
    found = json_of(capsys, "verify", tmp_path / "build")
    assert found["ok"] is True
    link = found["links"][0]  # type: ignore[index]
    assert (link["name"], link["verdict"]) == ("float model ≈ integer graph", "measured")
    figures = re.fullmatch(
        r"quantised here: (\d+) of 1000 random inputs are decided alike, "
        r"RMS error ([\d.]+) % of the outputs' deviation; on data: nc eval",
        link["detail"],
    )
    assert figures is not None and int(figures[1]) > 950 and 0 < float(figures[2]) < 5


def test_a_forged_float_graph_breaks_the_chain(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict is earned: another float graph, with a manifest that matches it, is found to differ."""
    import hashlib

    json_of(capsys, "compile", model, "-o", tmp_path / "build", "--target", "paper")
    text = tmp_path / "build/float.nc"
    forged = text.read_text().replace("scale=f(2.0)", "scale=f(4.0)")
    assert forged != text.read_text()
    text.write_text(forged)
    manifest = tmp_path / "build/manifest.json"
    data = json.loads(manifest.read_text())
    data["files"]["float.nc"] = {"sha256": hashlib.sha256(forged.encode()).hexdigest(), "bytes": len(forged)}
    manifest.write_text(json.dumps(data))
    found = json_of(capsys, "verify", tmp_path / "build", code=1)
    assert found["ok"] is False
    assert found["links"][0]["verdict"] == "different"  # type: ignore[index]


def test_python_takes_graphs_and_gives_results(tmp_path: Path, model: Path, data: Path) -> None:
    graph = load_model(model).model
    made = nc.compiler.compile(graph, target="paper", output=tmp_path / "build", options={"limit": 100})
    assert made.build.manifest.options["limit"] == 100
    assert nc.compiler.evaluate(made.build.folder, nc.compiler.load_data(data)).agreement == 1.0
    assert nc.compiler.simulate(tmp_path / "build", engine="golden").ok
    x = np.load(data)["x"]
    assert evaluate(graph, {"x": x})["y"].shape == (50, 3)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--target", "papr"], 2, "error[NC002]: target must be one of fpga, printed, threshold, sfq, neuromorphic, "
         "not 'papr'\n  help: "),
        (["--target", "paper", "--set", "limit=3"], 1, "error[NC430]: parameters must be at most 3, not "),
        (["--target", "paper", "--set", "input.z.bits=3"], 1, "error[NC307]: options must name an input of the "
         "model, not 'z'\n  help: known: x\n"),
        (["--target", "paper", "--set", "lmit=3"], 2, "error[NC411]: 'lmit' must be a section of the configuration\n"
         "  --> --set lmit=3\n  help: did you mean 'limit'?\n"),
        (["--target", "paper", "--calib", "no.npz"], 1, "error[NC005]: the data file must exist, not be missing\n"
         "  --> no.npz\n"),
        (["--target", "paper", "--config", "no.yaml"], 1, "error[NC005]: the configuration file must exist, not "
         "be missing\n  --> no.yaml\n"),
    ],
)  # fmt: skip
def test_refusals_leave_nothing_behind(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, text: str
) -> None:
    before = set(tmp_path.iterdir())
    assert error_of(capsys, "compile", model, "-o", tmp_path / "build", *arguments, code=code).startswith(text)
    assert set(tmp_path.iterdir()) == before


def test_models_that_are_not_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["-o", tmp_path / "build", "--target", "paper"]
    assert error_of(capsys, "compile", tmp_path / "no.onnx", *common) == (
        f"error[NC005]: the model file must exist, not be missing\n  --> {tmp_path}/no.onnx\n"
    )
    (tmp_path / "model.pth").write_bytes(b"\x80\x04")
    assert error_of(capsys, "compile", tmp_path / "model.pth", *common).startswith(
        "error[NC007]: a model must be .onnx, "
    )
    assert not (tmp_path / "build").exists()


def test_data_of_the_wrong_shape(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    json_of(capsys, "compile", model, "-o", tmp_path / "build", "--target", "paper")
    np.save(tmp_path / "wrong.npy", np.ones((5, 7)))
    assert error_of(capsys, "eval", tmp_path / "build", "--data", tmp_path / "wrong.npy") == (
        "error[NC406]: a sample must have the shape [4] (4 elements) of the model's input, not [7] (7 elements)\n"
        "  --> wrong.npy\n  help: the first axis counts samples; the rest must match the model's input\n"
    )


def test_an_engine_the_target_does_not_have(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    json_of(capsys, "compile", model, "-o", tmp_path / "build", "--target", "paper")
    assert error_of(capsys, "simulate", tmp_path / "build", "--engine", "verilator", code=2) == (
        "error[NC003]: --engine must be one of golden, auto for target paper, not 'verilator'\n"
    )


def test_inspect(model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from nc.backends import registry

    monkeypatch.setattr(registry, "names", lambda: ("paper",))
    found = json_of(capsys, "inspect", model)
    assert found["stage"] == "integer"
    assert found["inputs"] == {"x": "u4[4]"}
    assert [d["message"] for d in found["targets"]["paper"]] == ["paper burns"]  # type: ignore[index]
    assert run(["inspect", str(model)]) == 0
    assert "matmul" in capsys.readouterr().out


SLOW = """
import sys, time
from pathlib import Path
sys.path.insert(0, {folder!r})
from conftest import Paper
from nc.backends import registry
from nc.compiler.cli import main
class Slow(Paper):
    def emit(self, design, folder):
        super().emit(design, folder)
        print("emitting", flush=True)
        time.sleep(60)
registry.find = lambda name: Slow()
sys.argv[1:] = ["compile", {model!r}, "-o", {build!r}, "--target", "paper"]
main()
"""


def _heed_interrupts() -> None:
    """A job in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_during_compile_keeps_the_old_build(tmp_path: Path, model: Path, number: int) -> None:
    nc.compiler.compile(model, target="paper", output=tmp_path / "build")
    before = bytes_of(tmp_path / "build")
    script = SLOW.format(folder=str(Path(__file__).parent), model=str(model), build=str(tmp_path / "build"))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=-1, stderr=-1, text=True, preexec_fn=_heed_interrupts
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "emitting\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "interrupted"
    assert bytes_of(tmp_path / "build") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["build", "tiny.onnx"]


def test_concurrent_compiles_into_one_folder(tmp_path: Path, model: Path) -> None:
    failures: list[BaseException] = []

    def work(limit: int) -> None:
        try:
            nc.compiler.compile(model, target="paper", output=tmp_path / "build", options={"limit": limit})
        except BaseException as error:  # handed to the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(500 + k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert nc.compiler.Build.open(tmp_path / "build").manifest.options["limit"] in range(500, 504)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["build", "tiny.onnx"]


def test_exports_are_typed_and_complete() -> None:
    for name in nc.compiler.__all__:
        assert callable(getattr(nc.compiler, name))
    assert set(nc.compiler.__all__) <= set(dir(nc.compiler))
    with pytest.raises(AttributeError, match="module 'nc.compiler' has no attribute 'complie'"):
        _ = nc.compiler.complie
    with pytest.raises(NcError):
        nc.compiler.Build.open("no such folder")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--board", "icebreaker"],
         "error[NC529]: --board must be given for a build that an FPGA can hold, not for one of target paper\n"),
        (["--cells", "sfq"], "error[NC003]: --cells sfq must be given for a build of target sfq, not paper\n"),
        (["--cells", "cmos"], "error[NC003]: --cells must be one of sfq, ftl, egfet, not 'cmos'\n"),
        (["--limit", "-1"], "error[NC003]: --limit must be more than 0 seconds, not -1\n"),
    ],
)  # fmt: skip
def test_synth_refuses_before_the_work(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    nc.compiler.compile(model, target="paper", output=tmp_path / "build")
    assert error_of(capsys, "synth", tmp_path / "build", *arguments, code=2) == text


def test_synth_of_a_file_that_is_no_netlist(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert error_of(capsys, "synth", model) == (
        f"error[NC005]: the file must be a netlist (.v, .sv, .aig, .aag, .blif), not '.onnx'\n  --> {model}\n"
        "  help: or name a build: a folder written by nc compile\n"
    )


def test_a_damaged_bench(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = nc.compiler.compile(model, target="paper", output=tmp_path / "build")
    bench = made.build.folder / "tb" / "bench.json"
    bench.parent.mkdir()
    bench.write_text("{")
    text = error_of(capsys, "simulate", tmp_path / "build", "--engine", "golden")
    assert text.startswith("error[NC424]: bench.json must be what nc wrote, not damaged (")
