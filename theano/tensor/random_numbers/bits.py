"""RandomBits: the one Op that all random numbers come from."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.graph.basic import Apply
from theano.scalar.random_numbers import random_bits
from theano.tensor.disconnected import DisconnectedOp
from theano.tensor.filling import run_time_shape, static_pattern
from theano.tensor.lengths import as_length
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable

SCALAR = TensorType("uint64", ())


class RandomBits(DisconnectedOp):
    """64 random bits an element: inputs key, first counter, then a scalar a dimension; elements are counted by rows."""

    __props__ = ()

    def make_node(self, key: Any, counter: Any, *lengths: Any) -> Apply:
        scalars = [SCALAR.filter_variable(as_tensor_variable(v)) for v in (key, counter)]
        shape = [as_length(n, "random numbers: a length") for n in lengths]
        return Apply(self, [*scalars, *shape], [TensorType("uint64", static_pattern(shape))()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        key, counter, *lengths = inputs
        shape = run_time_shape(self, lengths)
        counters = np.arange(np.prod(shape, dtype="int64"), dtype="uint64").reshape(shape) + counter
        output_storage[0][0] = np.asarray(random_bits.impl(key, counters)).reshape(shape)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [tuple(node.inputs[2:])]
