"""The axis of a softmax."""

from __future__ import annotations

import pytest

import theano.tensor as T


@pytest.mark.parametrize("function", [T.nnet.softmax, T.nnet.logsoftmax])
@pytest.mark.parametrize("axis", [None, 0.5, T.iscalar("axis")])
def test_an_axis_that_is_no_number_is_a_kind_error(function, axis):
    with pytest.raises(TypeError, match="the axis must be an integer"):
        function(T.dmatrix("m"), axis=axis)
