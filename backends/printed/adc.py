"""Flash converters in front of the classifier: which thresholds the circuit needs, and what they cost.

Published comparator and encoder figures of printed flash ADCs (TCAS-AI 2025 and predecessors): a comparator takes
0.0008 cm2 and 0.046 mW, a two-input OR of the encoder 0.0056 cm2 and 0.020 mW. A converter of b bits has 2**b - 1
comparators; one that an input bit alone depends on fewer thresholds keeps only those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nc.backends.printed.flow import Circuit

COMPARATOR = (0.0008, 0.046)  # cm2, mW
ENCODER_OR = (0.0056, 0.020)


def thresholds(bits: int, used: set[int]) -> int:
    """Comparators that the used bits of a b-bit code need: bit k toggles at every multiple of 2**k.

    >>> thresholds(4, {3}), thresholds(4, {2, 3}), thresholds(4, {0}), thresholds(4, set())
    (1, 3, 15, 0)
    """
    if not used:
        return 0
    return (1 << bits - min(used)) - 1


def encoder_gates(bits: int, used: set[int]) -> int:
    """Two-input ORs that gather thermometer segments into the used bits: bit k joins 2**(b-1-k) segments."""
    return sum((1 << bits - 1 - k) - 1 for k in used)


def adc_figures(circuit: Circuit) -> dict[str, Any]:
    """Area and power of the converters of all inputs, whole and pruned to the bits that the mapped netlist reads."""
    read = {pin for gate in circuit.netlist.gates for pin in gate.pins} | set(circuit.netlist.wires.values())
    whole, pruned = [0, 0], [0, 0]
    inputs_read = 0
    for port in circuit.words.inputs:
        for i in range(len(port.nodes)):
            used = {b for b in range(port.bits) if f"{port.name}[{i * port.bits + b}]" in read}
            inputs_read += bool(used)
            every = set(range(port.bits))
            whole = [whole[0] + thresholds(port.bits, every), whole[1] + encoder_gates(port.bits, every)]
            pruned = [pruned[0] + thresholds(port.bits, used), pruned[1] + encoder_gates(port.bits, used)]
    return {"inputs_read": inputs_read, "whole": _cost(*whole), "pruned": _cost(*pruned)}


def _cost(comparators: int, gates: int) -> dict[str, Any]:
    area, power = (c * comparators + g * gates for c, g in zip(COMPARATOR, ENCODER_OR))
    return {
        "comparators": comparators,
        "encoder_gates": gates,
        "area_cm2": round(area, 4),
        "power_mw": round(power, 4),
    }
