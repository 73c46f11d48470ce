"""torch modules and .pt2 programs: the graph computes what torch computes; pickles and damage are refused."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nc.compiler.frontends.torch_archive import read_program
from nc.compiler.frontends.torch_export import from_torch, read_pt2
from nc.ir.diagnostics import NcError
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate
from nc.ir.verify import verify

torch = pytest.importorskip("torch", reason="torch is not installed (pip install torch)")
nn = torch.nn
F = torch.nn.functional

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


class Convolutions(nn.Module):  # type: ignore[misc, name-defined]
    """Groups, dilation, normalisation, a residual sum, pools, a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4)
        self.slope = nn.PReLU(4)
        self.pool = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        self.mean = nn.AvgPool2d(2, count_include_pad=False, padding=1)
        self.up = nn.ConvTranspose2d(4, 6, (3, 2), stride=2, padding=1, output_padding=1, groups=2)
        self.head = nn.Linear(6 * 6 * 5, 5)
        self.register_buffer("gain", torch.arange(1.0, 5.0).view(1, 4, 1, 1))

    def forward(self, x: Any) -> Any:
        y = torch.relu(self.norm(self.stem(x)))
        y = y + self.slope(self.depthwise(y)) * self.gain
        y = self.up(self.mean(self.pool(y)))
        return torch.log_softmax(self.head(y.flatten(1)), dim=-1)


class Layouts(nn.Module):  # type: ignore[misc, name-defined]
    """Views, joins, cuts, pads, constants, several results."""

    def forward(self, x: Any) -> Any:
        flat = x.view(x.size(0), -1)
        joined = torch.cat([flat, 2 - flat], 1)
        left, right = joined.split(72, 1)
        third = x.chunk(2, 1)[1]
        padded = F.interpolate(F.pad(third, (1, 2, 0, 1), value=0.5), scale_factor=2)
        swapped = x.transpose(1, 2).permute(0, 2, 3, 1).contiguous()
        stacked = torch.stack([left, right], dim=1)[:, -1, ::3]
        grid = x * torch.arange(6) + x.new_ones(6)
        return (
            stacked,
            padded,
            swapped,
            grid,
            x.unsqueeze(1).squeeze(1)[..., 0],
            F.pixel_shuffle(x.repeat(1, 2, 1, 1), 2),
        )


class Functions(nn.Module):  # type: ignore[misc, name-defined]
    """Activation functions, reductions, comparisons."""

    def forward(self, x: Any) -> Any:
        smooth = F.gelu(x) + F.silu(x) + F.softplus(x) + F.elu(x) + torch.erf(x) + F.gelu(x, approximate="tanh")
        hard = F.hardswish(x) + F.hardsigmoid(x) + F.relu6(x) + F.hardtanh(x, -0.5, 0.5) + F.leaky_relu(x, 0.2)
        norms = F.layer_norm(x, (6, 6)) + x.abs().sqrt() - x.clamp(min=0) ** 2
        chosen = torch.where(x > 0.5, x, -x / 3) + torch.maximum(x, x * x)
        best, where = x.max(dim=-1)
        means = x.mean((2, 3)) + x.amax((2, 3), keepdim=True).flatten(1)
        return smooth, hard, norms, chosen, best, where, means, F.adaptive_avg_pool2d(x, 3), x.argmax(-1)


class Attention(nn.Module):  # type: ignore[misc, name-defined]
    """Products of two computed tensors, by name of their axes."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k = nn.Linear(6, 8), nn.Linear(6, 8)

    def forward(self, x: Any) -> Any:
        rows = x.flatten(1, 2)
        weights = torch.softmax(self.q(rows) @ self.k(rows).transpose(1, 2) / 8**0.5, -1)
        return torch.bmm(weights, rows)


MODULES = [Convolutions, Layouts, Functions, Attention]


def trained(kind: Any) -> Any:
    torch.manual_seed(1)
    module = kind()
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.dtype == torch.float32 and tensor.ndim == 1:
                tensor.copy_(torch.rand_like(tensor) + 0.5)
    return module.eval()


def compare(graph: Graph, module: Any) -> None:
    verify(graph, "float")
    x = np.random.default_rng(4).normal(size=(3, 2, 6, 6)).astype(np.float32)
    with torch.no_grad():
        want = module(torch.tensor(x))
    (label,) = graph.inputs
    got = list(evaluate(graph, {label: x}).values())
    want = want if isinstance(want, tuple) else (want,)
    assert len(got) == len(want)
    for ours, theirs in zip(got, want, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", MODULES)
def test_modules_compute_what_torch_computes(kind: Any) -> None:
    module = trained(kind)
    module.train()
    graph = from_torch(module, torch.zeros(2, 2, 6, 6))
    assert module.training
    assert graph.name == kind.__name__
    compare(graph, module.eval())


def save(module: Any, path: Any, *, core: bool = False) -> None:
    """Export with a free batch; `core`: decomposed to the core ATen operators."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = torch.export.export(
            module, (torch.zeros(2, 2, 6, 6),), dynamic_shapes={"x": {0: torch.export.Dim("batch")}}
        )
        torch.export.save(exported.run_decompositions() if core else exported, path)


@pytest.mark.parametrize("kind", [Convolutions, Functions])
@pytest.mark.parametrize("core", [False, True])
def test_saved_programs(tmp_path: Path, kind: Any, core: bool) -> None:
    save(trained(kind), tmp_path / "m.pt2", core=core)
    compare(read_pt2(tmp_path / "m.pt2"), trained(kind))


