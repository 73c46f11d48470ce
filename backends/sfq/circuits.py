"""JJ circuits of our own cells, and test benches of them, as JoSIM decks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from nc.ir.diagnostics import fail, suggest
from nc.ir.netlist import Netlist

PARAMETERS = {"BIAS": 1.0, "LSCALE": 1.0, "ICSCALE": 1.0, "TUNE": 200.0}
"""Of every bench, with their nominal values: factors of all biases, inductors and junctions; tuning current in uA."""

BUILT_IN = Path(__file__).with_name("circuits.yaml")


@lru_cache(maxsize=4)
def load(path: Path = BUILT_IN) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(path.read_text())
    return found


def cell(name: str) -> Mapping[str, Any]:
    cells: Mapping[str, Any] = load()["cells"]
    if name not in cells:
        fail("NC284", f"cell must have a circuit, not '{name}'", help=suggest(name, cells))
    found: Mapping[str, Any] = cells[name]
    return found


def junctions(name: str) -> int:
    """Josephson junctions of a cell's circuit, those of the cells that it is made of included."""
    parts = cell(name)["parts"]
    return sum(part[0] in "JS" for part in parts) + sum(junctions(kind) for kind in _inner(name))


def _inner(name: str) -> list[str]:
    """The cells that abut inside a cell, one entry an instance."""
    return [part.split()[2] for part in cell(name)["parts"] if part[0] == "X"]


def _with_inner(kinds: set[str]) -> set[str]:
    """Kinds, and all that they are made of."""
    more = {inner for kind in kinds for inner in _inner(kind)} - kinds
    return _with_inner(kinds | more) if more else kinds


def subcircuit(name: str) -> str:
    """A cell as `.subckt`. Biases scale with the parameters BIAS, inductors with LSCALE, junctions with ICSCALE."""
    data, c = load(), cell(name)
    rows = [f".subckt {name} {' '.join(c['pins'])}"]
    for number, part in enumerate(c["parts"]):
        kind, *words = part.split()
        if kind == "X":
            rows.append(f"X{words[0]} {words[1]} {' '.join(words[2:])}")
        elif kind == "K":
            rows.append(f"K{number} L{words[0]} L{words[1]} {words[2]}")
        elif kind == "R":
            rows.append(f"R{number} {words[0]} {words[1]} {words[2]}")
        elif kind == "L":
            rows.append(f"L{number} {words[0]} {words[1]} {{{words[2]}p*LSCALE}}")
        elif kind == "T":
            rows.append(f"I{number} 0 {words[0]} pwl(0 0 5p {{{words[1]}*1u*BIAS}})")
        elif kind == "I":
            rows.append(f"I{number} 0 {words[0]} pwl(0 0 5p {{{words[1]}u*BIAS}})")
        else:
            tag, plus = words[0], words[1]
            minus, area = (f"g{tag}", words[2]) if kind == "J" else (words[2], words[3])
            rows.append(f"B{tag} {plus} {minus} jmod area={{{area}*ICSCALE}}")
            rows.append(f"RS{tag} {plus} r{tag} {{{data['shunt_ohm']}/({area}*ICSCALE)}}")
            rows.append(f"LS{tag} r{tag} {minus} {data['shunt_ph']}p")
            if kind == "J":
                rows.append(f"LG{tag} {minus} 0 {data['ground_ph']}p")
    return "\n".join([*rows, ".ends"])


def netlist_deck(netlist: Netlist) -> str:
    """A netlist as a JoSIM deck: `.subckt <name>` with a pin for each port bit, of the cells that have a circuit.

    Cells without one (a user's) are instances of subcircuits that the user defines; lines of `*` name them.
    """
    kinds = {kind.name for kind in netlist.types if kind.name in load()["cells"]}
    other = sorted({kind.name for kind in netlist.types} - kinds)
    pins = [f"{port.name}_{i}" for port in (*netlist.inputs, *netlist.outputs) for i in range(port.width)]
    rows = ["* structural deck", *(f"* no circuit here: {name}" for name in other)]
    rows += [f".param {name}={value:g}" for name, value in PARAMETERS.items()]
    rows += [f".model jmod {load()['model']}", *(subcircuit(kind) for kind in sorted(_with_inner(kinds)))]
    rows.append(f".subckt {netlist.name} {' '.join(pins)}")
    name = {net: f"{port.name}_{i}" for port in netlist.inputs for i, net in enumerate(port.nets.tolist())}
    name |= {net: f"{p.name}_{i}" for p in netlist.outputs for i, net in enumerate(p.nets.tolist()) if net > 1}
    for number in range(netlist.n_cells):
        kind = netlist.type_of(number)
        order = cell(kind.name)["pins"] if kind.name in kinds else kind.pins
        joined = dict(zip(kind.pins, netlist.pins_of(number).tolist()))
        rows.append(f"X{number} {kind.name} {' '.join(name.get(joined[p], f'n{joined[p]}') for p in order)}")
    return "\n".join([*rows, ".ends", ".end"]) + "\n"


def pulse_source(name: str, node: str, times: Sequence[float]) -> str:
    """Fluxons at `times` (ps): current triangles of 0.45 mA into a JTL's input."""
    points = "".join(f" {t - 2.5:g}p 0 {t:g}p 450u {t + 2.5:g}p 0" for t in sorted(times))
    return f"I{name} 0 {node} pwl(0 0{points})" if times else f"I{name} 0 {node} 0"


def deck(
    instances: Sequence[tuple[str, str, Mapping[str, str]]],
    stimuli: Mapping[str, Sequence[float]],
    outputs: Sequence[str],
    *,
    stop: float,
    step: float = 0.1,
    temperature: float = 0.0,
    extra: Sequence[str] = (),
) -> str:
    """A bench: `instances` (name, cell, pin -> net), and `extra` rows as they are.

    Every stimulus and every output passes two JTLs; the outputs' then end in 2 ohm. Output junctions are the second of
    X<net>_o1: `B2|Xload_<net>_1`, printed as phases.
    """
    kinds = sorted(_with_inner({"JTL", *(kind for _, kind, _ in instances)}))
    rows = ["* generated bench", *(f".param {name}={value:g}" for name, value in PARAMETERS.items())]
    rows += [f".model jmod {load()['model']}", *(subcircuit(kind) for kind in kinds)]
    for net, times in stimuli.items():
        rows += [pulse_source(f"in_{net}", f"src_{net}", times)]
        rows += [f"Xdrive_{net}_0 JTL src_{net} mid_{net}", f"Xdrive_{net}_1 JTL mid_{net} {net}"]
    for name, kind, joined in instances:
        rows.append(f"X{name} {kind} {' '.join(joined[pin] for pin in cell(kind)['pins'])}")
    for net in outputs:
        rows += [
            f"Xload_{net}_0 JTL {net} lm_{net}",
            f"Xload_{net}_1 JTL lm_{net} end_{net}",
            f"Rend_{net} end_{net} 0 2",
        ]
        rows.append(f".print p(Xload_{net}_1.B2)")
    rows += extra
    rows += [f".temp {temperature:g}"] if temperature else []
    rows += [f".tran {step:g}p {stop:g}p", ".end"]
    return "\n".join(rows) + "\n"
