"""torch modules and exported programs through the front door."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nc.compiler
from nc.compiler.data import Dataset
from nc.ir.diagnostics import NcError

torch = pytest.importorskip("torch")


def test_a_module_and_its_exported_program_give_the_same_build(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)).eval()
    example = torch.zeros(1, 6)
    torch.export.save(torch.export.export(module, (example,)), tmp_path / "net.pt2")
    data = Dataset.of(np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32))
    made = nc.compiler.compile(module, example, target="paper", output=tmp_path / "a", calib=data)
    same = nc.compiler.compile(tmp_path / "net.pt2", target="paper", output=tmp_path / "b", calib=data)
    assert made.parameters == same.parameters
    for name in ("weights.npz", "float_weights.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    agreement = nc.compiler.evaluate(tmp_path / "a", data).agreement
    assert agreement is not None and agreement >= 0.97


def test_a_module_needs_an_example(tmp_path: Path) -> None:
    with pytest.raises(NcError, match="from_torch must be given a torch.nn.Module and example tensors"):
        nc.compiler.compile(torch.nn.Linear(2, 2), target="paper", output=tmp_path / "a")


def test_what_is_not_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NcError):
        nc.compiler.compile(42, target="paper", output=tmp_path / "a")
