"""7xx: threshold logic (PE arrays and FTL cells)."""

from __future__ import annotations

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC701": Code(
        "shape of the processing element",
        "Neurons, registers, read ports and fresh products of a processing element have limits, since every operand "
        "multiplexer grows with them. Change the values under `array.pe`.",
    ),
    "NC702": Code(
        "empty or too narrow node",
        "A popcount-threshold node needs at least one input, and enough binary columns for its largest sum.",
    ),
    "NC703": Code(
        "no exact schedule for this kind of node",
        "The exact solver covers compare nodes with an addend; other nodes use the greedy scheduler.",
    ),
    "NC704": Code(
        "node too wide for the registers",
        "The partial sums of a node must fit the registers of one processing element: about three bits for each "
        "binary column of the sum. Give the element more registers or split the node.",
    ),
}