class Quantised(nn.Module):  # type: ignore[misc, name-defined]
    """Fake quantisation of activations and weights, and the operators that PT2E exports have."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 72))
        self.register_buffer("scales", torch.tensor([0.01, 0.02, 0.04]))
        self.register_buffer("zeros", torch.zeros(3, dtype=torch.int32))

    def forward(self, x: Any) -> Any:
        ops = torch.ops.quantized_decomposed
        integers = ops.quantize_per_tensor(x.flatten(1), 0.0625, 11, 0, 255, torch.uint8)
        real = ops.dequantize_per_tensor(integers, 0.0625, 11, 0, 255, torch.uint8)
        weight = torch.fake_quantize_per_channel_affine(self.weight, self.scales, self.zeros, 0, -127, 127)
        return torch.fake_quantize_per_tensor_affine(torch.relu(real @ weight.t()), 0.25, 0, 0, 15)


def test_quantisers_of_torch_become_quantisers() -> None:
    import torch.ao.quantization.fx._decomposed  # noqa: F401  (registers the operators)

    module = trained(Quantised)
    graph = from_torch(module, torch.zeros(2, 2, 6, 6))
    assert [n.op.name for n in graph.nodes].count("quantize") == 3
    compare(graph, module)


def test_origins_are_paths_of_modules() -> None:
    graph = from_torch(trained(Convolutions), torch.zeros(1, 2, 6, 6))
    assert [n.origin for n in graph.nodes if n.op.name == "conv"] == [
        "stem/conv2d",
        "depthwise/conv2d_1",
        "up/conv_transpose2d",
    ]


class Unsupported(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Unfold(3))

    def forward(self, x: Any) -> Any:
        return torch.fft.rfft(x).abs(), torch.cumsum(x, 2), self.inner(x)


def test_unsupported_operators_are_named_with_their_module() -> None:
    with pytest.raises(NcError) as caught:
        from_torch(Unsupported(), torch.zeros(1, 2, 6, 6))
    assert "operator aten.im2col.default must be one that nc translates\n  --> node 'inner.0/" in str(caught.value)
    assert "operator aten.cumsum.default must be one that nc translates" in str(caught.value)


def test_modules_that_branch_on_data() -> None:
    class Branch(nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    with pytest.raises(NcError, match="error.NC117.: torch.export must be able to export Branch: "):
        from_torch(Branch(), torch.zeros(1, 2))
    with pytest.raises(NcError, match="from_torch must be given a torch.nn.Module and example tensors"):
        from_torch(print, torch.zeros(1, 2))


def _rewritten(path: Path, change: Any) -> Path:
    """The archive with its members changed by `change(name, bytes) -> bytes`."""
    source = io.BytesIO()
    save(trained(Convolutions), source)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return path


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    def pickled(name: str, data: bytes) -> bytes:
        return data.replace(b'"use_pickle": false', b'"use_pickle": true') if name.endswith("config.json") else data

    with pytest.raises(NcError) as caught:
        read_pt2(_rewritten(tmp_path / "m.pt2", pickled))
    assert str(caught.value).startswith(
        "error[NC118]: the .pt2 archive must hold plain tensors, not pickled ones ('stem.weight')\n  --> m.pt2\n"
    )


def test_pickles_in_the_archive_are_never_loaded(tmp_path: Path) -> None:
    """torch stores sample inputs as a pickle; here it would create a file when loaded."""
    trap = tmp_path / "trap"
    code = f"cos\nsystem\n(S'touch {trap}'\ntR.".encode()

    def trapped(name: str, data: bytes) -> bytes:
        return code if name.endswith((".pt", ".pkl")) else data

    compare(read_pt2(_rewritten(tmp_path / "m.pt2", trapped)), trained(Convolutions))
    assert not trap.exists()


def test_old_pickled_programs_are_refused(tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, tmp_path / "old.pt2")
    with pytest.raises(NcError, match="must hold plain tensors, not pickled ones"):
        read_pt2(tmp_path / "old.pt2")


def test_weights_that_end_early(tmp_path: Path) -> None:
    def short(name: str, data: bytes) -> bytes:
        return data[:8] if "weights/weight_" in name else data

    with pytest.raises(NcError, match="the data of a tensor must fill its shape .*, not end early"):
        read_pt2(_rewritten(tmp_path / "m.pt2", short))


def test_damaged_archives_are_diagnosed(tmp_path: Path) -> None:
    whole = io.BytesIO()
    save(trained(Convolutions), whole)
    data = whole.getvalue()
    rng = np.random.default_rng(0)
    refused = 0
    for seed in range(100):
        damaged = bytearray(data)
        if seed % 2:
            del damaged[int(rng.integers(0, len(data))) :]
        for _ in range(4):
            damaged[int(rng.integers(0, max(len(damaged), 1)))] ^= 1 << int(rng.integers(0, 8))
        try:
            read_program(io.BytesIO(bytes(damaged)))
        except NcError as error:
            refused += 1
            assert error.diagnostics[0].code in ("NC101", "NC103", "NC110", "NC113", "NC114", "NC118")
    assert refused >= 50


def test_damaged_json_is_diagnosed(tmp_path: Path) -> None:
    """Keys dropped at random: the schema is checked by reading it."""
    source = io.BytesIO()
    save(trained(Convolutions), source)
    rng = np.random.default_rng(1)
    refused = 0

    def drop(value: Any, chance: float) -> Any:
        if isinstance(value, dict):
            return {k: drop(v, chance) for k, v in value.items() if rng.random() > chance}
        return [drop(v, chance) for v in value] if isinstance(value, list) else value

    for _ in range(20):
        path = tmp_path / "m.pt2"
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                data = old.read(name)
                if name.endswith("model.json"):
                    data = json.dumps(drop(json.loads(data), 0.01)).encode()
                new.writestr(name, data)
        try:
            read_pt2(path)
        except NcError as error:
            refused += 1
            assert all(d.message for d in error.diagnostics)
    assert refused >= 10
