"""NIR files in: every primitive, nested graphs, loops, and everything that can be wrong with a file."""

from __future__ import annotations

from pathlib import Path

import h5py
import nir
import numpy as np
import pytest

from nc.compiler.frontends.nir import NirOptions, load
from nc.compiler.spiking.agreement import compare
from nc.compiler.spiking.quantise import Precision, quantise
from nc.compiler.spiking.tune import tune
from nc.ir.diagnostics import NcError
from nc.ir.spiking import run_fixed
from nc.ir.spiking.reference import run

rng = np.random.default_rng(5)


def write(tmp_path: Path, nodes: dict, edges: list) -> Path:
    path = tmp_path / "net.nir"
    nir.write(path, nir.NIRGraph(nodes, edges, type_check=False))
    return path


def chain(**nodes) -> tuple[dict, list]:
    names = list(nodes)
    return nodes, list(zip(names, names[1:]))


def refused(path: Path) -> str:
    with pytest.raises(NcError) as error:
        load(path)
    return str(error.value)


def lif(n: int, **changes):
    values = {"tau": 0.01, "r": 2.0, "v_leak": 0.1, "v_threshold": 0.5} | changes
    return nir.LIF(**{k: np.full(n, v) for k, v in values.items()})


def test_every_linear_primitive_matches_its_definition(tmp_path):
    """One linear path through all of them against the same arithmetic in numpy."""
    weight1, weight2 = rng.normal(size=(4, 3, 3)), rng.normal(size=(2, 4, 1, 3))
    nodes, edges = chain(
        input=nir.Input(np.array([3, 16])),
        scale=nir.Scale(np.full((3, 16), 0.5)),
        conv1=nir.Conv1d(16, weight1, 1, "same", 1, 1, rng.normal(size=4)),
        thr=nir.Threshold(np.full((4, 1, 16), 0.2)),
        conv2=nir.Conv2d((1, 16), weight2, 1, (0, 1), 1, 1, rng.normal(size=2)),
        avg=nir.AvgPool2d(np.array([1, 2]), np.array([1, 2]), np.array([0, 0])),
        sum=nir.SumPool2d(np.array([1, 2]), np.array([1, 2]), np.array([0, 0])),
        flat=nir.Flatten({"input": np.array([2, 1, 4])}, 0, -1),
        lin=nir.Linear(rng.normal(size=(3, 8))),
        delay=nir.Delay(np.array([0.0, 2.0, 1.0])),
        i=nir.I(np.ones(3)),
        output=nir.Output(np.array([3])),
    )
    # A bias must not pass through a Delay: the delayed constant would be zero at first.
    assert "a constant must not pass through a Delay" in refused(write(tmp_path, nodes, edges))
    nodes["conv2"].bias[:] = 0
    network = load(write(tmp_path, nodes, edges))
    x = rng.normal(size=(1, 5, 48))
    got = run(network, x).outputs[network.outputs[0]][0]
    level = np.zeros((5, 3))
    for t in range(5):
        padded = np.pad(0.5 * x[0, t].reshape(3, 16), ((0, 0), (1, 1)))
        y = np.stack([[(padded[:, k : k + 3] * w).sum() for k in range(16)] for w in weight1])
        y = (y + nodes["conv1"].bias[:, None] > 0.2).astype(float)
        padded = np.pad(y, ((0, 0), (1, 1)))
        z = np.stack([[(padded[:, k : k + 3] * w[:, 0]).sum() for k in range(16)] for w in weight2])
        level[t] = nodes["lin"].weight @ (z.reshape(2, 4, 4).sum(axis=2) / 2).reshape(-1)
    arrived = np.stack([level[:, 0], np.r_[0, 0, level[:3, 1]], np.r_[0, level[:4, 2]]], axis=1)
    np.testing.assert_allclose(got, np.cumsum(arrived, axis=0), atol=1e-9)


@pytest.mark.parametrize(
    ("node", "model"),
    [
        (lif(2), "lif"),
        (nir.CubaLIF(*(np.full(2, v) for v in (0.01, 0.02, 1.0, 0.0, 1.0))), "cuba_lif"),
        (nir.IF(np.ones(2), np.ones(2)), "if"),
        (nir.LI(*(np.full(2, v) for v in (0.01, 1.0, 0.0))), "li"),
        (nir.CubaLI(*(np.full(2, v) for v in (0.01, 0.02, 1.0, 0.0))), "cuba_li"),
        (nir.I(np.ones(2)), "i"),
        (nir.Threshold(np.ones(2)), "threshold"),
    ],
)
def test_every_neuron_primitive_is_read(tmp_path, node, model):
    nodes, edges = chain(input=nir.Input(np.array([2])), n=node, output=nir.Output(np.array([2])))
    network = load(write(tmp_path, nodes, edges))
    assert network.by_name["n"].model == model
    assert network.outputs == ("n",)


def test_nested_graph_is_flattened(tmp_path):
    inner, inner_edges = chain(input=nir.Input(np.array([2])), lif=lif(2), output=nir.Output(np.array([2])))
    inner["rec"] = nir.Linear(np.eye(2))
    inner_edges += [("lif", "rec"), ("rec", "lif")]
    nodes, edges = chain(
        input=nir.Input(np.array([3])),
        fc=nir.Affine(rng.normal(size=(2, 3)), np.ones(2)),
        block=nir.NIRGraph(inner, inner_edges, type_check=False),
        output=nir.Output(np.array([2])),
    )
    network = load(write(tmp_path, nodes, edges))
    assert [p.name for p in network.populations] == ["input", "block.lif"]
    assert {(q.name, q.source, q.target, q.delay) for q in network.projections} == {
        ("fc", "input", "block.lif", 0),
        ("block.rec", "block.lif", "block.lif", 1),
    }


