"""DebugMode: every call checks rewrites, the native backend and Ops against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.backend.failure import describe_value
from theano.backend.program import Program
from theano.backend.reference import link as link_reference
from theano.compile.container import independent_copy
from theano.compile.errors import (
    BadDestroyMap,
    BadOptimization,
    BadThunkOutput,
    BadViewMap,
    InvalidValueError,
    StochasticOrder,
)
from theano.compile.mode import Mode
from theano.configuration import config
from theano.graph.basic import Apply, Variable
from theano.graph.fg import Feature, FunctionGraph
from theano.graph.replace import equal_computations
from theano.inspect.debugprint import debugprint


class DebugMode(Mode):
    """Runs a function three times and compares: as written on the reference, rewritten on it, and rewritten natively.

    Every node is watched too: that it leaves alone what it does not say it overwrites, that it tells which outputs are
    views, and that its outputs are of their types.

    Parameters
    ----------
    optimizer
        which rewrites are applied (and checked), as for Mode.
    stability_patience
        how often the graph is rewritten again, to see that the result is the same; by default
        ``config.DebugMode.patience``.
    check_c_code
        check the native backend.
    check_py_code
        check the nodes' own behaviour on the reference backend.
    check_isfinite
        complain about NaN and infinity in results.
    check_preallocated_output, require_matching_strides
        accepted as in Theano 1.0.
    linker
        what is checked against the reference; by default the native backend.

    Raises
    ------
    BadOptimization
        a rewrite changed a value; the message names the rewrite.
    BadThunkOutput
        the native backend computes a node differently; the message names the node.
    BadViewMap, BadDestroyMap, InvalidValueError
        an Op does what it does not say, or gives values that are not of its outputs' types, or not finite.
    StochasticOrder
        rewriting twice gives different graphs.
    """

    def __init__(
        self,
        optimizer: Any = "fast_run",
        stability_patience: int | None = None,
        check_c_code: bool | None = None,
        check_py_code: bool | None = None,
        check_isfinite: bool | None = None,
        check_preallocated_output: Any = None,
        require_matching_strides: Any = None,
        linker: Any = None,
    ) -> None:
        super().__init__("native" if linker is None else linker, optimizer)
        settings = config.DebugMode
        self.stability_patience = settings.patience if stability_patience is None else stability_patience
        self.check_c_code = settings.check_c if check_c_code is None else check_c_code
        self.check_py_code = settings.check_py if check_py_code is None else check_py_code
        self.check_isfinite = settings.check_finite if check_isfinite is None else check_isfinite
        self.check_preallocated_output = check_preallocated_output
        self.require_matching_strides = require_matching_strides
        if not (self.check_c_code or self.check_py_code):
            raise ValueError("DebugMode: one of check_c_code and check_py_code must be True")

    @classmethod
    def from_config(cls) -> DebugMode:
        """The mode as ``config.DebugMode`` describes it."""
        return cls()

    def clone(self, link_kwargs: Any = None, optimizer: Any = None, **changes: Any) -> DebugMode:
        return type(self)(
            self.optimizer if optimizer is None else optimizer,
            self.stability_patience,
            self.check_c_code,
            self.check_py_code,
            self.check_isfinite,
            self.check_preallocated_output,
            self.require_matching_strides,
            self._linker,
        )

    def compile(self, fgraph: FunctionGraph, name: str | None = None, profile: Any = None) -> Program:
        original = fgraph.clone()
        self.rewrite(fgraph, profile)
        for _ in range(self.stability_patience):
            again = original.clone()
            self.rewrite(again)
            if not equal_computations(fgraph.outputs, again.outputs, fgraph.inputs, again.inputs):
                raise StochasticOrder(
                    "DebugMode: rewriting the same graph twice gave different graphs:\n"
                    f"{debugprint(fgraph, file='str')}\nand\n{debugprint(again, file='str')}"
                )
        return CheckedProgram(self, fgraph, original, name)

    def link(self, fgraph: FunctionGraph, name: str | None = None) -> Program:
        return CheckedProgram(self, fgraph, None, name)


class CheckedProgram:
    """A graph run several ways, with comparison.

    Parameters
    ----------
    fgraph
        the rewritten graph.
    original
        the graph before rewriting, when that is to be checked.
    """

    def __init__(
        self, mode: DebugMode, fgraph: FunctionGraph, original: FunctionGraph | None, name: str | None
    ) -> None:
        self.mode = mode
        self.fgraph = fgraph
        self.original = original
        self.name = name
        self.native: Any = mode._linker.link(fgraph, name) if mode.check_c_code else None
        watcher = _NodeWatcher(mode)
        self.reference = link_reference(fgraph, name)
        if mode.check_py_code:
            self.reference = self.reference.watched(watcher.before, watcher.after)
        self.unrewritten = None if original is None else link_reference(original, name)

    def run(self, inputs: list[Any]) -> list[Any]:
        """Values of the outputs, checked."""
        kept = [independent_copy(value) for value in inputs]
        expected = self.reference.run(inputs)
        results = expected
        if self.native is not None:
            results = self.native.run(inputs)
            for variable, value, wanted in zip(self.fgraph.outputs, results, expected):
                if not _equal(variable, value, wanted):
                    raise BadThunkOutput(self._native_report(inputs, variable, value, wanted))
        if self.unrewritten is not None:
            for number, (variable, value, wanted) in enumerate(
                zip(self.fgraph.outputs, expected, self.unrewritten.run(inputs))
            ):
                if not _equal(variable, value, wanted):
                    raise BadOptimization(self._rewrite_report(inputs, number, value, wanted))
        for variable, value, before in zip(self.fgraph.inputs, inputs, kept):
            if not _identical(value, before):
                raise BadDestroyMap(f"DebugMode: running the function changed the value given for {variable}")
        return results

    def _native_report(self, inputs: list[Any], variable: Variable, value: Any, wanted: Any) -> str:
        """Which node the native backend computes differently: both are run with every value as an output."""
        head = f"DebugMode: the native backend computes {variable} differently from the reference."
        whole = FunctionGraph(self.fgraph.inputs, [v for n in self.fgraph.toposort() for v in n.outputs])
        try:
            pairs = zip(
                whole.outputs, self.mode._linker.link(whole, self.name).run(inputs), link_reference(whole).run(inputs)
            )
            for output, its_value, its_wanted in pairs:
                if not _equal(output, its_value, its_wanted):
                    variable, value, wanted = output, its_value, its_wanted
                    break
        except Exception as error:
            head += f" (Looking for the node, {type(error).__name__}: {error})"
        lines = [head]
        if variable.owner is not None:
            lines += [f"The first node that differs: {variable.owner}, made at", variable.owner.user_line()]
        lines += [
            f"native:    {describe_value(value)}",
            f"reference: {describe_value(wanted)}",
            _difference(value, wanted),
        ]
        lines.append(debugprint(variable, file="str", depth=5))
        return "\n".join(lines)

    def _rewrite_report(self, inputs: list[Any], number: int, value: Any, wanted: Any) -> str:
        """Which rewrite changed a value: the graph is rewritten again, and all replacements are computed."""
        assert self.original is not None
        again = self.original.clone()
        recorder = _Recorder()
        again.attach_feature(recorder)
        self.mode.rewrite(again)
        lines = [
            f"DebugMode: rewriting changed the value of output {number}.",
            f"before: {describe_value(wanted)}",
            f"after:  {describe_value(value)}",
            _difference(value, wanted),
        ]
        for old, new, reason in recorder.replacements:
            pair = FunctionGraph(again.inputs, [old, new])
            try:
                old_value, new_value = link_reference(pair).run(inputs)
            except Exception:  # a replaced part need not be computable by itself; another may explain the difference
                continue
            if not _equal(old, new_value, old_value):
                lines += [
                    f"The rewrite that did it: {reason}. It replaced",
                    debugprint(old, file="str", depth=5),
                    f"with value {describe_value(old_value)} by",
                    debugprint(new, file="str", depth=5),
                    f"with value {describe_value(new_value)}",
                ]
                break
        return "\n".join(lines)

    def stages(self) -> dict[str, str]:
        """The stages of what is checked."""
        return (self.native or self.reference).stages()


class _Recorder(Feature):
    """Remembers every replacement that a rewrite makes."""

    def __init__(self) -> None:
        self.replacements: list[tuple[Variable, Variable, Any]] = []

    def on_change_input(
        self, fgraph: FunctionGraph, node: Any, i: int, old: Variable, new: Variable, reason: Any
    ) -> None:
        self.replacements.append((old, new, reason))


class _NodeWatcher:
    """Checks that nodes do what their Ops declare."""

    def __init__(self, mode: DebugMode) -> None:
        self.mode = mode
        self.kept: list[Any] = []

    def before(self, position: int, node: Apply, inputs: list[list[Any]], outputs: list[list[Any]]) -> None:
        self.kept = [independent_copy(cell[0]) for cell in inputs]

    def after(self, position: int, node: Apply, inputs: list[list[Any]], outputs: list[list[Any]]) -> None:
        overwritten = {i for numbers in node.op.destroy_map.values() for i in numbers}
        for i, (cell, kept) in enumerate(zip(inputs, self.kept)):
            if i not in overwritten and not _identical(cell[0], kept):
                raise BadDestroyMap(f"DebugMode: {node.op} changed its input {i}, which its destroy_map does not name")
        for number, cell in enumerate(outputs):
            allowed = {*node.op.view_map.get(number, ()), *node.op.destroy_map.get(number, ())}
            for i, other in enumerate(inputs):
                shared = isinstance(cell[0], np.ndarray) and isinstance(other[0], np.ndarray)
                if i not in allowed and shared and np.may_share_memory(cell[0], other[0]):
                    raise BadViewMap(
                        f"DebugMode: output {number} of {node.op} shares memory with input {i}, "
                        "which its view_map does not say"
                    )
            if self.mode.check_isfinite and isinstance(cell[0], np.ndarray) and cell[0].dtype.kind in "fc":
                given_finite = all(np.isfinite(c[0]).all() for c in inputs if _is_float(c[0]))
                if given_finite and not np.isfinite(cell[0]).all():
                    raise InvalidValueError(
                        f"DebugMode: output {number} of {node.op} is not finite: {describe_value(cell[0])} "
                        "(DebugMode(check_isfinite=False) allows that)"
                    )


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


def _equal(variable: Variable, a: Any, b: Any) -> bool:
    return variable.type.values_eq_approx(a, b)


def _identical(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b)


def _difference(a: Any, b: Any) -> str:
    """How far two arrays are apart."""
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        return ""
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"shapes {a.shape} and {b.shape}, dtypes {a.dtype} and {b.dtype}"
    with np.errstate(all="ignore"):
        gap = np.abs(a.astype("complex128") - b.astype("complex128"))
    if not gap.size or np.isnan(gap).all():
        return "they differ in NaN"
    worst = np.unravel_index(np.nanargmax(gap), gap.shape)
    return f"largest difference {gap[worst]:g} at {tuple(map(int, worst))}: {a[worst]!r} and {b[worst]!r}"
