"""Reads `write_json` of Yosys: a flat module of gates (Yosys' own or a library's) becomes a Netlist."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nc.ir.diagnostics import Collector, Where, fail, suggest
from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import YOSYS_GATES, CellType

_CONSTANTS = {"0": 0, "1": 1, "x": 0, "z": 0}
"""Undefined bits may take any value: 0."""


def read_yosys_json(
    source: Path | Mapping[str, Any], *, library: Mapping[str, CellType] | None = None, top: str = ""
) -> Netlist:
    """The netlist of module `top` (default: the one marked top, or the only one).

    `source`: a file or its parsed contents. `library`: cell types by name, besides Yosys' internal gates. Flip-flops'
    reset states come from the `init` attributes of their nets. Errors: NC284 (every unknown cell), NC286.
    """
    where = Where(str(source)) if isinstance(source, Path) else Where()
    if isinstance(source, Path):
        try:
            data = json.loads(source.read_text())
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            fail("NC286", f"file must be JSON of Yosys, not {error}", where=where)
    else:
        data = source
    modules: Mapping[str, Any] = data.get("modules", {}) if isinstance(data, Mapping) else {}
    if not modules:
        fail("NC286", "file must hold the modules of a Yosys design, not none", where=where)
    marked = [n for n, m in modules.items() if int(str(m.get("attributes", {}).get("top", "0")), 2)]
    name = top or (marked[0] if marked else next(iter(modules)) if len(modules) == 1 else "")
    if name not in modules:
        fail("NC286", f"top module must be one of the design's, not '{name}'", where=where, help=suggest(name, modules))
    return _Reader(name, modules[name], {**YOSYS_GATES, **(library or {})}, where).read()


class _Reader:
    def __init__(self, name: str, module: Mapping[str, Any], library: Mapping[str, CellType], where: Where):
        self.module, self.where = module, where
        self.make = NetlistBuilder(name, library)
        self.net_of: dict[int, int] = {}
        self.init: dict[int, int] = {}

    def net(self, bit: int | str) -> int:
        if isinstance(bit, str):
            return _CONSTANTS[bit]
        if bit not in self.net_of:
            self.net_of[bit] = self.make.nets(1)[0]
        return self.net_of[bit]

    def names(self) -> None:
        for name, entry in self.module.get("netnames", {}).items():
            bits = entry["bits"]
            init = str(entry.get("attributes", {}).get("init", ""))[::-1]
            for i, bit in enumerate(bits):
                if isinstance(bit, str):
                    continue
                if i < len(init) and init[i] in "01":
                    self.init[bit] = int(init[i])
                if not entry.get("hide_name"):
                    self.make.net_names.setdefault(self.net(bit), f"{name}[{i}]" if len(bits) > 1 else name)

    def cell(self, name: str, entry: Mapping[str, Any], found: Collector) -> None:
        kind = self.make.library.get(entry["type"])
        if kind is None:
            text = f"cell type must be a gate of the library, not '{entry['type']}'"
            help = suggest(entry["type"], self.make.library)
            found.error("NC284", text, where=Where(self.where.file, name), help=help)
            return
        joined = entry["connections"]
        wrong = [pin for pin in kind.inputs if len(joined.get(pin, ())) != 1]
        if wrong or set(joined) - set(kind.pins):
            text = f"cell '{kind.name}' must have pins {', '.join(kind.pins)}, one bit each, not {', '.join(joined)}"
            found.error("NC284", text, where=Where(self.where.file, name))
            return
        outputs = [self.net(joined[pin][0]) if joined.get(pin) else self.make.nets(1)[0] for pin in kind.outputs]
        init = max((self.init.get(bit, 0) for pin in kind.outputs for bit in joined.get(pin, ())), default=0)
        self.make.cell(kind.name, [self.net(joined[pin][0]) for pin in kind.inputs], outputs, name=name, init=init)

    def read(self) -> Netlist:
        found, outputs = Collector(), []
        for name, port in self.module.get("ports", {}).items():
            if port["direction"] == "inout":
                found.error("NC286", f"port '{name}' must be an input or an output, not inout", where=self.where)
            elif port["direction"] == "input":
                self.net_of.update(zip(port["bits"], self.make.input(name, len(port["bits"]))))
            else:
                outputs.append((name, port["bits"]))
        self.names()
        for name, entry in sorted(self.module.get("cells", {}).items()):
            self.cell(name, entry, found)
        found.raise_if_any()
        for name, bits in outputs:
            self.make.output(name, [self.net(bit) for bit in bits])
        return self.make.build()
