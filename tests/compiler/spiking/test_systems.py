"""The spiking systems of the literature, each built, quantised, and run in integers (and on the core where small)."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest

from nc.compiler.frontends.nir import NirOptions, load
from nc.compiler.frontends.nir_write import write
from nc.compiler.spiking.encode import delta, latency, rate
from nc.compiler.spiking.membrane_norm import fold_membrane_norm
from nc.compiler.spiking.metrics import measure
from nc.compiler.spiking.one_tick import to_graph
from nc.compiler.spiking.pynn import script
from nc.compiler.spiking.quantise import Precision, quantise
from nc.compiler.spiking.structures import associative_memory, delta_layer, reservoir, spike_attention
from nc.hdl.spiking.program import build
from nc.hdl.spiking.top import SpikingTop, stream_spec
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder
from nc.ir.interpret import evaluate
from nc.ir.ops.matmul import MatMul
from nc.ir.spiking.connect import Chain, Conv2d, Dense, Scale, Sparse, SumPool2d
from nc.ir.spiking.network import Network, Population, Projection
from nc.ir.spiking.reference import run
from nc.ir.spiking.run_fixed import run as run_fixed
from nc.ir.types import IntType, TensorType
from tests.hdl.spiking.drive import simulate
from tests.ir.spiking.networks import one_neuron, random_fixed

rng = np.random.default_rng(4)


def on_core(fixed, inputs):
    top = SpikingTop(build(fixed), inputs.shape[2])
    return simulate(top, stream_spec(top.frames, inputs.shape[1]), inputs)


def bars(count: int, ticks: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Moving bars: events (N, ticks, side²) of a vertical or horizontal edge, and which it is."""
    x, y = np.zeros((count, ticks, side, side), np.int64), rng.integers(0, 2, count)
    for n in range(count):
        start = rng.integers(0, side)
        for t in range(ticks):
            place = (start + t) % side
            if y[n]:
                x[n, t, place] = 1
            else:
                x[n, t, :, place] = 1
    x[rng.random(x.shape) < 0.02] ^= 1
    return x.reshape(count, ticks, -1), y


def test_liquid_state_machine_with_device_statistics():
    """A fixed random reservoir in integers and a trained linear read-out tell moving bars apart."""
    liquid = reservoir(64, 120, seed=7)
    assert reservoir(64, 120, seed=7).projections[1].connectivity == liquid.projections[1].connectivity
    x, y = bars(160, 16, 8)
    fixed = quantise(liquid, Precision(16, 12, 8), x[:40].astype(float))
    counts = run_fixed(fixed, x).outputs["liquid"].sum(axis=1)
    assert 0.01 < counts.mean() / 16 < 0.5
    design = np.c_[counts, np.ones(len(counts))]
    target = 2.0 * y - 1
    ridge = np.linalg.solve(design[:100].T @ design[:100] + 5 * np.eye(121), design[:100].T @ target[:100])
    assert ((design[100:] @ ridge > 0) == (y[100:] == 1)).mean() >= 0.9
    assert (on_core(fixed, x[:1, :5]) == run_fixed(fixed, x[:1, :5]).outputs["liquid"]).all()


def test_associative_memory_recalls_patterns_from_halves():
    patterns = np.zeros((8, 80), bool)
    for k in range(8):
        patterns[k, rng.choice(80, 10, replace=False)] = True
    memory = quantise(associative_memory(patterns), Precision(16, 8, 8))
    recalled = 0
    for pattern in patterns:
        cue = np.zeros((1, 6, 80), np.int64)
        cue[0, 0, np.flatnonzero(pattern)[:5]] = 1
        final = run_fixed(memory, cue).outputs["cell"][0, -1].astype(bool)
        recalled += int((final == pattern).all())
    assert recalled >= 7
    cue = np.zeros((1, 4, 80), np.int64)
    cue[0, 0, np.flatnonzero(patterns[0])[:5]] = 1
    assert (on_core(memory, cue) == run_fixed(memory, cue).outputs["cell"]).all()


