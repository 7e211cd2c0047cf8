"""Time Theano beside its peers: ``python benchmarks/run.py [--help]``.

Each package runs in an interpreter of its own; they take turns, round after round, so that a machine that slows down
slows all of them. A turn's time is that of its best batch of calls; printed are medians of turns, and our time as a
multiple of the fastest peer's beside the target for it. ``torch.compile`` is PyTorch's compiler, and ``copy`` a plain
copy of as many bytes in memory as a workload reads and writes.

Peers live in virtual environments ``$PEERS/<name>`` (default ``~/.cache/theano-peers``): ``theano1`` (Theano 1.0.5),
``pytensor``, ``jax``, ``torch``; one that is not there is reported as absent.

Times to the first result and of imports are taken in fresh processes whose caches on disk are empty; beside them stands
our time in a second process, which finds what the first one left on disk.
"""

from __future__ import annotations

import argparse
import ctypes.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from packages import HOMES, PACKAGES
from workloads import GROUPS, WORKLOADS, Workload

HERE = Path(__file__).parent
PEERS = Path(os.environ.get("PEERS", Path.home() / ".cache" / "theano-peers"))

Results = dict[str, dict[str, float]]  # workload -> package -> seconds


def interpreter(package: str) -> Path | None:
    """The Python that has this package; None if it is absent."""
    home = HOMES.get(package, package)
    python = Path(sys.executable) if home == "theano" else PEERS / home / "bin" / "python"
    return python if python.exists() else None


def environment(package: str, cache: str) -> dict[str, str]:
    """The environment of a worker, with its caches under `cache`."""
    dropped = ("_FLAGS", "OPENBLAS_CORETYPE")  # the latter slows the BLAS of some packages and not that of others
    environ = {name: value for name, value in os.environ.items() if not name.endswith(dropped)}
    environ.update(HOME=cache, XDG_CACHE_HOME=cache, TORCHINDUCTOR_CACHE_DIR=cache, THEANORC="", PYTHONPATH=str(HERE))
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
def worker(package: str, log: Any, cache: str | None = None) -> Iterator[Worker]:
    """A fresh process, ended at the end of the block; its caches are empty unless a folder with some is given."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
        started = Worker(package, cache or empty, log)
        try:
            yield started
        finally:
            started.process.communicate()


def able(packages: list[str], workload: Workload, but: tuple[str, ...] = ()) -> list[str]:
    """Those that have something to say about a workload: PyTorch's compiler would unroll loops, for hours."""
    silent = {*but, *(["torch.compile"] if workload.group == "loops" else []), *([] if workload.traffic else ["copy"])}
    return [package for package in packages if package not in silent]


def steady(packages: list[str], chosen: list[int], rounds: int, seconds: float, log: Any) -> Results:
    """Seconds a call, warm: the median over rounds in which the packages take turns."""
    results: Results = {}
    with ExitStack() as stack:
        workers = {package: stack.enter_context(worker(package, log)) for package in packages}
        for index in chosen:
            workload, sums = WORKLOADS[index], {}
            times: dict[str, list[float]] = {package: [] for package in able(packages, workload)}
            for _ in range(rounds):
                for package in list(times):
                    answer = workers[package].ask("time", index, seconds)
                    sums[package] = answer.get("checksum", sums.get(package))
                    record(times, package, workload.name, answer)
            if workload.group != "random numbers":
                agree(workload, sums)
            results[workload.name] = {p: median(t) for p, t in times.items() if t}
    return results


def check(packages: list[str], chosen: list[int], log: Any) -> None:
    """Print for each row how far the packages' results lie apart, over three calls."""
    with ExitStack() as stack:
        workers = {package: stack.enter_context(worker(package, log)) for package in packages}
        for index in chosen:
            name, sums = WORKLOADS[index].name, {}
            for package in able(packages, WORKLOADS[index], ("copy",)):
                answer = workers[package].ask("check", index)
                if "error" in answer:
                    print(f"{package}: {name}: {answer['error']}", file=sys.stderr)
                else:
                    sums[package] = answer["checksums"]
            calls = list(zip(*sums.values()))
            apart = max((spread(call) for call in calls), default=float("nan"))
            found = f": {sums}" if apart > 1e-5 else ""
            print(f"{name}: {', '.join(sums)} differ by {apart:.1e}{found}", flush=True)


def spread(sums: Sequence[float]) -> float:
    """The largest difference between sums, beside the largest of them or 1."""
    return (max(sums) - min(sums)) / max(1, *map(abs, sums))


def agree(workload: Workload, sums: dict[str, float | None]) -> None:
    """Say so where packages do not compute the same."""
    known = {package: s for package, s in sums.items() if s is not None and package != "copy"}
    if known and spread(list(known.values())) > 1e-3:
        print(f"{workload.name}: results differ, their sums are {known}", file=sys.stderr)


