"""Who may import whom, read from the imports themselves: data moves one way, nothing earlier knows a target."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

ALLOWED = {
    "ir": ("nc.ir",),
    "hdl": ("nc.ir", "nc.hdl"),
    "compiler": ("nc.ir", "nc.compiler"),
    "backends": ("nc.ir", "nc.hdl", "nc.compiler", "nc.backends", "nc.sim.tools", "nc.sim.process"),  # to run tools
    "sim": ("nc.ir", "nc.hdl", "nc.sim"),
}
FRONT_DOOR = ("compiler/__init__.py", "compiler/cli/", "compiler/driver/", "compiler/exploring", "compiler/comparing",
              "compiler/report", "compiler/support")  # fmt: skip
"""Parts of the compiler that drive backends, synthesis and simulation."""

BEHIND_THE_DOOR = ("nc.compiler.cli", "nc.compiler.driver", "nc.compiler.exploring", "nc.compiler.comparing")
"""What backends must not reach back to."""


def imports() -> Iterator[tuple[str, str, str]]:
    """(top folder, file, imported module of ours), imports inside functions included."""
    for top in ALLOWED:
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    assert node.level == 0, f"{path}: relative import; write nc.{top}..."
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                yield from ((top, path.relative_to(ROOT).as_posix(), n) for n in names if n.split(".")[0] == "nc")


def below(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == p or module.startswith(p + ".") for p in packages)


def test_imports_follow_the_flow() -> None:
    wrong = [
        f"{file} imports {module}"
        for top, file, module in imports()
        if not below(module, ALLOWED[top]) and not file.startswith(FRONT_DOOR)
    ]
    assert not wrong


def test_backends_do_not_reach_back_to_the_front_door() -> None:
    assert not [f"{f} imports {m}" for top, f, m in imports() if top == "backends" and below(m, BEHIND_THE_DOOR)]


def test_a_backend_knows_no_other_and_only_the_registry_knows_all() -> None:
    targets = {p.name for p in (ROOT / "backends").iterdir() if (p / "__init__.py").exists()} - {"synth"}
    wrong = []
    for _, file, module in imports():
        parts = module.split(".")
        if parts[:2] != ["nc", "backends"] or len(parts) < 3 or parts[2] not in targets:
            continue
        if not file.startswith(f"backends/{parts[2]}/"):
            wrong.append(f"{file} imports {module}")
    assert not wrong


def test_importing_the_front_door_imports_nothing_else() -> None:
    script = "import sys, nc.compiler; print(sorted(m for m in sys.modules if m.startswith('nc.') or m == 'numpy'))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "['nc.compiler']"


def test_bare_names_are_refused() -> None:
    for top in ALLOWED:
        run = subprocess.run(
            [sys.executable, "-c", f"import {top}"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
        assert f"import 'nc.{top}', not '{top}'" in run.stderr
