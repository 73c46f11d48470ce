"""All kinds of actors; importing this module registers them."""

from nc.ir.dataflow.argmax import ArgMax
from nc.ir.dataflow.buffer import Bound, Buffer
from nc.ir.dataflow.matvec import MatVec
from nc.ir.dataflow.reduce import Reduce
from nc.ir.dataflow.routing import Fork, Gather, Scatter
from nc.ir.dataflow.staircase import Staircase
from nc.ir.dataflow.taps import Taps
from nc.ir.dataflow.words import Words

__all__ = ["ArgMax", "Bound", "Buffer", "Fork", "Gather", "MatVec", "Reduce", "Scatter", "Staircase", "Taps", "Words"]
