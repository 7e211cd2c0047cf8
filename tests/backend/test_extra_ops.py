"""Running sums and searches in native code."""

from __future__ import annotations

import numpy as np
import pytest

import theano.tensor as T
from tests.backend.comparison import REAL, compare, values


@pytest.mark.parametrize("dtype", REAL)
def test_running_sums_and_products(dtype: str) -> None:
    pair = compare(lambda x: [T.cumsum(x), T.cumsum(x, axis=0), T.cumprod(x, axis=1)], values(dtype, (5, 7)))
    assert "python" not in pair.native.stages()["program"]


@pytest.mark.parametrize("shape", [(1,), (0,), (9,), (4, 1), (1, 6), (0, 3), (3, 0), (2, 3, 4), (3, 1, 2, 5)])
def test_running_along_each_axis(shape: tuple[int, ...]) -> None:
    for flags in (True, False):
        compare(lambda x: [T.cumsum(x, axis=a) for a in range(len(shape))], values("float64", shape), flags=flags)


def test_running_in_any_layout() -> None:
    compare(lambda x: [T.cumsum(x, axis=a) + 1 for a in range(3)], values("float32", (3, 4, 5)), every_layout=True)
    compare(lambda x: T.cumsum(T.exp(x), axis=1).sum(axis=0), values("float64", (30, 70)))


def test_running_sums_begin_with_the_first_element() -> None:
    pair = compare(lambda x: T.cumsum(x, axis=0), np.array([-0.0, np.nan, 1.0]))
    assert np.signbit(pair.native.run([np.array([-0.0, 1.0, 2.0])])[0][0])


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("side", ["left", "right"])
def test_search(dtype: str, side: str) -> None:
    table = np.sort(values(dtype, (30,)))
    for key_dtype in (dtype, "float64"):
        pair = compare(lambda x, v: T.searchsorted(x, v, side=side), table, values(key_dtype, (5, 8), seed=3))
        assert "python" not in pair.native.stages()["program"]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 8, 9, 64])
def test_search_in_tables_of_all_lengths(length: int) -> None:
    table, keys = np.arange(length) * 2.0, np.concatenate([np.arange(-1.0, 2 * length + 2), [np.inf, -np.inf, np.nan]])
    for side in ("left", "right"):
        compare(lambda x, v, side=side: T.searchsorted(x, v, side=side), table, keys, flags=False)
        with_nan = np.append(table, [np.nan, np.nan])
        compare(lambda x, v, side=side: T.searchsorted(x, v, side=side), with_nan, keys, every_layout=True)
