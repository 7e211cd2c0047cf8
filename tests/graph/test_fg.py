"""FunctionGraph: clients, edits, features."""

from __future__ import annotations

from typing import Any

import pytest

import theano
import theano.tensor as T
from theano.compile.errors import MissingInputError
from theano.graph import Feature, FunctionGraph, InconsistencyError

x, y = T.dscalars("x", "y")


class Log(Feature):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_import(self, fgraph: Any, node: Any, reason: Any) -> None:
        self.events.append(("import", str(node.op)))

    def on_prune(self, fgraph: Any, node: Any, reason: Any) -> None:
        self.events.append(("prune", str(node.op)))

    def on_change_input(self, fgraph: Any, node: Any, i: int, old: Any, new: Any, reason: Any) -> None:
        self.events.append(("change", str(getattr(node, "op", node)), i, reason))


class NoExp(Feature):
    """Objects to exp."""

    def validate(self, fgraph: Any) -> None:
        if any("exp" in str(node.op) for node in fgraph.apply_nodes):
            raise InconsistencyError("exp")


def test_construction() -> None:
    out = x + y
    graph = FunctionGraph([x, y], [out])
    assert graph.inputs[0] is not x and graph.outputs[0] is graph.memo[out]
    same = FunctionGraph([x, y], [out], clone=False)
    assert same.inputs == [x, y] and same.clients[x] == [(out.owner, 0)] and same.clients[out] == [("output", 0)]
    same.check_integrity()
    assert FunctionGraph(None, [out], clone=False).inputs == [x, y]
    with pytest.raises(MissingInputError, match="y of type"):
        FunctionGraph([x], [out], clone=False)


def test_replace() -> None:
    graph = FunctionGraph([x, y], [T.exp(x) * T.exp(x), T.exp(x)], clone=False)
    log = Log()
    graph.attach_feature(log)
    graph.attach_feature(log)
    target = graph.outputs[1]
    graph.replace(target, T.sin(y), reason="why")
    graph.check_integrity()
    assert ("prune", "Elemwise{exp,no_inplace}") in log.events and ("change", "output", 1, "why") in log.events
    assert len(log.events) == 3
    graph.remove_feature(log)
    graph.replace(graph.outputs[0], y)
    assert graph.outputs[0] is y and len(log.events) == 3 and len(graph.apply_nodes) == 1
    graph.check_integrity()


def test_replace_needs_equal_types() -> None:
    graph = FunctionGraph([x], [x + 1], clone=False)
    with pytest.raises(TypeError):
        graph.replace(graph.outputs[0], T.constant(1.0, dtype="float32"))
    with pytest.raises(TypeError, match="cannot change output 0"):
        graph.change_input("output", 0, T.cast(x, "float32"), "why")


def test_validation_undoes() -> None:
    graph = FunctionGraph([x], [T.sin(x) + 1], clone=False)
    graph.attach_feature(NoExp())
    before = graph.outputs[0]
    sine = next(n for n in graph.toposort() if "sin" in str(n.op)).outputs[0]
    with pytest.raises(InconsistencyError):
        graph.replace_all_validate([(sine, T.exp(x))])
    assert graph.outputs[0] is before and "sin" in str(graph.toposort()[0].op)
    graph.check_integrity()
    graph.replace_validate(sine, T.cos(x))
    assert "cos" in str(graph.toposort()[0].op)


def test_replacement_that_uses_what_it_replaces() -> None:
    graph = FunctionGraph([x], [T.sin(x) * 2], clone=False)
    sine = next(n for n in graph.toposort() if "sin" in str(n.op)).outputs[0]
    graph.replace(graph.outputs[0], T.exp(sine))
    graph.check_integrity()
    assert [str(n.op) for n in graph.toposort()] == ["Elemwise{sin,no_inplace}", "Elemwise{exp,no_inplace}"]


def test_clone_and_text() -> None:
    graph = FunctionGraph([x], [T.sin(x)])
    copy, memo = graph.clone_get_equiv()
    assert copy.outputs[0] is memo[graph.outputs[0]] and copy.outputs[0] is not graph.outputs[0]
    assert str(graph) == "FunctionGraph(x -> Elemwise{sin,no_inplace}.0)"


def test_the_users_expression_stays() -> None:
    out = x + 0 + x
    before = theano.printing.debugprint(out, file="str")
    theano.function([x], out)
    assert theano.printing.debugprint(out, file="str") == before
