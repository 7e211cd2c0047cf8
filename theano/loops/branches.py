"""Branch: what becomes of ``ifelse`` when a graph is made executable.

An :class:`~theano.loops.ifelse.IfElse` node has both values as inputs, so running node by node would compute both.
:func:`gather_branches` moves what only one side needs into a closed inner graph, and puts one :class:`Branch` node,
which runs one of its two graphs, in the place of all choices by the same condition. A choice inside of a branch becomes
a branch of the inner graph.

The *place* of a node is the one side of one condition where its uses lie, directly or through other nodes there, or
``None`` when it is certain to be needed, whatever the conditions say. A node that may be needed at several places gets
a copy for each, so that nothing is computed in vain: it could fail, or be costly. Choices by one condition cannot
always be made at one time, since one may depend on the other: the value of an expression and its gradient, say. So each
has a *time*, and what several of them need is computed by the first and handed on to the others as a further output.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.graph.op import Op
from theano.graph.type import Generic, Type
from theano.loops.ifelse import IfElse
from theano.tensor.type import TensorType

__all__ = ["Branch", "gather_branches"]

Place = tuple[Variable, bool] | None


class Branch(Op):
    """``Branch(...)(condition, *inputs)``: runs the first inner graph where the condition is nonzero, else the second.

    Parameters
    ----------
    then_graph, else_graph
        the inner graphs. Both take all inputs of the node but the condition, and give its outputs.
    name
        for people.
    """

    def __init__(self, then_graph: FunctionGraph, else_graph: FunctionGraph, name: str | None = None) -> None:
        self.then_graph = then_graph
        self.else_graph = else_graph
        self.name = name
        self._programs: dict[bool, Any] = {}

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __str__(self) -> str:
        return f"Branch{{{self.name or ''}}}"

    __repr__ = __str__

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_programs": {}}

    @property
    def inner_graphs(self) -> list[tuple[str, list[Variable], list[Variable]]]:
        """Title, inputs and outputs of each graph inside, for printing."""
        graphs = (("where the condition is nonzero", self.then_graph), ("where it is zero", self.else_graph))
        return [(title, graph.inputs, graph.outputs) for title, graph in graphs]

    def side(self, condition: bool) -> FunctionGraph:
        """One of the inner graphs, which is not to be changed."""
        return self.then_graph if condition else self.else_graph

    def make_node(self, *inputs: Any) -> Apply:
        condition, *given = inputs
        inner = self.then_graph
        if len(given) != len(inner.inputs):
            raise ValueError(f"{self} takes a condition and {len(inner.inputs)} inputs, got {len(given)} beside it")
        converted = [v.type.filter_variable(x) for v, x in zip(inner.inputs, given, strict=True)]
        return Apply(self, [condition, *converted], [v.type() for v in inner.outputs])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        from theano.backend.reference import link

        condition, *given = inputs
        taken = bool(condition)
        if taken not in self._programs:
            self._programs[taken] = link(self.side(taken), str(self))
        for cell, value in zip(output_storage, self._programs[taken].run(given), strict=True):
            cell[0] = value


# ---- from choices to branches


def gather_branches(fgraph: FunctionGraph) -> None:
    """Make the choices of a graph lazy, in place, and those inside of its branches too.

    It takes time linear in the number of nodes for each level of nesting.
    """
    if not any(isinstance(node.op, IfElse) for node in fgraph.apply_nodes):
        return
    budget = [1000 + 2 * len(fgraph.apply_nodes)]
    todo = [fgraph]
    while todo:
        graph = todo.pop()
        if any(isinstance(node.op, IfElse) for node in graph.apply_nodes):
            for op in _Gathering(graph, budget).run():
                todo += [op.then_graph, op.else_graph]


def certain_nodes(outputs: Iterable[Variable], order: Sequence[Apply]) -> set[Apply]:
    """Those of the nodes in `order` (dependencies first) that `outputs` need whatever the conditions of choices say."""
    needed = set(outputs)
    found: set[Apply] = set()
    for node in reversed(order):
        if any(v in needed for v in node.outputs):
            found.add(node)
            needed.update(v for v, side in _needs(node) if side is None)
    return found


class _Use(NamedTuple):
    """Input `index` of `client` (output `index` of the graph, for ``"output"``) is `variable`.

    `where` is a place or a time; `certain` says that the client computes nothing there without it.
    """

    client: Any
    index: int
    variable: Variable
    where: Any
    certain: bool


class _Group:
    """What one branch will be made of: choices by one condition at one time."""

    def __init__(self) -> None:
        self.choices: list[Apply] = []
        self.nodes: dict[bool, list[Apply]] = {True: [], False: []}
        self.handed_on: dict[bool, dict[Variable, None]] = {True: {}, False: {}}


class _Gathering:
    """The making of one graph's branches.

    Parameters
    ----------
    budget
        how many copies of nodes may be made so that nothing is computed in vain.
    """

    def __init__(self, graph: FunctionGraph, budget: list[int]) -> None:
        self.graph = graph
        self.budget = budget
        for node in graph.toposort():
            if isinstance(node.op, IfElse) and node.op.n_outs > 1:
                graph.replace_all(zip(node.outputs, _single_choices(node), strict=True), "gather_branches")
        self.order = graph.toposort()
        self.places: dict[Apply, Place] = {}
        self.certain: dict[Apply, bool] = {}
        self.times: dict[Apply, int] = {}

    def run(self) -> list[Branch]:
        """Replace the graph's choices; returns the Ops that take their place."""
        self._find_places()
        self._find_times()
        known: dict[Variable, Variable] = {}  # handed on, as an output of the branch that computes it
        return [self._build(group, known) for group in self._group()]

    def _find_places(self) -> None:
        """Backwards from the outputs. What has several places gets a copy for each."""
        uses: dict[Variable, list[_Use]] = {}
        for i, v in enumerate(self.graph.outputs):
            uses.setdefault(v, []).append(_Use("output", i, v, None, True))
        order: list[Apply] = []
        for node in reversed(self.order):
            users = [use for v in node.outputs for use in uses.get(v, ())]
            certain: dict[Place, bool] = {}
            for use in users:
                certain[use.where] = certain.get(use.where, False) or use.certain
            places: list[Place] = list(certain)
            if len(places) > 1 and (self._needed_anyway(certain) or self.budget[0] < len(places)):
                places, certain = [None], {None: True}
            for place, instance in zip(places, self._instances(node, users, places), strict=True):
                order.append(instance)
                self.places[instance], self.certain[instance] = place, certain[place]
                condition = instance.inputs[0] if place is None and isinstance(instance.op, IfElse) else None
                for i, (v, side) in enumerate(_needs(instance)):
                    if condition is not None and side is not None:
                        use = _Use(instance, i, v, (condition, side), True)
                    else:
                        use = _Use(instance, i, v, place, certain[place] and side is None)
                    uses.setdefault(v, []).append(use)
        self.order = order[::-1]

    @staticmethod
    def _needed_anyway(certain: dict[Place, bool]) -> bool:
        """Whether what is used in these places is used whatever the conditions say."""
        conditions = [place[0] for place in certain if place is not None]
        return None in certain or any(certain.get((c, True)) and certain.get((c, False)) for c in conditions)

    def _instances(self, node: Apply, users: Sequence[_Use], wheres: Sequence[Any]) -> list[Apply]:
        """The node, and copies of it, one for the users at each of `wheres`."""
        instances = [node]
        for where in wheres[1:]:
            self.budget[0] -= 1
            instances.append(node.clone())
            for use in users:
                if use.where == where:
                    copy = instances[-1].outputs[use.variable.index or 0]
                    self.graph.change_input(use.client, use.index, copy, "gather_branches")
        return instances

    def _find_times(self) -> None:
        """When each choice is made, as early as can be, and when the nodes in a branch run, as late as can be.

        The time of a choice is the number of choices that must have been made before, one after the other. What is
        needed at several times is computed at the first, if it is certain to be needed and can be handed on; else it
        gets a copy for each.
        """
        after: dict[Variable, int] = {}  # variable -> the time from which on it is known
        for node in self.order:
            time = max((after.get(v, 0) for v in node.inputs), default=0)
            if self.places[node] is None and isinstance(node.op, IfElse):
                self.times[node] = time
                time += 1
            after.update((v, time) for v in node.outputs)
        uses: dict[Variable, list[_Use]] = {}
        order: list[Apply] = []
        for node in reversed(self.order):
            instances = [node]
            if self.places[node] is not None:
                users = [use for v in node.outputs for use in uses.get(v, ())]
                times = sorted({use.where for use in users})
                handed_on = all(stand_in(use.variable.type) is not None for use in users)
                if handed_on and (self.certain[node] or self.budget[0] < len(times)):
                    times = times[:1]
                instances = self._instances(node, users, times)
                self.times.update(zip(instances, times, strict=True))
            for instance in instances:
                order.append(instance)
                self.places[instance] = self.places[node]
                if instance in self.times:
                    for i, v in enumerate(instance.inputs):
                        uses.setdefault(v, []).append(_Use(instance, i, v, self.times[instance], True))
        self.order = order[::-1]

    def _group(self) -> list[_Group]:
        """The groups in the order of their times."""
        groups: dict[tuple[Variable, int], _Group] = {}
        for node in sorted(self.times, key=self.times.__getitem__):
            place, time = self.places[node], self.times[node]
            condition = node.inputs[0] if place is None else place[0]
            group = groups.setdefault((condition, time), _Group())
            if place is None:
                group.choices.append(node)
            for v, side in _needs(node):
                home = (condition, side) if place is None else place
                maker = v.owner
                if maker is not None and self.places[maker] == home and self.times[maker] < time:
                    groups[condition, self.times[maker]].handed_on[home[1]][v] = None
        for node in self.order:
            place = self.places[node]
            if place is not None:
                groups[place[0], self.times[node]].nodes[place[1]].append(node)
        return list(groups.values())

    def _build(self, group: _Group, known: dict[Variable, Variable]) -> Branch:
        """Make the branch of a group, and let it take the place of the choices."""
        pairs = [(choice.outputs[0], *choice.inputs[1:]) for choice in group.choices]
        handed_on = [(v, side) for side in (True, False) for v in group.handed_on[side]]
        frontier: dict[Variable, None] = {}
        copies = {}
        for side in (True, False):
            copies[side] = copy = _Copy(group.nodes[side])
            outputs = [copy.of(value if side else other) for _, value, other in pairs]
            outputs += [copy.of(v) if side == its_side else stand_in(v.type) for v, its_side in handed_on]
            copy.outputs = outputs
            frontier.update(dict.fromkeys(copy.inputs))
        graphs = []
        for side in (True, False):
            copy = copies[side]
            graphs.append(FunctionGraph([copy.input(v) for v in frontier], copy.outputs, clone=False))
        names = dict.fromkeys(choice.op.name for choice in group.choices if choice.op.name)
        op = Branch(graphs[0], graphs[1], ", ".join(names) or None)
        node = op.make_node(group.choices[0].inputs[0], *(known.get(v, v) for v in frontier))
        node.trace = group.choices[0].trace
        results = iter(node.outputs)
        for (output, _, _), result in zip(pairs, results):
            result.name = output.name
            self.graph.replace(output, result, "gather_branches")
        known.update((v, result) for (v, _), result in zip(handed_on, results))
        return op


