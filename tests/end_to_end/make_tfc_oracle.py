"""Makes tfc_mnist_decisions.npz: the QONNX reference executor's arg-max on all MNIST test images, one at a time.

Run: python tests/end_to_end/make_tfc_oracle.py TFC_1W1A.onnx [FOLDER_OF_MNIST] (15 minutes).
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from datasets import mnist  # noqa: E402


def main() -> None:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    warnings.simplefilter("ignore")
    data = mnist(Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    model = ModelWrapper(sys.argv[1]).transform(InferShapes())
    name = model.graph.input[0].name
    decisions = np.empty(len(data.x_test), np.uint8)
    for k, image in enumerate(data.x_test):
        x = (image[None, None] / np.float32(255)).astype(np.float32)
        decisions[k] = next(iter(execute_onnx(model, {name: x}).values())).argmax()
    np.savez_compressed(Path(__file__).with_name("tfc_mnist_decisions.npz"), decisions=decisions)


if __name__ == "__main__":
    main()