def test_associative_memory_as_a_spinnaker_script():
    """Executed with a recorder in PyNN's place: cells, synapses with weights and delays, and what is observed."""
    network = associative_memory(np.eye(4, dtype=bool)[[0, 1]] | np.eye(4, dtype=bool)[[2, 3]])
    calls: list[tuple[str, tuple, dict]] = []
    trains = SimpleNamespace(segments=[SimpleNamespace(spiketrains=[])])
    population = SimpleNamespace(initialize=lambda **k: None, record=lambda what: None, get_data=lambda what: trains)

    class Recorder(ModuleType):
        def __getattr__(self, name):
            def call(*args, **values):
                calls.append((name, args, values))
                return population if name == "Population" else args[0] if name == "FromListConnector" else name

            return call

    names = {"pyNN": ModuleType("pyNN"), "pyNN.spiNNaker": Recorder("pyNN.spiNNaker")}
    names["pyNN"].spiNNaker = names["pyNN.spiNNaker"]
    with patch.dict(sys.modules, names):
        exec(script(network), {})
    (cell,) = [values for name, _, values in calls if name == "IF_curr_delta"]
    assert cell["v_thresh"] == pytest.approx([0.4] * 4) and cell["tau_m"] == [1000.0] * 4
    rows = [args[0] for name, args, _ in calls if name == "FromListConnector"]
    # The cue's four synapses, the votes among cells of one pattern, and the inhibition of all the others.
    assert [len(r) for r in rows] == [4, 8, 8]
    assert {r[2] for r in rows[1]} == {0.5} and {r[2] for r in rows[2]} == {-0.5}


def test_spike_driven_attention_is_masks_and_additions():
    tokens, width = 5, 4
    fixed = quantise(spike_attention(tokens, width, threshold=2.0), Precision(16, 8, 8))
    q, k, v = ((rng.random((30, tokens, width)) < 0.5).astype(np.int64) for _ in range(3))
    inputs = np.concatenate([a.reshape(30, 1, -1) for a in (q, k, v)], axis=2)
    want = v * ((q & k).sum(axis=1, keepdims=True) >= 2)
    assert (run_fixed(fixed, inputs).outputs["out"].reshape(want.shape) == want).all()
    assert (on_core(fixed, inputs[:3]).reshape(3, tokens, width) == want[:3]).all()


def test_delta_activation_layer_sends_little_and_loses_less_than_theta():
    weight = rng.normal(size=(6, 10))
    video = np.cumsum(rng.normal(0, 0.1, (2, 60, 10)), axis=1)
    layer = delta_layer(weight, 0.5)
    out = run(layer, video, record=["change", "y"]).outputs
    assert (out["change"] == 0).mean() > 0.6
    assert (np.abs(out["y"] - video @ weight.T) <= 0.5 * np.abs(weight).sum(axis=1)).all()
    assert (delta(video, 0.5) == out["change"]).all()
    # On the core the receiver integrates the graded events, which the sensor's side encodes.
    receiver = Network(
        "receiver", 1.0,
        (Population("x", "input", (10,)), Population("y", "i", (6,), {"r": np.ones(1)}, reset="none")),
        (Projection("w", "x", "y", Dense(weight * 0.5)),), ("y",),
    )  # fmt: skip
    events = delta(video, 0.5, limit=7)
    fixed = quantise(receiver, Precision(24, 8, 10, input_bits=4, input_signed=True), events.astype(float))
    have = run_fixed(fixed, events).outputs["y"]
    np.testing.assert_allclose(have * fixed.by_name["y"].scale, run(receiver, events).outputs["y"], atol=0.1)
    assert (on_core(fixed, events[:, :6]) == have[:, :6]).all()


