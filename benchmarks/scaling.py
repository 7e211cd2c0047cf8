"""Whether time to compile grows with the graph and no faster: ``python benchmarks/scaling.py [--help]``.

Each family is a way for graphs to be large. Printed are, for each size, the time from the expression to a compiled
function, that time a node of the user's graph, and how the latter grows from the last size but one to the last: 1 is
linear. Each graph is compiled in a fresh process, whose cache on disk is empty. ``tools`` are what else walks over
graphs.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
Graph = tuple[list[Any], Any, list[tuple[Any, Any]]]  # inputs, outputs, updates
FAMILIES: dict[str, Callable[[int], Graph]] = {}
TOOLS: dict[str, Callable[[int], Any]] = {}


def family(name: str) -> Callable[[Callable[[int], Graph]], Callable[[int], Graph]]:
    """Register a function that makes a graph of about so many nodes."""

    def register(build: Callable[[int], Graph]) -> Callable[[int], Graph]:
        FAMILIES[name] = build
        return build

    return register


def tool(name: str) -> Callable[[Callable[[int], Any]], Callable[[int], Any]]:
    """Register a function that makes a graph of about so many nodes, and returns what is to be timed."""

    def register(build: Callable[[int], Any]) -> Callable[[int], Any]:
        TOOLS[name] = build
        return build

    return register


@family("elementwise chain")
def elementwise_chain(n: int) -> Graph:
    import theano.tensor as T

    x = y = T.dvector("x")
    for _ in range(n // 2):
        y = T.tanh(y) + x
    return [x], y, []


@family("chain of many operations")
def mixed_chain(n: int) -> Graph:
    import theano.tensor as T

    x = y = T.dvector("x")
    for i in range(n // 5):
        y = T.exp(-y * 0.5) / (abs(x) + 1.5 + i % 7)
    return [x], y, []


@family("elementwise chain with gradient")
def chain_gradient(n: int) -> Graph:
    import theano.tensor as T

    x = y = T.dvector("x")
    for _ in range(n // 8):
        y = T.tanh(y) * x
    return [x], T.grad(y.sum(), x), []


@family("tanh network with gradient")
def network(n: int) -> Graph:
    import theano
    import theano.tensor as T

    x = h = T.dmatrix("x")
    weights = [theano.shared(np.eye(8)) for _ in range(max(1, n // 20))]
    for w in weights:
        h = T.tanh(T.dot(h, w))
    cost = h.sum()
    return [x], cost, [(w, w - 0.1 * g) for w, g in zip(weights, T.grad(cost, weights), strict=True)]


@family("sum of terms, one by one")
def terms(n: int) -> Graph:
    import theano.tensor as T

    x = T.dvector("x")
    total = x
    for i in range(n // 2):
        total = total + T.sin(x * float(i))
    return [x], total, []


@family("sum of terms at once")
def wide_sum(n: int) -> Graph:
    import theano.tensor as T

    x = T.dvector("x")
    return [x], T.add(*(T.sin(x * float(i)) for i in range(n // 2))), []


@family("many inputs and outputs")
def many_outputs(n: int) -> Graph:
    import theano.tensor as T

    xs = [T.dvector() for _ in range(n // 2)]
    return xs, [T.exp(x) + 1.0 for x in xs], []


@family("outputs of one input")
def outputs_of_one(n: int) -> Graph:
    import theano.tensor as T

    x = T.dvector("x")
    return [x], [T.exp(x * float(i)) for i in range(n // 2)], []


@family("shared variables updated")
def updates(n: int) -> Graph:
    import theano
    import theano.tensor as T

    x = T.dvector("x")
    shared = [theano.shared(np.zeros(3)) for _ in range(n // 2)]
    return [x], [], [(s, s * 0.5 + x) for s in shared]


@family("body of a loop")
def loop_body(n: int) -> Graph:
    import theano
    import theano.tensor as T

    x = T.dvector("x")

    def step(h: Any) -> Any:
        for _ in range(n // 2):
            h = T.tanh(h) + x
        return h

    states, _ = theano.scan(step, outputs_info=[x], n_steps=3)
    return [x], states[-1], []


@family("nested choices")
def choices(n: int) -> Graph:
    import theano.tensor as T
    from theano.ifelse import ifelse

    x, c = T.dvector("x"), T.lscalar("c")
    y = x
    for i in range(n // 4):
        y = ifelse(T.gt(c, i), T.tanh(y), x * float(i))
    return [x, c], y, []


@family("indexing and joining")
def joins(n: int) -> Graph:
    import theano.tensor as T

    x = y = T.dvector("x")
    for _ in range(n // 3):
        y = T.concatenate([y[1:], y[:1]])
    return [x], y, []


@family("changes of parts")
def changes(n: int) -> Graph:
    import theano.tensor as T

    x = y = T.dvector("x")
    for i in range(n // 2):
        y = T.set_subtensor(y[i % 5 : i % 5 + 2], float(i))
    return [x], y, []


@family("reshapes and transpositions")
def reshapes(n: int) -> Graph:
    import theano.tensor as T

    x = y = T.dmatrix("x")
    for _ in range(n // 4):
        y = T.exp(y.T.reshape((y.shape[0], -1)))
    return [x], y, []


@family("equal subgraphs")
def equal_subgraphs(n: int) -> Graph:
    import theano.tensor as T

    x = T.dvector("x")
    total = x
    for _ in range(n // 4):
        total = total + T.exp(x * 2.0) * T.sin(x)
    return [x], total, []


@family("reductions")
def reductions(n: int) -> Graph:
    import theano.tensor as T

    x = y = T.dvector("x")
    for _ in range(n // 3):
        y = y / y.sum()
    return [x], y, []


@family("products")
def products(n: int) -> Graph:
    import theano.tensor as T

    x, w = T.dmatrices("x", "w")
    y = x
    for _ in range(n // 2):
        y = T.tanh(T.dot(y, w))
    return [x, w], y, []


@tool("build")
def build_tool(n: int) -> Any:
    return lambda: elementwise_chain(n)


@tool("grad")
def grad_tool(n: int) -> Any:
    import theano.tensor as T

    (x,), y, _ = elementwise_chain(n)
    cost = y.sum()
    return lambda: T.grad(cost, x)


@tool("clone")
def clone_tool(n: int) -> Any:
    import theano

    (x,), y, _ = elementwise_chain(n)
    return lambda: theano.clone(y, replace={x: x * 2})


@tool("pickle a graph")
def pickle_tool(n: int) -> Any:
    _, y, _ = elementwise_chain(n)
    return lambda: pickle.loads(pickle.dumps(y, -1))


@tool("debugprint")
def debugprint_tool(n: int) -> Any:
    import theano

    _, y, _ = elementwise_chain(n)
    return lambda: theano.printing.debugprint(y, file="str")


@tool("pp")
def pp_tool(n: int) -> Any:
    import theano

    _, y, _ = elementwise_chain(n)
    return lambda: theano.pp(y)


@tool("pydotprint")
def drawing_tool(n: int) -> Any:
    import theano

    _, y, _ = elementwise_chain(n)
    return lambda: theano.printing.pydotprint(y, return_image=False, outfile=os.devnull, format="dot")


def measure(name: str, n: int) -> dict[str, float]:
    """Seconds, and nodes that the time is divided by."""
    import theano
    from theano.graph.traversal import toposort

    if name in TOOLS:
        timed = TOOLS[name](n)
        begin = perf_counter()
        timed()
        return {"seconds": perf_counter() - begin, "nodes": n}
    inputs, outputs, updates = FAMILIES[name](n)
    results = [*(outputs if isinstance(outputs, list) else [outputs]), *(new for _, new in updates)]
    nodes = toposort(results)
    inner = [node.op.inner_nodes for node in nodes if hasattr(node.op, "inner_nodes")]
    count = len(nodes) + sum(map(len, inner))
    begin = perf_counter()
    theano.function(inputs, outputs, updates=updates, on_unused_input="ignore")
    return {"seconds": perf_counter() - begin, "nodes": count}


def in_fresh_process(name: str, n: int, limit: float) -> dict[str, float] | str:
    """As :func:`measure`; else what went wrong."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        environ = {key: value for key, value in os.environ.items() if key != "THEANO_FLAGS"}
        environ.update(HOME=cache, XDG_CACHE_HOME=cache, THEANORC="", PYTHONPATH=str(ROOT))
        command = [sys.executable, __file__, "--one", name, str(n)]
        try:
            done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            return f"> {limit:g} s"
        if done.returncode:
            return (done.stderr.strip().split("\n") or [str(done.returncode)])[-1][:60]
        return json.loads(done.stdout.splitlines()[-1])  # tools may print, too


