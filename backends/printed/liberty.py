"""Liberty: writes a technology for Yosys, and reads a user's `.lib` as a technology.

The subset is what mapping, area, leakage and a simple static timing analysis need: area, function, leakage_power
groups with `when`, flip-flops, and the middle entry of every delay table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nc.backends.printed.boolean import truth_table
from nc.backends.printed.technology import Cell, Corner, Technology
from nc.ir.diagnostics import Where, fail

_UNIT_TO_US = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3, "ps": 1e-6}
_UNIT_TO_UW = {"W": 1e6, "mW": 1e3, "uW": 1.0, "nW": 1e-3, "pW": 1e-6}


def write_liberty(technology: Technology, vdd: str = "1.0") -> str:
    """The technology at one supply as Liberty text (area mm², leakage µW, capacitance pF, time µs)."""
    rows = [
        f"library ({technology.name}_{vdd.replace('.', 'v')}) {{",
        "  delay_model : table_lookup;",
        '  time_unit : "1us";',
        '  voltage_unit : "1V";',
        '  current_unit : "1uA";',
        '  leakage_power_unit : "1uW";',
        "  capacitive_load_unit (1, pf);",
        f"  nom_voltage : {vdd};",
        f"  nom_temperature : {technology.temperature_c};",
    ]
    for cell in technology.cells.values():
        rows += _cell_text(cell, vdd)
    return "\n".join(rows) + "\n}\n"


def _cell_text(cell: Cell, vdd: str) -> Iterator[str]:
    corner = cell.corners[vdd]
    yield f"  cell ({cell.name}) {{"
    yield f"    area : {cell.area_mm2};"
    yield f"    cell_leakage_power : {corner.leakage_mean_uw};"
    for pattern, leak in sorted(corner.leakage_uw.items()):
        when = " * ".join(pin if bit == "1" else f"!{pin}" for pin, bit in zip(cell.state_pins, pattern) if bit != "-")
        yield f'    leakage_power () {{ when : "{when}"; value : {leak}; }}'
    if cell.kind == "flipflop":
        clear = ' clear : "!RST_N";' if "RST_N" in cell.inputs else ""
        yield f'    ff (IQ, IQN) {{ clocked_on : "CP"; next_state : "D";{clear} }}'
    for pin in cell.inputs:
        clock = " clock : true;" if pin == "CP" else ""
        yield f"    pin ({pin}) {{ direction : input; capacitance : {corner.cap_pf[pin]};{clock} }}"
    yield f"    pin ({cell.output}) {{"
    yield "      direction : output;"
    yield from _output_text(cell, corner)
    yield "    }"
    yield "  }"


def _output_text(cell: Cell, corner: Corner) -> Iterator[str]:
    functions = {"gate": cell.function, "flipflop": "IQ", "latch": "!R", "tristate": "I"}
    yield f'      function : "{functions[cell.kind]}";'
    if cell.kind == "tristate":
        yield '      three_state : "!OE";'
    related = "CP" if cell.kind == "flipflop" else " ".join(cell.inputs)
    edge = " timing_type : rising_edge;" if cell.kind == "flipflop" else ""
    yield f'      timing () {{ related_pin : "{related}";{edge}'
    yield f'        cell_rise (scalar) {{ values ("{corner.rise_us}"); }}'
    yield f'        cell_fall (scalar) {{ values ("{corner.fall_us}"); }}'
    yield f'        rise_transition (scalar) {{ values ("{corner.rise_us}"); }}'
    yield f'        fall_transition (scalar) {{ values ("{corner.fall_us}"); }}'
    yield "      }"


@dataclass
class Group:
    """A Liberty group `kind (name) { attributes; groups }`."""

    kind: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    def of(self, kind: str) -> Iterator[Group]:
        return (g for g in self.groups if g.kind == kind)


_LIBERTY_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s(){};,:"]+)|([(){};,:])', re.S)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\\\r?\n", re.S)


def parse_liberty(text: str, file: str = "") -> Group:
    """The `library` group of a Liberty text. Raises NC651 where the text is no Liberty."""
    tokens = [
        (m.group(3) or "", m.group(1) if m.group(1) is not None else m.group(2) or "")
        for m in _LIBERTY_TOKEN.finditer(_COMMENT.sub(" ", text))
    ]
    at = 0

    def take_name() -> str:
        nonlocal at
        at += 1
        return tokens[at - 1][1]

    def statement(parent: Group) -> None:
        nonlocal at
        name = take_name()
        if tokens[at][0] == ":":
            words = []
            at += 1
            while tokens[at][0] not in (";", "}"):
                words.append(tokens[at][1] or tokens[at][0])
                at += 1
            at += tokens[at][0] == ";"
            parent.attributes[name] = " ".join(words)
            return
        at += 1  # (
        arguments = []
        while tokens[at][0] != ")":
            if not tokens[at][0]:
                arguments.append(tokens[at][1])
            at += 1
        at += 1
        if at < len(tokens) and tokens[at][0] == "{":
            at += 1
            group = Group(name, arguments[0] if arguments else "")
            while tokens[at][0] != "}":
                if tokens[at][0] == ";":
                    at += 1
                    continue
                statement(group)
            at += 1
            parent.groups.append(group)
            return
        at += at < len(tokens) and tokens[at][0] == ";"
        parent.attributes[name] = ", ".join(arguments)

    root = Group("", "")
    try:
        statement(root)
    except IndexError:
        fail(
            "NC651",
            "Liberty file must hold one complete 'library (...) { ... }' group",
            where=Where(file),
            help="the file ends inside a group, or is no Liberty file",
        )
    found = next(root.of("library"), None)
    if found is None:
        fail(
            "NC651",
            "Liberty file must hold one complete 'library (...) { ... }' group",
            where=Where(file),
            help="the file ends inside a group, or is no Liberty file",
        )
    return found


def read_liberty(path: Path) -> Technology:
    """A user's library as a technology of one supply corner (`nom_voltage`). Raises NC651, NC652."""
    if not path.is_file():
        fail("NC651", f"Liberty file must exist: '{path.name}' does not", where=Where(str(path)))
    library = parse_liberty(path.read_text(errors="replace"), path.name)
    try:
        return _technology(library)
    except (ValueError, LookupError, OverflowError) as error:
        fail("NC651", f"figures of the library must be present, and numbers: {error}", where=Where(str(path)))


