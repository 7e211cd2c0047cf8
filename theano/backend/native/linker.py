"""Linking: from a rewritten graph to something that runs.

Nodes that the native backend can lower go into native parts; a node that it cannot (a user's Op, a dtype without
recipes) runs in Python between two native parts. Most graphs are one native part.
"""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from theano.backend.failure import describe_failure
from theano.backend.native import lowering  # noqa: F401  (registers the rules)
from theano.backend.native.compiler import Library, vector_bits
from theano.backend.native.emit import Check, Emitter
from theano.backend.native.entry import CallRecord, make_callable
from theano.backend.native.lower import Lowering, expand, find_rule
from theano.backend.native.plan import Plan
from theano.backend.native.program import schedule
from theano.backend.native.runtime import commit, entry_address
from theano.backend.native.staging import STAGING, provide_staging
from theano.backend.native.strips import in_strips, shorten_temporaries
from theano.backend.native.timing import StepTimes
from theano.backend.native.updates import BeginUpdates, in_place_last
from theano.backend.perform import checked_output, copied, independent, numpy_error_handling, overwritten_inputs
from theano.backend.program import CallSpec
from theano.configuration import config
from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.loops.branches import Branch, nesting
from theano.loops.op import Scan
from theano.tensor.type import TensorType

PartWatcher = Callable[[str, int, float], None]  # what it is, number of runs, seconds
CALLS_A_NEST = 30  # Python calls, one in the other, that a nested branch takes on its way to code, at most
STEP = "  "  # precedes the titles of steps inside a native part

__all__ = ["MixedProgram", "NativeProgram", "link"]


