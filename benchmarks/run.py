"""Time Theano beside its peers: ``python benchmarks/run.py [--help]``.

Each package runs in an interpreter of its own; they take turns, round after round, so that a machine that slows down
slows all of them. Printed are medians, and each peer's time as a multiple of ours. Peers live in virtual environments
``$PEERS/<name>`` (default ``~/.cache/theano-peers``): ``theano1`` (Theano 1.0.5), ``pytensor``, ``jax``, ``torch``; one
that is not there is reported as absent.

Times to the first result and of imports are taken in fresh processes whose caches on disk are empty.
"""

from __future__ import annotations

import argparse
import ctypes.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from workloads import WORKLOADS

HERE = Path(__file__).parent
PEERS = Path(os.environ.get("PEERS", Path.home() / ".cache" / "theano-peers"))
PACKAGES = ("theano", "theano1", "pytensor", "jax", "torch")

Results = dict[str, dict[str, float]]  # workload -> package -> seconds


def interpreter(package: str) -> Path | None:
    """The Python that has this package; None if it is absent."""
    if package == "theano":
        return Path(sys.executable)
    python = PEERS / package / "bin" / "python"
    return python if python.exists() else None


def environment(package: str, cache: str) -> dict[str, str]:
    """The environment of a worker, with its caches under `cache`."""
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_FLAGS")}
    environ.update(HOME=cache, XDG_CACHE_HOME=cache, THEANORC="", PYTHONPATH=str(HERE))
    if package == "theano":
        environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent)])
    if package == "theano1":
        # Without a linked BLAS its products go through NumPy, call by call.
        blas = "-lopenblas" if ctypes.util.find_library("openblas") else ""
        environ["THEANO_FLAGS"] = f"base_compiledir={cache},blas.ldflags={blas}"
    if package == "pytensor":
        environ["PYTENSOR_FLAGS"] = f"base_compiledir={cache}"
    return environ


class Worker:
    """A process with one package, and the conversation with it."""

    def __init__(self, package: str, cache: str, log: Any) -> None:
        self.process = subprocess.Popen(
            [str(interpreter(package)), str(HERE / "worker.py"), package],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(package, cache),
        )

    def ask(self, *request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        return json.loads(answer) if answer else {"error": f"the worker ended with {self.process.wait()}"}


@contextmanager
def worker(package: str, log: Any) -> Iterator[Worker]:
    """A fresh process with empty caches, ended at the end of the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        started = Worker(package, cache, log)
        try:
            yield started
        finally:
            started.process.communicate()


def steady(packages: list[str], chosen: list[int], rounds: int, seconds: float, log: Any) -> Results:
    """Seconds a call, warm: the median over rounds in which the packages take turns."""
    results: Results = {}
    with ExitStack() as stack:
        workers = {package: stack.enter_context(worker(package, log)) for package in packages}
        for index in chosen:
            times: dict[str, list[float]] = {package: [] for package in packages}
            for _ in range(rounds):
                for package, process in workers.items():
                    record(times[package], package, process.ask("time", index, seconds))
            results[WORKLOADS[index].name] = {p: median(t) for p, t in times.items() if t}
    return results


def fresh(packages: list[str], rounds: int, request: tuple[Any, ...], log: Any) -> dict[str, float]:
    """Seconds that one request takes as the first of a fresh process: the median over rounds."""
    times: dict[str, list[float]] = {package: [] for package in packages}
    for _ in range(rounds):
        for package in packages:
            with worker(package, log) as process:
                record(times[package], package, process.ask(*request))
    return {p: median(t) for p, t in times.items() if t}


def record(times: list[float], package: str, answer: dict[str, Any]) -> None:
    if "error" in answer:
        print(f"{package}: {answer['error']}", file=sys.stderr)
    else:
        times.append(answer["seconds"])


def readable(seconds: float) -> str:
    """Three figures and a unit: 0.064 µs, 4.35 ms, 1.2 s."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def show(title: str, results: Results, packages: list[str]) -> None:
    """A Markdown table: ours, then each peer with its multiple of ours."""

    def cell(row: dict[str, float], package: str) -> str:
        if package not in row:
            return "–"
        ratio = f" ({row[package] / row['theano']:.3g}×)" if package != "theano" and "theano" in row else ""
        return readable(row[package]) + ratio

    lines = [[title, *packages], *([name, *(cell(row, p) for p in packages)] for name, row in results.items())]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    print()
    for line in lines:
        print("| " + " | ".join(text.ljust(width) for text, width in zip(line, widths)) + " |")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="time only workloads whose names contain one of these words")
    parser.add_argument("--packages", default=",".join(PACKAGES), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each package (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.2, help="length of a turn (default: %(default)s)")
    parser.add_argument("--only", choices=("calls", "first", "import"), help="default: all three")
    parser.add_argument("--json", type=Path, help="also write the medians, in seconds, to this file")
    options = parser.parse_args()

    asked = options.packages.split(",")
    packages = [package for package in asked if interpreter(package)]
    for package in asked:
        if package not in packages:
            print(f"{package}: absent (no {PEERS / package / 'bin' / 'python'})")
    chosen = [i for i, w in enumerate(WORKLOADS) if not options.words or any(x in w.name for x in options.words)]
    few = max(1, options.rounds // 3)  # fresh processes are slow
    everything: dict[str, Results] = {}

    with tempfile.TemporaryFile("w+") as log:
        parts: dict[str, tuple[str, Callable[[], Results]]] = {
            "calls": ("a call", lambda: steady(packages, chosen, options.rounds, options.seconds, log)),
            "first": (
                "first result",
                lambda: {WORKLOADS[i].name: fresh(packages, few, ("first", i), log) for i in chosen},
            ),
            "import": ("import", lambda: {"import": fresh(packages, few, ("import",), log)}),
        }
        for part, (title, measure) in parts.items():
            if options.only in (None, part):
                everything[part] = measure()
                show(title, everything[part], packages)
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
