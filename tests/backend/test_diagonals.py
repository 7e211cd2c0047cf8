"""Diagonals, native against NumPy, without a step in Python."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.tensor.creation import AllocDiag


@pytest.mark.parametrize("offset", [-3, -1, 0, 2, 5])
def test_diagonals(offset):
    m, v, t = T.dmatrix("m"), T.dvector("v"), T.dtensor3("t")
    outputs = [T.diagonal(m, offset), T.diagonal(t, offset, 2, 0), T.diag(v), AllocDiag(offset, 0, 1)(v)]
    outputs += [AllocDiag(offset, 2, 0)(m), T.grad(T.sqr(T.diagonal(m, offset)).sum(), m)]
    f = theano.function([m, v, t], outputs)
    assert "python" not in f.stages()["program"]
    rng = np.random.default_rng(0)
    for rows, columns in [(4, 4), (2, 5), (5, 3), (1, 1), (0, 3)]:
        a, b, c = rng.normal(size=(rows, columns)), rng.normal(size=rows), rng.normal(size=(rows, 3, columns))
        plain, cross, square, placed, stacked, gradient = f(a, b, c)
        np.testing.assert_array_equal(plain, a.diagonal(offset))
        np.testing.assert_array_equal(cross, c.diagonal(offset, 2, 0))
        np.testing.assert_array_equal(square, np.diag(b))
        np.testing.assert_array_equal(placed, np.diag(b, offset) if rows or offset else np.zeros((0, 0)))
        np.testing.assert_array_equal(stacked.diagonal(offset, 2, 0), a)
        assert np.count_nonzero(stacked) == np.count_nonzero(a)
        np.testing.assert_array_equal(gradient.diagonal(offset), 2 * a.diagonal(offset))