def test_pruned_recurrent_network_with_heterogeneous_time_constants():
    """As LNP leaves them: few synapses, every neuron its own time constants; the memory holds what is left."""
    n = 24
    keep = rng.random((n, n)) < 0.1
    tau = {"tau_syn": rng.uniform(2, 8, n), "tau_mem": rng.uniform(4, 20, n), "r": np.full(n, 8.0)}
    network = Network(
        "pruned", 1.0,
        (Population("in", "input", (6,)), Population("n", "cuba_lif", (n,), {**tau, "v_threshold": np.ones(n)})),
        (
            Projection("w", "in", "n", Dense(rng.normal(0.4, 0.5, (n, 6)))),
            Projection("r", "n", "n", Dense(keep * rng.normal(0.2, 1.0, (n, n))), delay=1),
        ),
        ("n",),
    )  # fmt: skip
    x = (rng.random((2, 30, 6)) < 0.3).astype(np.int64)
    fixed = quantise(network, Precision(16, 12, 8), x.astype(float))
    program = build(fixed)
    assert program.compressed and len(program.words) == fixed.synapses < 6 * n + n * n / 4
    want = run_fixed(fixed, x).outputs["n"]
    assert want.any() and (on_core(fixed, x) == want).all()


@pytest.mark.parametrize("reset", ["to_value", "subtract"])
def test_membrane_batch_norm_folds_into_thresholds(reset):
    n = 40
    gamma, beta = rng.normal(size=n), rng.normal(0, 0.3, n)
    mean, var = rng.normal(0, 0.2, n), rng.uniform(0.5, 2, n)
    weight, tau = rng.normal(size=(n, 6)), 5.0
    parameters = {"tau": np.full(1, tau), "r": np.full(1, tau), "v_threshold": np.full(1, 1.0)}
    network = Network(
        "mpbn", 1.0,
        (Population("in", "input", (6,)), Population("n", "lif", (n,), parameters, reset=reset)),
        (Projection("w", "in", "n", Dense(weight)),), ("n",),
    )  # fmt: skip
    low = (1 - beta) * np.sqrt(var + 1e-5) / gamma + mean
    if reset == "to_value":  # a neuron at rest must not fire by itself: choose beta so that none does
        beta = np.where(np.sign(gamma) * low <= 0, 0.9 - 2 * np.abs(mean * gamma), beta)
        keep = np.sign(gamma) * ((1 - beta) * np.sqrt(var + 1e-5) / gamma + mean) > 0
        gamma, mean = np.where(keep, gamma, 1.0), np.where(keep, mean, 0.1)
        beta = np.where(keep, beta, 0.0)
    x = (rng.random((4, 30, 6)) < 0.5).astype(float)
    got = run(fold_membrane_norm(network, "n", gamma, beta, mean, var), x).outputs["n"]
    v = np.zeros((4, n))
    for t in range(30):
        v = v + (-v + tau * (x[:, t] @ weight.T)) / tau
        fired = gamma * (v - mean) / np.sqrt(var + 1e-5) + beta > 1.0
        assert (got[:, t] == fired).all()
        v = np.where(fired, 0.0, v) if reset == "to_value" else v - fired
    fixed = quantise(fold_membrane_norm(network, "n", gamma, beta, mean, var), Precision(28, 16, 20), x)
    whole = run_fixed(fixed, x.astype(np.int64)).outputs["n"]
    assert (whole.sum(axis=1) == got.sum(axis=1)).mean() >= 0.99
    assert (on_core(fixed, x[:1, :8].astype(np.int64)) == whole[:1, :8]).all()


def test_membrane_rectifier_leaves_less_behind():
    """Soft reset after a rectifier: equal to the formula tick by tick, in float, in integers and on the core."""
    n = 12
    weight = rng.normal(0.3, 0.5, (n, 6))
    parameters = {"tau": np.full(1, 4.0), "r": np.full(1, 4.0), "v_threshold": np.ones(1)}
    network = Network(
        "mpr", 1.0,
        (Population("in", "input", (6,)), Population("n", "lif", (n,), parameters, reset="subtract", rectify=2)),
        (Projection("w", "in", "n", Dense(weight)),), ("n",),
    )  # fmt: skip
    x = (rng.random((3, 40, 6)) < 0.4).astype(float)
    got = run(network, x).outputs["n"]
    v = np.zeros((3, n))
    for t in range(40):
        v = 0.75 * v + x[:, t] @ weight.T
        v = np.where((v >= 0) & (v <= 2), np.clip(1 + 4 * (v - 1), 0, 2), v)
        assert (got[:, t] == (v > 1)).all()
        v = v - (v > 1)
    plain = replace(network, populations=tuple(replace(p, rectify=0) for p in network.populations))
    assert (run(plain, x).outputs["n"] != got).any()
    fixed = quantise(network, Precision(24, 16, 16), x)
    whole = run_fixed(fixed, x.astype(np.int64)).outputs["n"]
    assert (whole.sum(axis=1) == got.sum(axis=1)).mean() >= 0.9
    assert (on_core(fixed, x[:2, :15].astype(np.int64)) == whole[:2, :15]).all()


