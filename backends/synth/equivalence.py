"""Does a synthesised netlist compute what its source says? Proved by Yosys, or else simulated, and said so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nc.backends.synth.devices import find_device
from nc.backends.synth.gates import Gates, Words
from nc.backends.synth.yosys import quoted, read_commands, run_yosys
from nc.ir.diagnostics import NcError
from nc.sim import tools
from nc.sim.process import ToolFailed, run

_MODELS: Mapping[str, Sequence[str]] = {
    "ice40": ("+/ice40/cells_sim.v",),
    "ecp5": ("-D NO_INCLUDES +/lattice/cells_sim_ecp5.v",),
    "xilinx": ("+/xilinx/cells_sim.v",),
    "lut": ("+/xilinx/cells_sim.v",),  # LUT1 to LUT6
}
# Both sides as plain gates and positive-edge flip-flops: every enable, reset and LUT spelled out.
_TO_GATES = (
    "proc", "flatten", "memory_map", "opt_expr", "techmap -map +/techmap.v", "lut2mux", "simplemap", "async2sync",
    "dffunmap", "simplemap", "setundef -zero", "opt_expr", "opt_merge", "opt_clean",
)  # fmt: skip
RESET_CYCLES = 2


@dataclass(frozen=True)
class Equivalence:
    """`verdict`: 'equal' or 'different'. `proved`: for all inputs, by induction over all states or from reset on;
    otherwise `vectors` random stimuli agreed (or one did not: `detail` tells it)."""

    verdict: str
    proved: bool
    detail: str
    vectors: int = 0


def prove_equivalent(
    gold_files: Sequence[Path],
    gate_netlist: Path,
    top: str,
    *,
    device: str = "",
    liberty: Path | None = None,
    out_dir: Path,
    limit_s: float = 120.0,
    vectors: int = 4096,
    cycles: int = 24,
    seed: int = 1,
) -> Equivalence:
    """Compare `gate_netlist` (the netlist .v or .json of `synthesise`) with the Verilog that it was made from.

    First, random stimuli (`vectors` independent ones of `cycles` clock cycles, after a reset where the design has a
    port `rst`) look for a difference, bit-parallel; then Yosys proves equality by induction from matching registers, or
    else ABC from reset on, each in at most `limit_s` seconds. `device` or `liberty` says what the netlist's cells mean.
    Raises NcError (NC521, NC501) when a side cannot be read.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    models = [f"read_verilog -sv -defer {file}" for file in _models(device)]
    if liberty is not None:
        models = [f"read_liberty -ignore_miss_func {quoted(liberty)}"]
    read = "read_verilog -sv"
    if gate_netlist.suffix == ".json":  # it also lists the cells as boxes without a body, in the way of the models
        netlist = json.loads(gate_netlist.read_text())
        gate_netlist = out_dir / "equivalence-gate-only.json"
        gate_netlist.write_text(json.dumps({**netlist, "modules": {top: netlist["modules"][top]}}))
        read = "read_json"
    sides = {
        "gold": read_commands(gold_files, top),
        "gate": [*models, f"{read} {quoted(gate_netlist)}", f"hierarchy -check -top {top}"],
    }
    for side, commands in sides.items():
        finish = [f"rename {top} {side}", f"write_rtlil {side}.il", f"write_json {side}.json"]
        run_yosys([*commands, *_TO_GATES, *finish], out_dir, f"equivalence-{side}", limit_s=10 * limit_s)
    modules = [json.loads((out_dir / f"{side}.json").read_text())["modules"][side] for side in sides]
    if difference := _simulate(Gates(modules[0]), Gates(modules[1]), vectors, cycles, seed):
        return Equivalence("different", False, difference, vectors)
    (out_dir / "unmatched.txt").write_text("\n".join(_unmatched(*modules)) + "\n")
    proof = [
        "read_rtlil gold.il", "read_rtlil gate.il", "equiv_make -blacklist unmatched.txt gold gate both",
        "hierarchy -top both", "opt_clean", "equiv_simple -seq 1", "equiv_induct -seq 4", "equiv_status -assert",
    ]  # fmt: skip
    agreed = f"{vectors} random stimuli of {cycles} cycles agree"
    try:
        run_yosys(proof, out_dir, "equivalence-proof", limit_s=limit_s)
    except ToolFailed:
        return _from_reset(out_dir, modules[0]["ports"], limit_s, agreed, vectors)
    except NcError as error:
        return Equivalence("equal", False, f"not proved ({error.diagnostics[0].message}); {agreed}", vectors)
    return Equivalence("equal", True, f"proved for all inputs and states by induction; {agreed}", vectors)


