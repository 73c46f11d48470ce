"""Shared by all tests: reproducible hypothesis, extra models from NC_SHARED, and skips that count as failures.

With NC_REQUIRE_ALL=1 a skipped test fails: an environment that claims to have every tool is held to it.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("nc", derandomize=True, deadline=None, print_blob=False)
settings.load_profile("nc")

REQUIRE_ALL = os.environ.get("NC_REQUIRE_ALL") == "1"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of extra models and data that NC_SHARED names; without it the test is skipped, visibly."""
    folder = os.environ.get("NC_SHARED")
    if not folder:
        pytest.skip("needs NC_SHARED, the folder of extra models and data")
    return Path(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although NC_REQUIRE_ALL=1: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if REQUIRE_ALL and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped although NC_REQUIRE_ALL=1: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
