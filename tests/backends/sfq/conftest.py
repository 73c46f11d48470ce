"""Circuits that the project makes itself, as a fixture."""

from __future__ import annotations

from types import ModuleType

import pytest

from nc.backends.sfq import samples


@pytest.fixture(scope="session")
def made() -> ModuleType:
    return samples
