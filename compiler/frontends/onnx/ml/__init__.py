"""ONNX-ML: the classical models that skl2onnx, onnxmltools and others export, one kind of operator a file."""

from __future__ import annotations

from nc.compiler.frontends.onnx.ml import features, linear, scaling, svm, trees  # noqa: F401  (fills the table)
