"""Walks over graphs, copies and replacement."""

from __future__ import annotations

import pytest

import theano
import theano.tensor as T
from theano.graph import (
    ancestors,
    clone,
    clone_get_equiv,
    equal_computations,
    explicit_graph_inputs,
    graph_inputs,
    io_toposort,
    is_in_ancestors,
    toposort,
)
from theano.graph.traversal import applys_between, depends_on, orphans_between, variables_between

x, y, z = T.dscalars("x", "y", "z")


def test_walks() -> None:
    s = theano.shared(1.0, "s")
    a = x + y
    b = a * s + 1
    assert [v for v in graph_inputs([b]) if v in (x, y, s)] == [x, y, s]
    assert explicit_graph_inputs([b]) == [x, y]
    order = toposort([b])
    assert order.index(a.owner) < order.index(b.owner) and len(order) == 3
    assert io_toposort([a], [b]) == order[1:]
    assert set(applys_between([a], [b])) == set(order[1:])
    assert set(ancestors([a])) == {a, x, y} == set(variables_between([x, y], [a]))
    assert is_in_ancestors(b, a.owner) and not is_in_ancestors(a, b.owner)
    assert depends_on(b, x) and not depends_on(a, [s])
    assert s in orphans_between([x, y], [b]) and x not in orphans_between([x, y], [b])


def test_orderings_and_cycles() -> None:
    a, b = T.exp(x), T.exp(y)
    assert toposort([a, b], orderings={a.owner: [b.owner]}) == [b.owner, a.owner]
    with pytest.raises(ValueError, match="cycle"):
        toposort([a, b], orderings={a.owner: [b.owner], b.owner: [a.owner]})


def test_clone() -> None:
    out = x + y * 2
    (a, b), (copy,) = clone([x, y], [out])
    assert a is not x and copy is not out and copy.owner.inputs[0] is a
    assert equal_computations([copy], [out], [a, b], [x, y])
    memo = clone_get_equiv([x], [out], copy_inputs=False, copy_orphans=False)
    assert memo[x] is x and memo[out].owner.inputs[0] is x


def test_theano_clone() -> None:
    out = x * 2
    assert theano.clone(out, replace={x: y + 1}).eval({y: 2.0}) == 6
    assert theano.clone(out, replace=[(x, 3.0)]).eval() == 6
    swapped = theano.clone(x - y, replace={x: y, y: x})
    assert swapped.eval({x: 1.0, y: 5.0}) == 4
    nested = theano.clone(out, replace={x: x + 1})
    assert nested.eval({x: 1.0}) == 4
    kept = theano.clone([out, {"a": out}["a"]], replace={x: y})
    assert isinstance(kept, list) and len(kept) == 2
    assert set(theano.clone({"k": out}, replace={x: y})) == {"k"}
    assert x in graph_inputs([theano.clone(out)]) and x not in graph_inputs([theano.clone(out, share_inputs=False)])
    assert theano.clone(T.exp(out), replace={out: z}).eval({z: 0.0}) == 1


def test_clone_strictness() -> None:
    f = T.fscalar("f")
    with pytest.raises(TypeError):
        theano.clone(x + 1, replace={x: f})
    assert theano.clone(x + 1, replace={x: f}, strict=False).dtype == "float32"


def test_equal_computations() -> None:
    assert equal_computations([x + y], [x + y])
    assert not equal_computations([x + y], [y + x])
    assert equal_computations([x + y], [y + x], [x, y], [y, x])
    assert not equal_computations([x + 1], [x + 2])
    assert not equal_computations([x], [y]) and equal_computations([x], [y], [x], [y])
    assert not equal_computations([x, y], [x])
    once = T.exp(x)
    assert equal_computations([once + once], [T.exp(x) + T.exp(x)])
    first, second = T.split(T.dvector("v"), [1, 2], 2)
    assert not equal_computations([first], [second])


def test_deep_graphs() -> None:
    deep = x
    for _ in range(30_000):
        deep = deep + y
    assert len(toposort([deep])) == 30_000
    copy = theano.clone(deep, replace={y: z})
    assert equal_computations([copy], [deep], [x, z], [x, y])
    assert explicit_graph_inputs([copy]) == [x, z]
