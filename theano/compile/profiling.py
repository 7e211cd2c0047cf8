"""Profiles: how long a function's calls and its nodes take."""

from __future__ import annotations

import atexit
import sys
import time
from typing import Any, TextIO

from theano.configuration import config


class ProfileStats:
    """Times of one function.

    Attributes
    ----------
    message
        a title.
    compile_time
        seconds from the expression to the function.
    fct_callcount, fct_call_time
        number of calls and seconds in them.
    vm_call_time
        seconds in the program itself, without conversion of arguments and updates.
    nodes
        number of nodes in the rewritten graph.
    node_times
        for programs that run node by node: node → (calls, seconds).
    part_times
        for native programs: what a part is (native code, or a node that runs in Python) → (calls, seconds).
    step_times
        for native programs: a step (a fused loop, a product, a `scan`; steps inside a loop have its name before theirs)
        → (runs, seconds).
    rewriting
        what rewriting did, with ``config.profile_optimizer``.
    """

    def __init__(self, atexit_print: bool = True, message: str | None = None, **settings: Any) -> None:
        self.message = message
        self.compile_time = 0.0
        self.fct_callcount = 0
        self.fct_call_time = 0.0
        self.vm_call_time = 0.0
        self.nodes = 0
        self.node_times: dict[Any, tuple[int, float]] = {}
        self.part_times: dict[str, tuple[int, float]] = {}
        self.step_times: dict[str, tuple[int, float]] = {}
        self.rewriting: Any = None
        if config.profile_optimizer:
            from theano.rewrite import RewriteProfile

            self.rewriting = RewriteProfile()
        self.__dict__.update(settings)
        if atexit_print:
            _printed_at_exit.append(self)

    def timed_call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function and take its time."""
        started = time.perf_counter()
        subset = kwargs.pop("output_subset", None)
        inside = 0.0

        def run(values: list[Any]) -> list[Any]:
            nonlocal inside
            entered = time.perf_counter()
            results = self._run(function.program, values)
            inside += time.perf_counter() - entered
            return results

        packed = function._packed(function._run(args, kwargs, run), subset)
        ended = time.perf_counter()
        if config.profiling.ignore_first_call and self.fct_callcount == 0 and not hasattr(self, "_ignored"):
            self._ignored = True
            return packed
        self.fct_callcount += 1
        self.fct_call_time += ended - started
        self.vm_call_time += inside
        return packed

    def _run(self, program: Any, values: list[Any]) -> list[Any]:
        """Run `program`, measured node by node or part by part, whichever way it runs."""
        if not config.profiling.time_thunks:
            return program.run(values)
        if not hasattr(program, "watched"):
            return program.run(values, watch=self._record_part)
        started = [0.0]

        def before(position: int, node: Any, inputs: Any, outputs: Any) -> None:
            started[0] = time.perf_counter()

        def after(position: int, node: Any, inputs: Any, outputs: Any) -> None:
            calls, seconds = self.node_times.get(node, (0, 0.0))
            self.node_times[node] = (calls + 1, seconds + time.perf_counter() - started[0])

        return program.watched(before, after).run(values)

    def _record_part(self, title: str, runs: int, seconds: float) -> None:
        inside = title.startswith(" ")
        times, key = (self.step_times, title.strip()) if inside else (self.part_times, title)
        calls, total = times.get(key, (0, 0.0))
        times[key] = (calls + runs, total + seconds)

    def summary(
        self, file: TextIO | None = None, n_ops_to_print: int | None = None, n_apply_to_print: int | None = None
    ) -> None:
        """Print the times, by default where ``config.profiling.destination`` says.

        Lists the slowest Ops and nodes: as many as ``config.profiling.n_ops`` and ``config.profiling.n_apply`` say.
        """
        n_apply = config.profiling.n_apply if n_apply_to_print is None else n_apply_to_print
        n_ops = config.profiling.n_ops if n_ops_to_print is None else n_ops_to_print
        lines = [
            f"Profile of {self.message or 'a function'}",
            f"  compiled in {self.compile_time * 1e3:.3f} ms, {self.nodes} node(s) after rewriting",
            f"  {self.fct_callcount} call(s) in {self.fct_call_time * 1e3:.3f} ms, "
            f"{self.vm_call_time * 1e3:.3f} ms of it in the program",
        ]
        if self.fct_callcount:
            lines.append(f"  {self.fct_call_time / self.fct_callcount * 1e6:.2f} µs a call")
        op_times: dict[Any, tuple[int, float]] = {}
        for node, (calls, seconds) in self.node_times.items():
            before = op_times.get(node.op, (0, 0.0))
            op_times[node.op] = (before[0] + calls, before[1] + seconds)
        width = config.profiling.output_line_width
        tables = (
            ("Ops", op_times, n_ops),
            ("Nodes", self.node_times, n_apply),
            ("Parts", self.part_times, n_apply),
            ("Steps of native code", self.step_times, n_apply),
        )
        for what, times, limit in tables:
            if times:
                lines += ["", f"{what}, slowest first:"]
            for key, (calls, seconds) in sorted(times.items(), key=lambda entry: -entry[1][1])[:limit]:
                lines.append(f"  {seconds * 1e3:10.3f} ms  {calls:6d} calls  {key}"[:width])
        if self.rewriting is not None:
            lines += ["", "Rewriting:", str(self.rewriting)]
        print("\n".join(lines), file=file or _destination())


def as_profile(setting: Any, name: str | None) -> ProfileStats | None:
    """What the argument `profile` of `theano.function` means: a new profile, a given one, or none."""
    if setting is None or setting is False:
        return None
    if isinstance(setting, ProfileStats):
        return setting
    return ProfileStats(message=setting if isinstance(setting, str) else name)


_printed_at_exit: list[ProfileStats] = []


def _destination() -> TextIO:
    where = config.profiling.destination
    if where in ("stderr", "stdout"):
        return getattr(sys, where)
    return open(where, "a", encoding="utf-8")


@atexit.register
def _print_profiles() -> None:
    for stats in _printed_at_exit:
        if stats.fct_callcount:
            stats.summary()


def print_global_stats() -> None:
    """Print the time spent in compiling and in calls of all profiled functions."""
    compiled = sum(stats.compile_time for stats in _printed_at_exit)
    called = sum(stats.fct_call_time for stats in _printed_at_exit)
    print(f"Compiling took {compiled:.3f} s, calls {called:.3f} s", file=_destination())