def test_one_tick_is_a_binary_network():
    net = random_fixed(2, cuba=False)
    net = replace(
        net, projections=tuple(q for q in net.projections if not q.delay and q.source != "a" or q.target == "b")
    )
    graph = to_graph(net)
    x = (rng.random((50, 6)) < 0.5).astype(np.int64)
    want = run_fixed(net, x[:, None]).outputs["b"][:, 0]
    assert want.any() and not want.all()
    assert (evaluate(graph, {"in": x})["b"] == want).all()


def test_hybrid_network_starts_from_another_networks_values():
    """An integer network sets the membranes: the same as a spiking network that was built with these."""
    net = random_fixed(3, cuba=False)
    ann = Builder("ann")
    pixels = ann.input("pixels", TensorType((5,), IntType(0, 7)))
    ann.output("v", ann.add(MatMul(), pixels, ann.constant(rng.integers(-2, 3, (5, 9)))))
    values = evaluate(ann.finish(), {"pixels": rng.integers(0, 8, (3, 5))})["v"]
    assert len(np.unique(values)) > 5
    x = (rng.random((3, 12, 6)) < 0.4).astype(np.int64)
    together = run_fixed(net, x, initial={"a": values}).outputs["b"]
    for k in range(3):
        arrays = {**net.by_name["a"].arrays, "v_init": values[k]}
        one = replace(
            net, populations=tuple(replace(p, arrays=arrays) if p.name == "a" else p for p in net.populations)
        )
        assert (run_fixed(one, x[k : k + 1]).outputs["b"] == together[k : k + 1]).all()
        assert (on_core(one, x[k : k + 1]) == together[k : k + 1]).all()


def test_encodings():
    x = np.array([[0.0, 5.0, 10.0]])
    assert latency(x, 5, top=10).argmax(axis=1).tolist() == [[0, 2, 0]] and latency(x, 5, top=10)[0, :, 0].sum() == 0
    assert rate(np.full((1, 500), 2.5), 40, top=10).mean() == pytest.approx(0.25, abs=0.02)
    with pytest.raises(NcError):
        rate(np.array([[11.0]]), 3, top=10)


def test_metrics_count_what_happens():
    """One input of 3 to 2 neurons with one zero weight, by hand."""
    net = Network(
        "m", 1.0,
        (Population("in", "input", (3,)), Population("n", "if", (2,), {"v_threshold": np.ones(1)})),
        (Projection("w", "in", "n", Dense(np.array([[2.0, 0.0, 2.0], [0.5, 0.5, 0.5]]))),), ("n",),
    )  # fmt: skip
    found = measure(quantise(net, Precision(12, 8, 8)), np.array([[[1, 1, 0], [0, 0, 1]]]))
    assert (found.dense, found.effective_acs, found.effective_macs) == (12.0, 5.0, 0.0)
    assert found.connection_sparsity == pytest.approx(1 / 6)
    # First neuron fires twice, the second once (1.5 > 1 at the second tick).
    assert found.activation_sparsity == pytest.approx(1 / 4)
    assert found.membrane_updates == 4


