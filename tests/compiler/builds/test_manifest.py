"""manifest.json: what it holds, that it is reproducible, and that damage to a build is found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nc.compiler.builds import Build, Manifest, manifest, staged
from nc.ir.diagnostics import NcError


def make(folder: Path) -> Manifest:
    with staged(folder) as new:
        (new / "hdl").mkdir()
        (new / "hdl" / "top.v").write_text("module top; endmodule\n")
        (new / "model.nc").write_text("graph\n")
        made = Manifest(
            target="fpga",
            source={"name": "model.onnx", "sha256": "0" * 64},
            calibration=None,
            options={"seed": 0},
            passes=("fold", "quantise"),
            estimate={"adders": 12, "density": 0.5},
            files=manifest.written(new),
            tool=manifest.tool_version(),
            libraries=manifest.versions(["numpy", "no-such-library"]),
        )
        manifest.write(made, new)
    return made


def refused(folder: Path) -> str:
    with pytest.raises(NcError) as caught:
        Build.open(folder)
    return str(caught.value)


def test_round_trip_and_equal_bytes(tmp_path: Path) -> None:
    made = make(tmp_path / "a")
    make(tmp_path / "b")
    assert Build.open(tmp_path / "a").manifest == made
    assert (tmp_path / "a/manifest.json").read_bytes() == (tmp_path / "b/manifest.json").read_bytes()
    data = json.loads((tmp_path / "a/manifest.json").read_text())
    assert list(data) == [
        "schema", "tool", "libraries", "target", "input", "calibration", "options", "passes", "estimate", "warnings",
        "files",
    ]  # fmt: skip
    assert list(data["files"]) == ["hdl/top.v", "model.nc"]
    assert data["libraries"] == {"numpy": np.__version__}
    assert str(tmp_path) not in (tmp_path / "a/manifest.json").read_text()


def test_changed_missing_and_linked_files_are_all_reported(tmp_path: Path) -> None:
    make(tmp_path / "build")
    (tmp_path / "build/hdl/top.v").write_text("module top; endmodule \n")
    (tmp_path / "build/model.nc").rename(tmp_path / "elsewhere")
    (tmp_path / "build/model.nc").symlink_to(tmp_path / "elsewhere")
    assert refused(tmp_path / "build") == (
        "error[NC424]: the file must be as the compiler wrote it, not changed\n"
        f"  --> {tmp_path}/build/hdl/top.v\n  help: compile the model again\n"
        "error[NC424]: the file must be as the compiler wrote it, not a link\n"
        f"  --> {tmp_path}/build/model.nc\n  help: compile the model again"
    )


def test_not_a_build(tmp_path: Path) -> None:
    assert refused(tmp_path / "no") == (
        "error[NC423]: the build must be a folder written by nc compile, not missing\n"
        f"  --> {tmp_path}/no\n  help: nc compile MODEL -o BUILD --target TARGET"
    )
    assert "not an empty or foreign folder" in refused(tmp_path)


def test_another_schema(tmp_path: Path) -> None:
    make(tmp_path / "build")
    path = tmp_path / "build/manifest.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 99'))
    assert refused(tmp_path / "build") == (
        f"error[NC425]: the build's schema must be version 1, not 99\n  --> {path}\n"
        "  help: compile the model again with this version of nc"
    )


def test_paths_that_leave_the_build_are_refused(tmp_path: Path) -> None:
    make(tmp_path / "build")
    path = tmp_path / "build/manifest.json"
    path.write_text(path.read_text().replace("hdl/top.v", "../../etc/passwd"))
    assert "not outside the build" in refused(tmp_path / "build")


def test_damaged_manifests_end_in_a_diagnostic(tmp_path: Path) -> None:
    make(tmp_path / "build")
    path = tmp_path / "build/manifest.json"
    good = path.read_bytes()
    rng = np.random.default_rng(5)
    codes = set()
    for _ in range(300):
        bad = bytearray(good)
        for at in rng.integers(len(bad), size=2):
            bad[at] = rng.integers(32, 127)
        if rng.random() < 0.2:
            del bad[rng.integers(len(bad)) :]
        path.write_bytes(bad)
        try:
            Build.open(tmp_path / "build")
        except NcError as error:
            codes.add(error.diagnostics[0].code)
    assert "NC424" in codes <= {"NC424", "NC425"}


def test_reports_are_written_whole_and_stay_inside(tmp_path: Path) -> None:
    make(tmp_path / "build")
    build = Build.open(tmp_path / "build")
    build.report("simulate", {"mismatches": 0})
    assert build.reports() == {"simulate": {"mismatches": 0}}
    assert [p.name for p in (tmp_path / "build/reports").iterdir()] == ["simulate.json"]
    Build.open(tmp_path / "build")  # reports are outside the manifest
    (tmp_path / "build/reports/simulate.json").unlink()
    (tmp_path / "build/reports").rmdir()
    (tmp_path / "build/reports").symlink_to(tmp_path)
    with pytest.raises(NcError, match="reports must be a folder of the build, not a link"):
        build.report("simulate", {})
    assert not (tmp_path / "simulate.json").exists()