def _technology(library: Group) -> Technology:
    vdd = str(float(library.attributes.get("nom_voltage", "1.0")))
    time = _unit(library.attributes.get("time_unit", "1ns"), _UNIT_TO_US)
    power = _unit(library.attributes.get("leakage_power_unit", "1nW"), _UNIT_TO_UW)
    cells = {}
    for group in library.of("cell"):
        cell = _read_cell(group, vdd, time, power)
        if cell is not None:
            cells[cell.name] = cell
    return Technology(library.name, cells).check()


def _unit(text: str, scale: dict[str, float]) -> float:
    match = re.fullmatch(r"\s*([0-9.]*)\s*([a-zA-Z]+)\s*", text)
    if match is None or match.group(2) not in scale:
        fail("NC651", f"unit must be one of {', '.join(scale)}, not '{text}'")
    return float(match.group(1) or 1) * scale[match.group(2)]


def _read_cell(group: Group, vdd: str, time: float, power: float) -> Cell | None:
    """One cell, or None for kinds that the flow does not use (several outputs, pads, scan cells)."""
    pins = list(group.of("pin"))
    inputs = tuple(p.name for p in pins if p.attributes.get("direction") == "input")
    outputs = [p for p in pins if p.attributes.get("direction") == "output"]
    ffs = list(group.of("ff"))
    if not outputs or not inputs or (len(outputs) > 1 and not ffs):
        return None
    out = outputs[0]
    function = out.attributes.get("function", "")
    kind = "flipflop" if ffs else "tristate" if "three_state" in out.attributes else "gate"
    if kind == "gate":
        try:
            truth_table(function, inputs)
        except ValueError:
            return None  # a latch, or an output that is no function of the inputs
    leaks = {}
    for item in group.of("leakage_power"):
        when = item.attributes.get("when", "")
        try:
            table = truth_table(when, inputs)
        except ValueError:
            continue  # a state of the output too: the gate's inputs imply it, a flip-flop leaks its mean
        value = float(item.attributes["value"]) * power
        for row in range(1 << len(inputs)):
            if table >> row & 1:
                leaks["".join(str(row >> i & 1) for i in range(len(inputs)))] = value
    mean = float(group.attributes.get("cell_leakage_power", "0")) * power
    if not mean and leaks:
        mean = sum(leaks.values()) / len(leaks)
    rise = max((_middle(g) for t in out.of("timing") for g in t.of("cell_rise")), default=0.0) * time
    fall = max((_middle(g) for t in out.of("timing") for g in t.of("cell_fall")), default=0.0) * time
    caps = {p.name: float(p.attributes.get("capacitance", "0")) for p in pins if p.name in inputs}
    corner = Corner(mean, leaks, caps, rise, fall)
    return Cell(
        group.name, kind, inputs, out.name, function, float(group.attributes.get("area", "0")), {vdd: corner}, inputs
    )


def _middle(table: Group) -> float:
    values = [float(v) for v in re.findall(r"[-+0-9.eE]+", table.attributes.get("values", "0"))]
    return values[len(values) // 2]