def table(names: Sequence[str], sizes: Sequence[int], limit: float) -> None:
    """Print a row for each family: the time at each size, a node's share of it, and how that grows at the end."""
    from run import readable

    print("| " + " | ".join(["time to compile", *(f"{n:,} nodes" for n in sizes), "growth of a node's share"]) + " |")
    print("| " + " | ".join(["---"] * (len(sizes) + 2)) + " |")
    for name in names:
        cells, each = [], []
        for n in sizes:
            found = in_fresh_process(name, n, limit)
            if isinstance(found, str):
                cells.append(found)
                break
            each.append(found["seconds"] / found["nodes"])
            cells.append(f"{readable(found['seconds'])}, {readable(each[-1])}")
        cells += ["–"] * (len(sizes) - len(cells))
        growth = f"{each[-1] / each[-2]:.1f}" if len(each) > 1 else "–"
        print("| " + " | ".join([name, *cells, growth]) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only families and tools whose names contain one of these")
    parser.add_argument("--sizes", default="100,1000,10000", help="nodes (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a graph (default: %(default)s)")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "NODES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]))))
        return
    names = [n for n in (*FAMILIES, *TOOLS) if not options.words or any(word in n for word in options.words)]
    table(names, [int(float(n)) for n in options.sizes.split(",")], options.limit)


if __name__ == "__main__":
    main()
