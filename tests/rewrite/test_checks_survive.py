"""Rewriting does not take lengths for equal that may differ."""

from __future__ import annotations

import pytest

import theano
import theano.tensor as T

x, y = T.dvectors("x", "y")


def test_a_replaced_whole_keeps_its_length():
    f = theano.function([x, y], T.set_subtensor(x[:], y))
    assert f([1.0, 2.0, 3.0], [5.0]).tolist() == [5, 5, 5]
    assert f([1.0, 2.0], [5.0, 6.0]).tolist() == [5, 6]


def test_alloc_of_another_length_is_an_error():
    f = theano.function([x], T.alloc(x, 4))
    assert f([1.0, 2.0, 3.0, 4.0]).tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"\(3,\)"):
        f([1.0, 2.0, 3.0])
