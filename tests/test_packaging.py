"""The packages in pyproject.toml are the folders: a forgotten one works in editable mode and is missing in a wheel."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOP = ("ir", "compiler", "backends", "hdl", "sim")


def declared() -> list[str]:
    packages: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    return packages


def modules() -> list[Path]:
    return sorted(
        p.relative_to(ROOT) for top in TOP for p in (ROOT / top).rglob("*.py") if "__pycache__" not in p.parts
    )


def test_every_folder_with_modules_is_a_declared_package() -> None:
    folders = {".".join(("nc", *m.parent.parts)) for m in modules()}
    assert len(declared()) == len(set(declared()))
    assert set(declared()) == folders


def test_every_package_says_what_it_is() -> None:
    silent = [str(m) for m in modules() if not ast.get_docstring(ast.parse((ROOT / m).read_text()))]
    assert not silent, f"modules without a docstring: {silent}"


def test_the_wheel_holds_every_file(tmp_path: Path) -> None:
    script = "import sys, setuptools.build_meta as b; print(b.build_wheel(sys.argv[1]))"
    copy = tmp_path / "source"
    tracked = ["pyproject.toml", "README.md", "LICENSE", *TOP]
    copy.mkdir()
    for name in tracked:
        subprocess.run(["cp", "-r", str(ROOT / name), str(copy)], check=True, timeout=60)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)],
        cwd=copy, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    with zipfile.ZipFile(tmp_path / run.stdout.split()[-1]) as wheel:
        held = set(wheel.namelist())
    wanted = {f"nc/{m.as_posix()}" for m in modules()} | {"nc/ir/py.typed"}
    assert wanted <= held
