"""Runs a graph by calling each node's `perform` in dependency order."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from theano.backend.failure import describe_failure
from theano.backend.perform import checked_output, copied, independent, numpy_error_handling, overwritten_inputs
from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.loops.branches import Branch, gather_branches

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
            overwritten = overwritten_inputs(node)
            steps.append(Step(node, ins, outs, overwritten, dead))
        self.steps = steps[::-1]
        self.initial = [v.data if isinstance(v, Constant) else None for v in self.variables]

    def watched(self, before: Watcher | None = None, after: Watcher | None = None) -> ReferenceProgram:
        """This program with functions that are called around each node.

        They get the node's place in the order, the node, and one-element lists that hold the values of its inputs and
        of its outputs.
        """
        program = copy.copy(self)
        program.before, program.after = _both(self.before, before), _both(self.after, after)
        return program

    def run(self, inputs: list[Any]) -> list[Any]:
        """Values of the outputs for values of the inputs; see :class:`theano.backend.program.Program`."""
        # The side of a branch that is taken runs in a frame of its own here, so branches may be nested to any depth.
        frames = [_Frame(self, inputs)]
        with numpy_error_handling():
            while True:
                frame = frames[-1]
                if frame.position < len(frame.program.steps):
                    side = frame.advance()
                    if side is not None:
                        frames.append(side)
                    continue
                results = frame.results()
                frames.pop()
                if not frames:
                    return results
                frames[-1].accept(results)

    def _execute(self, position: int, step: Step, values: list[Any]) -> None:
        node = step.node
        arguments = [values[s] for s in step.inputs]
        for i in step.overwritten:
            arguments[i] = copied(arguments[i])
        cells: list[list[Any]] = [[None] for _ in step.outputs]
        try:
            held = [[v] for v in arguments]
            if self.before is not None:
                self.before(position, node, held, cells)
            node.op.perform(node, arguments, cells)
            for i, (s, cell) in enumerate(zip(step.outputs, cells)):
                cell[0] = values[s] = checked_output(node, i, cell[0])
            if self.after is not None:
                self.after(position, node, held, cells)
        except Exception as error:
            alive = [(v, x) for v, x in zip(self.variables, values) if x is not None]
            error.add_note(describe_failure(node, [values[s] for s in step.inputs], position, alive))
            raise
        for s in step.dead:
            values[s] = None

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


class _Frame:
    """A program that is running: its values, and which step is next."""

    def __init__(self, program: ReferenceProgram, inputs: Sequence[Any]) -> None:
        self.program = program
        self.inputs = inputs
        self.values = list(program.initial)
        self.values[: len(inputs)] = inputs
        self.position = 0

    def advance(self) -> _Frame | None:
        """Run the next step; where that is a branch return a frame for the side that is taken instead."""
        program = self.program
        step = program.steps[self.position]
        if isinstance(step.node.op, Branch):
            condition, *given = [self.values[s] for s in step.inputs]
            side = step.node.op.program(bool(condition))
            return _Frame(side.watched(program.before, program.after), given)
        program._execute(self.position, step, self.values)
        self.position += 1
        return None

    def accept(self, results: Sequence[Any]) -> None:
        """Go on behind a branch, of which these are the outputs."""
        step = self.program.steps[self.position]
        for s, value in zip(step.outputs, results, strict=True):
            self.values[s] = value
        for s in step.dead:
            self.values[s] = None
        self.position += 1

    def results(self) -> list[Any]:
        """Values of the outputs, in memory of their own."""
        constants = (x for x in self.program.initial if x is not None)
        return independent([self.values[s] for s in self.program.output_slots], [*self.inputs, *constants])


def _both(first: Watcher | None, second: Watcher | None) -> Watcher | None:
    """Both functions, one after the other."""
    if first is None or second is None:
        return first or second

    def call(position: int, node: Apply, inputs: list[list[Any]], outputs: list[list[Any]]) -> None:
        first(position, node, inputs, outputs)
        second(position, node, inputs, outputs)

    return call


def link(fgraph: FunctionGraph, name: str | None = None) -> ReferenceProgram:
    """Make a graph executable by interpreting it; its choices become branches."""
    gather_branches(fgraph)
    return ReferenceProgram(fgraph, name)
