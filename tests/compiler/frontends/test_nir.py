"""NIR files in: every primitive, nested graphs, loops, and everything that can be wrong with a file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.compiler.frontends.nir import NirOptions, load
from nc.compiler.spiking.agreement import compare
from nc.compiler.spiking.encode import saccades
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


def test_links_and_cycles_within_a_malicious_file(tmp_path):
    nodes, edges = chain(input=nir.Input(np.array([1])), n=lif(1), output=nir.Output(np.array([1])))
    path = write(tmp_path, nodes, edges)
    with h5py.File(path, "a") as f:
        f["node/nodes/self"] = f["node"]  # a hard link: the graph holds itself
        f["node/nodes/out"] = h5py.ExternalLink("/etc/passwd", "/")
        f["node/nodes/soft"] = h5py.SoftLink("/nowhere")
    lines = refused(path).splitlines()
    assert lines[:2] == ["error[NC902]: node type must be one of NIR 1.0, not ''", "  --> net.nir: node 'out'"]
    assert "error[NC900]: a graph must not hold itself" in lines
    assert [x for x in lines if x.startswith("  --> ")][1:] == [
        "  --> net.nir: node 'self'",
        "  --> net.nir: node 'soft'",
    ]


def test_a_data_set_that_declares_more_than_memory_holds(tmp_path):
    nodes, edges = chain(input=nir.Input(np.array([1])), n=lif(1), output=nir.Output(np.array([1])))
    path = write(tmp_path, nodes, edges)
    with h5py.File(path, "a") as f:
        del f["node/nodes/n/tau"]
        f["node/nodes/n"].create_dataset("tau", shape=(1 << 40,), dtype="f8", chunks=(1 << 16,), compression="gzip")
    assert path.stat().st_size < 1 << 20
    assert refused(path) == (
        "error[NC900]: a data set must hold 1 to 4294967296 bytes, not 8796093022208 bytes\n"
        "  --> net.nir: node 'n', tensor 'tau'"
    )


def test_a_truncated_file(tmp_path):
    nodes, edges = chain(input=nir.Input(np.array([1])), n=lif(1), output=nir.Output(np.array([1])))
    path = write(tmp_path, nodes, edges)
    path.write_bytes(path.read_bytes()[:3000])
    assert refused(path).startswith("error[NC900]: file must be HDF5: ")


STRANGE = [
    0, -1, 3, 1 << 40, 0.5, np.nan, np.inf, "same", "nonsense", np.zeros(0), np.zeros((2, 3)), -np.ones(4),
    np.ones((2, 2, 2, 2, 2)), np.array([0, 0]), np.array([2, 2, 2]),
]  # fmt: skip


@given(st.data())
@settings(max_examples=60, derandomize=True, deadline=None)
def test_strange_parameters_are_read_or_refused(tmp_path_factory, data):
    """Every parameter of every node, replaced by what does not belong there: an NcError or a network, nothing else."""
    nodes, edges = chain(
        input=nir.Input(np.array([2, 6, 6])),
        conv=nir.Conv2d((6, 6), np.ones((2, 2, 3, 3)), 1, 1, 1, 1, np.zeros(2)),
        scale=nir.Scale(np.ones((2, 6, 6))),
        pool=nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        avg=nir.AvgPool2d(np.array([1, 1]), np.array([1, 1]), np.array([0, 0])),
        flat=nir.Flatten({"input": np.array([2, 3, 3])}, 0, -1),
        delay=nir.Delay(np.zeros(18)),
        fc=nir.Affine(np.ones((4, 18)), np.ones(4)),
        n=lif(4),
        cuba=nir.CubaLIF(*(np.full(4, v) for v in (0.01, 0.02, 1.0, 0.0, 1.0))),
        out=nir.Threshold(np.ones(4)),
        output=nir.Output(np.array([4])),
    )
    path = write(tmp_path_factory.mktemp("strange"), nodes, edges)
    with h5py.File(path, "a") as f:
        found: list[str] = []
        f["node/nodes"].visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
        name = data.draw(st.sampled_from(sorted(found)))
        del f["node/nodes"][name]
        if data.draw(st.integers(0, 4)):
            f["node/nodes"][name] = data.draw(st.sampled_from(STRANGE))
    with suppress(NcError):
        load(path)


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


def digits_seen_by_a_camera(rate: float) -> np.ndarray:
    """(20, 60, 2312) random events of two handwritten digits of each class, as N-MNIST was recorded."""
    from scipy.ndimage import gaussian_filter, zoom
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    picks = np.concatenate([np.flatnonzero(labels == d)[:2] for d in range(10)])
    pictures = np.stack([np.pad(zoom(p.reshape(8, 8) / 16, 26 / 8, order=1), 4) for p in pixels[picks]])
    return saccades(gaussian_filter(pictures, (0, 0.7, 0.7)), 60, rate=rate, seed=1)


@pytest.mark.parametrize("rate", [*(pytest.param(r, marks=pytest.mark.slow) for r in (0.02, 0.05, 0.1)), 0.2])
def test_cnn_agrees_with_its_float_reference(shared, rate):
    """Spikes drawn evenly over the picture leave an output silent now and then; over moving digits all ten speak."""
    network = load(shared / "models/nir/cnn_sinabs.nir")
    inputs = digits_seen_by_a_camera(rate)
    assert inputs.mean() == pytest.approx(rate, rel=0.02)
    found = compare(network, quantise(network, Precision(36, 16, 30), inputs.astype(float)), inputs)
    assert found.silent_outputs == 0
    assert found.equal_counts >= 0.99 and found.argmax == 1.0
