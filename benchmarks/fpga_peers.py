"""The same dense networks through `nc`, da4ml, alkaid and naive Verilog, the same Yosys flows, each netlist checked.

    python benchmarks/fpga_peers.py [--quick] [--json] [--only NET] [--tools nc,da4ml] [--flows xcup] [--merge FILE]

Needs the models and vectors of $NC_SHARED/models/qonnx, and da4ml and alkaid in the environment `.venv-peers`
(`make bench` makes it; $NC_PEERS names another one). Every tool gets the exact range of the inputs. Rivals run at
several settings; by their own cost estimate the best few are synthesised, and the smallest netlist is their row.
`luts` are physical sites, `depth` LUT levels, `ffs` the register bits of a pipeline of as many registers as da4ml puts
at its default delay limit, `exact`: the mapped netlist, evaluated with the vendor's cell models, gives all stored
outputs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sections
from peers.exact import Layout, exact
from peers.network import Network, load, naive_verilog

from nc.backends.fpga.backend import sources
from nc.backends.fpga.design import Design, build
from nc.backends.fpga.options import Options
from nc.backends.synth.devices import find_device
from nc.backends.synth.synthesise import SynthesisResult, synthesise
from nc.backends.synth.yosys import read_commands, run_yosys
from nc.hdl.word_files import design_files
from nc.hdl.words import WordDesign
from nc.ir.diagnostics import NcError, fail
from nc.ir.words import Kind, WordGraph

HERE = Path(__file__).parent
PEERS = Path(os.environ.get("NC_PEERS", HERE.parent / ".venv-peers"))
NETWORKS = {
    "digits_w4a4_p70": (0, 16),
    "digits_w6a6_p70": (0, 16),
    "digits_w6a6": (0, 16),
    "jsclike_w6a6_p70": (-128, 127),
}
"""Models, and the integers that their inputs take."""

KNOBS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "da4ml": [{"hard_dc": dc, "method0": m} for dc in (-1, 0, 1, 2, 3) for m in ("wmc", "mc")],
    "alkaid": [
        {"hard_dc": dc, "method0": "wmc", "ternary": ternary} for ternary in (False, True) for dc in (-1, 0, 1, 2, 3)
    ],
}
VARIANTS = {"xcup": ("default",), "lut6": ("merged", "merged_ripple", "ripple")}
"""Without carry chains each rival's design gets Yosys' own adders and ripple ones, and the fewest LUTs count."""
OUR_VARIANTS = {"xcup": ("default",), "lut6": ("ripple", "opened")}
"""Ours is made of LUTs in part, which stay or are mapped anew; of the two `nc synth` keeps the less LUTs x depth."""
LIMIT_S = 3600
ADDERS = 5
"""Adders between registers that da4ml's default delay limit allows."""


@dataclass(frozen=True)
class Made:
    """Verilog of one tool: files, the top module's one input and one output and their layouts."""

    files: Sequence[Path]
    top: str
    ports: tuple[str, str]
    layouts: tuple[Layout, Layout]
    latency: int
    seconds: float
    knobs: str


def emitted(design: Design, flow: str, folder: Path) -> tuple[WordDesign, list[Path]]:
    """The core without streams and its Verilog as the target writes it; the top module is `top`."""
    core = design.core(inline=False)
    assert isinstance(core, WordDesign)
    for name, text in design_files(core, core, core.ports).items():
        path = folder / "hdl" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return core, sources(folder / "hdl", flow, folder)


def adders_between(words: WordGraph) -> int:
    """The most sums on a way between registers (or ports)."""
    depth = np.zeros(len(words), np.int64)
    for node in range(len(words)):
        before = max((int(depth[v]) for v in words.src[words.operands(node)]), default=0)
        added = words.kind[node] == Kind.SUM and words.arity[node] > 1
        depth[node] = 0 if words.kind[node] == Kind.REG else before + added
    return int(depth[words.live()].max())


