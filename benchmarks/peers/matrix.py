"""One random matrix through da4ml's solver, in an environment of its own.

    python matrix.py SIZE BITS SEARCH

Prints JSON. SEARCH 1: all decompositions (its default), 0: one.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np

if __name__ == "__main__":
    from da4ml.cmvm import solve

    size, bits, search = (int(word) for word in sys.argv[1:])
    half = 1 << bits - 1
    matrix = np.random.default_rng(1).integers(-half, half, (size, size)).astype(np.float32)
    begin = time.process_time()
    pipeline = solve(matrix, qintervals=[(0.0, 255.0, 1.0)] * size, search_all_decompose_dc=bool(search))
    seconds = time.process_time() - begin
    adders = sum(op.opcode in (0, 1) for solution in pipeline.solutions for op in solution.ops)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"adders": adders, "cpu_s": round(seconds, 2), "peak_mb": round(peak)}))
