"""What an operation is: frozen fields, a type rule, and its exact meaning on batches of numpy arrays.

One operation a file; `nc.ir.ops` collects them. An operation has one result. Operands are tensors; whatever is fixed
at compile time is a field. `evaluate` receives arrays with a leading batch axis, constants with a batch of 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from nc.ir.diagnostics import InternalError, fail
from nc.ir.types import BOOL, F32, I64, IntType, RawType, TensorType

if TYPE_CHECKING:
    from nc.ir.graph import Builder, Value

Array = np.ndarray[Any, np.dtype[Any]]

INT64_MAX = 2**63 - 1


class Operand(NamedTuple):
    """What a type rule may look at: the operand's type and, for constants, its data (sample shape, no batch)."""

    type: TensorType
    value: Array | None = None


@dataclass(frozen=True, eq=False)
class Op:
    """Base of all operations; a subclass is a frozen dataclass in a file of its own.

    `name` is the word of the text form. `arity` is the number of operands (None: any number, at least one).
    """

    name: ClassVar[str] = ""
    arity: ClassVar[int | None] = 1

    def infer_type(self, *operands: Operand) -> TensorType:
        """The result's type. Raises NcError (NC2xx) when the operands do not fit; the graph adds the place."""
        raise InternalError(f"{self.name} has no type rule")

    def evaluate(self, *operands: Array) -> Array:
        """The exact result, batch first."""
        raise InternalError(f"{self.name} has no meaning")

    def decompose(self, build: Builder, *operands: Value) -> Value | None:
        """The same result from primitives (`nc.ir.stages`), or None when the operation is one itself."""
        return None

    def key(self) -> tuple[object, ...]:
        """A hashable identity: equal keys compute the same function."""
        return (self.name, *(_hashable(getattr(self, f.name)) for f in fields(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Op) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())


def _hashable(value: object) -> object:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    return value


def frozen(array: object, dtype: Any = None) -> Array:
    """A read-only, contiguous copy, so that an operation's data cannot change behind its back."""
    copy = np.array(array, dtype=dtype, order="C")
    copy.flags.writeable = False
    return copy


def align(*arrays: Array) -> tuple[Array, ...]:
    """Insert axes behind the batch axis so that numpy broadcasting lines up the samples' trailing axes."""
    rank = max(a.ndim for a in arrays)
    return tuple(a.reshape(a.shape[0], *(1,) * (rank - a.ndim), *a.shape[1:]) for a in arrays)


def broadcast_shape(name: str, *operands: Operand) -> tuple[int, ...]:
    """The common shape of element-wise operands. Raises NC201."""
    try:
        return tuple(np.broadcast_shapes(*(o.type.shape for o in operands)))
    except ValueError:
        shapes = " and ".join(str(list(o.type.shape)) for o in operands)
        fail(
            "NC201",
            f"operands of {name} must have shapes that broadcast, not {shapes}",
            help="insert a reshape, or check the layer sizes of the model",
        )


def elementwise_machine(name: str, *operands: Operand) -> RawType | None:
    """The machine element when no operand is an exact integer; None when all are. Raises NC202 on a mixture."""
    kinds = [o.type.element for o in operands]
    if all(isinstance(k, IntType) for k in kinds):
        return None
    if any(isinstance(k, IntType) for k in kinds):
        mixture = " and ".join(map(str, kinds))
        fail(
            "NC202",
            f"operands of {name} must all be exact integers or all be machine numbers, not {mixture}",
            help="insert 'quantize' before, or 'dequantize' after, the integer part",
        )
    for kind in (F32, I64, BOOL):
        if kind in kinds:
            return kind
    raise InternalError(f"unknown elements {kinds}")


def int_range(name: str, corners: Sequence[int]) -> IntType:
    """The range spanned by extreme results. Raises NC203 when it passes 64 bits."""
    lo, hi = min(corners), max(corners)
    if max(hi, -lo) > INT64_MAX:
        fail(
            "NC203",
            f"the integers of {name} must fit 64 bits, not {max(hi, -lo).bit_length() + 1}",
            help="put a quantiser in front of this operation",
        )
    return IntType(int(lo), int(hi))


def normal_axis(axis: int, rank: int, name: str) -> int:
    """A non-negative axis. Raises NC204."""
    if not -rank <= axis < rank:
        fail("NC204", f"axis of {name} must lie in {-rank}..{rank - 1}, not {axis}")
    return axis % rank


def as_fraction(value: float | int | Fraction) -> Fraction:
    """The exact value of a float constant as stored in the model (float32 constants are widened first)."""
    return Fraction(float(value)) if not isinstance(value, (int, Fraction)) else Fraction(value)
