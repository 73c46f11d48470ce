"""The L2MU: its Legendre matrices, the committed weights on BasicMotions, and its hardware on a mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.compiler.spiking.encode import delta
from nc.compiler.spiking.l2mu import l2mu, legendre
from nc.compiler.spiking.mapping.mapper import map_network
from nc.compiler.spiking.mapping.partition import CoreLimits
from nc.compiler.spiking.quantise import Precision, quantise
from nc.hdl.spiking.mesh import SpikingMesh
from nc.hdl.spiking.mesh_program import spread
from nc.hdl.spiking.top import stream_spec
from nc.ir.spiking import reference, run_fixed
from tests.hdl.spiking.drive import simulate

WEIGHTS = Path(__file__).parents[3] / "examples/l2mu/l2mu.npz"
EIGHT_BITS = Precision(state_bits=16, decay_bits=8, weight_bits=8, input_bits=4, input_signed=True)


def network():
    held = dict(np.load(WEIGHTS))
    return l2mu(held, {p: float(held[f"beta_{p}"]) for p in ("u", "m", "h", "out")})


def motions(split):
    """As examples/l2mu/train.py encodes them."""
    from aeon.datasets import load_basic_motions

    x, y = load_basic_motions(split=split)
    names = sorted(set(y))
    return delta(np.moveaxis(x, 1, 2), 1.0, limit=7), np.array([names.index(v) for v in y])


def test_legendre_memory_recalls_a_delayed_signal():
    """A Legendre memory of length theta holds the last theta ticks: its state decodes the signal theta ago."""
    order, theta = 12, 50.0
    a, b = legendre(order, theta)
    t = np.arange(400)
    signal = np.sin(2 * np.pi * t / 100)
    state, states = np.zeros((order, 1)), []
    for value in signal:
        state = a @ state + b * value
        states.append(state[:, 0])
    # Shifted Legendre polynomials at the far end of the window are all 1.
    delayed = np.array(states).sum(axis=1)
    np.testing.assert_allclose(delayed[150:], signal[150 - 50 : -50], atol=0.05)


def test_accuracy_in_float_and_at_eight_bits():
    x, y = motions("test")
    calibration, _ = motions("train")
    net = network()
    want = reference.run(net, x.astype(float)).outputs["out"].sum(axis=1).argmax(axis=1)
    assert (want == y).mean() >= 0.95
    fixed = quantise(net, EIGHT_BITS, calibration.astype(float))
    have = run_fixed.run(fixed, x).outputs["out"].sum(axis=1).argmax(axis=1)
    assert (have == y).mean() >= (want == y).mean() - 0.02


def on_mesh():
    """The L2MU on four cores of at most 13 neurons."""
    calibration, _ = motions("train")
    fixed = quantise(network(), EIGHT_BITS, calibration.astype(float))
    mapping = map_network(fixed, CoreLimits(13), mesh=(2, 2))
    core, start = {}, 0
    for p in (p for p in fixed.order if p.kind != "input"):
        core[p.name] = mapping.core[start : start + p.size]
        start += p.size
    return fixed, spread(fixed, core, [(int(x), int(y)) for x, y in mapping.at], (2, 2), observe="all")


def test_mesh_equals_the_integers():
    fixed, program = on_mesh()
    x = motions("test")[0][:1, :15]
    names = [p.name for p in fixed.order if p.kind != "input"]
    found = run_fixed.run(fixed, x, record=names).outputs
    want = np.concatenate([found[n] for n in names], axis=2)
    top = SpikingMesh(program)
    got = simulate(top, stream_spec(top.frames, x.shape[1]), x)
    assert want.any() and len(program.cores) == 4
    assert sorted(got.sum(axis=(0, 1))) == sorted(want.sum(axis=(0, 1)))
    assert (got == want).all()


@pytest.mark.slow
def test_ten_whole_sequences_in_verilator(tmp_path):
    from nc.hdl.verilog import to_verilog
    from nc.sim.bench import write_bench
    from nc.sim.engine import SimulationRequest
    from nc.sim.engine import simulate as run_engine

    fixed, program = on_mesh()
    x = motions("test")[0][::4]
    names = [p.name for p in fixed.order if p.kind != "input"]
    found = run_fixed.run(fixed, x, record=names).outputs
    want = np.concatenate([found[n] for n in names], axis=2)
    top = SpikingMesh(program)
    spec = stream_spec(top.frames, x.shape[1])
    (tmp_path / "hdl").mkdir()
    (tmp_path / "hdl/top.v").write_text(to_verilog(top))
    write_bench(tmp_path / "tb", spec, [tmp_path / "hdl/top.v"], [x], [want])
    result = run_engine(SimulationRequest(tmp_path, spec, [x], [want]), "verilator")
    assert len(x) == 10
    assert result.ok, result.first_mismatch
