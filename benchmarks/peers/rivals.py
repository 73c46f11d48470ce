"""A dense integer network to Verilog by da4ml or alkaid; runs in an environment of their own, without nc.

    python rivals.py TOOL NETWORK.npz FOLDER '{"hard_dc": 2}'

NETWORK.npz: `low`, `high` of the inputs; for layer k `w{k}` (inputs, outputs), `b{k}`, and for all layers but the last
`s{k}`, `bits{k}`: y = clip((x w + b) >> s, 0, 2**bits - 1). `cutoff` (da4ml): the delay limit of a
pipeline; `stages` (alkaid): its blocks of logic, one register more than that. Prints one JSON object: files, port
layouts, cost, blocks, CPU seconds.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def trace_with(arrays: Any, network: Any, solver: dict[str, Any], config: Any, comb: Any) -> Any:
    low, high = network["low"].astype(float), network["high"].astype(float)
    x = arrays.from_lhs(low, high, np.ones_like(low), config, 0.0, solver)
    h = x
    layers = sum(name.startswith("w") for name in network)
    for k in range(layers):
        h = h @ network[f"w{k}"].astype(float) + network[f"b{k}"].astype(float)
        if k < layers - 1:
            h = (h * 2.0 ** -int(network[f"s{k}"])).quantize(0, int(network[f"bits{k}"]), 0, "SAT", "TRN")
    return comb(x, h)


def da4ml(network: Any, folder: Path, knobs: dict[str, Any]) -> dict[str, Any]:
    from da4ml.codegen import RTLModel
    from da4ml.trace import FixedVariableArray, HWConfig, comb_trace, to_pipeline

    cutoff = float(knobs.pop("cutoff", 0))
    comb = trace_with(FixedVariableArray, network, knobs, HWConfig(1, -1, -1), comb_trace)
    design = to_pipeline(comb, cutoff, verbose=False) if cutoff else comb
    stages = len(design.solutions) if cutoff else 0
    RTLModel(design, "net", folder, flavor="verilog").write()
    sources = [str(p) for p in sorted((folder / "src").rglob("*.v")) if not p.name.endswith("_wrapper.v")]
    layout = {"inputs": widths(comb.inp_qint), "outputs": widths(comb.out_qint)}
    return {"top": "net", "files": sources, "cost": float(comb.cost), "latency": stages, **layout,
            "reg_bits": int(design.reg_bits) if stages else 0, "x": "model_inp", "y": "model_out"}  # fmt: skip


def alkaid(network: Any, folder: Path, knobs: dict[str, Any]) -> dict[str, Any]:
    from alkaid.codegen import RTLModel
    from alkaid.trace import FVArray, HWConfig, trace

    stages, ternary = int(knobs.pop("stages", 0)), bool(knobs.pop("ternary", True))
    comb = trace_with(FVArray, network, knobs, HWConfig(1, -1, -1), trace)
    # `n_stages` counts blocks of logic, each with a register behind it, and one at the input.
    model = RTLModel(comb, folder, "net", "verilog", n_stages=stages or -1, ternary_fuse=ternary)
    model.write()
    sources = [str(p) for p in sorted((folder / "src").rglob("*.v")) if not p.name.endswith("_wrapper.v")]
    layout = {"inputs": widths(comb.inp_qint), "outputs": widths(comb.out_qint)}
    return {"top": "net", "files": sources, "cost": float(model._comb.cost), "latency": stages, **layout,
            "reg_bits": int(model.reg_bits) if stages else 0, "x": "model_inp", "y": "model_out"}  # fmt: skip


def widths(intervals: Any) -> list[list[int]]:
    """(bits, signed, fraction) of every element, in order, the first in the low bits."""
    from fractions import Fraction

    found = []
    for low, high, step in intervals:
        unit = Fraction(float(step)).limit_denominator(1 << 40)
        first, last = int(Fraction(float(low)) / unit), int(Fraction(float(high)) / unit)
        signed = first < 0
        bits = max(last.bit_length(), (-first - 1).bit_length() if signed else 0) + signed
        if first == last == 0:
            bits = 0
        found.append([bits, int(signed), -(unit.numerator.bit_length() - unit.denominator.bit_length())])
    return found


if __name__ == "__main__":
    name, source, target, chosen = sys.argv[1:]
    loaded = dict(np.load(source))
    begin = time.process_time()
    result = {"da4ml": da4ml, "alkaid": alkaid}[name](loaded, Path(target), json.loads(chosen))
    print(json.dumps({**result, "compile_s": time.process_time() - begin}))
