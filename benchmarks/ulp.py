"""Measure the vector mathematics: errors in ULP against mpmath, and nanoseconds an element on one thread.

    python benchmarks/ulp.py [--samples 20000] [--markdown] [name …]

Samples are spread as :func:`theano.backend.native.vectormath.accuracy.sample` describes. Times are the best of 30
runs over 10^5 elements in cache, arguments uniform in the part of the domain within [-5, 5].
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from theano.backend.native.vectormath import FUNCTIONS, VectorFunction
from theano.backend.native.vectormath.accuracy import LANES, measure, sample
from theano.backend.native.vectormath.evaluate import compiled

HEADINGS = ("function", "dtype", "domain", "largest ULP", "mean ULP", "bound", "ns/element")


def nanoseconds(function: VectorFunction, dtype: str, count: int) -> float:
    """The best time an element."""
    rng = np.random.default_rng(0)
    domains = [(max(low, -5.0), min(high, 5.0)) for low, high in function.domain(dtype)]
    operands = [rng.uniform(low, high, count).astype(dtype) for low, high in domains]
    out = np.empty(count, dtype)
    code = compiled(function.emit, function.arity, dtype, LANES[dtype])
    addresses = [out.ctypes.data, *(x.ctypes.data for x in operands)]
    best = np.inf
    for _ in range(30):
        start = time.perf_counter()
        code.function(*addresses, count)
        best = min(best, time.perf_counter() - start)
    return best / count * 1e9


def domain_text(function: VectorFunction, dtype: str) -> str:
    def interval(low: float, high: float) -> str:
        info = np.finfo(dtype)
        if high >= info.max:
            return "all" if low <= -high else "positive" if 0 < low < 1 else f"{low:g} and above"
        return f"{low:.4g} … {high:.4g}"

    return ", ".join(interval(*pair) for pair in function.domain(dtype))


def rows(names: list[str], samples: int) -> list[tuple[str, ...]]:
    table = []
    for name in names or FUNCTIONS:
        function = FUNCTIONS[name]
        for dtype in LANES:
            found = measure(function, dtype, sample(function, dtype, samples))
            time_each = nanoseconds(function, dtype, 100_000)
            table.append(
                (
                    name,
                    dtype,
                    domain_text(function, dtype),
                    f"{found.largest:.2f}",
                    f"{found.mean:.2f}",
                    f"{function.bound(dtype):g}",
                    f"{time_each:.2f}",
                )
            )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="functions; all by default")
    parser.add_argument("--samples", type=int, default=20_000, help="points for each function and dtype")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    options = parser.parse_args()
    table = [HEADINGS, *rows(options.names, options.samples)]
    if options.markdown:
        table.insert(1, ("---",) * len(HEADINGS))
        print("\n".join(f"| {' | '.join(row)} |" for row in table))
        return
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    print("\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table))


if __name__ == "__main__":
    main()
