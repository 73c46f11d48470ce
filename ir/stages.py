"""Which operations are legal at which stage of the compiler: float -> integer -> primitive.

`float`: what a model file may hold after import, quantisers included. `integer`: exact integers only, tensor
structure kept. `primitive`: convolutions and pools spelled out as rewiring and matrix products; backends that build
spatial hardware need no more than these.
"""

from __future__ import annotations

from nc.ir.diagnostics import Diagnostic, Where
from nc.ir.graph import Graph
from nc.ir.ops import OPS

_PORTS = {"input", "constant", "state"}
_ARITHMETIC = {"matmul", "add", "sub", "mul", "neg", "abs", "minimum", "maximum", "relu", "clip"}
_CHOICE = {"greater", "greater_equal", "less", "less_equal", "equal", "select"}
_STAIRS = {"requantize", "multi_threshold", "table"}
_REDUCE = {"reduce_sum", "reduce_max", "reduce_min", "argmax"}
_LAYOUT = {"reshape", "transpose", "concat", "slice", "gather", "pad", "broadcast", "take"}

PRIMITIVE = frozenset(_PORTS | _ARITHMETIC | _CHOICE | _STAIRS | _REDUCE | _LAYOUT)
INTEGER = PRIMITIVE | {"conv", "max_pool", "sum_pool", "lookup", "table_sum"}
FLOAT = frozenset(OPS)

STAGES: dict[str, frozenset[str]] = {"float": FLOAT, "integer": INTEGER, "primitive": PRIMITIVE}


def check_stage(graph: Graph, stage: str) -> list[Diagnostic]:
    """Every node that is illegal at `stage`: an operation outside its set, or a machine number beyond 'float'."""
    legal = STAGES[stage]
    found = []
    for node in graph.nodes:
        if node.op.name not in legal:
            message = f"operation '{node.op.name}' must be gone before stage '{stage}'"
        elif stage != "float" and not node.type.is_int:
            message = f"'{node.op.name}' must yield exact integers at stage '{stage}', not {node.type.element}"
        else:
            continue
        found.append(Diagnostic("NC207", message, Where(node=node.origin), op=node.op.name))
    return found
