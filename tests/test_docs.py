"""The command and code blocks of README.md and docs/ are run, in order, and print what the page shows.

`console` blocks: every line after `$ ` is a command (nc and python only), run in a temporary folder with the small
models and data of docs_models.py. `python` blocks of a page share their names; an `<!-- output -->` block after one
holds what it printed, after a `console` block what its last command printed, `...` standing for anything. A `yaml`
block is space.yaml from then on. `<!-- slow -->` before a block leaves it to the long run. Blocks without a language
are output or sketches, but every `make` target in them must exist.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"((?:<!-- [a-z ]+ -->[ \n])*)```(\w*)\n(.*?)```\n?", re.DOTALL)
RUNNERS = {"nc": [sys.executable, "-m", "nc.compiler.cli"], "python": [sys.executable]}


class Block(NamedTuple):
    marks: str
    language: str
    text: str

    @property
    def slow(self) -> bool:
        return "<!-- slow -->" in self.marks


def blocks(page: Path) -> list[Block]:
    return [Block(*match.groups()) for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


def commands(block: Block) -> list[str]:
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line[2:] for line in lines if line.startswith("$ ")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands of a page run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(page: Path, folder: Path, slow: bool) -> None:
    """All blocks of the page; slow ones too if asked."""
    runpy.run_path(str(ROOT / "tests" / "docs_models.py"))["write"](page.stem, folder)
    names: dict[str, object] = {"__name__": page.stem}
    printed = ""
    for block in blocks(page):
        if block.slow and not slow:
            continue
        if "<!-- output -->" in block.marks:
            assert shows(block.text, printed), f"{page.name} must show what the block before it prints:\n{printed}"
        if block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block.text, str(page), "exec", dont_inherit=True), names)
            printed = out.getvalue()
        for command in commands(block) if block.language == "console" else ():
            program, *arguments = shlex.split(command, comments=True)
            done = subprocess.run(
                [*RUNNERS[program], *arguments], cwd=folder, capture_output=True, text=True, timeout=900,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            )  # fmt: skip
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            printed = done.stdout
        if block.language == "yaml":
            (folder / "space.yaml").write_text(block.text)


def shows(wanted: str, printed: str) -> bool:
    """Whether a page's block is what was printed; `...` stands for anything, and ends of lines do not count."""
    lines = "\n".join(line.rstrip() for line in printed.splitlines()) + "\n"
    return doctest.OutputChecker().check_output(wanted, lines, doctest.ELLIPSIS)


def runs(page: Path) -> bool:
    return any(b.language == "python" or b.language == "console" for b in blocks(page))


OWN = [page for page in PAGES if runs(page)]


@pytest.mark.parametrize("page", OWN, ids=lambda p: p.stem)
def test_blocks_run(page: Path, folder: Path) -> None:
    run(page, folder, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in OWN if any(b.slow for b in blocks(p))], ids=lambda p: p.stem)
def test_slow_blocks_run(page: Path, folder: Path) -> None:
    run(page, folder, slow=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_make_targets_exist(page: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {m for b in blocks(page) for m in re.findall(r"^(?:\$ )?make ([a-z-]+)", b.text, re.MULTILINE)}
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert not [t for t in targets if "://" not in t and not (page.parent / t).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_commands_exist(page: Path) -> None:
    named = {m for b in blocks(page) for m in re.findall(r"^(?:\$ )?nc ([a-z]+)", b.text, re.MULTILINE)}
    assert not [word for word in named if not (ROOT / "compiler" / "cli" / f"{word}.py").exists()]
