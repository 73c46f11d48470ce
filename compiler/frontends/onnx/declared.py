"""Shapes that the file declares for its outputs and inner tensors, compared with those that the operators give.

A contradiction is a stale declaration, or an operator that is read otherwise than its exporter meant it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from onnx import GraphProto, ValueInfoProto

from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import Diagnostic, Where


def contradictions(graph: GraphProto, tensors: Mapping[str, Tensor | None]) -> Iterator[Diagnostic]:
    """NC119 for every declared shape that is not the computed one; the batch and unknown extents fit anything."""
    for info in (*graph.value_info, *graph.output):
        tensor = tensors.get(info.name)
        if tensor is not None and info.type.tensor_type.HasField("shape") and not _fits(info, tensor):
            stated = [
                d.dim_value if d.HasField("dim_value") else d.dim_param or "?" for d in info.type.tensor_type.shape.dim
            ]
            yield Diagnostic(
                "NC119",
                f"'{info.name}' must have the shape that the model declares, {stated}, not {tensor}",
                Where(tensor=info.name),
                help="export the model again, or let onnx.shape_inference.infer_shapes state its shapes anew",
            )


def _fits(info: ValueInfoProto, tensor: Tensor) -> bool:
    known = [d.dim_value if d.HasField("dim_value") else None for d in info.type.tensor_type.shape.dim]
    computed: list[int | None] = list(tensor.shape)
    if tensor.batched:
        computed.insert(tensor.lead, None)
    # Initial states that are alike for all samples are known without their batch axis.
    lacking = [] if tensor.batched else [known[:i] + known[i + 1 :] for i, e in enumerate(known) if e in (None, 1)]
    return any(
        len(stated) == len(computed) and all(a is None or b is None or a == b for a, b in zip(stated, computed))
        for stated in (known, *lacking)
    )
