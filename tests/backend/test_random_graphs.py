"""Random expressions: rewritten and native, native as written, and the reference give the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import theano
import theano.tensor as T
from tests.backend.comparison import close, layouts, values

NATIVE = theano.Mode("native", None)
REFERENCE = theano.Mode("reference", None)
LENGTHS = (1, 2, 3, 4, 17)


class Drawing:
    """Draws expressions whose shapes and values are known while drawing, so each step makes sense."""

    def __init__(self, data: st.DataObject, known_ones: bool) -> None:
        self.draw = data.draw
        self.inputs: list[T.TensorVariable] = []
        self.arrays: list[np.ndarray] = []
        self.known_ones = known_ones
        self.pool: list[tuple[T.TensorVariable, tuple[int, ...]]] = []
        self.length = self.draw(st.sampled_from(LENGTHS))
        self.width = self.draw(st.sampled_from(LENGTHS))

    def input(self) -> None:
        n, m = self.length, self.width
        shape = self.draw(st.sampled_from([(), (n,), (m,), (n, m), (m, n), (1, m), (n, 1), (2, n, m)]))
        dtype = self.draw(st.sampled_from(["float64", "float64", "float32", "int32", "int8"]))
        array = values(dtype, shape, len(self.arrays))
        array = self.draw(st.sampled_from([a for _, a in layouts(array)]))
        self.arrays.append(array)
        pattern = tuple(k == 1 and self.known_ones for k in shape)
        self.inputs.append(T.TensorType(dtype, pattern)(f"x{len(self.inputs)}"))
        self.pool.append((self.inputs[-1], shape))

    def pick(self, *conditions):
        fitting = [p for p in self.pool if all(c(*p) for c in conditions)]
        return self.draw(st.sampled_from(fitting)) if fitting else None

    def step(self) -> None:
        kind = self.draw(
            st.sampled_from(
                [
                    "unary",
                    "binary",
                    "binary",
                    "reduce",
                    "reduce",
                    "transpose",
                    "slice",
                    "reshape",
                    "dot",
                    "join",
                    "set",
                    "take",
                    "switch",
                    "expand",
                    "softmax",
                ]
            )
        )
        made = getattr(self, kind)()
        if made is not None and np.prod(made[1], dtype=int) <= 4000:
            self.pool.append(made)

    def unary(self):
        x, shape = self.pick()
        f = self.draw(
            st.sampled_from(
                [
                    T.tanh,
                    T.exp,
                    T.neg,
                    T.abs,
                    T.sqr,
                    T.nnet.sigmoid,
                    lambda v: v + 1,
                    lambda v: v * 0.5,
                    lambda v: T.log1p(T.abs(v)),
                ]
            )
        )
        return f(T.clip(x, -3, 3)), shape

    def partner(self, x, shape):
        def fits(y, other):
            if len(other) > len(shape):
                return False
            padded = (1,) * (len(shape) - len(other)) + other
            flags = (True,) * (len(shape) - len(other)) + y.type.broadcastable
            return all(
                f or (a == b and not g) for a, b, f, g in zip(padded, shape, flags, x.type.broadcastable, strict=True)
            )

        return self.pick(fits)

    def binary(self):
        x, shape = self.pick()
        found = self.partner(x, shape)
        if found is None:
            return None
        f = self.draw(
            st.sampled_from(
                [
                    T.add,
                    T.sub,
                    T.mul,
                    T.maximum,
                    T.minimum,
                    lambda a, b: a / (T.abs(b) + 1),
                    lambda a, b: T.switch(T.gt(a, b), a, b),
                ]
            )
        )
        return f(T.clip(x, -1000, 1000), T.clip(found[0], -1000, 1000)), shape

    switch = binary

    def reduce(self):
        found = self.pick(lambda v, s: len(s) > 0)
        if found is None:
            return None
        x, shape = found
        axes = self.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
        f = self.draw(st.sampled_from([T.sum, T.max, T.min, T.mean, T.var]))
        if self.draw(st.booleans()):
            return f(x, axis=axes, keepdims=True), tuple(1 if a in axes else n for a, n in enumerate(shape))
        return f(x, axis=axes), tuple(n for a, n in enumerate(shape) if a not in axes)

    def transpose(self):
        x, shape = self.pick()
        order = self.draw(st.permutations(range(len(shape))))
        return x.dimshuffle(*order), tuple(shape[a] for a in order)

    def slice(self):
        found = self.pick(lambda v, s: len(s) > 0)
        if found is None:
            return None
        x, shape = found
        entry = self.draw(
            st.sampled_from(
                [0, -1, slice(None, None, -1), slice(0, 2), slice(None, None, 2), slice(1, None), slice(-2, None)]
            )
        )
        axis = self.draw(st.integers(0, len(shape) - 1))
        index = (slice(None),) * axis + (entry,)
        result = np.empty(shape)[index].shape
        return (x[index], result) if 0 not in result else None

    def reshape(self):
        x, shape = self.pick()
        total = int(np.prod(shape, dtype=int))
        wanted = self.draw(st.sampled_from([(total,), (-1,), (1, total), (-1, shape[-1] if shape else 1), (total, 1)]))
        return x.reshape(wanted), np.empty(total).reshape(wanted).shape

    def dot(self):
        found = self.pick(lambda v, s: len(s) in (1, 2))
        if found is None:
            return None
        x, shape = found
        other = self.pick(lambda v, s: len(s) in (1, 2) and s[0] == shape[-1])
        if other is None:
            return None
        y, its = other
        return T.dot(T.clip(x, -100, 100), T.clip(y, -100, 100)), (*shape[:-1], *its[1:])

    def join(self):
        found = self.pick(lambda v, s: len(s) > 0)
        if found is None:
            return None
        x, shape = found
        axis = self.draw(st.integers(0, len(shape) - 1))
        other = self.pick(
            lambda v, s: (
                len(s) == len(shape) and all(a == b for i, (a, b) in enumerate(zip(s, shape, strict=True)) if i != axis)
            )
        )
        return T.concatenate([x, other[0]], axis), tuple(
            n + other[1][axis] if i == axis else n for i, n in enumerate(shape)
        )

    def set(self):
        found = self.pick(lambda v, s: len(s) > 0)
        if found is None:
            return None
        x, shape = found
        source = self.pick(lambda v, s: s == shape[1:] and v.type.broadcastable == x.type.broadcastable[1:])
        value = 1 if source is None else T.cast(source[0], x.dtype)
        index = self.draw(st.sampled_from([0, -1]))
        f = self.draw(st.sampled_from([T.set_subtensor, T.inc_subtensor]))
        return f(x[index], value), shape

    def take(self):
        found = self.pick(lambda v, s: len(s) > 0)
        if found is None:
            return None
        x, shape = found
        rows = self.draw(st.lists(st.integers(-shape[0], shape[0] - 1), min_size=2, max_size=4))
        return x[np.array(rows)], (len(rows), *shape[1:])

    def expand(self):
        x, shape = self.pick()
        return (x.dimshuffle(*range(len(shape)), "x"), (*shape, 1)) if len(shape) < 4 else None

    def softmax(self):
        found = self.pick(lambda v, s: len(s) == 2 and v.dtype.startswith("float"))
        return None if found is None else (T.nnet.softmax(found[0]), found[1])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_expressions(data):
    drawing = Drawing(data, data.draw(st.booleans()))
    for _ in range(data.draw(st.integers(1, 4))):
        drawing.input()
    for _ in range(data.draw(st.integers(3, 14))):
        drawing.step()
    outputs = [v for v, _ in drawing.pool[-data.draw(st.integers(1, 4)) :]]
    wrt = [x for x in drawing.inputs if x.dtype.startswith("float")]
    loss = sum(T.sum(T.tanh(v)) for v in outputs if v.dtype.startswith("float"))
    if wrt and not isinstance(loss, int) and data.draw(st.booleans()):
        outputs += T.grad(loss, wrt, disconnected_inputs="ignore")
    functions = [
        theano.function(drawing.inputs, outputs, mode=mode, on_unused_input="ignore")
        for mode in (REFERENCE, NATIVE, theano.Mode("native", "fast_run"))
    ]
    with np.errstate(all="ignore"):
        expected, written, rewritten = (f(*drawing.arrays) for f in functions)
    exact = all(x.dtype.name in ("float64", "int32") for x in drawing.arrays)  # else parts are in single precision
    for name, found in (("native", written), ("rewritten", rewritten)):
        for v, a, b in zip(outputs, found, expected, strict=True):
            try:
                if b.dtype.kind == "f":
                    assert a.dtype == b.dtype and a.shape == b.shape
                    scale = 1 + float(np.abs(b).max(initial=0))
                    np.testing.assert_allclose(
                        a, b, rtol=1e-8 if exact else 1e-3, atol=scale * (1e-9 if exact else 1e-3)
                    )
                else:
                    close(a, b)
            except AssertionError as error:
                error.add_note(f"{name}: {theano.pp(v)}")
                error.add_note(str([(x.dtype, x.shape) for x in drawing.arrays]))
                raise
