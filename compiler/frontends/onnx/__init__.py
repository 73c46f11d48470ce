"""ONNX and QONNX models: read into the float graph, with quantisers as operations of their own.

`read_onnx(path)` reads a file, `from_onnx(model)` a model in memory. docs/onnx.md says what is supported.
"""

from __future__ import annotations

from nc.compiler.frontends.onnx.importer import from_onnx, read_onnx

__all__ = ["from_onnx", "read_onnx"]
