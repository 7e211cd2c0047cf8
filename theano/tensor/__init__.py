"""The language of tensors: everything that builds expressions of arrays."""

from __future__ import annotations

from theano.tensor.type import *
from theano.tensor.variable import *
from theano.tensor.elementwise import *
from theano.tensor.functions import *
from theano.tensor.shape import *
from theano.tensor.creation import *
from theano.tensor.joining import *
from theano.tensor.indexing import *
from theano.tensor.reductions import *
from theano.tensor.products import *
from theano.tensor.extra_ops import *
from theano.tensor.sorting import *
from theano.tensor import nnet
from theano.tensor import random_numbers, raw_random, shared_randomstreams
from theano.tensor.shared_randomstreams import RandomStreams
from theano.tensor import functions as _functions
from theano.gradient import grad, Lop, Rop, jacobian, hessian, verify_grad, numeric_grad, consider_constant


def __getattr__(name: str) -> object:
    # ``T.abs`` is there for those who look for it; the star import of this package leaves Python's own alone.
    if name == "abs":
        return _functions.abs_
    from theano.legacy import renamed

    return renamed(__name__, name)
