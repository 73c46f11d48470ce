"""ATen's attention, written out: softmax(q k' * scale + mask) v."""

from __future__ import annotations

import math

from onnx import TensorProto

from nc.compiler.frontends.torch_writer import Arguments, Writer, aten
from nc.ir.diagnostics import fail


@aten("scaled_dot_product_attention")
def _attention(w: Writer, a: Arguments) -> str:
    """query (..., L, E), key (..., S, E), value (..., S, V) -> (..., L, V)."""
    if a.get("dropout_p", 0.0) or a.get("is_causal", False) or a.get("enable_gqa", False):
        fail(
            "NC103",
            f"{a.call.target} must have no dropout, no causal mask and as many heads of keys as of queries",
            help="call module.eval() before export, and add a causal mask as attn_mask of floats",
        )
    query, key = a.tensor("query"), a.tensor("key")
    rank, width = w.rank(key), w.shape(query)[-1]
    scale = a.get("scale")
    if scale is None:
        if not width:
            fail("NC106", f"{a.call.target} must have a known width of its heads", help="export with fixed shapes")
        scale = 1 / math.sqrt(width)
    turned = w.node("Transpose", key, perm=[*range(rank - 2), rank - 1, rank - 2])
    scores = w.node("Mul", w.node("MatMul", query, turned), w.constant(scale, w.metas[query].dtype))
    mask = a.optional("attn_mask")
    if mask and w.metas[mask].dtype == TensorProto.BOOL:
        fail("NC103", f"the mask of {a.call.target} must be floats to add, not truth values", help="0 and -1e9")
    if mask:
        scores = w.node("Add", scores, mask)
    return w.node("MatMul", w.node("Softmax", scores, axis=-1), a.tensor("value"))
