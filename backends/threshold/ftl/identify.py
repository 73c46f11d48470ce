"""Is a Boolean function a threshold function, and with which integer weights?

Test unateness, make the function positive, order its variables, then solve the linear program

    min sum w + T   with   w(minimal true points) >= T,   w(maximal false points) <= T - 1,   w >= 0

(Muroga, Threshold Logic and its Applications, 1971). Up to 7 variables its optimum is integral; it is rounded, and
checked against the whole truth table before anybody sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from nc.ir.diagnostics import InternalError, ToolMissing, fail

Array = np.ndarray[Any, Any]

MAX_INPUTS = 7


@dataclass(frozen=True)
class Threshold:
    """f(x) = [sum of weights[i] * x[i] >= threshold]; negative weights stand for inverted inputs."""

    weights: tuple[int, ...]
    threshold: int

    def table(self) -> int:
        """The truth table: bit m is f of the minterm m (variable i is bit i of m)."""
        n = len(self.weights)
        total = minterms(n) @ np.array(self.weights, np.int64) if n else np.zeros(1, np.int64)
        return table_of(total >= self.threshold)

    @property
    def size(self) -> int:
        """Sum of the weights' magnitudes: what area and delay of a cell grow with."""
        return sum(abs(w) for w in self.weights)

    @property
    def margin(self) -> int:
        """Twice the distance of the switching point from the nearest weighted sum, in units of a weight: 1 at least."""
        n = len(self.weights)
        total = minterms(n) @ np.array(self.weights, np.int64)
        above, below = total[total >= self.threshold], total[total < self.threshold]
        return int(above.min() - below.max()) if len(above) and len(below) else 2 * self.size + 2


@cache
def minterms(n: int) -> Array:
    """(2^n, n) the input bits of every minterm."""
    return ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1).astype(np.int64)


def table_of(values: Array) -> int:
    """Truth values in minterm order to an integer."""
    return int.from_bytes(np.packbits(values.astype(np.bool_), bitorder="little").tobytes(), "little")


def values_of(table: int, n: int) -> Array:
    """The inverse of `table_of`."""
    raw = table.to_bytes(max(1, (1 << n) // 8), "little")
    return np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")[: 1 << n].astype(np.bool_)


@cache
def _half(n: int, i: int) -> int:
    """Truth table mask of the minterms in which variable i is 0."""
    return table_of(minterms(n)[:, i] == 0)


def cofactors(table: int, n: int, i: int) -> tuple[int, int]:
    """Truth tables of f with variable i at 0 and at 1, both on the minterms in which variable i is 0."""
    mask = _half(n, i)
    return table & mask, (table >> (1 << i)) & mask


def identify(table: int, n: int) -> Threshold | None:
    """Weights and threshold of the function with that truth table of `n` inputs, or None when it is no threshold
    function. The weights have the least sum. Raises NcError (NC720) above MAX_INPUTS inputs."""
    if n > MAX_INPUTS:
        fail("NC720", f"threshold identification takes at most {MAX_INPUTS} inputs, not {n}")
    signs = []
    positive = table
    for i in range(n):
        low, high = cofactors(positive, n, i)
        if low & ~high and high & ~low:
            return None  # not unate
        negative = bool(low & ~high)
        signs.append(-1 if negative else 1)
        if negative:
            positive = (low << (1 << i)) | high
    chow = [int((positive & ~_half(n, i)).bit_count()) for i in range(n)]  # a stronger variable has more true points
    order = tuple(sorted(range(n), key=lambda i: -chow[i]))
    found = _positive(_permuted(positive, n, order), n)
    if found is None:
        return None
    weights = [0] * n
    for place, i in enumerate(order):
        weights[i] = found.weights[place] * signs[i]
    threshold = found.threshold + sum(w for w in weights if w < 0)
    answer = Threshold(tuple(weights), threshold)
    if answer.table() != table:
        raise InternalError(f"identified weights {answer} do not give the function {table:#x}")
    return answer


def _permuted(table: int, n: int, order: tuple[int, ...]) -> int:
    """The function of new variables y, y[k] being the old x[order[k]]."""
    if order == tuple(range(n)):
        return table
    weights = np.left_shift(1, np.array(order, np.int64))
    return table_of(values_of(table, n)[minterms(n) @ weights])


@lru_cache(maxsize=1 << 18)
def _positive(table: int, n: int) -> Threshold | None:
    """A positive function whose variables are ordered by strength, strongest first."""
    full = (1 << (1 << n)) - 1
    if table == 0:
        return Threshold((0,) * n, 1)
    if table == full:
        return Threshold((0,) * n, 0)
    true_points, false_points = _extreme(table, n)
    for i in range(n - 1):  # a threshold function is 2-monotonic: no point may lose by a swap to a stronger variable
        if not _dominates(table, n, i):
            return None
    points = minterms(n)
    rows = np.concatenate([points[true_points], -points[false_points]]).astype(float)
    edge = np.concatenate([-np.ones(len(true_points)), np.ones(len(false_points))])
    rows = np.column_stack([rows, edge])  # w x - T >= 0, T - w x >= 1
    lower = np.concatenate([np.zeros(len(true_points)), np.ones(len(false_points))])
    solution = _least(rows, lower)
    if solution is None:
        return None
    for scale in range(1, 9):  # the optimum is integral up to 7 inputs; the scale covers a degenerate vertex
        rounded = np.rint(solution * scale).astype(int)
        made = Threshold(tuple(int(w) for w in rounded[:-1]), int(rounded[-1]))
        if made.table() == table:
            return made
    raise InternalError(f"the linear program separates {table:#x}, its rounded solution {solution} does not")


def _dominates(table: int, n: int, i: int) -> bool:
    """f(.., x_i = 1, x_i+1 = 0, ..) >= f(.., 0, 1, ..) for all others."""
    low, high = cofactors(table, n, i)
    mask = _half(n, i + 1)
    strong, weak = high & mask, (low >> (1 << (i + 1))) & mask
    return not weak & ~strong


def _extreme(table: int, n: int) -> tuple[Array, Array]:
    """Minimal true points and maximal false points (the irredundant on and off cubes of a positive function)."""
    values = values_of(table, n)
    minimal, maximal = values.copy(), ~values
    index = np.arange(1 << n)
    for i in range(n):
        has = (index >> i) & 1 == 1
        minimal[has] &= ~values[index[has] ^ (1 << i)]
        maximal[~has] &= values[index[~has] ^ (1 << i)]
    return np.flatnonzero(minimal), np.flatnonzero(maximal)


def _least(rows: Array, lower: Array) -> Array | None:
    """The point of least coordinate sum with rows @ x >= lower, x >= 0; None when there is none (HiGHS)."""
    try:
        from scipy.optimize import linprog
    except ImportError:
        fail("NC500", "threshold identification needs scipy", help="pip install scipy", kind=ToolMissing)
    found = linprog(np.ones(rows.shape[1]), A_ub=-rows, b_ub=-np.asarray(lower), bounds=(0, None), method="highs")
    return np.asarray(found.x) if found.status == 0 else None