class NativeProgram:
    """A graph of lowerable nodes as machine code; with `timed`, code that measures its steps."""

    def __init__(self, fgraph: FunctionGraph, name: str | None = None, timed: bool = False) -> None:
        self.fgraph = fgraph
        self.name = name or "function"
        self.input_types: list[TensorType] = [v.type for v in fgraph.inputs]  # type: ignore[misc]
        self.output_types: list[TensorType] = [v.type for v in fgraph.outputs]  # type: ignore[misc]
        lowered = Lowering(fgraph)
        lowered.run()
        updated = fgraph.update_mapping or {}
        old_values = {number: lowered.arrays[fgraph.inputs[place]] for number, place in updated.items()}
        early, late = in_place_last(schedule(lowered.steps), old_values, lowered.length_steps)
        steps = [*in_strips(early), *late]
        shorten_temporaries(steps)
        overwritten = [new.buffer for step in late if isinstance(step, BeginUpdates) for new in step.over]
        self.in_place = {buffer.number: updated[buffer.number] for buffer in overwritten if buffer is not None}
        self.plan = Plan(lowered, steps)
        entry_address()
        self.times = StepTimes(lowered, self.plan.steps) if timed else None
        emitter = Emitter("theano_main", vector_bits(), self.times)
        self.text = emitter.program(self.plan.steps)
        self.checks: list[Check] = emitter.checks
        self.constants = lowered.constants
        self.input_words = lowered.input_words
        self.arena_words = self.plan.slots
        self.frame_words = lowered.words
        provide_staging(name for name in emitter.module.declarations if name.startswith(STAGING))
        self.library = Library(self.text)
        self.one_thread = not config.openmp
        self.main_address = self.library.address(emitter.name)
        self._records: weakref.WeakSet[CallRecord] = weakref.WeakSet()
        self._idle: list[tuple[CallRecord, Callable[..., Any]]] = []  # as many as there were calls at a time
        self._timed: Any = None

    def free(self) -> None:
        """Give back memory that is kept between calls; calls that are at work keep theirs."""
        for record in list(self._records):
            record.free()

    def failure(self, number: int, frame: np.ndarray) -> Exception:
        """The exception for a check that failed."""
        from theano.backend.native.program import Const

        check = self.checks[number - 1]
        values = [r.value if isinstance(r, Const) else int(frame[r]) for r in check.details]
        text = check.message if isinstance(check.message, str) else check.message(*values)
        error = check.error(text)
        if check.node is not None:
            error.add_note(describe_failure(check.node, ()))
        return error

    def run(self, inputs: list[Any], watch: PartWatcher | None = None) -> list[Any]:
        """Values of the outputs for values of the inputs; `watch` is told how many seconds it took."""
        if watch is not None:
            return self._watched(inputs, watch)
        return self._run(inputs, lambda record: None)

    def _run(self, inputs: list[Any], afterwards: Callable[[CallRecord], None]) -> list[Any]:
        """As :meth:`run`, in memory that no other call uses, which `afterwards` may look at."""
        try:
            record, runner = self._idle.pop()
        except IndexError:
            n = len(self.input_types)
            record = CallRecord(self, self.input_types, n, [], len(self.output_types), [], False, self._refuse)
            self._records.add(record)
            runner = make_callable(record, self.name)
        try:
            results = runner(*inputs)
            afterwards(record)
            return results
        finally:
            self._idle.append((record, runner))

    def commit(self, read: list[Any], expected: list[Any], updated: list[Any], new: list[Any]) -> bool:
        """Write the values `new` into the cells `updated`, if the cells `read` still hold the values `expected`.

        With False nothing is written: another thread was quicker, and the values are to be computed anew.
        """
        return commit(read, expected, updated, new)

    def _watched(self, inputs: list[Any], watch: PartWatcher) -> list[Any]:
        """As :meth:`run`, by a translation of the program that measures its steps."""
        if self._timed is None:
            self._timed = NativeProgram(self.fgraph, self.name, timed=True)
        program, started = self._timed, time.perf_counter()
        taken: list[tuple[str, int, float]] = []
        results = program._run(inputs, lambda record: taken.extend(program.times.take(record.frame)))
        watch(self.title(), 1, time.perf_counter() - started)
        for path, runs, seconds in taken:
            watch(f"{STEP}{path}", runs, seconds)
        return results

    def title(self) -> str:
        """What a profile calls the program."""
        return f"native code of {len(self.plan.steps)} steps"

    def _refuse(self, *inputs: Any) -> list[Any]:
        """The entry takes only aligned arrays of the right types: mend what can be, or say what is wrong."""
        filtered = [kind.filter(x) for kind, x in zip(self.input_types, inputs, strict=True)]
        mended = [np.require(x, requirements=["A"]) if not x.flags.aligned else x for x in filtered]
        if all(a is b for a, b in zip(mended, inputs, strict=True)):
            mended = [np.array(x, dtype=kind.numpy_dtype) for kind, x in zip(self.input_types, mended, strict=True)]
        return self.run(mended)

    def make_entry(self, spec: CallSpec) -> Any:
        """A builtin function that does the whole call in machine code."""
        assert spec.slow_call is not None
        cells = [cell for _, cell in spec.updates]
        expected = list(range(spec.n_outputs, len(self.output_types)))
        if [number for number, _ in spec.updates] != expected:
            return None
        record = CallRecord(
            self,
            self.input_types,
            len(spec.input_types),
            spec.implicit_cells,
            spec.n_outputs,
            cells,
            spec.single,
            spec.slow_call,
        )
        self._records.add(record)
        return make_callable(record, self.name)

    def stages(self) -> dict[str, str]:
        """Steps in order, memory, LLVM IR, assembly."""
        steps = "\n".join(step.text() for step in self.plan.steps)
        memory = [f"{len(self.plan.slots)} slots in the arena"]
        memory += [f"in place: {result!r} over {operand!r}" for result, operand in self.plan.in_place]
        memory += [f"in place: new value of {self.fgraph.inputs[i]} over the old one" for i in self.in_place.values()]
        return {
            "program": steps,
            "memory": "\n".join(memory),
            "llvm": self.text,
            "assembly": self.library.assembly(),
        }


class PythonPart:
    """One node that runs by its own ``perform``."""

    def __init__(self, node: Apply, inputs: list[Variable]) -> None:
        self.node = node
        self.inputs = inputs
        self.outputs = list(node.outputs)

    def run(self, values: list[Any]) -> list[Any]:
        node = self.node
        cells: list[list[Any]] = [[None] for _ in node.outputs]
        given = list(values)
        for i in overwritten_inputs(node):
            given[i] = copied(given[i])
        try:
            node.op.perform(node, given, cells)
            return [checked_output(node, i, cell[0]) for i, cell in enumerate(cells)]
        except Exception as error:
            error.add_note(describe_failure(node, values))
            raise

    def watched(self, values: list[Any], watch: PartWatcher) -> list[Any]:
        """As :meth:`run`; `watch` is told how long it took."""
        started = time.perf_counter()
        results = self.run(values)
        watch(self.title(), 1, time.perf_counter() - started)
        return results

    def free(self) -> None:
        """Give back memory that is kept between calls."""

    def title(self) -> str:
        return f"Python, out of native code: {self.node}"

    def text(self) -> str:
        return f"python: {self.node.op}"


