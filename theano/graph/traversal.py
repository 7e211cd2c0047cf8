"""Walks over graphs. None of them recurses, so depth is limited by memory alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from theano.graph.basic import Apply, Constant, Variable


def walk(
    starts: Iterable[Any], expand: Callable[[Any], Iterable[Any] | None], breadth_first: bool = False
) -> Iterator[Any]:
    """Every object reachable from `starts` by `expand`, each once; depth first unless told."""
    todo = deque(starts)
    take = todo.popleft if breadth_first else todo.pop
    seen: set[int] = set()
    while todo:
        node = take()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        following = expand(node)
        if following:
            todo.extend(following)


def ancestors(outputs: Iterable[Variable], blockers: Collection[Variable] | None = None) -> Iterator[Variable]:
    """All variables that `outputs` depend on, themselves included, not looking behind `blockers`."""
    blocked = set(blockers) if blockers else ()

    def expand(variable: Variable) -> Iterable[Variable] | None:
        if variable.owner is not None and variable not in blocked:
            return reversed(variable.owner.inputs)
        return None

    return walk(outputs, expand)


def graph_inputs(outputs: Iterable[Variable], blockers: Collection[Variable] | None = None) -> list[Variable]:
    """The variables without owner (constants and shared variables too) that `outputs` depend on."""
    outputs = list(outputs)
    return [v for v in ancestors(outputs[::-1], blockers) if v.owner is None]


inputs = graph_inputs


def explicit_graph_inputs(outputs: Iterable[Variable]) -> list[Variable]:
    """As :func:`graph_inputs` without constants and shared variables: what a function must be given."""
    from theano.compile.sharedvalue import SharedVariable

    return [v for v in graph_inputs(outputs) if not isinstance(v, Constant | SharedVariable)]


def toposort(
    outputs: Iterable[Variable],
    blockers: Collection[Variable] = (),
    orderings: dict[Apply, list[Apply]] | None = None,
) -> list[Apply]:
    """The nodes that compute `outputs`, every one behind those that it depends on.

    Parameters
    ----------
    blockers
        variables that count as inputs: what computes them is not visited.
    orderings
        further nodes that must come before a node.

    Raises
    ------
    ValueError
        when the orderings make a cycle.
    """
    blocked = blockers if isinstance(blockers, set | frozenset) else set(blockers)
    order: list[Apply] = []
    state: dict[Apply, bool] = {}  # False: being visited, True: placed
    for output in outputs:
        if output.owner is None or output in blocked:
            continue
        stack = [output.owner]
        while stack:
            node = stack[-1]
            done = state.get(node)
            if done:
                stack.pop()
                continue
            before = [v.owner for v in node.inputs if v.owner is not None and v not in blocked]
            if orderings and node in orderings:
                before += orderings[node]
            if done is None:
                state[node] = False
                waiting = [n for n in before if not state.get(n)]
                if any(state.get(n) is False for n in waiting):
                    raise ValueError("the graph contains a cycle")
                stack.extend(reversed(waiting))
            else:
                state[node] = True
                order.append(node)
                stack.pop()
    return order


def io_toposort(
    inputs: Iterable[Variable], outputs: Iterable[Variable], orderings: dict[Apply, list[Apply]] | None = None
) -> list[Apply]:
    """The nodes between `inputs` and `outputs` in dependency order."""
    return toposort(outputs, list(inputs), orderings)


def applys_between(inputs: Iterable[Variable], outputs: Iterable[Variable]) -> Iterator[Apply]:
    """The nodes between `inputs` and `outputs`, in no particular order."""
    return iter(toposort(outputs, list(inputs)))


def variables_between(inputs: Iterable[Variable], outputs: Iterable[Variable]) -> Iterator[Variable]:
    """The variables between `inputs` and `outputs`, both included."""
    return ancestors(outputs, list(inputs))


vars_between = variables_between
variables = variables_between


def ops_between(inputs: Iterable[Variable], outputs: Iterable[Variable]) -> Iterator[Any]:
    """The Ops applied between `inputs` and `outputs`, once per node."""
    return (node.op for node in applys_between(inputs, outputs))


def is_in_ancestors(variable: Variable, node: Apply) -> bool:
    """Whether `node` is among what computes `variable`."""
    return any(v.owner is node for v in ancestors([variable]))


def depends_on(variable: Variable, others: Collection[Variable] | Variable) -> bool:
    """Whether `variable` depends on (or is) any of `others`."""
    wanted = {others} if isinstance(others, Variable) else set(others)
    return any(v in wanted for v in ancestors([variable]))


def orphans_between(inputs: Iterable[Variable], outputs: Iterable[Variable]) -> list[Variable]:
    """The free variables (constants included) that `outputs` need beside `inputs`."""
    given = set(inputs)
    return [v for v in ancestors(outputs, given) if v.owner is None and v not in given]
