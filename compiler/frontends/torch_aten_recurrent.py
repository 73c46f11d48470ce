"""ATen's recurrent layers as ONNX nodes, one a layer: gates in ONNX's order, both biases in one."""

from __future__ import annotations

from nc.compiler.frontends.torch_archive import Ref
from nc.compiler.frontends.torch_writer import Arguments, Writer, aten
from nc.ir.diagnostics import fail

_OPERATORS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}
_GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where ONNX's gates stand in torch's order: i, o, f, c from i, f, c, o; z, r, n from r, z, n."""


@aten(*_OPERATORS)
def _recurrent(w: Writer, a: Arguments) -> list[str]:
    """(output, h_n), of an LSTM also c_n; states of several layers are joined along axis 0."""
    base = a.call.target.split(".")[1]
    op, first = _OPERATORS[base], bool(a.get("batch_first", False))
    if a.overload == "data":
        fail("NC103", f"{a.call.target} must take a tensor, not a packed sequence", help="pad sequences to one length")
    if a.get("train", False) and a.get("dropout", 0.0):
        fail("NC103", f"{a.call.target} must be in inference mode", help="call module.eval() before export")
    stated = a.get("hx")
    states = [s.name for s in (stated if isinstance(stated, list) else [stated]) if isinstance(s, Ref)]
    weights = [p.name for p in a.get("params")]
    ways, layers = 1 + bool(a.get("bidirectional", False)), int(a.get("num_layers", 1))
    each = len(weights) // (ways * layers)  # weights of one direction of one layer
    if each not in (2, 4):
        fail("NC103", f"{a.call.target} must have plain weights, without a projection", help="use proj_size=0")
    x = a.own
    finals: list[list[str]] = [[] for _ in states]
    name = w.label
    for layer in range(layers):
        w.label = f"{name}/l{layer}" if layers > 1 else name
        own = [weights[(layer * ways + k) * each :][:each] for k in range(ways)]
        initial = [_initial(w, s, layer, ways, layers, first) for s in states]
        x, last = _layer(w, op, x, own, initial, first, relu=base == "rnn_relu")
        for total, one in zip(finals, last, strict=True):
            total.append(w.node("Transpose", one, perm=[1, 0, 2]) if first else one)
    w.label = name
    return [x, *(t[0] if len(t) == 1 else w.node("Concat", *t, axis=0) for t in finals)]


def _initial(w: Writer, state: str, layer: int, ways: int, layers: int, first: bool) -> str:
    """The part of (layers * directions, batch, hidden) that belongs to a layer, in its layout."""
    if layers > 1:
        state = w.node("Gather", state, w.ints(range(layer * ways, (layer + 1) * ways)), axis=0)
    return w.node("Transpose", state, perm=[1, 0, 2]) if first else state


def _layer(
    w: Writer, op: str, x: str, weights: list[list[str]], initial: list[str], first: bool, *, relu: bool
) -> tuple[str, list[str]]:
    """One layer: its output (as torch has it) and its last states."""
    hidden = w.shape(weights[0][1])[1]
    ways = len(weights)
    joined = [_joined(w, [_ordered(w, op, p[k]) for p in weights]) for k in range(2)]
    bias = ""
    if len(weights[0]) == 4:
        both = [w.node("Concat", _ordered(w, op, p[2]), _ordered(w, op, p[3]), axis=0) for p in weights]
        bias = _joined(w, both)
    made = w.node(
        op, x, *joined, bias, "", *initial,
        results=1 + len(initial),
        hidden_size=hidden,
        direction="bidirectional" if ways == 2 else "forward",
        layout=int(first),
        linear_before_reset=1 if op == "GRU" else None,
        activations=["Relu"] * ways if relu else None,
    )  # fmt: skip
    last = [f"{made}.{1 + k}" for k in range(len(initial))]
    if ways == 1:  # (time, directions, batch, hidden), or (batch, time, directions, hidden)
        return w.node("Squeeze", made, w.ints([2 if first else 1])), last
    turned = made if first else w.node("Transpose", made, perm=[0, 2, 1, 3])
    return w.node("Reshape", turned, w.ints([0, 0, -1])), last


def _ordered(w: Writer, op: str, weight: str) -> str:
    """Rows gate by gate, in ONNX's order."""
    gates = _GATES[op]
    rows = (w.shape(weight)[0] or 0) // len(gates)
    return w.node("Gather", weight, w.ints([g * rows + r for g in gates for r in range(rows)]), axis=0)


def _joined(w: Writer, parts: list[str]) -> str:
    """One array with a leading axis of directions."""
    zero = w.ints([0])
    raised = [w.node("Unsqueeze", part, zero) for part in parts]
    return raised[0] if len(raised) == 1 else w.node("Concat", *raised, axis=0)