class LoopPart(PythonPart):
    """A loop whose body needs Python: Python calls the body, compiled as far as it can be, once a step."""

    def __init__(self, node: Apply, inputs: list[Variable]) -> None:
        super().__init__(node, inputs)
        self.body = link(FunctionGraph(node.op.inner_inputs, node.op.inner_outputs), str(node.op))

    def run(self, values: list[Any]) -> list[Any]:
        try:
            return self.node.op.run(self.node, values, self.body.run)
        except Exception as error:
            error.add_note(describe_failure(self.node, values))
            raise

    def free(self) -> None:
        self.body.free()

    def title(self) -> str:
        left = {str(inner.op): None for inner in self.node.op.inner_nodes if find_rule(inner) is None}
        return f"Python loop around native code: {self.node} (out of native code: {', '.join(left)})"

    def text(self) -> str:
        body = "\n".join(f"  {line}" for line in self.body.stages()["program"].split("\n"))
        return f"python: {self.node.op}, each step:\n{body}"


class BranchPart(PythonPart):
    """A choice of which a side needs Python: each side is compiled as far as it can be, when it is first taken."""

    def __init__(self, node: Apply, inputs: list[Variable]) -> None:
        super().__init__(node, inputs)
        self.programs: dict[bool, NativeProgram | MixedProgram] = {}

    def program(self, side: bool) -> NativeProgram | MixedProgram:
        """What runs one side."""
        if side not in self.programs:
            self.programs[side] = link(self.node.op.side(side).clone(), str(self.node.op))
        return self.programs[side]

    def run(self, values: list[Any]) -> list[Any]:
        condition, *given = values
        return self.program(bool(condition)).run(given)

    def free(self) -> None:
        for program in list(self.programs.values()):
            program.free()

    def title(self) -> str:
        graphs = (self.node.op.side(side) for side in (True, False))
        left = {str(inner.op): None for graph in graphs for inner in graph.toposort() if find_rule(inner) is None}
        names = f" (out of native code: {', '.join(left)})" if left else ""
        return f"Python choice of native code: {self.node}{names}"

    def text(self) -> str:
        lines = [f"python: {self.node.op}, by {self.node.inputs[0]}"]
        for (title, _, _), side in zip(self.node.op.inner_graphs, (True, False), strict=True):
            body = "\n".join(f"    {line}" for line in self.program(side).stages()["program"].split("\n"))
            lines += [f"  {title}:", body]
        return "\n".join(lines)


def python_part(node: Apply) -> PythonPart:
    """What runs a node that the native backend cannot lower."""
    parts: dict[type, type[PythonPart]] = {Scan: LoopPart, Branch: BranchPart}
    return parts.get(type(node.op), PythonPart)(node, list(node.inputs))


class NativePart:
    """A maximal run of native nodes between Python nodes."""

    def __init__(self, nodes: list[Apply], inputs: list[Variable], outputs: list[Variable], name: str | None) -> None:
        self.inputs, self.outputs = inputs, outputs
        memo: dict[Any, Any] = {v: v.type() for v in inputs}
        for node in nodes:
            copy = node.clone()
            copy.inputs = [memo.get(v, v) for v in node.inputs]
            memo.update(zip(node.outputs, copy.outputs, strict=True))
        graph = FunctionGraph([memo[v] for v in inputs], [memo[v] for v in outputs], clone=False)
        self.program = NativeProgram(graph, name)

    def run(self, values: list[Any]) -> list[Any]:
        return self.program.run(values)

    def watched(self, values: list[Any], watch: PartWatcher) -> list[Any]:
        """As :meth:`run`; `watch` is told how long steps took."""
        return self.program.run(values, watch)

    def free(self) -> None:
        """Give back memory that is kept between calls."""
        self.program.free()

    def text(self) -> str:
        return f"native:\n{self.program.stages()['program']}"


