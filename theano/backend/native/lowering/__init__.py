"""How the native backend lowers each family of Ops; the files mirror those of :mod:`theano.tensor`."""

from theano.backend.native.lowering import (
    branches,
    creation,
    elementwise,
    extra_ops,
    indexing,
    joining,
    loops,
    nnet,
    products,
    random_numbers,
    reductions,
    shape,
)

__all__ = [
    "branches",
    "creation",
    "elementwise",
    "extra_ops",
    "indexing",
    "joining",
    "loops",
    "nnet",
    "products",
    "random_numbers",
    "reductions",
    "shape",
]
