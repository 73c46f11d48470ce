"""The engine `pulse`: an SFQ build's netlist, pulse by pulse, on test vectors, against the golden model."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nc.ir.netlist_eval import from_bits, to_bits
from nc.sim import pulse_program
from nc.sim.pulse_build import read_build


def simulate(build: Path, graph: Any, options: Any, engine: str, vectors: Any) -> Mapping[str, object]:
    """One vector a clock period at the shortest legal period; the fields of `nc simulate`, and `outputs` by name.

    `vectors`: `inputs` and `expected` by port name, (N, *shape) integers. A timing violation makes the run not right.
    """
    data = json.loads((build / "hdl" / "netlist.json").read_text())
    if data["format"] == 2:
        return _program(build, data, vectors)
    design, tensors = read_build(build), data["tensors"]
    begin = time.perf_counter()
    bits = {}
    for name, values in vectors.inputs.items():
        array = np.asarray(values)
        bits[name] = to_bits(array.reshape(len(array), -1), tensors[name]["bits"]).reshape(len(array), -1)
    result = design.run(bits)
    outputs, wrong, first = {}, np.zeros(len(vectors), bool), None
    for name, expected in vectors.expected.items():
        kind, n = tensors[name], len(expected)
        raw = result.outputs[name].reshape(n, -1, kind["bits"])
        outputs[name] = from_bits(raw, signed=kind["signed"]).reshape(expected.shape)
        differs = (outputs[name] != expected).reshape(n, -1)
        wrong |= differs.any(axis=1)
        if first is None and differs.any():
            vector, element = (int(i) for i in np.argwhere(differs)[0])
            first = {
                "vector": vector,
                "output": f"{name}[{element}]",
                "expected": int(np.asarray(expected).reshape(n, -1)[vector, element]),
                "got": int(outputs[name].reshape(n, -1)[vector, element]),
                "layer": None,
            }
    return {
        "engine": "pulse",
        "vectors": len(vectors),
        "mismatches": int(wrong.sum()),
        "latency_cycles": -(-design.clocking.depth // design.clocking.phases),
        "ii_cycles": 1.0,
        "cycles": result.periods,
        "first_mismatch": first,
        "seconds": round(time.perf_counter() - begin, 4),
        "outputs": outputs,
        "period_ps": design.period,
        "pulses": result.trace.events,
        "violations": [str(v) for v in result.trace.violations[:20]],
        "violation_count": result.trace.violation_count,
    }


def _program(build: Path, data: Mapping[str, Any], vectors: Any) -> Mapping[str, object]:
    """A time-multiplexed engine: images one behind the other, decisions compared."""
    tensors = data["tensors"]
    design = pulse_program.read_build(build)
    begin = time.perf_counter()
    x = np.asarray(vectors.inputs[tensors["input"]])
    run = design.run((x.reshape(len(x), -1) >= tensors["threshold"]).astype(np.uint8))
    expected = np.asarray(vectors.expected[tensors["output"]])
    found = run.decisions.reshape(expected.shape)
    wrong = np.flatnonzero((found != expected).reshape(len(x), -1).any(axis=1))
    first = None
    if len(wrong):
        at = int(wrong[0])
        want, got = (int(a.reshape(len(x), -1)[at, 0]) for a in (expected, found))
        first = {"vector": at, "output": tensors["output"], "expected": want, "got": got, "layer": None}
    periods = len(design.streams["shift"])
    return {
        "engine": "pulse",
        "vectors": len(x),
        "mismatches": len(wrong),
        "latency_cycles": periods + math.ceil(data["engine"]["latency"] / design.period),
        "ii_cycles": float(periods),
        "cycles": run.periods,
        "first_mismatch": first,
        "seconds": round(time.perf_counter() - begin, 4),
        "outputs": {tensors["output"]: found},
        "period_ps": design.period,
        "pulses": run.trace.events,
        "violations": [str(v) for v in run.trace.violations[:20]],
        "violation_count": run.trace.violation_count,
    }
