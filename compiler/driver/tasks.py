"""Classification or regression: found from the labels and the output, or as asked for; and the labels of each.

Integer labels within the number of classes are class indices. Other numbers are what a regression is to answer: as
many a sample as the output has elements. What is neither is refused.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nc.compiler.answers import Answer
from nc.compiler.data import Dataset
from nc.ir.diagnostics import Where, fail

Task = Literal["classification", "regression"]


def task_of(answer: Answer, samples: Dataset | None, asked: Task | None) -> Task:
    """What the output is judged as; without labels a decision, since every output can be read as one."""
    if asked == "regression" and answer.values is None:
        fail("NC433", f"output '{answer.name}' must be numbers to be judged as a regression, not a class index",
             help="compile with --set output=logits, or leave out --task regression")  # fmt: skip
    if asked is not None:
        return asked
    if samples is None or answer.values is None:
        return "classification"
    if samples.y is None:
        return "classification" if samples.targets is None else "regression"
    free = answer.scalar and not answer.probability and not answer.heads  # such a number may be any quantity
    return "regression" if free and int(samples.y.max(initial=0)) >= answer.classes else "classification"


def labels_of(answer: Answer, samples: Dataset, task: Task) -> NDArray[Any] | None:
    """Class indices (N,), or numbers (N, size) for a regression; None without labels (NC407, NC433)."""
    given = samples.y if samples.targets is None else samples.targets
    if given is None:
        return None
    here = Where(file=samples.name, tensor="y")
    if task == "regression":
        assert answer.values is not None
        size = answer.values.shape[1]
        numbers = np.asarray(given, np.float64).reshape(len(samples), -1)
        if numbers.shape[1] != size:
            fail("NC433", f"y must hold {size} numbers a sample, one an element of output '{answer.name}', not "
                 f"{numbers.shape[1]}", where=here,
                 help="give y the shape of the output, or class indices")  # fmt: skip
        return numbers
    indices = samples.labels()
    return in_range(indices, answer.classes, samples.name)


def in_range(indices: NDArray[np.int64], classes: int, name: str) -> NDArray[np.int64]:
    """Labels as they are, NC433 where the network has no such class."""
    wrong = np.flatnonzero(indices >= classes)
    if wrong.size:
        fail("NC433", f"a label must be one of the network's {classes} classes, 0 to {classes - 1}, not "
             f"{indices[wrong[0]]} in sample {wrong[0]} ({wrong.size} of {len(indices)} labels)",
             where=Where(file=name, tensor="y"),
             help="number the classes from 0 in the order of the outputs; for numbers: --task regression")  # fmt: skip
    return indices
