"""For tests of users' Ops: Theano 1.0's ``theano.tests.unittest_tools``."""

from __future__ import annotations

import unittest
from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.compile import get_mode
from theano.compile.function import function
from theano.configuration import config
from theano.gradient import verify_grad as _verify_grad
from theano.legacy.helpers import allclose


def fetch_seed(pseed: Any = None) -> int:
    """`pseed`, or else ``config.unittests.rseed`` ("random": a new one each time)."""
    seed = config.unittests.rseed if pseed is None else pseed
    return int(np.random.SeedSequence().entropy) % 2**31 if seed == "random" else int(seed)  # type: ignore[arg-type]


def seed_rng(pseed: Any = None) -> int:
    """Seed NumPy's global generator with :func:`fetch_seed`, which is returned."""
    seed = fetch_seed(pseed)
    np.random.seed(seed)
    return seed


def verify_grad(op: Any, pt: Sequence[Any], n_tests: int = 2, rng: Any = None, *args: Any, **kwargs: Any) -> None:
    """:func:`theano.gradient.verify_grad`, with a generator from :func:`fetch_seed` when none is given."""
    rng = np.random.RandomState(fetch_seed()) if rng is None else rng
    _verify_grad(op, pt, n_tests, rng, *args, **kwargs)


def assert_allclose(expected: Any, value: Any, rtol: float | None = None, atol: float | None = None) -> None:
    """AssertionError unless two arrays are close, with tolerances for their precision."""
    if not allclose(expected, value, rtol, atol):
        raise AssertionError(f"expected {expected!r}, got {value!r}")


class InferShapeTester(unittest.TestCase):
    """Base of tests of ``infer_shape``.

    ``self.op_class`` is the class of the Op under test; :meth:`_compile_and_check` does the work.
    """

    op_class: type

    def setUp(self) -> None:
        seed_rng()
        self.mode = get_mode("FAST_RUN" if config.mode == "FAST_COMPILE" else None)

    def _compile_and_check(
        self,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        numeric_inputs: Sequence[Any],
        cls: Any,
        excluding: Sequence[str] | None = None,
        warn: bool = True,
        check_topo: bool = True,
    ) -> None:
        """Check the shapes of `outputs` for given values, and that Ops of class `cls` need not run for them."""
        mode = self.mode.excluding(*excluding) if excluding else self.mode
        values = function(list(inputs), list(outputs), mode=mode)(*numeric_inputs)
        shapes = function(list(inputs), [v.shape for v in outputs], mode=mode, on_unused_input="ignore")
        if check_topo:
            left = [node for node in shapes.maker.fgraph.toposort() if isinstance(node.op, cls)]
            assert not left, f"the shapes do not come from infer_shape: {left} must run"
        for value, shape in zip(values, shapes(*numeric_inputs), strict=True):
            assert value.shape == tuple(shape), f"infer_shape says {tuple(shape)}, the result has {value.shape}"