class MixedProgram:
    """Native parts and Python nodes in turn."""

    def __init__(self, fgraph: FunctionGraph, name: str | None) -> None:
        self.fgraph = fgraph
        self.parts: list[NativePart | PythonPart] = []
        self._divide(name)

    def _divide(self, name: str | None) -> None:
        order = self.fgraph.toposort()
        # The depth of a node counts the changes between native and Python below it: even numbers are native parts.
        depth: dict[Apply, int] = {}
        for node in order:
            native = find_rule(node) is not None
            here = 0 if native else 1
            for v in node.inputs:
                below = depth.get(v.owner, -1) if v.owner is not None else -1
                if below < 0:
                    continue
                if native:
                    here = max(here, below if below % 2 == 0 else below + 1)
                else:
                    here = max(here, below + 1 if below % 2 == 0 else below + 2)
            depth[node] = here
        groups: dict[int, list[Apply]] = {}
        for node in order:
            groups.setdefault(depth[node], []).append(node)
        wanted = set(self.fgraph.outputs)
        for d in sorted(groups):
            nodes = groups[d]
            if d % 2:
                self.parts += map(python_part, nodes)
                continue
            inside = set(nodes)
            inputs = dict.fromkeys(
                v for n in nodes for v in n.inputs if v.owner not in inside and not isinstance(v, Constant)
            )
            outputs = [
                v
                for n in nodes
                for v in n.outputs
                if v in wanted or any(c == "output" or c not in inside for c, _ in self.fgraph.clients[v])
            ]
            self.parts.append(NativePart(nodes, list(inputs), outputs, name))
        last: dict[Variable, int] = {}
        for i, part in enumerate(self.parts):
            for v in part.inputs:
                last[v] = i
        used = (v for part in self.parts for v in part.inputs)
        self.constants = [v.data for v in dict.fromkeys((*used, *self.fgraph.outputs)) if isinstance(v, Constant)]
        self.dying: list[list[Variable]] = [[] for _ in self.parts]
        keep = set(self.fgraph.outputs) | set(self.fgraph.inputs)
        for v, i in last.items():
            if v not in keep:
                self.dying[i].append(v)

    def run(self, inputs: list[Any], watch: PartWatcher | None = None) -> list[Any]:
        """Values of the outputs; `watch` is told what each part is and how many seconds it took."""
        values: dict[Variable, Any] = dict(zip(self.fgraph.inputs, inputs, strict=True))

        def value(v: Variable) -> Any:
            return v.data if isinstance(v, Constant) and v not in values else values[v]

        with numpy_error_handling():
            for part, dying in zip(self.parts, self.dying, strict=True):
                given = [value(v) for v in part.inputs]
                made = part.run(given) if watch is None else part.watched(given, watch)
                values.update(zip(part.outputs, made, strict=True))
                for v in dying:
                    values.pop(v, None)
        return independent([value(v) for v in self.fgraph.outputs], [*inputs, *self.constants])

    def free(self) -> None:
        """Give back memory that native parts keep between calls."""
        for part in self.parts:
            part.free()

    def make_entry(self, spec: CallSpec) -> None:
        """None: calls go through Python."""
        return None

    def stages(self) -> dict[str, str]:
        return {"program": "\n".join(part.text() for part in self.parts)}


def link(fgraph: FunctionGraph, name: str | None = None) -> NativeProgram | MixedProgram:
    """Compile a graph; it is changed on the way."""
    expand(fgraph)
    with room_for_nests(nesting(fgraph)):
        return _compiled(fgraph, name)


@contextmanager
def room_for_nests(depth: int) -> Iterator[None]:
    """Let Python calls be as deep as it takes to compile branches that are nested so deep."""
    limit = sys.getrecursionlimit()
    if depth > 20:
        sys.setrecursionlimit(limit + CALLS_A_NEST * depth)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _compiled(fgraph: FunctionGraph, name: str | None) -> NativeProgram | MixedProgram:
    tensors = all(isinstance(v.type, TensorType) for v in (*fgraph.inputs, *fgraph.outputs))
    real = tensors and all(find_rule(node) is not None for node in fgraph.toposort())
    plain = real and not any(v.type.dtype.startswith("complex") for v in (*fgraph.inputs, *fgraph.outputs))
    return NativeProgram(fgraph, name) if plain else MixedProgram(fgraph, name)
