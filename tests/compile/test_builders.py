"""OpFromGraph."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.compile.builders import OpFromGraph

x, y, z = T.dvectors("x", "y", "z")
A, B = np.array([1.0, 2.0]), np.array([3.0, 4.0])


def test_computes_and_is_expanded() -> None:
    op = OpFromGraph([x, y], [x + y, x * y])
    total, product = op(x, y)
    f = theano.function([x, y], [total, product - total])
    assert [r.tolist() for r in f(A, B)] == [[4, 6], [-1, 2]]
    assert not any(isinstance(n.op, OpFromGraph) for n in f.maker.fgraph.apply_nodes)


def test_nested() -> None:
    inner = OpFromGraph([x], [x * 2])
    outer = OpFromGraph([y], [inner(y) + 1])
    assert outer(x).eval({x: A}).tolist() == [3, 5]


def test_perform() -> None:
    op = OpFromGraph([x], [OpFromGraph([y], [y * 2])(x) + 1])
    node = op.make_node(x)
    cells = [[None]]
    op.perform(node, [A], cells)
    assert cells[0][0].tolist() == [3, 5]  # type: ignore[attr-defined]


def test_shared_variables_keep_their_value() -> None:
    s = theano.shared(np.array([10.0, 20.0]), "s")
    op = OpFromGraph([x], [x * s])
    f = theano.function([x], op(x))
    assert f(A).tolist() == [10, 40]
    s.set_value(np.array([1.0, 1.0]))
    assert f(A).tolist() == [1, 2]
    assert theano.function([x], T.grad(op(x).sum(), s))(A).tolist() == [1, 2]


def test_gradient() -> None:
    op = OpFromGraph([x, y], [x * x * y])
    gx, gy = T.grad(op(x, y).sum(), [x, y])
    results = theano.function([x, y], [gx, gy])(A, B)
    assert np.allclose(results, [2 * A * B, A**2])
    same = T.grad(op(x, x).sum(), x)
    assert np.allclose(same.eval({x: A}), 3 * A**2)


def test_forward_derivative() -> None:
    op = OpFromGraph([x, y], [x * x * y])
    f = theano.function([x, y, z], theano.Rop(op(x, y), x, z))
    assert np.allclose(f(A, B, A), 2 * A * B * A)


def test_overridden_gradients() -> None:
    by_function = OpFromGraph([x, y], [x * y], grad_overrides=lambda ins, gs: [gs[0] * 7, gs[0] * 8])
    by_list = OpFromGraph([x, y], [x * y], lop_overrides=["default", lambda ins, outs, gs: gs[0] * 8])
    for op, first in ((by_function, [7.0, 7.0]), (by_list, B.tolist())):
        gx, gy = T.grad(op(x, y).sum(), [x, y])
        got = theano.function([x, y], [gx, gy], on_unused_input="ignore")(A, B)
        assert got[0].tolist() == first and got[1].tolist() == [8, 8]


def test_infer_shape() -> None:
    op = OpFromGraph([x], [T.concatenate([x, x])])
    assert op(x).shape.eval({x: A}).tolist() == [4]


def test_errors() -> None:
    with pytest.raises(TypeError, match="list"):
        OpFromGraph(x, [x])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="variables"):
        OpFromGraph([x], [3])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="updates"):
        OpFromGraph([x], [x], updates=[])
    with pytest.raises(ValueError, match="both"):
        OpFromGraph([x], [x], lop_overrides=[None], grad_overrides=[None])
    with pytest.raises(ValueError, match="takes 1 inputs"):
        OpFromGraph([x], [x])(x, y)
