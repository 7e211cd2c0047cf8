"""Runs a graph by calling each node's `perform` in dependency order."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from theano.backend.failure import describe_failure, describe_value
from theano.configuration import config
from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph

Watcher = Callable[[int, Apply, list[list[Any]], list[list[Any]]], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One node and where its values lie.

    Attributes
    ----------
    inputs, outputs
        slots that are read and written.
    overwritten
        numbers of the inputs that the Op writes into, and so is given copies of.
    dead
        slots that nobody needs afterwards.
    """

    node: Apply
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    overwritten: tuple[int, ...]
    dead: tuple[int, ...]


class ReferenceProgram:
    """A graph ready to be interpreted.

    Parameters
    ----------
    fgraph
        the graph; it must not be edited afterwards.
    name
        of the function, for messages.
    """

    def __init__(self, fgraph: FunctionGraph, name: str | None = None) -> None:
        self.fgraph = fgraph
        self.name = name
        self.before: Watcher | None = None
        self.after: Watcher | None = None
        self.variables: list[Variable] = []
        slots: dict[Variable, int] = {}

        def slot(variable: Variable) -> int:
            found = slots.get(variable)
            if found is None:
                found = slots[variable] = len(self.variables)
                self.variables.append(variable)
            return found

        for variable in fgraph.inputs:
            slot(variable)
        nodes = fgraph.toposort()
        places = [(tuple(map(slot, node.inputs)), tuple(map(slot, node.outputs))) for node in nodes]
        self.output_slots = [slot(variable) for variable in fgraph.outputs]
        kept = set(self.output_slots)
        seen: set[int] = set(kept)
        steps: list[Step] = []
        for node, (ins, outs) in zip(reversed(nodes), reversed(places)):
            dead = tuple(dict.fromkeys(s for s in (*outs, *ins) if s not in seen))
            seen.update(ins, outs)
            overwritten = tuple({i for numbers in node.op.destroy_map.values() for i in numbers})
            steps.append(Step(node, ins, outs, overwritten, dead))
        self.steps = steps[::-1]
        self.initial = [v.data if isinstance(v, Constant) else None for v in self.variables]

    def watched(self, before: Watcher | None = None, after: Watcher | None = None) -> ReferenceProgram:
        """This program with functions that are called around each node.

        They get the node's place in the order, the node, and one-element lists that hold the values of its inputs and
        of its outputs.
        """
        program = copy.copy(self)
        program.before, program.after = before, after
        return program

    def run(self, inputs: list[Any]) -> list[Any]:
        """Values of the outputs for values of the inputs; see :class:`theano.backend.program.Program`."""
        values = list(self.initial)
        values[: len(inputs)] = inputs
        with np.errstate(**_error_handling()):
            for position, step in enumerate(self.steps):
                self._execute(position, step, values)
        return self._independent([values[s] for s in self.output_slots], inputs)

    def _execute(self, position: int, step: Step, values: list[Any]) -> None:
        node = step.node
        arguments = [values[s] for s in step.inputs]
        for i in step.overwritten:
            arguments[i] = _copy(arguments[i])
        cells: list[list[Any]] = [[None] for _ in step.outputs]
        try:
            held = [[v] for v in arguments]
            if self.before is not None:
                self.before(position, node, held, cells)
            node.op.perform(node, arguments, cells)
            for i, (s, cell) in enumerate(zip(step.outputs, cells)):
                cell[0] = values[s] = _checked(node, i, cell[0])
            if self.after is not None:
                self.after(position, node, held, cells)
        except Exception as error:
            alive = [(v, x) for v, x in zip(self.variables, values) if x is not None]
            error.add_note(describe_failure(node, [values[s] for s in step.inputs], position, alive))
            raise
        for s in step.dead:
            values[s] = None

    def _independent(self, outputs: list[Any], inputs: list[Any]) -> list[Any]:
        """`outputs` in memory of their own: views of inputs, constants or other outputs are copied."""
        taken: list[Any] = [*inputs, *(x for x in self.initial if x is not None)]
        for i, value in enumerate(outputs):
            if any(_overlap(value, other) for other in taken):
                outputs[i] = _copy(value)
            taken.append(outputs[i])
        return outputs

    def stages(self) -> dict[str, str]:
        """The order of execution, one line a node."""
        names = [f"%{s}" for s in range(len(self.variables))]
        lines = [f"input  {names[s]}: {v.type}  {v.name or ''}".rstrip() for s, v in enumerate(self.fgraph.inputs)]
        lines += [f"const  {names[s]}: {v.type} = {v}" for s, v in enumerate(self.variables) if isinstance(v, Constant)]
        for step in self.steps:
            results = ", ".join(f"{names[s]}: {self.variables[s].type}" for s in step.outputs)
            freed = f"    free {' '.join(names[s] for s in step.dead)}" if step.dead else ""
            lines.append(f"{results} = {step.node.op}({', '.join(names[s] for s in step.inputs)}){freed}")
        lines.append(f"return {', '.join(names[s] for s in self.output_slots)}")
        return {"interpreted": "\n".join(lines)}


def link(fgraph: FunctionGraph, name: str | None = None) -> ReferenceProgram:
    """Make a graph executable by interpreting it."""
    return ReferenceProgram(fgraph, name)


def _checked(node: Apply, number: int, value: Any) -> Any:
    """An output of `perform` in its type's form; NumPy scalars become arrays of rank 0."""
    kind = node.outputs[number].type
    if type(value) is np.ndarray and value.dtype is getattr(kind, "numpy_dtype", None) and value.ndim == kind.ndim:
        return value
    if value is None and not kind.is_valid_value(None):
        raise ValueError(f"{node.op}: perform put nothing into output {number}, which should be of type {kind}")
    try:
        return kind.filter(value, strict=True)
    except TypeError as error:
        raise TypeError(
            f"{node.op}: perform put {describe_value(value)} into output {number}, which should be of type {kind}: "
            f"{error}"
        ) from error


def _overlap(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and bool(np.may_share_memory(a, b))
    return a is b


def _copy(value: Any) -> Any:
    from theano.compile.container import independent_copy

    return independent_copy(value)


def _error_handling() -> dict[str, Any]:
    """What `config.numpy.seterr_*` ask of NumPy."""
    settings = config.numpy
    asked = {case: getattr(settings, f"seterr_{case}") for case in ("all", "divide", "over", "under", "invalid")}
    return {case: how for case, how in asked.items() if how != "None"}
