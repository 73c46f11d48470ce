"""Ten networks on five devices: what the estimate says, what synthesis finds, and whether the clock asked for is met.

    python benchmarks/fpga_fit.py [--only NAME ...] [--devices NAME ...] [--synth | --pnr] [--json] [--merge FILE ...]

Without --synth nothing is synthesised: rows hold estimates only. `none` as a device is `nc compile` without options.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sections

import nc.compiler
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph
from nc.ir.ops import OPS
from nc.ir.types import IntType, TensorType

EXAMPLES = Path(__file__).parents[1] / "examples"
DEVICES = ("none", "ice40-hx8k", "ice40-up5k", "ecp5-25k", "ecp5-85k")
COLUMNS = {
    "network": "network", "device": "device", "style": "style", "estimate": "LUTs, block RAMs, DSPs: estimate",
    "found": "found", "error": "LUTs, % off", "asked": "MHz asked", "met": "routed", "said": "refused",
}  # fmt: skip


def op(name: str, *args: object) -> Any:
    return OPS[name](*args)


def start(name: str, shape: tuple[int, ...], bits: int) -> tuple[Builder, int, np.random.Generator]:
    build = Builder(name)
    return build, build.input("x", TensorType(shape, IntType(0, (1 << bits) - 1))), np.random.default_rng(0)


def narrow(build: Builder, x: int, bits: int) -> int:
    """The positive part of the top bits: a ReLU and its quantiser."""
    shift = max(0, build.type(x).int.bits - 1 - bits)
    one = np.ones(1, np.int64)
    return build.add(op("requantize", one, 0 * one, shift, 0, (1 << bits) - 1, 0, "floor"), x)


def dense(*sizes: int, bits: int = 4) -> Graph:
    build, x, rng = start("dense", (sizes[0],), bits)
    for k, (a, b) in enumerate(zip(sizes, sizes[1:])):
        limit = (1 << bits - 1) - 1
        x = build.add(op("matmul"), x, build.constant(rng.integers(-limit, limit + 1, (a, b))))
        x = narrow(build, x, bits) if k + 2 < len(sizes) else x
    build.output("y", build.add(op("argmax", 0, False), x))
    return build.finish()


def convolution(build: Builder, rng: np.random.Generator, x: int, channels: int, kernel: int, groups: int = 1) -> int:
    shape = build.type(x).shape
    rank, pad = len(shape) - 1, (kernel - 1) // 2
    weights = rng.integers(-7, 8, (channels, shape[0] // groups, *([kernel] * rank)))
    made = op("conv", (1,) * rank, (pad,) * 2 * rank, (1,) * rank, groups)
    return build.add(made, x, build.constant(weights))


def decided(build: Builder, rng: np.random.Generator, x: int, classes: int) -> Graph:
    """Flattened, dense, arg-max."""
    size = build.type(x).size
    x = build.add(op("reshape", (size,)), x)
    x = build.add(op("matmul"), x, build.constant(rng.integers(-7, 8, (size, classes))))
    build.output("y", build.add(op("argmax", 0, False), x))
    return build.finish()


def series() -> Graph:
    """One spatial axis: two convolutions, a depthwise and a pointwise one."""
    build, x, rng = start("series", (6, 32), 6)
    for channels, kernel, groups in ((12, 5, 1), (16, 5, 1), (16, 3, 16), (16, 1, 1)):
        x = narrow(build, convolution(build, rng, x, channels, kernel, groups), 4)
    return decided(build, rng, x, 4)


def residual() -> Graph:
    build, x, rng = start("residual", (4, 8, 8), 4)
    x = narrow(build, convolution(build, rng, x, 8, 3), 4)
    branch = narrow(build, convolution(build, rng, x, 8, 3), 4)
    x = narrow(build, build.add(op("add"), convolution(build, rng, branch, 8, 3), x), 4)
    return decided(build, rng, x, 10)


def _calibrated(path: str, shape: tuple[int, ...], config: str | None = None) -> dict[str, Any]:
    """A model of the examples, with random samples for its ranges."""
    samples = np.random.default_rng(0).integers(0, 17, (64, *shape)).astype(np.float32)
    return {"model": EXAMPLES / path, "samples": samples, "config": None if config is None else EXAMPLES / config}


NETWORKS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "dense 16-16-4, 4 bits": lambda: {"model": dense(16, 16, 4)},
    "dense 64-32-10, 4 bits": lambda: {"model": dense(64, 32, 10)},
    "dense 128-64-10, 6 bits": lambda: {"model": dense(128, 64, 10, bits=6)},
    "digits MLP": lambda: _calibrated("digits/digits_mlp.onnx", (64,)),
    "digits BNN": lambda: _calibrated("digits/digits_bnn.onnx", (64,)),
    "series, 1-D convolutions": lambda: {"model": series()},
    "residual block": lambda: {"model": residual()},
    "LeNet-5, 4 bits": lambda: {"model": EXAMPLES / "mnist/lenet_w4a4.onnx"},
    "MNIST MLP, 4 bits": lambda: {"model": EXAMPLES / "mnist/mlp_w4a4.onnx"},
    "GRU controller": lambda: {"model": EXAMPLES / "closed_loop/controller.onnx",
                               "calib": EXAMPLES / "closed_loop/recording.npz"},
}  # fmt: skip


def row(name: str, device: str, synth: bool, pnr: bool) -> dict[str, object]:
    given = NETWORKS[name]()
    found: dict[str, object] = {"network": name, "device": device}
    with tempfile.TemporaryDirectory() as place:
        samples = given.pop("samples", None)
        if samples is not None:
            given["calib"] = Path(place, "calib.npz")
            np.savez(given["calib"], x=samples)
        chosen = [] if device == "none" else [f"fit.device={device}"]
        chosen += ["output=argmax"] if isinstance(given["model"], Path) and "GRU" not in name else []
        try:
            made = nc.compiler.compile(target="fpga", output=Path(place, "build"), set=chosen, **given)
            estimate = made.build.manifest.estimate
            luts = int(str(estimate["luts"]))
            found |= {"style": estimate.get("style", "spatial"), "asked": estimate["clock_mhz"],
                      "estimate": f"{luts:,}, {estimate['brams']}, {estimate['dsps']}"}  # fmt: skip
            if synth or pnr:
                taken = nc.compiler.synth(made.build.folder, pnr=pnr, device=str(estimate["device"]))
                found |= {"found": f"{taken.luts:,}, {taken.brams}, {taken.dsps}", "met": taken.fmax_mhz,
                          "error": round(100 * (luts / (taken.luts or 1) - 1))}  # fmt: skip
        except NcError as error:
            found["said"] = ", ".join(sorted({d.code for d in error.diagnostics}))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--devices", nargs="*", default=list(DEVICES), choices=DEVICES)
    parser.add_argument("--synth", action="store_true", help="synthesise")
    parser.add_argument("--pnr", action="store_true", help="synthesise, place and route (hours)")
    parser.add_argument("--json", action="store_true", help="one JSON object, and no table written")
    parser.add_argument("--merge", type=Path, nargs="*", default=[], help="JSON of other runs, whose rows come first")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for path in options.merge:
        rows += json.loads(path.read_text())["rows"]
    done = {(r["network"], r["device"]) for r in rows}
    for name in options.only:
        for device in options.devices:
            if (name, device) not in done:
                begin = time.perf_counter()
                rows.append(row(name, device, options.synth, options.pnr))
                print(rows[-1], f"{time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    order, chips = list(NETWORKS), list(DEVICES)
    rows.sort(key=lambda r: (order.index(str(r["network"])), chips.index(str(r["device"]))))
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    text = (
        "`nc compile --set fit.device=DEVICE` (`none`: no option, hence `ecp5-85k`) beside Yosys and nextpnr of this "
        "release's constraints. Empty cells were not run. `python benchmarks/fpga_fit.py --pnr`.\n\n"
    )
    sections.write("fpga_fit", "FPGA: networks fitted to devices", text + sections.table(rows, COLUMNS))


if __name__ == "__main__":
    main()
