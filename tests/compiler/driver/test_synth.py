"""nc synth on netlist files, and what it refuses; nc devices; nc doctor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nc.compiler.cli.main import run
from nc.sim import tools

needs_yosys = pytest.mark.skipif(tools.find("pyosys") is None, reason="needs pyosys")

BLIF = """.model priority
.inputs a b c
.outputs y
.names a b c y
111 1
000 1
.end
"""
VERILOG = """module helper(input a, output y); assign y = ~a; endmodule
module majority(input a, b, c, output y); assign y = (a & b) | (b & c) | (a & c); endmodule
"""


@needs_yosys
@pytest.mark.parametrize(("name", "text"), [("p.blif", BLIF), ("m.v", VERILOG)])
def test_netlist_files(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert run(["synth", str(tmp_path / name), "-o", str(tmp_path / "out"), "--device", "lut4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["device"], found["luts"], found["depth"], found["ffs"]) == ("lut4", 1, 1, 0)
    assert found["fmax_mhz"] is None and found["bitstream"] is None and found["seconds"] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["no.v"], 1, "error[NC005]: the netlist file must exist\n  --> no.v\n"),
        (["no.v", "--device", "a", "--board", "b"], 2, "error[NC003]: --device and --board must not both be given\n"),
        (["no.v", "--cells", "ttl"], 2, "error[NC003]: --cells must be one of sfq, ftl, egfet, not 'ttl'\n"),
        (["nothing"], 1, "error[NC423]: the build must be a folder written by nc compile, not missing\n"
         "  --> nothing\n  help: nc compile MODEL -o BUILD --target TARGET\n"),
    ],
)  # fmt: skip
def test_refusals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], code: int, text: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(["synth", *arguments, "--quiet"]) == code
    assert capsys.readouterr() == ("", text)
    assert not list(tmp_path.iterdir())


def test_a_missing_tool_ends_with_its_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools, "find", lambda name: None)
    (tmp_path / "m.v").write_text(VERILOG)
    assert run(["synth", str(tmp_path / "m.v"), "-o", str(tmp_path / "out"), "--quiet"]) == 3
    printed = capsys.readouterr().err
    assert printed.startswith("error[NC500]: pyosys is needed for ")
    assert "help: pip install 'pyosys>=0.70'" in printed


def test_doctor_and_devices(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    found = {tool["name"]: tool for tool in json.loads(capsys.readouterr().out)["tools"]}
    assert found["amaranth"]["found"] and found["amaranth"]["version"]
    assert all(tool["install"] for tool in found.values())
    assert run(["devices", "--json"]) == 0
    devices = {d["name"] for d in json.loads(capsys.readouterr().out)["devices"]}
    assert {"ice40-hx8k", "ice40-up5k", "ecp5-25k", "ecp5-85k", "xcup", "lut4", "lut6"} <= devices
