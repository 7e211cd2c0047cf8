"""The language under DebugMode: rewrites, the native backend and every Op's declarations, against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.compile import DebugMode

A, v, k, t = T.dmatrix("A"), T.dvector("v"), T.lvector("k"), T.dtensor3("t")
_random = np.random.default_rng(0)
VALUES = {
    A: _random.normal(size=(4, 5)),
    v: _random.normal(size=5),
    k: np.array([2, 0, 1, 1]),
    t: _random.normal(size=(2, 3, 4)),
}

EXPRESSIONS: dict[str, Any] = {
    "alloc": T.alloc(v, k[0], 5),
    "arange": T.arange(k[0]),
    "argmax": T.argmax(A, axis=0),
    "batched_dot": T.batched_dot(t, t.dimshuffle(0, 2, 1)),
    "broadcast": v.dimshuffle("x", 0) + A,
    "clip": A.clip(-1, 1),
    "concatenate": T.concatenate([A, A * 2], axis=1),
    "crossentropy": T.grad(T.nnet.categorical_crossentropy(T.nnet.softmax(A), k).sum(), A),
    "cumsum": T.cumsum(A, axis=0),
    "diag": T.diag(A[:, :4]),
    "dot": T.dot(A, v),
    "eye": T.eye(k[0] + 1),
    "flatten": t.flatten(2),
    "gather": A[k],
    "gather_pairs": A[k, k],
    "grad_max": T.grad(A.max(axis=0).sum(), A),
    "grad_prod": T.grad(A.prod(axis=1).sum(), A),
    "inc_gathered": T.inc_subtensor(A[k], 1.0),
    "inc_slice": T.inc_subtensor(A[1:3], 2.0),
    "layer": T.grad(T.tanh(T.dot(T.nnet.sigmoid(T.dot(A, A.T)), A)).sum(), A),
    "logsoftmax": T.nnet.logsoftmax(A),
    "nonzero": (A > 0).nonzero()[0],
    "outer": T.outer(v, v),
    "repeat": T.repeat(v, 2),
    "reshape": A.reshape((5, 4)),
    "roll": T.roll(v, 1),
    "set_column": T.set_subtensor(A[:, k[0]], v[:4]),
    "shape": A.shape,
    "slice": A[1:, ::-2],
    "softmax": T.nnet.softmax(A),
    "sort": T.sort(v),
    "split": T.split(v, [2, 3], 2)[1],
    "squeeze": A.dimshuffle(0, "x", 1).squeeze(),
    "stack": T.stack([v, v]),
    "switch": T.switch(A > 0, A, -A),
    "tensordot": T.tensordot(t, t, axes=[[1, 2], [1, 2]]),
    "tile": T.tile(v, (2,)),
    "transpose": A.T,
    "variance": A.var(axis=0),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_all_agree(name: str) -> None:
    expression = EXPRESSIONS[name]
    needed = theano.graph.explicit_graph_inputs([expression])
    f = theano.function(needed, expression, mode=DebugMode(stability_patience=1))
    f(*(VALUES[x] for x in needed))
