"""Codes 281–289: bit-level netlists and the readers of netlist files."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC281": Code(
        "bad cell type",
        "A cell type needs distinct pins and one Boolean function for every output, written over its pins with "
        "! & ^ | and parentheses (Liberty's notation).",
    ),
    "NC282": Code(
        "netlist structure",
        "Every net that is read must have exactly one driver: one cell's output, one input port bit, or a constant.",
    ),
    "NC283": Code(
        "combinational loop",
        "A cycle of cells without a flip-flop has no settled value: it cannot be levelised, balanced or evaluated. "
        "The message lists the cells of one such loop.",
    ),
    "NC284": Code(
        "unknown cell",
        "The netlist instantiates a cell that the library does not have, or connects it with the wrong pins. Flatten "
        "and map the design to gates first (yosys: `flatten; simplemap` or `techmap; abc`), or give a library.",
    ),
    "NC285": Code(
        "netlist inputs",
        "Evaluation takes one array of bits for every data port, all of the same number of vectors; flip-flops must "
        "share one clock.",
    ),
    "NC286": Code(
        "unreadable netlist file",
        "The file is not a well-formed netlist of its format. The message says the line (text formats) or the byte "
        "(binary AIGER) where reading stopped.",
    ),
}