def first(packages: list[str], chosen: list[int], rounds: int, log: Any) -> Results:
    """Seconds to the first result of a fresh process; as package "again" ours in the second one."""
    results: Results = {}
    for index in {WORKLOADS[i].what: i for i in reversed(chosen)}.values():
        name = WORKLOADS[index].name
        times: dict[str, list[float]] = {package: [] for package in able(packages, WORKLOADS[index], ("copy", "torch"))}
        second: dict[str, list[float]] = {"again": []}
        for _ in range(rounds):
            for package in list(times):
                with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
                    with worker(package, log, cache) as process:
                        record(times, package, name, process.ask("first", index))
                    if package == "theano":
                        with worker(package, log, cache) as process:
                            record(second, "again", name, process.ask("first", index))
        results[name] = {p: median(t) for p, t in {**times, **second}.items() if t}
    return dict(reversed(results.items()))


def imports(packages: list[str], rounds: int, log: Any) -> Results:
    """Seconds to import a package in a fresh process."""
    times: dict[str, list[float]] = {package: [] for package in packages if package not in ("copy", "torch.compile")}
    for _ in range(rounds):
        for package in list(times):
            with worker(package, log) as process:
                record(times, package, "import", process.ask("import"))
    return {"import": {p: median(t) for p, t in times.items() if t}}


def record(times: dict[str, list[float]], package: str, name: str, answer: dict[str, Any]) -> None:
    """Keep a time; a package that fails is not asked again for this workload."""
    if "error" in answer:
        print(f"{package}: {name}: {answer['error']}", file=sys.stderr)
        del times[package]
    else:
        times[package].append(answer["seconds"])


def readable(seconds: float) -> str:
    """Three figures and a unit: 0.064 µs, 4.35 ms, 1.2 s."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def fraction(row: dict[str, float], package: str, others: Collection[str]) -> float | None:
    """The time of a package as a multiple of that of the fastest of others."""
    known = [row[other] for other in others if other in row]
    return row[package] / min(known) if package in row and known else None


ALL = [package for package in PACKAGES if package not in ("theano", "copy")]

# What is compared in the table of each title: the heading of a column, whose time it is and beside whose. Targets for
# calls depend on the row and have a column of their own.
COMPARISONS: dict[str, dict[str, tuple[str, Collection[str]]]] = {
    "a call": {"ours / fastest": ("theano", ALL)},
    "first result": {
        "ours / jax (≤ 1)": ("theano", ["jax"]),
        "ours / pytensor (≤ 0.05)": ("theano", ["pytensor"]),
        "second / first (≤ 0.5)": ("again", ["theano"]),
    },
    "import": {"ours / fastest (≤ 1)": ("theano", ALL)},
}


def table(title: str, results: Results, targets: dict[str, float]) -> str:
    """A Markdown table: times, what is compared, and the target of each row that has one of its own."""
    packages = [package for package in (*PACKAGES, "again") if any(package in row for row in results.values())]
    compared = {
        heading: numbers
        for heading, (package, others) in COMPARISONS[title].items()
        if any(numbers := [fraction(row, package, others) for row in results.values()])
    }
    headings = [title, *("second process" if package == "again" else package for package in packages), *compared]
    lines = [[*headings, "target"] if targets else headings]
    for index, (name, row) in enumerate(results.items()):
        times = [readable(row[p]) if p in row else "–" for p in packages]
        ratios = [f"{found:.2g}" if (found := numbers[index]) else "–" for numbers in compared.values()]
        lines.append([name.replace("|", "\\|"), *times, *ratios, *([f"{targets[name]:g}"] if targets else [])])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(t.ljust(w) for t, w in zip(line, widths)) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="time only workloads whose names contain all of these words")
    parser.add_argument("--group", action="append", choices=GROUPS, help="time only workloads of these groups")
    parser.add_argument("--packages", default=",".join(PACKAGES), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each package (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.2, help="length of a turn (default: %(default)s)")
    parser.add_argument("--only", choices=("calls", "first", "import"), help="default: all three")
    parser.add_argument("--check", action="store_true", help="compare what the packages compute, and time nothing")
    parser.add_argument("--json", type=Path, help="also write the medians, in seconds, to this file")
    options = parser.parse_args()

    asked = options.packages.split(",")
    packages = [package for package in asked if interpreter(package)]
    for package in asked:
        if package not in packages:
            print(f"{package}: absent (no environment {PEERS / package})")
    chosen = [
        index
        for index, workload in enumerate(WORKLOADS)
        if workload.group in (options.group or GROUPS) and all(word in workload.name for word in options.words)
    ]
    targets = {WORKLOADS[i].name: GROUPS[WORKLOADS[i].group] for i in chosen}
    few = max(1, options.rounds // 3)  # fresh processes are slow
    everything: dict[str, Results] = {}

    with tempfile.TemporaryFile("w+") as log:
        if options.check:
            return check(packages, chosen, log)
        parts: dict[str, tuple[str, dict[str, float], Callable[[], Results]]] = {
            "calls": ("a call", targets, lambda: steady(packages, chosen, options.rounds, options.seconds, log)),
            "first": ("first result", {}, lambda: first(packages, chosen, few, log)),
            "import": ("import", {}, lambda: imports(packages, few, log)),
        }
        for part, (title, wanted, measure) in parts.items():
            if options.only in (None, part):
                everything[part] = measure()
                print("\n" + table(title, everything[part], wanted), flush=True)
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
