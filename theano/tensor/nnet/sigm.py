"""The names of Theano 1.0's ``theano.tensor.nnet.sigm``."""

from __future__ import annotations

from typing import Any

from theano import scalar
from theano.tensor.nnet.activations import (
    hard_sigmoid,
    scalar_sigmoid,
    scalar_softplus,
    sigmoid,
    sigmoid_inplace,
    softplus,
    ultra_fast_sigmoid,
    ultra_fast_sigmoid_inplace,
)

__all__ = [
    "hard_sigmoid",
    "scalar_sigmoid",
    "scalar_softplus",
    "sigmoid",
    "sigmoid_inplace",
    "softplus",
    "ultra_fast_sigmoid",
    "ultra_fast_sigmoid_inplace",
]


def __getattr__(name: str) -> Any:
    """The classes of the scalar operations: ScalarSigmoid, ScalarSoftplus, UltraFastScalarSigmoid."""
    return getattr(scalar, name)
