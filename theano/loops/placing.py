"""Which nodes a choice decides about: what is needed certainly, what on one side only, and when.

The *place* of a node is the one side of one condition where its uses lie, directly or through other nodes there, or
``None`` when it is certain to be needed, whatever the conditions say. Nothing is computed in vain, since it could fail
or be costly. So a node that several choices need is put behind a choice of its own, by the disjunction of their
conditions. Where that cannot be, because one of them depends on another one, or because a choice inside of them decides
whether the node is needed, each place gets a copy.

Choices by one condition cannot always be made at one time, since one may depend on the other: the value of an
expression and its gradient, say. So each has a *time*, and what several of them need is computed by the first and
handed on to the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.graph.type import Generic, Type
from theano.loops.ifelse import IfElse
from theano.tensor.type import TensorType

__all__ = ["Placing", "certain_nodes", "needs", "stand_in"]

Place = tuple[Variable, bool] | None
REASON = "gather_branches"


def certain_nodes(outputs: Iterable[Variable], order: Sequence[Apply]) -> set[Apply]:
    """Those of the nodes in `order` (dependencies first) that `outputs` need whatever the conditions of choices say."""
    needed = set(outputs)
    found: set[Apply] = set()
    for node in reversed(order):
        if any(v in needed for v in node.outputs):
            found.add(node)
            needed.update(v for v, side in needs(node) if side is None)
    return found


class _Use(NamedTuple):
    """Input `index` of `client` (output `index` of the graph, for ``"output"``) is `variable`.

    Attributes
    ----------
    where
        a place or a time.
    certain
        the client computes nothing there without it.
    rank
        of the first choice that needs it; see :meth:`Placing._find_ranks`.
    """

    client: Any
    index: int
    variable: Variable
    where: Any
    certain: bool = True
    rank: int = 0


class Placing:
    """Places and times of the nodes of a graph, which is edited so that each has one.

    Parameters
    ----------
    budget
        how many copies of nodes may be made; beyond that, what may be needed at several places counts as needed.

    Attributes
    ----------
    order
        the nodes, dependencies first.
    places, times
        of each node, and of each choice that is made outside of all others and each node that one decides about.
    """

    def __init__(self, graph: FunctionGraph, budget: list[int]) -> None:
        self.graph = graph
        self.budget = budget
        for node in graph.toposort():
            if isinstance(node.op, IfElse) and node.op.n_outs > 1:
                graph.replace_all(zip(node.outputs, _single_choices(node), strict=True), REASON)
        self.order = graph.toposort()
        self.places: dict[Apply, Place] = {}
        self.times: dict[Apply, int] = {}
        self._certain: dict[Apply, bool] = {}
        self._ranks: dict[Variable, int] = {}
        self._disjunctions: dict[frozenset[Place], Variable] = {}
        self._uses: dict[Variable, list[_Use]] = {}
        self._find_ranks()
        self._find_places()
        self._find_times()

    # ---- places

    def _find_ranks(self) -> None:
        """The rank of a variable is the largest number of choices one behind the other that it depends on.

        The rank of a choice is that of its inputs. What does not have a higher rank than a choice does not depend on
        it. This stays so when a disjunction of conditions that have no higher rank than a choice becomes something
        that the choice depends on.
        """
        for node in self.order:
            rank = max((self._ranks.get(v, 0) for v in node.inputs), default=0)
            rank += isinstance(node.op, IfElse)
            self._ranks.update((v, rank) for v in node.outputs)

    def _find_places(self) -> None:
        """Backwards from the outputs."""
        self._used(_Use("output", i, v, None) for i, v in enumerate(self.graph.outputs))
        for node in reversed(self.order):
            users = self._users(node)
            certain = _certain(users)
            if len(certain) > 1 and not _needed_anyway(certain):
                users = self._behind_a_choice(users, certain)
                certain = _certain(users)
            if _needed_anyway(certain) or self.budget[0] < len(certain):
                certain = {None: True}
            for place, instance in zip(certain, self._instances(node, users, list(certain)), strict=True):
                self.places[instance], self._certain[instance] = place, certain[place]
                rank = min((use.rank for use in users if use.where == place), default=0)
                self._used(self._needed(instance, place, certain[place], rank))
        self.order = self.graph.toposort()
        for node in self.order:  # those that make disjunctions
            self.places.setdefault(node, None)

    def _used(self, uses: Iterable[_Use]) -> None:
        for use in uses:
            if use.variable.owner is not None:
                self._uses.setdefault(use.variable, []).append(use)

    def _users(self, node: Apply) -> list[_Use]:
        return [use for v in node.outputs for use in self._uses.pop(v, ())]

    def _needed(self, node: Apply, place: Place, certain: bool, rank: int) -> Iterable[_Use]:
        """What a node at a place uses."""
        for i, (v, side) in enumerate(needs(node)):
            if side is None or place is not None:
                yield _Use(node, i, v, place, certain and side is None, rank)
            else:
                yield _Use(node, i, v, (node.inputs[0], side), rank=self._ranks[node.outputs[0]] - 1)

    def _behind_a_choice(self, users: Sequence[_Use], certain: dict[Place, bool]) -> list[_Use]:
        """Let those users that are sure to need a node take it from a choice of its own; returns all its users then."""
        places = [place for place, sure in certain.items() if sure and place is not None]
        sure = [use for use in users if use.where in places]
        if len(places) < 2 or any(stand_in(use.variable.type) is None for use in sure):
            return list(users)
        highest = max(self._ranks.get(condition, 0) for condition, _ in places)
        if highest > min(use.rank for use in sure):
            return list(users)
        key = frozenset(places)
        if key not in self._disjunctions:
            self._disjunctions[key] = _disjunction(places)
            self._ranks[self._disjunctions[key]] = highest
        needed = self._disjunctions[key]
        found = [use for use in users if use.where not in places]
        gates: dict[Variable, Variable] = {}
        for use in sure:
            v = use.variable
            if v not in gates:
                choice = IfElse(1).make_node(needed, v, stand_in(v.type))
                gates[v] = choice.outputs[0]
                rank = max(self._ranks[v], highest)
                self._ranks[gates[v]] = rank
                self.places[choice] = None
                found.append(_Use(choice, 1, v, (needed, True), rank=rank))
            self.graph.change_input(use.client, use.index, gates[v], REASON)
        return found

    def _instances(self, node: Apply, users: Sequence[_Use], wheres: Sequence[Any]) -> list[Apply]:
        """The node, and copies of it, one for the users at each of `wheres`."""
        instances = [node]
        for where in wheres[1:]:
            self.budget[0] -= 1
            instances.append(node.clone())
            for use in users:
                if use.where == where:
                    copy = instances[-1].outputs[use.variable.index or 0]
                    self.graph.change_input(use.client, use.index, copy, REASON)
        return instances

    # ---- times

    def _find_times(self) -> None:
        """When each choice is made, as early as can be, and when what it decides about is computed, as late as can be.

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
        if not any(self.times.values()):  # all choices are made at once
            self.times.update((node, 0) for node in self.order if self.places[node] is not None)
            return
        order: list[Apply] = []
        self._uses.clear()
        for node in reversed(self.order):
            instances = [node]
            users = self._users(node)
            if self.places[node] is not None:
                times = sorted({use.where for use in users})
                handed_on = all(stand_in(use.variable.type) is not None for use in users)
                if handed_on and (self._certain[node] or self.budget[0] < len(times)):
                    times = times[:1]
                instances = self._instances(node, users, times)
                self.times.update(zip(instances, times, strict=True))
            for instance in instances:
                order.append(instance)
                self.places[instance] = self.places[node]
                if instance in self.times:
                    self._used(_Use(instance, i, v, self.times[instance]) for i, v in enumerate(instance.inputs))
        self.order = order[::-1]


