"""All translations: importing this module fills `registry.TRANSLATIONS`. A new operator is one function in one file."""

from __future__ import annotations

from nc.compiler.frontends.onnx import (  # noqa: F401
    channels_last,
    elementwise,
    layout,
    linear,
    lut,
    ml,
    normalisation,
    pooling,
    qdq,
    qonnx,
    recurrent,
    reduction,
    resize,
    shapes,
    transposed,
)
