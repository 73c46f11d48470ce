"""The table of the sweep: padding, cutting, moving and reducing, by operator."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from tests.compiler.frontends.onnx.sweep import Case

ZEROS = (6, 0, -8)


def _ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def pad() -> list[Case]:
    made = []
    borders = ([0, 0, 1, 0, 0, 0, 0, 2], [0, 1, 0, 0, 0, 0, 2, 1], [0, 0, -1, 1, 0, 0, 0, -1], [0, 0, 2, 2, 0, 0, 1, 0])
    for border, (mode, value) in product(
        borders,
        (("constant", None), ("constant", 0.5), ("constant", -2.0), ("edge", None), ("reflect", None), ("wrap", None)),
    ):
        operands: tuple[Any, ...] = (_ints(*border),) + (() if value is None else (np.float32(value),))
        opset = 19 if mode == "wrap" else 13
        made.append(Case("Pad", {"mode": mode}, (3, 4, 4), operands, zero_points=ZEROS, opset=opset))
    made.append(Case("Pad", {}, (3, 4, 4), (_ints(1, 2), np.float32(1), _ints(-1)), zero_points=ZEROS))
    made.append(Case("Pad", {"pads": [0, 0, 1, 0, 0, 2], "value": 1.5}, (3, 4), opset=8, forms=("float",)))
    return made


def cut() -> list[Case]:
    made = []
    big = np.iinfo(np.int64).max
    for starts, ends, axes, steps in (
        ([1], [3], [2], [1]), ([0], [big], [2], [2]), ([-1], [-big], [2], [-1]), ([1, 0], [9, 2], [1, 3], [1, 1]),
        ([-3], [-1], [-1], [1]), ([3], [0], [2], [-2]), ([0, 1], [2, 3], [-2, -1], [1, 2]), ([2], [2], [1], [1]),
    ):  # fmt: skip
        operands = tuple(np.array(v, np.int64) for v in (starts, ends, axes, steps))
        made.append(Case("Slice", {}, (3, 4, 4), operands, zero_points=ZEROS))
    made.append(Case("Slice", {"starts": [1, 0], "ends": [9, 2], "axes": [1, 2]}, (3, 4), opset=9, forms=("float",)))
    for axis, indices in product((1, 2, -1), (_ints(0, 2, -1), np.array(1), np.array([[0, 1], [2, 0]]), _ints())):
        made.append(Case("Gather", {"axis": axis}, (3, 4, 5), (indices,), zero_points=ZEROS))
    for axis in (1, 2, -1):
        elements = np.random.default_rng(1).integers(-3, 3, (1, 3, 3, 3))
        made.append(Case("GatherElements", {"axis": axis}, (3, 3, 3), (elements,), zero_points=ZEROS))
    made.append(Case("GatherND", {"batch_dims": 1}, (3, 3), (np.array([[[0, 1], [2, 2]]]),), zero_points=ZEROS))
    for axis, parts in product((1, 2, -1), (([2, 2, 2]), ([1, 5]), ([3, 3]))):
        made.append(Case("Split", {"axis": axis}, (6, 6, 6), (_ints(*parts),), zero_points=ZEROS, outputs=len(parts)))
    made.append(Case("Split", {"axis": 1, "num_outputs": 4}, (7, 2), zero_points=ZEROS, outputs=4))
    made.append(Case("Split", {"axis": 1}, (6, 2), opset=13, outputs=3, zero_points=ZEROS))
    made.append(Case("Split", {"axis": 1, "split": [1, 5]}, (6, 2), opset=11, outputs=2, zero_points=ZEROS))
    return made


def move() -> list[Case]:
    made = []
    for op, size, mode in (("DepthToSpace", 2, "DCR"), ("DepthToSpace", 2, "CRD"), ("DepthToSpace", 3, "CRD")):
        shape = (size * size * 2, 2, 3)
        made.append(Case(op, {"blocksize": size, "mode": mode}, shape, zero_points=ZEROS))
    made.append(Case("SpaceToDepth", {"blocksize": 2}, (2, 4, 6), zero_points=ZEROS))
    for perm in ([0, 2, 1, 3], [0, 3, 1, 2], [0, 3, 2, 1], [0, 1, 2, 3], [1, 0, 2, 3]):
        made.append(Case("Transpose", {"perm": perm}, (2, 3, 4), zero_points=ZEROS))
    for target in ([0, -1], [-1, 24], [0, 4, 6], [0, 0, -1], [1, 2, 3, 2, 2], [0, 2, 0, 2, 2], [-1], [1, 24]):
        made.append(Case("Reshape", {}, (2, 3, 4), (_ints(*target),), zero_points=ZEROS))
    made.append(Case("Reshape", {"allowzero": 1}, (2, 3, 4), (_ints(-1, 24),), zero_points=ZEROS))
    made += [Case("Flatten", {"axis": axis}, (2, 3, 4), zero_points=ZEROS) for axis in (0, 1, 2, -1, 4)]
    for axes in ([1], [-1], [1, 3]):
        shape = tuple(1 if a in [x % 4 for x in axes] else 3 for a in range(1, 4))
        made.append(Case("Squeeze", {}, shape, (_ints(*axes),), zero_points=ZEROS))
        made.append(Case("Unsqueeze", {}, (3, 2), (_ints(*axes),), zero_points=ZEROS))
    for axis, shape in ((1, (1, 2, 4)), (2, (1, 3, 1)), (-1, (1, 3, 2))):
        other = tuple(3 if i + 1 != axis % 4 and i < 1 else e for i, e in enumerate((3, 2, 4)))
        extra = [1, *other]
        extra[axis] = shape[axis % 4 - 1]
        made.append(Case("Concat", {"axis": axis}, (3, 2, 4), (np.full(extra, 0.5, np.float32),), zero_points=ZEROS))
    for target in ([1, 3, 4, 5], [3, 4, 1], [2, 1, 1, 1, 1], [1, 3, 4, 1]):
        made.append(
            Case("Expand", {}, (3, 1, 5) if target[-1] == 5 else (3, 4, 1), (_ints(*target),), zero_points=ZEROS)
        )
    for repeats in ([1, 2, 1], [1, 1, 3], [1, 2, 2], [2, 1, 1]):
        made.append(Case("Tile", {}, (2, 3), (_ints(*repeats),), zero_points=ZEROS))
    made.append(Case("Trilu", {"upper": 0}, (4, 4), zero_points=ZEROS))
    made.append(Case("Trilu", {"upper": 1}, (3, 4), (np.array(1),), zero_points=ZEROS))
    return made


def reduce() -> list[Case]:
    made = []
    names = ("Sum", "Mean", "Max", "Min", "L1", "L2", "SumSquare", "LogSum", "LogSumExp", "Prod")
    for name, axes, keep in product(names, ([1], [-1], [2, 3], [1, 2, 3], [1, -1]), (0, 1)):
        plain = ("float",) if name in ("LogSum", "LogSumExp") else ("float", "qdq")
        made.append(
            Case(f"Reduce{name}", {"keepdims": keep}, (2, 2, 4), (_ints(*axes),), zero_points=ZEROS, forms=plain)
        )
    for name in names[:4]:
        made.append(Case(f"Reduce{name}", {"axes": [2], "keepdims": 0}, (2, 4), opset=11, zero_points=ZEROS))
        made.append(Case(f"Reduce{name}", {"noop_with_empty_axes": 1}, (2, 4), zero_points=ZEROS))
        made.append(Case(f"Reduce{name}", {}, (2, 4), zero_points=ZEROS))
    for op, axis, keep, last in product(("ArgMax", "ArgMin"), (1, -1), (0, 1), (0, 1)):
        attributes = {"axis": axis, "keepdims": keep, "select_last_index": last}
        made.append(Case(op, attributes, (3, 4), opset=13, forms=()))
    return made


CASES: dict[str, list[Case]] = {"Pad": pad(), "cut": cut(), "move": move(), "Reduce": reduce()}