def ours(network: Network, folder: Path, flow: str, stages: int) -> Made:
    """The core without streams, as the target builds it."""
    begin = time.process_time()
    technology = {"xcup": "xilinx", "lut6": "lut6"}[flow]
    for relax in (0.5, 0.25, 0.0):  # the fewest registers that keep da4ml's limit
        pipeline = {"stages": stages, "relax": relax}
        options = Options.model_validate({"optimise": {"technology": technology}, "pipeline": pipeline})
        design = build(network.graph, options)
        if not stages or adders_between(design.words) <= ADDERS:
            break
    else:
        raise AssertionError(f"{stages} registers must leave at most {ADDERS} adders between them")
    core, files = emitted(design, flow, folder)
    seconds = time.process_time() - begin
    (source,), (sink,) = design.words.inputs, design.words.outputs
    layouts = tuple([[p.bits, int(p.signed), 0]] * p.tensor.size for p in (source, sink))
    return Made(
        files, "top", (core.inputs[0].name, core.outputs[0].name),
        (layouts[0], layouts[1]), design.latency, seconds, "default",
    )  # fmt: skip


def naive(network: Network, folder: Path, flow: str, stages: int) -> Made:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "naive.v"
    path.write_text(naive_verilog(network))
    signed = network.low < 0
    bits = (max(network.high, -network.low - 1) if signed else network.high).bit_length() + signed
    layouts = ([[bits, int(signed), 0]] * network.inputs, [[48, 1, 0]] * network.layers[-1].w.shape[1])
    return Made([path], "naive", ("x", "y"), layouts, 0, 0.0, "-")


def rival(tool: str, network: Network, folder: Path, knobs: Mapping[str, object]) -> tuple[Made, dict[str, Any]]:
    python = PEERS / "bin" / "python"
    if not python.exists():
        fail("NC285", f"the peers must be installed in {PEERS.name}", help="make peers")
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / "network.npz")
    command = [python, HERE / "peers" / "rivals.py", tool, folder / "network.npz", folder, json.dumps(dict(knobs))]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if done.returncode:
        fail("NC285", f"{tool} must take the network, and says: {done.stderr.strip().splitlines()[-1]}")
    told = json.loads(done.stdout.splitlines()[-1])
    made = Made(
        [Path(f) for f in told["files"]], told["top"], (told["x"], told["y"]), (told["inputs"], told["outputs"]),
        told["latency"] + 1 if told["latency"] else 0, told["compile_s"],
        ", ".join(f"{key}={value}" for key, value in knobs.items()),
    )  # fmt: skip
    return made, told


def candidates(tool: str, network: Network, folder: Path) -> list[Made]:
    """The settings worth synthesising: the best by the tool's own cost of each kind, and `hard_dc` 2 if it differs."""
    found = []
    for i, knobs in enumerate(KNOBS[tool]):
        made, told = rival(tool, network, folder / f"k{i}", knobs)
        found.append((float(told["cost"]), i, made, knobs))
    # Fused and plain adders have costs of their own: the best of each kind.
    ranked = sorted(found, key=lambda f: f[:2])
    chosen = [
        next(f for f in ranked if bool(f[3].get("ternary")) == t)
        for t in ((False, True) if tool == "alkaid" else (False,))
    ]
    usual = [f for f in ranked if f[3]["hard_dc"] == 2 and f[3]["method0"] == "wmc" and not f[3].get("ternary")]
    chosen += [f for f in usual if f[0] != chosen[0][0]]
    return [f[2] for f in chosen]


def smallest(made: Made, flow: str, variants: Sequence[str], folder: Path, own: bool) -> SynthesisResult:
    """The best variant of those that end in time."""
    found: list[SynthesisResult] = []
    trouble: NcError | None = None
    for variant in variants:
        try:
            found.append(
                synthesise(made.files, made.top, flow, out_dir=folder, hierarchy="flat", limit_s=LIMIT_S,
                           variants=(variant,))
            )  # fmt: skip
        except NcError as error:
            trouble = error
            print(f"{variant}: {error}", file=sys.stderr)
    if not found and trouble is not None:
        raise trouble
    goal = "balanced" if own and flow == "lut6" else "area"
    return min(found, key=lambda r: (r.luts or 0) * ((r.depth or 1) if goal == "balanced" else 1))


