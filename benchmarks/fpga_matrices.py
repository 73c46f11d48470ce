"""Random constant matrices of growing size through nc's adder-graph optimiser and da4ml's: adders, CPU time, memory.

    python benchmarks/fpga_matrices.py [--quick] [--json] [--rival-sizes 64]

Weights of `bits` bits, inputs 0..255, default effort; each run in a process of its own, kernels compiled before the
clock starts. da4ml by default tries all two-stage decompositions (here up to half the largest size), or one. `ratio`:
time over that of half the size. da4ml comes from `.venv-peers` (`make peers`, or $NC_PEERS).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import sections

HERE = Path(__file__).parent
PEERS = Path(os.environ.get("NC_PEERS", HERE.parent / ".venv-peers"))
SIZES = ((32, 6), (64, 6), (64, 8), (128, 6), (128, 8), (256, 6))


def ours(size: int, bits: int) -> dict[str, float]:
    from nc.compiler.words.matvec import matvec

    half = 1 << bits - 1
    matvec(np.eye(2, dtype=np.int64))  # compiles the kernels
    matrix = np.random.default_rng(1).integers(-half, half, (size, size))
    begin = time.process_time()
    program = matvec(matrix)
    seconds = time.process_time() - begin
    if not np.array_equal(program.matrix(), matrix):
        raise SystemExit("the program must compute the matrix, and does not")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"adders": program.adders, "cpu_s": round(seconds, 2), "peak_mb": round(peak)}


def da4ml(size: int, bits: int, search: int) -> dict[str, float]:
    command = [str(PEERS / "bin" / "python"), str(HERE / "peers" / "matrix.py"), str(size), str(bits), str(search)]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="up to 64 rows")
    parser.add_argument("--json", action="store_true", help="one JSON object, and no table written")
    parser.add_argument("--rival-sizes", type=int, default=128, help="da4ml up to this many rows")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    before: dict[tuple[str, int, int], float] = {}
    for size, bits in SIZES:
        if options.quick and size > 64:
            continue
        with get_context("spawn").Pool(1) as pool:
            found = {"nc": pool.apply(ours, (size, bits))}
        if size <= options.rival_sizes and (PEERS / "bin" / "python").exists():
            found["da4ml, one decomposition"] = da4ml(size, bits, 0)
            if size <= options.rival_sizes // 2:
                found["da4ml"] = da4ml(size, bits, 1)
        for tool, figures in found.items():
            before[tool, size, bits] = figures["cpu_s"]
            half = before.get((tool, size // 2, bits))
            ratio = round(figures["cpu_s"] / half, 1) if half else None
            rows.append({"size": size, "bits": bits, "tool": tool, **figures, "ratio": ratio})
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    columns = {"size": "N x N", "bits": "bits", "tool": "tool", "adders": "adders", "cpu_s": "CPU s",
               "peak_mb": "peak MB", "ratio": "time over half the size"}  # fmt: skip
    sections.write("fpga_matrices", "FPGA: random constant matrices", sections.table(rows, columns))


if __name__ == "__main__":
    main()
