"""Runs a graph natively and by the reference, on all memory layouts, and compares values, dtypes, shapes and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from theano.backend import native, reference
from theano.graph.fg import FunctionGraph
from theano.tensor.type import TensorType

REAL = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
]
LENGTHS = (0, 1, 7, 8, 9, 63, 64, 65, 255, 256, 257, 1000)  # around the ends of vectors and of staging blocks
TOLERANCE = {"float16": 4e-3, "float32": 2e-5, "float64": 1e-12, "complex64": 2e-5, "complex128": 1e-12}


def values(dtype: str, shape: Sequence[int], seed: int = 0) -> np.ndarray:
    """Random elements: small integers, floats of both signs around 1."""
    random = np.random.default_rng(seed)
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if dtype.startswith("uint"):
        return random.integers(0, 9, shape).astype(dtype)
    if dtype.startswith("int"):
        return random.integers(-9, 9, shape).astype(dtype)
    return np.asarray(random.normal(0, 1, shape)).astype(dtype)


def like(*arrays: Any, flags: bool = True) -> list[Any]:
    """Variables for arrays; with `flags`, length 1 is known to the types."""
    arrays = tuple(np.asarray(a) for a in arrays)
    return [TensorType(a.dtype.name, tuple(flags and n == 1 for n in a.shape))(f"x{i}") for i, a in enumerate(arrays)]


def layouts(array: np.ndarray) -> Iterable[tuple[str, np.ndarray]]:
    """The same elements in memory as many ways as there are."""
    yield "C", np.ascontiguousarray(array).reshape(array.shape)
    yield "F", np.array(array, order="F")
    if array.ndim:
        wide = np.zeros([2 * n + 1 for n in array.shape], array.dtype)
        sliced = wide[tuple(slice(1, None, 2) for _ in array.shape)]
        sliced[...] = array
        yield "sliced", sliced
        backwards = tuple(slice(None, None, -1) for _ in array.shape)
        yield "backwards", np.ascontiguousarray(array[backwards])[backwards]
        rows = np.zeros([*array.shape[:-1], array.shape[-1] + 3], array.dtype)
        rows[..., 1:-2] = array
        yield "rows", rows[..., 1:-2]
        columns = np.zeros([array.shape[0] + 2, *array.shape[1:]], array.dtype)
        columns[1:-1] = array
        yield "middle", columns[1:-1]
    raw = np.zeros(array.nbytes + 1, "uint8")[1:]
    unaligned = raw[: array.nbytes].view(array.dtype).reshape(array.shape)
    unaligned[...] = array
    yield "unaligned", unaligned


def close(found: Any, expected: Any, tolerance: float | None = None) -> None:
    """Equal dtype, shape and values; floats up to rounding."""
    assert type(found) is np.ndarray, type(found)
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype, (found.dtype, expected.dtype)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    limit = TOLERANCE.get(expected.dtype.name)
    if limit is None:
        np.testing.assert_array_equal(found, expected)
    else:
        limit = tolerance or limit
        np.testing.assert_allclose(found, expected, rtol=limit, atol=limit)


class Pair:
    """One graph, linked twice."""

    def __init__(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        self.native: Any = native.link(FunctionGraph(list(inputs), list(outputs)))
        self.reference: Any = reference.link(FunctionGraph(list(inputs), list(outputs)))

    def check(self, *arrays: Any, tolerance: float | None = None) -> list[np.ndarray]:
        """Run both on `arrays`, which must stay as they are; compare."""
        given = [np.asarray(a) for a in arrays]
        before = [a.copy() for a in given]
        with np.errstate(all="ignore"):
            expected = self.reference.run(list(given))
        found = self.native.run(list(given))
        assert len(found) == len(expected)
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            try:
                close(a, b, tolerance)
            except AssertionError as error:
                error.add_note(f"output {i}; program:\n{self.native.stages()['program']}")
                raise
            assert not any(np.may_share_memory(a, x) and a.size for x in given), f"output {i} is an input's memory"
            assert not any(np.may_share_memory(a, x) for x in found[:i]), f"output {i} shares memory"
        for a, b in zip(given, before, strict=True):
            np.testing.assert_array_equal(a, b)
        return found

    def check_layouts(self, *arrays: Any, tolerance: float | None = None) -> None:
        """As :meth:`check`, each input in each layout."""
        choices = [dict(layouts(np.asarray(a))) for a in arrays]
        for name in dict.fromkeys(n for c in choices for n in c):
            try:
                self.check(*(c.get(name, c["C"]) for c in choices), tolerance=tolerance)
            except AssertionError as error:
                error.add_note(f"layout {name}")
                raise

    def check_failure(self, kind: type[Exception], *arrays: Any) -> Exception:
        """Both raise `kind`; gives back the native error."""
        errors = []
        for program in (self.reference, self.native):
            try:
                program.run([np.asarray(a) for a in arrays])
            except Exception as error:
                errors.append(error)
            else:
                raise AssertionError(f"{program} raised nothing")
        assert [type(e) for e in errors] == [kind, kind], errors
        return errors[1]


def compare(
    build: Callable[..., Any],
    *arrays: Any,
    flags: bool = True,
    every_layout: bool = False,
    tolerance: float | None = None,
) -> Pair:
    """Build expressions of variables for `arrays` and compare the backends on them."""
    arrays = tuple(np.asarray(a) for a in arrays)
    variables = like(*arrays, flags=flags)
    outputs = build(*variables)
    pair = Pair(variables, outputs if isinstance(outputs, (list, tuple)) else [outputs])
    (pair.check_layouts if every_layout else pair.check)(*arrays, tolerance=tolerance)
    return pair