def test_every_defect_of_a_file_is_reported_at_once(tmp_path):
    nodes, edges = chain(
        input=nir.Input(np.array([2])),
        fc=nir.Linear(np.eye(2)),
        lif=lif(2, tau=np.nan),
        output=nir.Output(np.array([2])),
    )
    path = write(tmp_path, nodes, [*edges, ("fc", "lfi")])
    with h5py.File(path, "a") as f:
        f["node/nodes/fc/type"][()] = "Bilinear"
        del f["node/nodes/lif/v_threshold"]
    lines = refused(path).splitlines()
    assert lines == [
        "error[NC902]: node type must be one of NIR 1.0, not 'Bilinear'",
        "  --> net.nir: node 'fc'",
        "  help: did you mean 'Linear'?",
        "error[NC904]: 'tau' must be finite, but 2 of 2 values are not",
        "  --> net.nir: node 'lif', tensor 'tau'",
        "error[NC903]: parameter 'v_threshold' of LIF must be in the file",
        "  --> net.nir: node 'lif'",
        "error[NC901]: edge 'fc' -> 'lfi' must join existing nodes, but there is no 'lfi'",
        "  --> net.nir: node 'fc'",
        "  help: did you mean 'lif'?",
    ]


def test_wrong_weight_shape(tmp_path):
    nodes, edges = chain(
        input=nir.Input(np.array([2])), fc=nir.Linear(np.ones((4, 3))), n=lif(4), output=nir.Output(np.array([4]))
    )
    assert refused(write(tmp_path, nodes, edges)) == "\n".join(
        ["error[NC906]: weight must be (outputs, 2), not (4, 3)", "  --> net.nir: node 'fc'"]
    )


def test_zero_threshold(tmp_path):
    nodes, edges = chain(input=nir.Input(np.array([2])), n=lif(2, v_threshold=0.0), output=nir.Output(np.array([2])))
    assert "'v_threshold' must be above v_reset, but is not for 2 of 2 neurons" in refused(
        write(tmp_path, nodes, edges)
    )


def test_loop_without_a_neuron(tmp_path):
    nodes, edges = chain(
        input=nir.Input(np.array([2])), a=nir.Linear(np.eye(2)), b=nir.Linear(np.eye(2)), n=lif(2),
        output=nir.Output(np.array([2])),
    )  # fmt: skip
    assert "a loop must pass through a neuron" in refused(write(tmp_path, nodes, [*edges, ("b", "a")]))


def test_not_hdf5(tmp_path):
    path = tmp_path / "net.nir"
    path.write_bytes(b"GIF89a")
    assert refused(path).startswith("error[NC900]: file must be HDF5")


def test_links_out_of_the_file_are_not_followed(tmp_path):
    nodes, edges = chain(input=nir.Input(np.array([1])), n=lif(1), output=nir.Output(np.array([1])))
    path = write(tmp_path, nodes, edges)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["tau"] = np.ones(1)
    with h5py.File(path, "a") as f:
        del f["node/nodes/n/tau"]
        f["node/nodes/n/tau"] = h5py.ExternalLink("other.h5", "tau")
    assert "parameter 'tau' of LIF must be in the file" in refused(path)


@pytest.mark.parametrize("integrator", ["forward_euler", "exponential_euler"])
@pytest.mark.parametrize("bits", [12, 16])
def test_published_trace(shared, integrator, bits):
    """The exact solution's spike steps, published with the NIR paper; step 450 is a near tie."""
    network = load(shared / "models/nir/lif_norse.nir", NirOptions(dt=1e-4, integrator=integrator))
    trace = np.loadtxt(shared / "models/nir/lif_exact.csv", delimiter=",")
    inputs = trace[None, :, :1]
    steps = np.flatnonzero(trace[:, 2]).tolist()
    assert steps == [460, 510, 710, 760]
    assert np.flatnonzero(run(network, inputs).outputs["1"]).tolist() == steps
    fixed = quantise(network, Precision(state_bits=bits, weight_bits=bits, decay_bits=bits), inputs)
    assert np.flatnonzero(run_fixed.run(fixed, inputs).outputs["1"]).tolist() == steps


@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_braille_agrees_with_its_float_reference(shared, rate):
    network = load(shared / "models/nir/braille_noDelay_bias_zero.nir")
    inputs = (np.random.default_rng(1).random((100, 256, 12)) < rate).astype(float)
    wide = compare(network, quantise(network, Precision(28, 16, 24), inputs), inputs)
    assert wide.silent_outputs == 0
    assert wide.equal_counts >= 0.99 and wide.argmax == 1.0
    narrow = compare(network, tune(network, Precision(16, 16, 16), inputs[:20]), inputs)
    assert narrow.relative_error <= 0.02


def test_cnn_agrees_with_its_float_reference(shared):
    network = load(shared / "models/nir/cnn_sinabs.nir")
    inputs = (np.random.default_rng(1).random((5, 60, 2312)) < 0.1).astype(float)
    found = compare(network, quantise(network, Precision(32, 16, 26), inputs), inputs)
    assert found.equal_counts >= 0.99