def _from_reset(folder: Path, ports: Mapping[str, Any], limit_s: float, agreed: str, vectors: int) -> Equivalence:
    """Registers that synthesis merged, inverted or dropped have no partner for the induction above. ABC finds which
    signals of both sides always agree, registers and logic alike, and proves them together (van Eijk, "Sequential
    equivalence checking based on structural similarities", IEEE TCAD 19, 2000), or searches the reachable states.

    It starts where hardware does: at power-up (registers without an initial value at 0), in reset where there is one.
    """
    (folder / "start.v").write_text(_start(ports))
    script = [
        "read_rtlil gold.il", "read_rtlil gate.il", "miter -equiv -flatten gold gate both", "read_verilog start.v",
        "hierarchy -top start", "proc", "flatten", "opt_expr", "simplemap", "techmap", "async2sync", "dffunmap",
        "simplemap", "setundef -zero -init", "opt_expr", "opt_merge", "aigmap", "opt_clean -purge",
        "write_aiger -zinit both.aig",
    ]  # fmt: skip
    try:
        run_yosys(script, folder, "equivalence-miter", limit_s=limit_s)
        done = run(
            [*_abc(), "-c", f"read both.aig; dprove -T {max(1, int(limit_s))}"],
            what="ABC", log=folder / "equivalence-abc.log", cwd=folder, limit_s=2 * limit_s,
        )  # fmt: skip
    except NcError as error:
        reason = "in time" if error.diagnostics[0].code == "NC502" else f"({error.diagnostics[0].message})"
        return Equivalence("equal", False, f"not proved {reason}; {agreed}", vectors)
    log = done.log.read_text(errors="replace")
    if "Networks are equivalent" in log:
        return Equivalence("equal", True, f"proved for all inputs from reset by ABC; {agreed}", vectors)
    if "Networks are not equivalent" in log:
        return Equivalence("different", False, f"ABC found inputs after which they differ, though {agreed}", vectors)
    return Equivalence("equal", False, f"not proved in time; {agreed}", vectors)


def _start(ports: Mapping[str, Any]) -> str:
    """A module around the miter that holds `rst` for the first cycles and compares from then on."""
    inputs = {name: len(port["bits"]) for name, port in ports.items() if port["direction"] == "input"}
    lines = [f"  input [{width - 1}:0] {name}," for name, width in inputs.items()]
    given = {name: name for name in inputs}
    compared = "differs"
    more = []
    if {"rst", "clk"} <= inputs.keys():
        more = [f"  reg [1:0] cycle = 0; wire go = cycle == {RESET_CYCLES};",
                "  always @(posedge clk) if (!go) cycle <= cycle + 1;"]  # fmt: skip
        given["rst"], compared = "rst | !go", "differs & go"
    connected = ", ".join(f".in_{name}({value})" for name, value in given.items())
    return "\n".join([
        "module start(", *lines, "  output bad", ");", "  wire differs;", *more,
        f"  both pair({connected}, .trigger(differs));", f"  assign bad = {compared};", "endmodule\n",
    ])  # fmt: skip


def _abc() -> list[str]:
    """ABC, which comes with Yosys."""
    tools.require("pyosys")
    spec = find_spec("pyosys")
    beside = Path(spec.origin).with_name("yosys-abc") if spec is not None and spec.origin is not None else None
    return [str(beside) if beside is not None and beside.exists() else "yosys-abc"]


def _models(device: str) -> Sequence[str]:
    return _MODELS[find_device(device).flow] if device else ()


def _unmatched(gold: Mapping[str, Any], gate: Mapping[str, Any]) -> list[str]:
    """Names that both sides have and that do not name the same register in both: synthesis gives the names of other
    wires to something else, which would make a true equality unprovable."""
    states = []
    for module in (gold, gate):
        held = {cell["connections"]["Q"][0] for cell in module["cells"].values() if cell["type"] == "$_DFF_P_"}
        ports = {bit for port in module["ports"].values() for bit in port["bits"]}
        states.append(held | ports | {"0", "1"})
    common = sorted(gold["netnames"].keys() & gate["netnames"].keys() - gold["ports"].keys())
    return [
        name
        for name in common
        if not all(set(m["netnames"][name]["bits"]) <= state for m, state in zip((gold, gate), states))
    ]


def _simulate(gold: Gates, gate: Gates, vectors: int, cycles: int, seed: int) -> str:
    """A sentence about the first difference, or an empty string."""
    shapes = {name: len(nets) for name, nets in gold.inputs.items()}
    if shapes != {name: len(nets) for name, nets in gate.inputs.items()} or gold.outputs.keys() != gate.outputs.keys():
        return "the ports differ"
    random = np.random.default_rng(seed)
    words = max(vectors // 64, 1)
    stimuli: dict[str, Words] = {}
    for name, width in shapes.items():
        stimulus = random.integers(0, 1 << 64, (cycles, width, words), dtype=np.uint64)
        if name == "rst":
            stimulus[:RESET_CYCLES] = ~np.uint64(0)
            stimulus[RESET_CYCLES:] = 0
        stimuli[name] = stimulus
    first = RESET_CYCLES if "rst" in shapes else 0  # before a reset, registers need not agree
    for cycle, (a, b) in enumerate(zip(gold.run(stimuli, cycles), gate.run(stimuli, cycles))):
        if cycle < first:
            continue
        for name in a:
            if found := _first_bit(a[name], b[name]):
                bit, lane = found
                given = ", ".join(f"{n}={_value(s[cycle], lane):#x}" for n, s in stimuli.items() if n != "clk")
                return f"cycle {cycle}: output {name}[{bit}] differs for {given}"
    return ""


def _first_bit(a: Words, b: Words) -> tuple[int, int] | None:
    wrong = np.argwhere(a != b)
    if not len(wrong):
        return None
    bit, word = map(int, wrong[0])
    difference = int(a[bit, word] ^ b[bit, word])
    return bit, 64 * word + (difference & -difference).bit_length() - 1


def _value(stimulus: Any, lane: int) -> int:
    """The number that a port (bits, words) carries in one lane."""
    bits = (stimulus[:, lane // 64] >> np.uint64(lane % 64)) & np.uint64(1)
    return sum(int(bit) << i for i, bit in enumerate(bits))
