"""Speed and memory of the compiler's passes, the emission and the golden model, at growing sizes.

    python benchmarks/speed.py [--quick] [--json]

Each row runs in a process of its own: `seconds` is CPU time (children included), `peak_mb` the peak memory of that
process. `rate` is size per second. Without --json the table goes into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import numpy as np
import sections

from nc.compiler.config import Common
from nc.ir.graph import Builder, Graph
from nc.ir.ops import OPS
from nc.ir.types import BIPOLAR, F32, IntType, TensorType

Job = Callable[[], object]


def op(name: str, *args: object, **kwargs: object) -> Any:
    return OPS[name](*args, **kwargs)


def dense(width: int, layers: int = 3) -> Graph:
    """A float MLP of square layers."""
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input("x", TensorType((width,), F32))
    for _ in range(layers):
        x = b.add(op("matmul"), x, b.constant(rng.normal(0, 1, (width, width)) / np.sqrt(width)))
        x = b.add(op("relu"), b.add(op("add"), x, b.constant(rng.normal(0, 0.1, width))))
    b.output("y", x)
    return b.finish()


def binary() -> Graph:
    """The shape of TFC_1W1A: 784-64-64-64-10, one-bit weights and activations, pixels of 8 bits."""
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input("x", TensorType((784,), IntType(0, 255)))
    x = b.add(op("multi_threshold", np.array([[128]]), np.array([1]), 0, -1, 2), x)
    for rows, columns in ((784, 64), (64, 64), (64, 64), (64, 10)):
        weights = rng.choice([-1, 1], (rows, columns))
        x = b.add(op("matmul"), x, b.constant(weights, TensorType((rows, columns), BIPOLAR)))
        if columns != 10:
            x = b.add(op("multi_threshold", rng.integers(-9, 9, (columns, 1)), np.ones(columns, np.int64), 0, -1, 2), x)
    b.output("y", x)
    return b.finish()


def golden(images: int) -> Job:
    from nc.ir.interpret import evaluate

    graph = binary()
    x = np.random.default_rng(0).integers(0, 256, (images, 784))
    return lambda: evaluate(graph, {"x": x})


def quantise(width: int) -> Job:
    from nc.compiler.passes.manager import run_passes
    from nc.compiler.passes.pipelines import to_integers

    graph = dense(width)
    data = np.random.default_rng(0).normal(size=(256, width))
    return lambda: run_passes(graph, to_integers(graph, Common(), {"x": data}))


def adders(width: int) -> Job:
    from nc.compiler.words.matvec import matvec

    matvec(np.eye(2, dtype=np.int64))  # the kernels are compiled before the clock starts
    weights = np.random.default_rng(0).integers(-31, 32, (width, width))
    return lambda: matvec(weights)


def _words(nodes: int, every: int | None = 3) -> Any:
    """A word graph of about so many nodes, as the fpga target makes it: dense layers of 64 neurons with 6-bit weights,
    sums as trees of adders, requantised to 8 bits, and (`every`) a register after every so many operations."""
    from nc.compiler.words.matvec import matvec
    from nc.compiler.words.pipeline import Pipeline
    from nc.compiler.words.sums import SumTrees
    from nc.ir.words import WordBuilder

    b = WordBuilder()
    x: Any = b.input("x", (64,), 0, 255)
    per_layer = 5_300 if every else 3_800  # nodes after the trees and registers
    for layer in range(max(1, round(nodes / per_layer))):
        b.layer(f"fc{layer}")
        weights = np.random.default_rng(layer).integers(-31, 32, (64, 64))
        x = [b.clamp(b.shr(v, 9), 0, 255) for v in matvec(weights).apply(b, x)]
        b.layer(f"fc{layer}/act")
    graph = SumTrees(2).run(b.build({"y": np.array(x)}))
    return Pipeline(every=every).run(graph)[0] if every else graph


def emission(nodes: int) -> Job:
    from nc.hdl.word_files import design_files
    from nc.hdl.words import WordDesign

    graph = _words(nodes)

    def emit() -> object:
        design = WordDesign(graph, cells="instances")
        return design_files(design, design, design.ports)

    return emit


def pipelining(nodes: int) -> Job:
    from nc.compiler.words.pipeline import Pipeline

    graph = _words(nodes, None)
    return lambda: Pipeline(every=3).run(graph)


def words(nodes: int) -> Job:
    from nc.ir.words import evaluate

    graph = _words(nodes, None)
    x = np.random.default_rng(0).integers(0, 256, (256, 64))
    return lambda: evaluate(graph, [x])


WORK: dict[str, tuple[Callable[[int], Job], str, tuple[int, ...]]] = {
    "golden model": (golden, "images", (1_000, 10_000)),
    "quantise and integerize, 3 layers": (quantise, "width", (64, 128, 256, 512)),
    "adder graph, 6 bits": (adders, "width", (32, 64, 128, 256)),
    "pipeline": (pipelining, "nodes", (5_000, 20_000, 100_000)),
    "emit Verilog": (emission, "nodes", (5_000, 20_000, 100_000)),
    "evaluate words, 256 vectors": (words, "nodes", (5_000, 20_000, 100_000)),
}


def _measured(what: str, size: int) -> dict[str, object]:
    job = WORK[what][0](size)
    before = _cpu()
    job()
    seconds = _cpu() - before
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    return {
        "what": what, "size": size, "unit": WORK[what][1], "seconds": round(seconds, 3), "peak_mb": round(peak),
        "rate": round(size / max(seconds, 1e-9), 1),
    }  # fmt: skip


def _cpu() -> float:
    own, below = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core, as the figures say
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smaller sizes only")
    parser.add_argument("--json", action="store_true", help="one JSON object, and no table written")
    parser.add_argument("--only", help="the rows whose name contains this")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for what, (_, _, sizes) in WORK.items():
        if options.only and options.only not in what:
            continue
        for size in sizes[:2] if options.quick else sizes:
            begin = time.perf_counter()
            with get_context("spawn").Pool(1) as pool:
                rows.append(pool.apply(_measured, (what, size)))
            print(f"{what} {size}: {time.perf_counter() - begin:.1f} s", file=sys.stderr)
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    columns = {"what": "what", "size": "size", "unit": "", "seconds": "CPU s", "peak_mb": "peak MB", "rate": "per s"}
    sections.write("speed", "Speed", sections.table(rows, columns))


if __name__ == "__main__":
    main()
