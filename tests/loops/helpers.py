"""What tests of scan share."""

from __future__ import annotations

from typing import Any

import numpy as np

import theano
from theano.loops.op import Scan

REFERENCE = theano.Mode(linker="py", optimizer=None)
MODES = [REFERENCE, "FAST_COMPILE", "FAST_RUN"]


def run(inputs: list[Any], outputs: Any, *values: Any, mode: Any = REFERENCE, updates: Any = None) -> Any:
    return theano.function(inputs, outputs, mode=mode, updates=updates, on_unused_input="ignore")(*values)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def loop_of(variable: Any) -> Scan:
    """The loop that computes a variable."""
    (node,) = [n for n in theano.graph.toposort([variable]) if isinstance(n.op, Scan)]
    return node.op
