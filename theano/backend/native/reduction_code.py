"""How reductions combine: elements among each other, with what was combined before, at the end the lanes of a vector.

What some elements amount to is a list of values, one a *part*. A sum has one part, a maximum whose place is wanted
two. A few elements that are at hand together are joined first; what they amount to is then added to the *state*, which
may hold more: the state of a floating-point sum has a second part for what rounding lost. The error of such a sum
does not grow with the number of elements.

Values have any number of lanes, so the same code serves vectors and what remains when their lanes are joined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

from theano.backend.native.conversions import element_type, is_float
from theano.backend.native.ir import BITS, Builder, Value
from theano.backend.native.loops import Reduction
from theano.backend.native.program import Array, Const, Ref
from theano.backend.native.recipes import compare

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter

Parts = list[Value]
FEW = 256  # a sum of so few elements needs no care


class Accumulator:
    """One reduction while its loop runs.

    Attributes
    ----------
    given
        dtype of the values that are reduced; they are combined in `dtype`.
    dtypes
        of the state's parts, as they are kept in memory (float16 is combined in float32).
    total_parts
        how many parts :meth:`total` gives.
    """

    total_parts = 1

    def __init__(self, em: Emitter, reduction: Reduction, given: str) -> None:
        self.em = em
        self.reduction = reduction
        self.given = given
        self.dtype = reduction.dtype
        self.dtypes = ["float32" if self.dtype == "float16" else self.dtype]

    def nothing(self, b: Builder) -> Parts:
        """What no elements amount to."""
        return [self.em.identity(b, self.reduction.op, self.dtype)]

    def element(self, b: Builder, value: Value, place: Value) -> Parts:
        """What one element, at the place `place` (i64, one lane), amounts to."""
        return [self.em.convert(b, value, self.given, self.dtype)]

    def join(self, b: Builder, earlier: Parts, later: Parts) -> Parts:
        """What the elements before and those behind amount to together."""
        # A maximum asks of its first operand whether that is nan: of what is new, so that nothing waits for the answer.
        return [self.em.combine(b, self.reduction.op, self.dtype, later[0], earlier[0])]

    def gather(self, b: Builder, pieces: Sequence[Parts]) -> Parts:
        """What neighbouring elements, a power of 2 of them, amount to together."""
        while len(pieces) > 1:
            pieces = [self.join(b, *pair) for pair in zip(pieces[::2], pieces[1::2], strict=True)]
        return pieces[0]

    def start(self, b: Builder) -> Parts:
        """The state of no elements."""
        return self.nothing(b)

    def add(self, b: Builder, state: Parts, elements: Parts) -> Parts:
        """The state with later elements added."""
        return self.join(b, state, elements)

    def total(self, b: Builder, state: Parts) -> Parts:
        """What all elements of a state amount to."""
        return state

    def across(self, b: Builder, parts: Parts, single: Value) -> Parts:
        """All lanes joined in one; lane by lane they hold neighbouring elements.

        `single` (i1) says that no lane holds more than one. Then floats are added one after the other, as NumPy adds so
        few: the last digits are those that people know.
        """
        if b.lanes == 1 or self.reduction.op.name != "add" or not is_float(self.dtype):
            return self._by_halves(b, parts)
        fn, one = b.function, Builder(b.function, 1)
        (part,) = parts
        place = fn.alloca(part.type, align=8)
        with fn.if_(single):
            total = b.lane(part, 0)
            for i in range(1, b.lanes):
                total = one.fadd(total, b.lane(part, i))
            fn.emit(f"store {total.type} {total.ref}, ptr {place.ref}")
        with fn.if_(one.not_(single)):
            (total,) = self._by_halves(b, parts)
            fn.emit(f"store {total.type} {total.ref}, ptr {place.ref}")
        return [fn.assign(part.type, f"load {part.type}, ptr {place.ref}")]

    def _by_halves(self, b: Builder, parts: Parts) -> Parts:
        while b.lanes > 1:
            halves = [b.halves(part) for part in parts]
            b = Builder(b.function, b.lanes // 2)
            parts = self.unite(b, [low for low, _ in halves], [high for _, high in halves])
        return parts

    def unite(self, b: Builder, first: Parts, second: Parts) -> Parts:
        """As :meth:`join`, of elements in any order."""
        return self.join(b, first, second)

    def results(self, parts: Parts) -> list[tuple[Array, Value]]:
        """Which array gets what."""
        assert self.reduction.array is not None
        return [(self.reduction.array, parts[0])]

    def result_arrays(self) -> list[Array]:
        """The arrays that get parts, in order."""
        return self.reduction.arrays

    def unwanted(self) -> list[int]:
        """Numbers of parts that no array gets."""
        return []


class Sum(Accumulator):
    """A sum in floating point, and what rounding has lost of it.

    Of a sum ``s`` of ``a`` and a smaller ``b`` rounding takes ``b - (s - a)``, exactly (Dekker 1971). Where `b` is the
    larger one, this is wrong by some units in the last place of `b`, which a sum of few elements is as well.
    """

    def __init__(self, em: Emitter, reduction: Reduction, given: str) -> None:
        super().__init__(em, reduction, given)
        self.dtypes *= 2

    def start(self, b: Builder) -> Parts:
        return self.nothing(b) * 2

    def add(self, b: Builder, state: Parts, elements: Parts) -> Parts:
        total, lost = state
        (x,) = elements
        following = b.fadd(total, x)
        return [following, b.fadd(lost, b.fsub(x, b.fsub(following, total)))]

    def total(self, b: Builder, state: Parts) -> Parts:
        total, lost = state
        both = b.fadd(total, lost)
        return [b.select(b.is_nan(lost), total, both)]  # an infinite sum has lost inf - inf


class Extremum(Accumulator):
    """The largest or smallest of floats; nan where there is one.

    The processor's own maximum loses nan. One comparison of two elements tells whether either is.
    """

    def gather(self, b: Builder, pieces: Sequence[Parts]) -> Parts:
        if len(pieces) == 1:
            return pieces[0]
        values = [x for (x,) in pieces]
        is_nan = reduce(b.or_, (b.fcmp("uno", x, y) for x, y in zip(values[::2], values[1::2], strict=True)))
        relation = "gt" if self.reduction.op.name == "maximum" else "lt"
        while len(values) > 1:
            pairs = zip(values[::2], values[1::2], strict=True)
            values = [b.select(compare(b, relation, later, x, self.dtype), later, x) for x, later in pairs]
        return [b.select(is_nan, b.const(values[0].type, math.nan), values[0])]


class Place(Accumulator):
    """A maximum and where the first such element is; nan is larger than anything."""

    total_parts = 2

    def __init__(self, em: Emitter, reduction: Reduction, given: str) -> None:
        super().__init__(em, reduction, given)
        self.dtypes.append("int64")

    def nothing(self, b: Builder) -> Parts:
        # Taken for the first element, should no other be larger: then all are as small as can be, the first as well.
        return [*super().nothing(b), b.const("i64", 0)]

    def element(self, b: Builder, value: Value, place: Value) -> Parts:
        return [*super().element(b, value, place), b.splat(place)]

    def _larger(self, b: Builder, x: Value, y: Value) -> Value:
        if is_float(self.dtype):
            return b.and_(b.fcmp("ugt", x, y), b.fcmp("ord", y, y))
        return compare(b, "gt", x, y, self.dtype)

    def join(self, b: Builder, earlier: Parts, later: Parts) -> Parts:
        larger = self._larger(b, later[0], earlier[0])
        return [b.select(larger, x, y) for x, y in zip(later, earlier, strict=True)]

    def across(self, b: Builder, parts: Parts, single: Value) -> Parts:
        if b.lanes > 1:  # all lanes of an element have its first lane's place so far
            lanes = ", ".join(f"i64 {i}" for i in range(b.lanes))
            parts = [parts[0], b.add(parts[1], Value(f"<{lanes}>", "i64", b.lanes))]
        return super().across(b, parts, single)

    def unite(self, b: Builder, first: Parts, second: Parts) -> Parts:
        # Neither is larger: they are equal or both nan.
        no = b.not_(self._larger(b, first[0], second[0]))
        before = b.and_(no, b.icmp("slt", second[1], first[1]))
        chosen = b.or_(self._larger(b, second[0], first[0]), before)
        return [b.select(chosen, x, y) for x, y in zip(second, first, strict=True)]

    def results(self, parts: Parts) -> list[tuple[Array, Value]]:
        arrays = (self.reduction.array, self.reduction.places)
        return [(array, part) for array, part in zip(arrays, parts, strict=True) if array is not None]

    def unwanted(self) -> list[int]:
        arrays = (self.reduction.array, self.reduction.places)
        return [number for number, array in enumerate(arrays) if array is None]


def accumulator(em: Emitter, reduction: Reduction, dtype: str, lengths: Sequence[Ref]) -> Accumulator:
    """How to combine values of `dtype` over axes of these lengths."""
    if reduction.places is not None:
        return Place(em, reduction, dtype)
    if reduction.op.name in ("maximum", "minimum") and is_float(reduction.dtype):
        return Extremum(em, reduction, dtype)
    if reduction.op.name != "add" or not is_float(reduction.dtype) or reduction.dtype == "float16":
        return Accumulator(em, reduction, dtype)
    wide = is_float(dtype) and BITS[element_type(dtype)] < BITS[element_type(reduction.dtype)]
    count = 1
    for length in lengths:
        count *= length.value if isinstance(length, Const) else FEW + 1
    return (Accumulator if wide or count <= FEW else Sum)(em, reduction, dtype)
