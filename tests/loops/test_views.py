"""map, reduce, foldl, foldr and scan_checkpoints against plain loops; names of scan_module."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.loops.helpers import MODES, run
from theano.loops.op import Scan
from theano.scan_module import scan_utils


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_map(mode: Any) -> None:
    x, y = T.dvector("x"), T.dscalar("y")
    products, updates = theano.map(lambda a, b: a * b, x, y)
    assert not updates and run([x, y], products, [1, 2, 3], 2, mode=mode).tolist() == [2, 4, 6]
    backwards, _ = theano.map(lambda a: [a, 2 * a], [x], go_backwards=True, name="pairs")
    assert [r.tolist() for r in run([x], backwards, [1, 2])] == [[2, 1], [4, 2]]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_folds(mode: Any) -> None:
    x = T.dvector("x")
    values = [3.0, 1.0, 4.0, 1.0]
    for fold, rows in [(theano.foldl, values), (theano.reduce, values), (theano.foldr, values[::-1])]:
        combined, updates = fold(lambda a, s: s / 2 + a, x, np.float64(8))
        assert not updates and combined.ndim == 0
        expected = functools.reduce(lambda s, a: s / 2 + a, rows, 8.0)
        assert run([x], combined, values, mode=mode) == expected
        assert run([x], combined, [], mode=mode) == 8


def test_reduce_of_several() -> None:
    x, w, s = T.dmatrix("x"), T.dscalar("w"), theano.shared(0, "s")
    (total, largest), updates = theano.reduce(
        lambda row, t, m, w: ([t + w * row, T.maximum(m, row)], {s: s + 1}),
        x,
        [T.zeros_like(x[0]), T.zeros_like(x[0]) - np.inf],
        non_sequences=w,
    )
    a, b = run([x, w], [total, largest], [[1, 5], [2, 3]], 10, updates=updates)
    assert a.tolist() == [30, 80] and b.tolist() == [2, 5] and s.get_value() == 2


def test_reduce_backwards_and_with_several_taps() -> None:
    x = T.dvector("x")
    info = dict(initial=T.constant([1.0, 2.0]), taps=[-2, -1])
    last, _ = theano.reduce(lambda a, u, v: 10 * v + u + a, x, info, go_backwards=True)
    state = [1.0, 2.0]
    for a in (3.0, 2.0, 1.0):
        state.append(10 * state[-1] + state[-2] + a)
    assert run([x], last, [1, 2, 3]) == state[-1]


# ---- checkpoints


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("length", [0, 1, 3, 4, 7])
@pytest.mark.parametrize("every", [1, 3, 10])
def test_checkpoints_are_rows_of_the_whole_loop(length: int, every: int, mode: Any) -> None:
    x, w = T.dmatrix("x"), theano.shared(np.float64(0.5), "w")

    def step(row: Any, s: Any, k: Any) -> Any:
        return T.tanh(w * s + row) * k, row.sum()

    arguments = [step, x, [T.zeros(2), None], [np.float64(1.5)]]
    whole, _ = theano.scan(*arguments)
    ends, updates = theano.scan_checkpoints(*arguments, save_every_N=every)
    assert not updates
    value = np.random.default_rng(0).normal(size=(length, 2))
    results = run([x], [*whole, *ends], value, mode=mode)
    kept = [*range(every - 1, length, every)]
    if length % every:
        kept.append(length - 1)
    for full, some in zip(results[:2], results[2:]):
        np.testing.assert_allclose(some, full[kept], rtol=1e-12)


def test_checkpoints_of_taps_numbers_and_updates() -> None:
    x, s = T.dvector("x"), theano.shared(np.int64(0), "s")
    arguments: dict[str, Any] = dict(
        fn=lambda b, a, u, v, t: ([u + v + a * b, t + a], {s: s + 1}),
        sequences=dict(input=x, taps=[1, 0]),
        outputs_info=[dict(initial=T.constant([1.0, 2.0]), taps=[-2, -1]), 0],
    )
    whole, _ = theano.scan(**arguments)
    ends, updates = theano.scan_checkpoints(**arguments, save_every_N=2)
    results = run([x], [*whole, *ends], [1, 2, 3, 4, 5, 6], updates=updates)
    assert s.get_value() == 5
    for full, some in zip(results[:2], results[2:]):
        assert some.tolist() == full[[1, 3, 4]].tolist()


def test_checkpoints_without_sequences() -> None:
    n = T.iscalar("n")
    powers, _ = theano.scan_checkpoints(lambda p: 2 * p, outputs_info=np.int64(1), n_steps=n, save_every_N=4)
    assert run([n], powers, 10).tolist() == [16, 256, 1024]


def test_checkpoints_compute_pieces_again() -> None:
    x = T.dvector("x")
    sums, _ = theano.scan_checkpoints(lambda a, s: a + s, x, np.float64(0), name="sums")
    (outer,) = [node.op for node in theano.graph.toposort([sums]) if isinstance(node.op, Scan)]
    (inner,) = [node.op for node in outer.inner_nodes if isinstance(node.op, Scan)]
    assert outer.recompute and not inner.recompute and (outer.name, inner.name) == ("sums", "sums (a piece)")


def test_checkpoints_without_padding() -> None:
    x = T.dvector("x")
    sums, _ = theano.scan_checkpoints(lambda a, s: a + s, x, np.float64(0), save_every_N=2, padding=False)
    assert run([x], sums, [1, 2, 3, 4]).tolist() == [3, 10]
    with pytest.raises(ValueError, match="no multiple of save_every_N=2; use padding=True"):
        run([x], sums, [1, 2, 3])


def test_misuse_of_checkpoints() -> None:
    x = T.dvector("x")
    for wrong in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="save_every_N is a positive integer"):
            theano.scan_checkpoints(lambda a: a, x, save_every_N=wrong)
    with pytest.raises(ValueError, match="must not return until"):
        theano.scan_checkpoints(lambda a: (a, theano.scan_module.until(a > 1)), x)


# ---- names of Theano 1.0


@pytest.mark.parametrize(
    "line",
    [
        "from theano import scan, map, reduce, foldl, foldr, scan_checkpoints, clone",
        "from theano import *; scan, reduce, foldl, foldr, scan_checkpoints",
        "from theano.scan_module import scan, map, reduce, foldl, foldr, until, scan_checkpoints, clone",
        "from theano.scan_module.scan import scan",
        "from theano.scan_module.scan_utils import until, expand_empty, clone, map_variables",
        "from theano.scan_module.scan_views import map, reduce, foldl, foldr",
        "from theano.scan_module.scan_checkpoints import scan_checkpoints",
        "from theano.scan_module.scan_op import Scan",
        "from theano.scan_module import scan_op, scan_opt, scan_utils, scan_views",
        "import theano.scan_module.scan_op; theano.scan_module.scan_op.Scan",
        "import theano; theano.scan_module.scan is theano.scan or 1 / 0; 'scan' in dir(theano) or 1 / 0",
    ],
)
def test_imports(line: str) -> None:
    exec(line, {})


def test_utilities() -> None:
    x = T.dmatrix("x")
    assert run([x], scan_utils.expand_empty(x, 2), [[1, 2]]).tolist() == [[1, 2], [0, 0], [0, 0]]
    assert scan_utils.expand_empty(x, 0) is x
    new = scan_utils.safe_new(x, "_copy", "float32")
    assert (
        new.name == "x_copy"
        and new.dtype == "float32"
        and isinstance(scan_utils.safe_new(T.constant(1)), T.TensorConstant)
    )
    nothing = [None, np.nan, np.inf, T.constant(np.nan)]
    assert all(map(scan_utils.isNaN_or_Inf_or_None, nothing))
    assert not any(map(scan_utils.isNaN_or_Inf_or_None, [3, x, T.constant(2), "3"]))
    condition, outputs, updates = scan_utils.get_updates_and_outputs((x, scan_utils.until(x.sum() > 1)))
    assert condition.dtype == "bool" and outputs == [x] and updates == {}


def test_map_variables() -> None:
    x, w = T.dvector("x"), T.dscalar("w")
    w.tag.replacement = theano.shared(np.float64(3), "three")
    weighted, _ = theano.scan(lambda a, w: w * a, x, None, w)

    def replaced(v: Any) -> Any:
        return getattr(v.tag, "replacement", v)

    (new,) = scan_utils.map_variables(replaced, [weighted + w])
    assert run([x], new, [1, 2]).tolist() == [6, 9]

    def doubled(v: Any) -> Any:
        return v * factor if getattr(v, "owner", None) and isinstance(v.owner.op, T.Elemwise) else v

    factor = theano.shared(np.float64(2), "factor")
    (new,) = scan_utils.map_variables(doubled, [weighted])
    assert run([x, w], new, [1, 2], 3).tolist() == [6, 12]
