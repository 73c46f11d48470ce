"""Every `nc` line in the README and the docs names a command and options that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nc.compiler.cli.app import COMMANDS
from nc.compiler.cli.main import run

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def command_lines() -> list[tuple[str, str]]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found = []
    for page in pages:
        for block in _BLOCK.findall(page.read_text()):
            text = block.replace("\\\n", " ")
            lines = [line.strip().removeprefix("$ ") for line in text.splitlines()]
            found += [(page.name, line) for line in lines if re.match(r"nc [a-z]", line)]
    return found


def test_there_are_command_lines() -> None:
    assert len(command_lines()) >= 4


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_commands_and_options_exist(page: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = line.split("#")[0].split()
    assert words[1] in COMMANDS, f"{page}: {line}"
    assert run([words[1], "--help"]) == 0
    known = capsys.readouterr().out
    for option in (w.split("=")[0] for w in words if w.startswith("-")):
        assert re.search(rf"(^|[\s,]){re.escape(option)}([\s,]|$)", known), f"{page}: {line}: no option {option}"
