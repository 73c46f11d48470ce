"""The examples in docstrings are true. (pytest's own collection cannot import packages that refuse bare names.)"""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("ir", "compiler", "backends", "hdl", "sim")


def modules_with_examples() -> list[str]:
    paths = sorted(p for top in TOP for p in (ROOT / top).rglob("*.py") if ">>> " in p.read_text())
    names = [".".join(("nc", *p.relative_to(ROOT).with_suffix("").parts)) for p in paths]
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0 and found.failed == 0