def measured(
    network: Network, made: Made, flow: str, variants: Sequence[str], folder: Path, own: bool = False
) -> dict[str, object]:
    """Figures of one design: synthesis, and the mapped netlist on all stored vectors."""
    begin = time.monotonic()
    result = smallest(made, flow, variants, folder, own)
    kind, netlist = find_device(flow).flow, folder / f"netlist-{result.variant}.v"
    if result.dsps:
        # Yosys has no simulation model of a DSP48E2: what is checked then is the source (naive Verilog, one file).
        (netlist,), kind = made.files, "lut"
    right = exact(
        netlist, kind, folder, top=made.top, ports=made.ports, layouts=made.layouts,
        x=network.x.reshape(len(network.x), -1), y=network.y.reshape(len(network.y), -1),
    )  # fmt: skip
    return {
        "luts": result.luts, "carries": result.carries, "depth": result.depth, "dsps": result.dsps,
        "variant": result.variant, "exact": right, "knobs": made.knobs, "synth_s": round(time.monotonic() - begin, 1),
        "compile_s": round(made.seconds, 2),
    }  # fmt: skip


def register_bits(made: Made, folder: Path) -> int:
    """Flip-flops after Yosys has removed what is constant, equal or unused; technology-free."""
    commands = [
        *read_commands(made.files, made.top), "proc", "flatten", "opt -full", "opt_clean -purge",
        "simplemap t:$dff t:$dffe t:$sdff t:$sdffe", "opt_merge", "opt_clean -purge", "tee -q -o ffs.json stat -json",
    ]  # fmt: skip
    run_yosys(commands, folder, "ffs", limit_s=600)
    counts = json.loads((folder / "ffs.json").read_text())["design"]["num_cells_by_type"]
    return sum(int(count) for kind, count in counts.items() if "DFF" in kind)


def rows(
    name: str, tools: Sequence[str], flows: Mapping[str, Sequence[str]], settings: int | None, folder: Path
) -> Iterable[dict[str, object]]:
    """One row a flow and tool; `flows` names the variants of synthesis that rivals get, for their best `settings`."""
    network = load(Path(os.environ["NC_SHARED"]) / "models" / "qonnx" / f"{name}.onnx", *NETWORKS[name])
    stages = 0
    ffs: dict[str, int | None] = {}
    best: dict[str, list[Made]] = {}
    for tool in tools:
        if tool in KNOBS:
            best[tool] = candidates(tool, network, folder / tool)[:settings]
    if "da4ml" in tools:
        made, told = rival("da4ml", network, folder / "da4ml-ffs", {"hard_dc": 2, "cutoff": 5})
        stages = int(told["latency"])
        ffs["da4ml"] = register_bits(made, folder / "da4ml-ffs")
    if stages and "alkaid" in tools:
        made, _ = rival("alkaid", network, folder / "alkaid-ffs", {"hard_dc": 2, "ternary": False, "stages": stages})
        ffs["alkaid"] = register_bits(made, folder / "alkaid-ffs")
    if stages and "nc" in tools:
        ffs["nc"] = register_bits(ours(network, folder / "nc-ffs", "xcup", stages + 1), folder / "nc-ffs")
    for flow, variants in flows.items():
        for tool in tools:
            place = folder / f"{tool}-{flow}"
            choices = best.get(tool) or [OWN[tool](network, place, flow, 0)]
            tried = OUR_VARIANTS[flow] if tool == "nc" else variants
            found: list[dict[str, object]] = []
            for i, made in enumerate(choices):
                try:
                    found.append(measured(network, made, flow, tried, place / f"s{i}", own=tool == "nc"))
                except NcError as error:
                    print(f"{name} {flow} {tool} {made.knobs}: {error}", file=sys.stderr)
            if not found:
                continue
            row = min(found, key=lambda figures: int(str(figures["luts"])))
            luts = {str(f["knobs"]): f["luts"] for f in found}
            row = {"net": name, "flow": flow, "tool": tool, **row, "ffs": ffs.get(tool), "tried": luts}
            row["registers"] = stages + 1 if stages else None
            print(json.dumps(row), file=sys.stderr, flush=True)
            yield row


OWN: Mapping[str, Callable[[Network, Path, str, int], Made]] = {"nc": ours, "naive": naive}
TOOLS = ("naive", "da4ml", "alkaid", "nc")


