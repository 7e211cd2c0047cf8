"""Pickles and copies of graphs, shared variables and functions."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.compile.ops import as_op
from theano.graph.replace import equal_computations

x, y = T.dscalars("x", "y")
REFERENCE = theano.Mode("reference", None)


@as_op([T.dscalar], [T.dscalar])
def triple(a):  # type: ignore[no-untyped-def]
    return np.asarray(a * 3)


def through_pickle(obj):  # type: ignore[no-untyped-def]
    return pickle.loads(pickle.dumps(obj))


@pytest.mark.parametrize("how", [through_pickle, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o, 0))])
def test_expression(how) -> None:  # type: ignore[no-untyped-def]
    z = T.exp(x) * y + T.exp(x)
    z.name = "z"
    z.tag.note = "kept"
    a, b, c = how([x, y, z])
    assert (a.name, b.name, c.name, c.tag.note) == ("x", "y", "z", "kept")
    assert equal_computations([c], [z], [a, b], [x, y])
    assert c.owner.trace[0][0].endswith("test_pickle.py")
    assert c.eval({a: 0.0, b: 2.0}) == 3


def test_identity_is_kept_within_a_pickle() -> None:
    z = x + y
    node, whole, part = through_pickle([z.owner, z * 2, z])
    assert node.outputs[0] is part and whole.owner.inputs[0] is part


def test_many_outputs_of_a_node() -> None:
    first, second = T.split(T.dvector("v"), [1, 2], 2, axis=0)
    a, b = through_pickle([first, second])
    assert a.owner is b.owner and (a.index, b.index) == (0, 1)


@pytest.mark.parametrize("how", [through_pickle, copy.deepcopy])
def test_deep_chain(how) -> None:  # type: ignore[no-untyped-def]
    z = x
    for _ in range(20_000):
        z = z + y
    a, b, c = how([x, y, z])
    assert equal_computations([c], [z], [a, b], [x, y])


def test_broken_off_pickling_does_no_harm() -> None:
    z = x + y
    z.tag.bad = lambda: None
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(z * 2)
    del z.tag.bad
    deep = x
    for _ in range(5000):
        deep = deep + 1
    assert through_pickle(deep).owner is not None
    assert equal_computations([z], [copy.deepcopy(z, {id(x): x, id(y): y})])


def test_graph_inside_an_op() -> None:
    inner = x
    for _ in range(3000):
        inner = inner + 1
    op = theano.OpFromGraph([x], [inner])
    out = through_pickle(op(op(y)))
    assert out.owner.op is out.owner.inputs[0].owner.op
    (free,) = theano.graph.explicit_graph_inputs([out])
    assert theano.function([free], out, mode=REFERENCE)(0.0) == 6000


def test_ops_made_of_functions() -> None:
    assert through_pickle(triple(x)).owner.op is triple


def test_shared_variables() -> None:
    s = theano.shared(np.array([1.0, 2.0]), "s")
    t = through_pickle(s)
    assert type(t) is type(s) and t.name == "s" and t.get_value().tolist() == [1, 2]
    t.set_value(np.zeros(1))
    assert s.get_value().tolist() == [1, 2]
    a, b = through_pickle([s, s * 2])
    a.set_value(np.array([5.0]))
    assert b.eval().tolist() == [10]


@pytest.mark.parametrize("how", [through_pickle, copy.deepcopy])
def test_functions(how) -> None:  # type: ignore[no-untyped-def]
    s = theano.shared(1.0, "s")
    f = theano.function([x, theano.In(y, value=10.0)], [x + y, s], updates=[(s, s + x)], name="f")
    f[y] = 20.0
    g, t = how([f, s])
    assert g.name == "f" and [float(r) for r in g(1)] == [21, 1]
    assert t.get_value() == 2 and s.get_value() == 1
    assert g.get_shared()[0] is t
    f(10)
    assert t.get_value() == 2 and s.get_value() == 11
    assert [float(r) for r in through_pickle(g)(0)] == [20, 2]


def test_function_with_dict_of_outputs_and_mode() -> None:
    f = theano.function([x], {"a": x}, mode="FAST_COMPILE")
    assert through_pickle(f)(2) == {"a": 2}


def test_unpickling_settings() -> None:
    text = pickle.dumps(theano.function([x], x * 1, mode=REFERENCE))
    with theano.config.change_flags(unpickle_function=False):
        assert pickle.loads(text) is None
    assert pickle.loads(text)(3) == 3
    with theano.config.change_flags(reoptimize_unpickled_function=True):
        assert pickle.loads(text)(3) == 3


def test_deep_function() -> None:
    z = x
    for _ in range(2000):
        z = z + 1
    assert through_pickle(theano.function([x], z, mode=REFERENCE))(0) == 2000


def test_copy_shares_what_is_shared() -> None:
    s = theano.shared(1.0, "s")
    f = theano.function([x], s, updates=[(s, s + x)])
    copy.copy(f)(5)
    assert s.get_value() == 6
