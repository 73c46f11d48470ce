"""NC_REQUIRE_ALL=1 turns skips into failures, of tests and of whole modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest
def test_skips():
    pytest.skip("no tool")
"""
MODULE = """
import pytest
pytest.importorskip("no_such_module")
"""


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("text", "reason"), [(SKIPS, "no tool"), (MODULE, "no_such_module")])
def test_skips_count_as_failures(tmp_path: Path, strict: bool, text: str, reason: str) -> None:
    (tmp_path / "test_it.py").write_text(text)
    (tmp_path / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text())
    env = {k: v for k, v in os.environ.items() if k != "NC_REQUIRE_ALL"} | ({"NC_REQUIRE_ALL": "1"} if strict else {})
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", str(tmp_path)],
        env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert reason in run.stdout
    assert ("skipped although NC_REQUIRE_ALL=1" in run.stdout) is strict
    assert (run.returncode not in (0, 5)) is strict