def geomeans(found: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Geometric means of our LUTs over da4ml's, over the best rival's, by flow."""
    told: dict[str, float | None] = {}
    for flow in dict.fromkeys(row["flow"] for row in found):
        by_net: dict[str, dict[str, int]] = {}
        for row in found:
            if row["flow"] == flow:
                by_net.setdefault(row["net"], {})[row["tool"]] = row["luts"]
        for label, rivals in (("da4ml", ("da4ml",)), ("best", ("da4ml", "alkaid"))):
            ratios = [
                t["nc"] / min(t[r] for r in rivals if r in t)
                for t in by_net.values()
                if "nc" in t and any(r in t for r in rivals)
            ]
            mean = float(np.exp(np.mean(np.log(ratios)))) if ratios else None
            suffix = "" if flow == "xcup" else f"_{flow}"
            told[f"geomean_luts_vs_{label}{suffix}"] = None if mean is None else round(mean, 3)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smallest network only, without naive Verilog")
    parser.add_argument("--json", action="store_true", help="one JSON object, and no table written")
    parser.add_argument("--only", help="these networks: names with commas; '' for none")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--flows", default="xcup,lut6")
    parser.add_argument("--variants", help="of rivals' synthesis, for one flow: merged, merged_quick, ripple, ...")
    parser.add_argument("--settings", type=int, help="at most so many settings of each rival, plain adders first")
    parser.add_argument("--merge", type=Path, nargs="*", default=[], help="JSON of earlier runs, whose rows come along")
    parser.add_argument("--keep", type=Path, help="keep files here")
    options = parser.parse_args()
    if "NC_SHARED" not in os.environ:
        print("skipped: $NC_SHARED, where the networks and their vectors are, is not set", file=sys.stderr)
        return
    tools = [t for t in options.tools.split(",") if t != "naive" or not options.quick]
    names = [n for n in NETWORKS if options.only is None or n in options.only.split(",")][
        : 1 if options.quick else None
    ]
    variants = options.variants.split(",") if options.variants else None
    flows = {flow: variants or VARIANTS[flow] for flow in options.flows.split(",")}
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="nc-peers-") as scratch:
        folder = options.keep or Path(scratch)
        for name in names:
            found += rows(name, tools, flows, options.settings, folder / name)
    key = ("net", "flow", "tool")
    done = {tuple(row[k] for k in key) for row in found}
    for path in options.merge:
        earlier = json.loads(path.read_text())["rows"]
        found += [row for row in earlier if tuple(row[k] for k in key) not in done]
        done |= {tuple(row[k] for k in key) for row in earlier}
    rank = (list(NETWORKS), ["xcup", "lut6"], list(TOOLS))
    found.sort(key=lambda row: [values.index(str(row[k])) for values, k in zip(rank, key)])
    means = geomeans(found)
    if options.json:
        print(json.dumps({"rows": found, **means}))
        return
    columns = {
        "net": "network", "flow": "flow", "tool": "tool", "knobs": "setting", "luts": "LUTs", "carries": "carries",
        "depth": "depth", "dsps": "DSPs", "ffs": "register bits", "compile_s": "compile s", "synth_s": "synthesis s",
        "variant": "variant", "exact": "exact",
    }  # fmt: skip
    blank = dict.fromkeys(("geomean_luts_vs_da4ml", "geomean_luts_vs_best", "geomean_luts_vs_best_lut6"), "-")
    text = TEXT.format(**(blank | {k: "-" if v is None else str(v) for k, v in means.items()}))
    sections.write("fpga_peers", "FPGA: against da4ml and alkaid", text + sections.table(found, columns))


TEXT = """\
Physical LUT sites, combinational core, Yosys of this environment. On LUT6 alone a rival's row is its variant of fewest
LUTs of those that ran (`--variants`; docs/fpga.md tells which were tried), ours the one that `nc synth` keeps, of the
least product of LUTs and depth; `merged_quick` leaves out ABC's resubstitution. `register bits`: a pipeline of as many
registers as da4ml puts at its default delay limit (five two-operand adders); ours has at most as many adders between
registers. Geometric means of our LUTs: {geomean_luts_vs_da4ml} of da4ml's and {geomean_luts_vs_best} of the best
rival's with carry chains; {geomean_luts_vs_best_lut6} of the best rival's on LUT6 alone.

"""

if __name__ == "__main__":
    main()
