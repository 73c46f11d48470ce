"""Shell completion: the script that nc prints, run by bash, offers commands, targets, chips, boards and options."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from nc.backends import registry
from nc.compiler.cli import completion
from nc.compiler.config import resolve

ASK = """
eval "$(nc --show-completion)"
COMP_WORDS=({line} "{last}")
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_nc_completion nc
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """`nc` on the PATH, and bash as the shell."""
    bash = shutil.which("bash")
    assert bash is not None
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "nc"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nc.compiler.cli "$@"\n')
    script.chmod(0o755)
    paths = os.pathsep.join(p for p in sys.path if p)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "SHELL": bash, "PYTHONPATH": paths}


def offered(environment: dict[str, str], line: str, last: str) -> list[str]:
    done = subprocess.run(
        ["bash", "-c", ASK.format(line=line, last=last)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "last", "wanted"),
    [
        ("nc", "comp", ["compile", "compare"]),
        ("nc compile model.onnx --target", "f", ["fpga"]),
        ("nc compile --target printed --set", "printed.v", ["printed.vdd=0.6", "printed.vdd=1.0"]),
        ("nc eval", "", []),  # bash completes files where nc has nothing to say
    ],
    ids=["command", "target", "option", "file"],
)
def test_bash(environment: dict[str, str], line: str, last: str, wanted: list[str]) -> None:
    assert offered(environment, line, last) == wanted


def test_words() -> None:
    assert completion.target_list("fpga,thr") == ["fpga,threshold"]
    assert completion.target_list("a") == ["all"]
    assert completion.devices("ice40-u") == ["ice40-up5k"]
    assert completion.boards("icebr") == ["icebreaker"]
    assert "NC446" in completion.codes("nc44")


def test_every_offered_assignment_is_an_option() -> None:
    """Those with a value are taken as they stand."""
    for name in registry.names():
        context = type("Context", (), {"params": {"target": name}})()
        found = completion.assignments(context, "")
        assert len(found) > 20 and found == sorted(set(found))
        for word in found:
            if not word.endswith("="):
                resolve(registry.find(name).Options, None, [word])


def test_options_of_data_are_offered(environment: dict[str, str]) -> None:
    assert offered(environment, "nc eval build --missing", "m") == ["mean"]
    assert offered(environment, "nc run build --engine", "ver") == ["verilator"]
    assert "--label" in offered(environment, "nc compile model.onnx", "--l")
