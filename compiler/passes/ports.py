"""Input ports: which integers arrive at the hardware, and which real numbers they stand for.

Sources, the first that says something wins: the port's options, the quantiser that the model puts on its input,
calibration data. Options may complete one another: a range narrows a port whose scale comes from the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from nc.compiler.config import Common, InputSection
from nc.compiler.passes.input_formats import Formatted, format_of
from nc.compiler.passes.integerize import Port, quantiser_port
from nc.compiler.passes.quantise import port_of
from nc.compiler.yaml_text import advised
from nc.ir.diagnostics import Where, fail, suggest
from nc.ir.graph import Graph
from nc.ir.ops.base import Array
from nc.ir.types import Affine, natural_range

LISTS = ("bits", "scale", "zero_point", "range")
"""Options that may be a list of one value a feature."""


@dataclass(frozen=True, eq=False)
class Ports:
    """`ports` by input name; `formats`: what goes into the graph so that features arrive in formats of their own."""

    ports: dict[str, Port]
    formats: tuple[Formatted, ...] = ()


def input_ports(graph: Graph, common: Common, data: Mapping[str, Array] | None) -> Ports:
    """Ports by input name; inputs that need nothing (integers already, or their quantiser's grid) are left out.

    Raises NC307 for options that name no input or leave the numbers open.
    """
    if unknown := [name for name in common.input if name not in graph.inputs]:
        fail(
            "NC307",
            f"options must name an input of the model, not '{unknown[0]}'",
            help=suggest(unknown[0], graph.inputs),
        )
    ports: dict[str, Port] = {}
    formats: list[Formatted] = []
    for label, value in graph.inputs.items():
        if graph.type(value).is_int:
            continue
        own = quantiser_port(graph, value)
        known = None if data is None else data[label]
        section = common.input.get(label)
        free = own is None and not _quantised(graph, value)
        found = None
        if free and (section is None or section.model_fields_set <= {"bits"} and isinstance(section.bits, int)):
            bits = section.bits if section is not None and isinstance(section.bits, int) else None
            found = format_of(graph, value, common.quantise, known, bits)
        if found is not None:
            ports[label] = found[0]
            formats += [found[1]] if found[1] is not None else []
        elif section is not None:
            ports[label] = _described(label, section, own, known, graph.type(value).shape)
        elif known is not None and free:
            ports[label] = port_of(common.quantise, known)
    return Ports(ports, tuple(formats))


def _quantised(graph: Graph, value: int) -> bool:
    users = graph.users[value]
    return bool(users) and all(graph.nodes[u].op.name == "quantize" for u in users)


def _described(label: str, section: InputSection, own: Port | None, data: Array | None, shape: tuple[int, ...]) -> Port:
    each = [name for name in LISTS if isinstance(getattr(section, name), list)]
    if not each:
        return _one(label, section, own, data)
    count = shape[0] if len(shape) == 1 else 0
    for name in each:
        if len(getattr(section, name)) != count:
            fail("NC307", f"'{name}' of input '{label}' must be one value, or a list of one a feature ({count}), "
                          f"not {len(getattr(section, name))}", where=Where(tensor=label))  # fmt: skip
    parts = []
    for f in range(count):
        single = section.model_copy(update={name: getattr(section, name)[f] for name in each})
        parts.append(_one(label, single, own, None if data is None else data[:, [f]]))
    scales, offsets = tuple(p.scale for p in parts), tuple(-p.zero_point * p.scale for p in parts)
    return Port.of_channels(min(p.lo for p in parts), max(p.hi for p in parts), Affine(scales, offsets, 0))


def _one(label: str, section: InputSection, own: Port | None, data: Array | None) -> Port:
    """The port of one value of each option."""
    assert isinstance(section.bits, int) and isinstance(section.zero_point, int)
    assert not isinstance(section.scale, list) and not isinstance(section.range, list)
    if section.scale is None and own is not None:
        return _narrowed(label, own, section)
    bounds = section.range
    if bounds is None and data is not None:
        bounds = (Fraction(float(data.min())), Fraction(float(data.max())))
    signed = section.signed if section.signed is not None else bool(bounds and bounds[0] < 0)
    lo, hi = natural_range(section.bits, signed)
    if section.scale is not None:
        return _narrowed(label, Port(lo, hi, section.scale, section.zero_point), section)
    if bounds is None:
        fail(
            "NC307",
            f"input '{label}' must have a scale, a range, or calibration data",
            where=Where(tensor=label),
            help=f"for example {advised('input', label, 'scale', value='1/255')}",
        )
    return _narrowed(label, Port(lo, hi, _covering(bounds, lo, hi, section.zero_point), section.zero_point), section)


def _covering(bounds: tuple[Fraction, Fraction], lo: int, hi: int, zero_point: int) -> Fraction:
    """The smallest power of two as scale whose port covers the bounds; 1 when they are all zero."""
    below, above = zero_point - lo, hi - zero_point
    reach = max(
        bounds[1] / above if above > 0 and bounds[1] > 0 else Fraction(0),
        -bounds[0] / below if below > 0 and bounds[0] < 0 else Fraction(0),
    )
    if not reach:
        return Fraction(1)
    exponent = int(np.floor(np.log2(float(reach)))) - 1
    while Fraction(2) ** exponent < reach:
        exponent += 1
    return Fraction(2) ** exponent


def _narrowed(label: str, port: Port, section: InputSection) -> Port:
    """The port without the integers that lie outside the stated range of reals."""
    if section.range is None or isinstance(section.range, list):
        return port
    low, high = (b / port.scale + port.zero_point for b in section.range)
    lo, hi = max(port.lo, -((-low.numerator) // low.denominator)), min(port.hi, high.numerator // high.denominator)
    if lo > hi:
        fail("NC307", f"the range of input '{label}' must hold an integer of the port", where=Where(tensor=label))
    return replace(port, lo=lo, hi=hi)