def _needs(node: Apply) -> list[tuple[Variable, bool | None]]:
    """The inputs of a node; those that a choice is among with the side of its condition where they are needed."""
    choices = node.op.choices(node)
    sides = [None] * len(node.inputs) if choices is None else [None if c is None else c.side for c in choices]
    return list(zip(node.inputs, sides, strict=True))


def _single_choices(node: Apply) -> list[Variable]:
    """A choice of several values as choices of one each."""
    condition, values, others = node.op.split(node.inputs)
    results = []
    for output, value, other in zip(node.outputs, values, others, strict=True):
        single = IfElse(1, name=node.op.name).make_node(condition, value, other)
        single.trace = node.trace
        single.outputs[0].name = output.name
        results += single.outputs
    return results


class _Copy:
    """Nodes copied into a graph of their own, with a free variable for whatever comes from outside."""

    def __init__(self, nodes: Sequence[Apply]) -> None:
        self.memo: dict[Variable, Variable] = {}
        self.inputs: dict[Variable, Variable] = {}
        self.outputs: list[Any] = []
        for node in nodes:
            copy = node.clone()
            copy.inputs = [self.of(v) for v in node.inputs]
            self.memo.update(zip(node.outputs, copy.outputs, strict=True))

    def of(self, variable: Variable) -> Variable:
        """What stands for a variable of the outer graph."""
        found = self.memo.get(variable)
        if found is not None:
            return found
        return variable if isinstance(variable, Constant) else self.input(variable)

    def input(self, variable: Variable) -> Variable:
        """The free variable for one that comes from outside."""
        if variable not in self.inputs:
            self.inputs[variable] = self.memo[variable] = variable.type(name=variable.name)
        return self.inputs[variable]


def stand_in(kind: Type) -> Constant | None:
    """A small value of a type for what is not computed and not used; ``None`` where no such value is known."""
    if isinstance(kind, TensorType):
        return kind.make_constant(np.zeros([int(flag) for flag in kind.broadcastable], dtype=kind.numpy_dtype))
    return kind.make_constant(None) if isinstance(kind, Generic) else None
