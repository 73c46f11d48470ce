"""The neuron core in Amaranth's simulator equals the integer interpreter: every neuron, every tick."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.compiler.frontends.nir import load
from nc.compiler.spiking.quantise import Precision, quantise
from nc.hdl.spiking.program import build
from nc.hdl.spiking.top import SpikingTop, stream_spec
from nc.ir.diagnostics import NcError
from nc.ir.spiking.connect import Chain
from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.network import Network, Population, Projection
from nc.ir.spiking.run_fixed import run
from tests.hdl.spiking.drive import simulate
from tests.ir.spiking.networks import one_neuron, random_fixed


def golden(network: FixedNetwork, inputs: np.ndarray) -> np.ndarray:
    """All neurons in evaluation order, (N, T, neurons)."""
    names = [p.name for p in network.order if p.kind != "input"]
    found = run(network, inputs, record=names).outputs
    return np.concatenate([found[n] for n in names], axis=2)


def hardware(network: FixedNetwork, inputs: np.ndarray, form: str = "auto", **kwargs) -> np.ndarray:
    top = SpikingTop(build(network, observe="all", form=form), inputs.shape[2])
    return simulate(top, stream_spec(top.frames, inputs.shape[1]), inputs, **kwargs)


@given(st.integers(0, 10_000), st.booleans(), st.sampled_from(["dense", "compressed"]), st.sampled_from([None, 3]))
@settings(max_examples=8, derandomize=True, deadline=None)
def test_random_networks(seed, cuba, form, stalls):
    network = random_fixed(seed, cuba=cuba, delays=1 + seed % 4)
    inputs = (np.random.default_rng(seed).random((2, 12, 6)) < 0.4).astype(np.int64)
    want = golden(network, inputs)
    assert want.any()
    assert (hardware(network, inputs, form, stalls=stalls) == want).all()


@pytest.mark.parametrize("rounding", ["nearest", "floor", "truncate"])
@pytest.mark.parametrize("order", ["current_before_voltage", "voltage_before_current"])
def test_rounding_and_update_order(rounding, order):
    network = random_fixed(11)
    populations = tuple(p if p.kind == "input" else replace(p, rounding=rounding) for p in network.populations)
    network = replace(network, populations=populations, update_order=order)
    inputs = (np.random.default_rng(2).random((1, 12, 6)) < 0.5).astype(np.int64)
    assert (hardware(network, inputs) == golden(network, inputs)).all()


def test_signed_graded_inputs():
    network = random_fixed(5)
    graded = tuple(replace(p, state_bits=4, signed=True) if p.kind == "input" else p for p in network.populations)
    network = replace(network, populations=graded)
    inputs = np.random.default_rng(3).integers(-8, 8, (2, 10, 6))
    assert (hardware(network, inputs) == golden(network, inputs)).all()


def test_membrane_of_a_readout_is_an_output():
    network = quantise(one_neuron("li", tau=0.02, weight=1.0, r=3.0), Precision(state_bits=12, weight_bits=8))
    inputs = np.ones((1, 9, 1), np.int64)
    want = run(network, inputs).outputs["n"]
    assert want[0, -1, 0] > 0
    assert (hardware(network, inputs) == want).all()


@pytest.mark.parametrize("hidden", [4, 12])
def test_power_of_two_many_neurons(hidden):
    network = random_fixed(9, hidden=hidden)
    inputs = (np.random.default_rng(2).random((1, 8, 6)) < 0.5).astype(np.int64)
    assert (hardware(network, inputs) == golden(network, inputs)).all()


def test_sequences_do_not_disturb_each_other():
    network = random_fixed(8)
    one = (np.random.default_rng(1).random((1, 10, 6)) < 0.6).astype(np.int64)
    out = hardware(network, np.concatenate([one, one, one]))
    assert (out == out[:1]).all()


def test_unsupported_things_are_named_at_once():
    network = one_neuron("delta", v_threshold=1.0)
    fixed = replace(quantise(network, Precision()), semantics="event_ordered")
    with pytest.raises(NcError) as error:
        build(fixed)
    assert str(error.value) == "\n".join(
        [
            "error[NC931]: semantics must be sum_then_fire on the neuron core, not event_ordered",
            "error[NC931]: delta encoders must stay outside the core",
            "  --> node 'n'",
            "  help: encode the input beforehand (compiler.spiking.encode.delta)",
        ]
    )


def test_braille_whole(shared):
    network = load(shared / "models/nir/braille_noDelay_bias_zero.nir")
    inputs = (np.random.default_rng(4).random((1, 24, 12)) < 0.2).astype(np.int64)
    fixed = quantise(network, Precision(28, 16, 24), inputs.astype(float))
    want = golden(fixed, inputs)
    assert want[..., -7:].any()
    assert (hardware(fixed, inputs) == want).all()


@pytest.mark.slow
def test_cropped_cnn_in_verilator(shared, tmp_path):
    """The convolutional layers of the N-MNIST network on a 12 × 12 crop: 832 neurons, every one at every tick."""
    from nc.hdl.verilog import to_verilog
    from nc.sim.bench import write_bench
    from nc.sim.engine import SimulationRequest
    from nc.sim.engine import simulate as run_engine

    full = load(shared / "models/nir/cnn_sinabs.nir")
    fixed, inputs = cropped(full, 12, 8)
    want = golden(fixed, inputs)
    assert want[..., -32:].any()
    program = build(fixed, observe="all")
    top = SpikingTop(program, inputs.shape[2])
    spec = stream_spec(top.frames, inputs.shape[1])
    (tmp_path / "hdl").mkdir()
    (tmp_path / "hdl/top.v").write_text(to_verilog(top))
    write_bench(tmp_path / "tb", spec, [tmp_path / "hdl/top.v"], [inputs], [want])
    result = run_engine(SimulationRequest(tmp_path, spec, [inputs], [want]), "verilator")
    assert result.ok, result.first_mismatch


def cropped(full, side: int, ticks: int):
    """Its three convolutions, with the pool between, on a smaller picture; and random spikes for it."""
    shape: tuple[int, ...] = (2, side, side)
    populations = [Population("in", "input", shape)]
    projections = []
    for name, projection in (("1", "0"), ("3", "2"), ("6", "4+5")):
        (held,) = [q for q in full.projections if q.name == projection]
        stages = held.connectivity.stages if isinstance(held.connectivity, Chain) else (held.connectivity,)
        smaller = []
        for stage in stages:
            smaller.append(replace(stage, input_shape=shape))
            shape = smaller[-1].output_shape
        whole = smaller[0] if len(smaller) == 1 else Chain(tuple(smaller))
        projections.append(Projection(projection, populations[-1].name, name, whole))
        populations.append(Population(name, "if", shape, {"r": np.ones(1), "v_threshold": np.ones(1)}))
    network = Network("crop", 1.0, tuple(populations), tuple(projections), (populations[-1].name,))
    network.verify()
    inputs = (np.random.default_rng(0).random((2, ticks, 2 * side * side)) < 0.3).astype(np.int64)
    return quantise(network, Precision(32, 16, 16), inputs.astype(float)), inputs
