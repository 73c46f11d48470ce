"""Fixtures: ABC from the pyosys wheel, and public circuits of the development material."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def abc() -> str:
    pyosys = pytest.importorskip("pyosys", reason="ABC comes with pyosys: pip install pyosys")
    return str(Path(pyosys.__file__).parent / "yosys-abc")


@pytest.fixture(scope="session")
def circuits() -> Path:
    if "NC_SHARED" not in os.environ:
        pytest.skip("NC_SHARED is not set: public circuits are not at hand")
    return Path(os.environ["NC_SHARED"]) / "data" / "circuits"
