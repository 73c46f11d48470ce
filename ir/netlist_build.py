"""Making a netlist: ports, cells one at a time or many at once, then `build`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from nc.ir.diagnostics import fail, suggest
from nc.ir.netlist import Ints, Netlist, Port
from nc.ir.netlist_cells import CellType


class NetlistBuilder:
    """Collects nets, ports and cells.

    >>> from nc.ir.netlist_cells import YOSYS_GATES
    >>> make = NetlistBuilder("half_adder", YOSYS_GATES)
    >>> a, b = make.input("a", 1)[0], make.input("b", 1)[0]
    >>> make.output("s", [*make.cell("$_XOR_", [a, b]), *make.cell("$_AND_", [a, b])])
    >>> make.build().count()
    {'$_AND_': 1, '$_XOR_': 1}
    """

    def __init__(self, name: str, library: Mapping[str, CellType]):
        self.name = name
        self.library = library
        self.n_nets = 2
        self._types: dict[str, int] = {}
        self._cell_type: list[int] = []
        self._pins: list[int] = []
        self._init: list[int] = []
        self._names: list[str] = []
        self._inputs: list[Port] = []
        self._outputs: list[Port] = []
        self.net_names: dict[int, str] = {}

    def nets(self, count: int) -> list[int]:
        """New nets, without a driver yet."""
        self.n_nets += count
        return list(range(self.n_nets - count, self.n_nets))

    def input(self, name: str, width: int) -> list[int]:
        nets = self.nets(width)
        self._inputs.append(Port(name, np.array(nets, np.int32)))
        return nets

    def output(self, name: str, nets: Iterable[int]) -> None:
        self._outputs.append(Port(name, np.array(list(nets), np.int32)))

    def _type(self, name: str) -> tuple[int, CellType]:
        if name not in self.library:
            fail("NC284", f"cell type must be in the library, not '{name}'", help=suggest(name, self.library))
        return self._types.setdefault(name, len(self._types)), self.library[name]

    def cell(
        self,
        kind: str,
        inputs: Sequence[int],
        outputs: Sequence[int] | None = None,
        *,
        name: str = "",
        init: int = 0,
    ) -> list[int]:
        """Add a cell; returns the nets it drives (new ones unless `outputs` are given)."""
        number, found = self._type(kind)
        made = self.nets(len(found.outputs)) if outputs is None else list(outputs)
        if len(inputs) != len(found.inputs) or len(made) != len(found.outputs):
            fail(
                "NC284",
                f"cell '{kind}' must have {len(found.inputs)} inputs and {len(found.outputs)} outputs, "
                f"not {len(inputs)} and {len(made)}",
            )
        self._cell_type.append(number)
        self._pins += [*map(int, inputs), *made]
        self._init.append(init)
        self._names.append(name)
        return made

    def cells(self, kind: str, inputs: Ints) -> Ints:
        """Add k cells at once: inputs (k, inputs of the type), returns their new output nets (k, outputs)."""
        number, found = self._type(kind)
        k, n_out = len(inputs), len(found.outputs)
        made = np.arange(self.n_nets, self.n_nets + k * n_out, dtype=np.int32).reshape(k, n_out)
        self.n_nets += k * n_out
        self._cell_type += [number] * k
        self._pins += np.hstack([inputs, made]).ravel().tolist()
        self._init += [0] * k
        self._names += [""] * k
        return made

    def build(self) -> Netlist:
        """The verified netlist."""
        return self.build_unchecked().verify()

    def build_unchecked(self) -> Netlist:
        """The netlist as it stands, for callers that still rename nets; they `verify` it themselves."""
        types = tuple(self.library[name] for name in self._types)
        cell_type = np.array(self._cell_type, np.int32)
        widths = np.array([len(kind.pins) for kind in types], np.int64)
        start = np.zeros(len(cell_type) + 1, np.int64)
        np.cumsum(widths[cell_type], out=start[1:])
        names = tuple(name or f"c{i}" for i, name in enumerate(self._names)) if any(self._names) else ()
        return Netlist(
            self.name,
            types,
            cell_type,
            start,
            np.array(self._pins, np.int32),
            self.n_nets,
            tuple(self._inputs),
            tuple(self._outputs),
            np.array(self._init, np.uint8),
            names,
            dict(self.net_names),
        )