def _certain(users: Iterable[_Use]) -> dict[Place, bool]:
    """The places of users, and whether one of them there is sure to need what it uses."""
    found: dict[Place, bool] = {}
    for use in users:
        found[use.where] = found.get(use.where, False) or use.certain
    return found


def _needed_anyway(certain: dict[Place, bool]) -> bool:
    """Whether what is used in these places is used whatever the conditions say."""
    conditions = [place[0] for place in certain if place is not None]
    return None in certain or any(certain.get((c, True)) and certain.get((c, False)) for c in conditions)


def _disjunction(places: Iterable[Place]) -> Variable:
    """Whether one of these sides is taken."""
    from theano.tensor.functions import eq, neq, or_
    from theano.tensor.variable import constant

    zero = constant(0, dtype="int8")
    found: Any = None
    for place in places:
        assert place is not None
        condition, side = place
        term = (neq if side else eq).make_node(condition, zero).outputs[0]
        found = term if found is None else or_.make_node(found, term).outputs[0]
    return found


def needs(node: Apply) -> list[tuple[Variable, bool | None]]:
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


def stand_in(kind: Type) -> Constant | None:
    """A small value of a type for what is not computed and not used; ``None`` where no such value is known."""
    if isinstance(kind, TensorType):
        return kind.make_constant(np.zeros([int(flag) for flag in kind.broadcastable], dtype=kind.numpy_dtype))
    return kind.make_constant(None) if isinstance(kind, Generic) else None