def test_nir_round_trip(tmp_path):
    a = Population("a", "cuba_lif", (4,), {"tau_syn": np.full(4, 5e-3), "tau_mem": rng.uniform(0.01, 0.02, 4),
                                           "v_threshold": np.full(4, 0.2), "r": np.full(4, 4.0)})  # fmt: skip
    net = Network(
        "net", 1e-3,
        (Population("input", "input", (3,)), a, Population("b", "li", (2,), {"tau": np.full(2, 0.01)}, reset="none")),
        (
            Projection("w", "input", "a", Dense(rng.normal(1, 1, (4, 3))), bias=rng.normal(0, 0.1, 4)),
            Projection("r", "a", "a", Dense(rng.normal(0, 1, (4, 4))), delay=1),
            Projection("o", "a", "b", Dense(rng.normal(0, 1, (2, 4))), delay=2),
        ),
        ("b",),
    )  # fmt: skip
    write(net, tmp_path / "net.nir")
    again = load(tmp_path / "net.nir", NirOptions(dt=1e-3))
    x = (rng.random((2, 40, 3)) < 0.4).astype(float)
    want = run(net, x, record=["a", "b"]).outputs
    assert want["a"].any()
    np.testing.assert_allclose(run(again, x).outputs["b"], want["b"], atol=1e-12)


def test_every_kind_of_node_is_written_and_read_back(tmp_path):
    """Convolution, pools, scale, delay, and all seven neuron models, in a network that reads back the same."""

    def population(name: str, model: str, shape: tuple[int, ...], **values: float) -> Population:
        fires = model not in ("li", "cuba_li", "i")
        held = {k: np.full(int(np.prod(shape)), v) for k, v in values.items()}
        return Population(name, model, shape, held, reset="to_value" if fires else "none")

    cuba = {"tau_syn": 4e-3, "tau_mem": 8e-3}
    sizes = Sparse(6, 6, np.arange(6), np.arange(6), rng.normal(1, 0.2, 6), np.zeros(6, np.int64))
    net = Network(
        "all", 1e-3,
        (
            Population("input", "input", (1, 6, 6)),
            population("a", "lif", (2, 4, 4), tau=4e-3, r=2.0, v_leak=0.1, v_threshold=0.3),
            population("b", "if", (2, 2, 2), r=1e3, v_threshold=0.5),
            population("c", "cuba_lif", (6,), **cuba, r=6.0, v_threshold=0.2),
            population("d", "threshold", (6,), v_threshold=0.4),
            population("e", "li", (6,), tau=5e-3),
            population("f", "cuba_li", (6,), **cuba),
            population("g", "i", (6,), r=1.0),
        ),
        (
            Projection("conv", "input", "a", Conv2d(rng.normal(0.3, 0.5, (2, 1, 3, 3)), (1, 6, 6)),
                       bias=np.repeat(rng.normal(0, 0.1, 2), 16)),
            Projection("pool", "a", "b", Chain((SumPool2d((2, 4, 4), (2, 2), (2, 2)), Scale(np.full(8, 0.4))))),
            Projection("fc", "b", "c", Dense(rng.normal(0.4, 0.5, (6, 8)))),
            Projection("sparse", "c", "d", sizes),
            Projection("late", "c", "e", Dense(rng.normal(size=(6, 6))), delay=3),
            Projection("x", "d", "f", Dense(rng.normal(size=(6, 6)))),
            Projection("y", "d", "g", Dense(rng.normal(size=(6, 6)))),
        ),
        ("e", "f", "g"),
    )  # fmt: skip
    net.verify()
    write(net, tmp_path / "all.nir")
    again = load(tmp_path / "all.nir", NirOptions(dt=1e-3))
    x = (rng.random((3, 60, 36)) < 0.4).astype(float)
    names = [p.name for p in net.populations]
    want, have = (run(n, x, record=names).outputs for n in (net, again))
    for p in net.populations:
        assert want[p.name].any(), p.name
        np.testing.assert_allclose(have[p.name], want[p.name], atol=1e-9, err_msg=p.name)


def test_what_nir_cannot_say_is_refused(tmp_path):
    with pytest.raises(NcError) as error:
        write(one_neuron("if", v_threshold=1.0, reset="subtract", refractory=2), tmp_path / "x.nir")
    assert [d.message for d in error.value.diagnostics] == [
        "reset must be to a value in NIR, not by subtraction",
        "there must be no refractory time in NIR",
    ]
