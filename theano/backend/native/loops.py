"""Fused loop nests: one pass over an iteration space that computes, stores and reduces many values.

Their code is written by :mod:`theano.backend.native.loop_code`.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from theano.backend.native.ir import Value
from theano.backend.native.program import ONE, Array, Ref, Step
from theano.scalar.operation import ScalarOp

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter

_WORD = re.compile(r"w\d+|@\d+")


@dataclass
class Load:
    """The elements of an array."""

    array: Array
    dtype: str


@dataclass
class Literal:
    """The same constant everywhere."""

    value: Any
    dtype: str


@dataclass
class Length:
    """A length from the frame, as int64."""

    ref: Ref
    dtype: str = "int64"


@dataclass
class Iota:
    """The index along a dimension of the space, as int64."""

    axis: int
    dtype: str = "int64"


@dataclass
class Position:
    """The number of the element in the space, counted row by row, as int64."""

    dtype: str = "int64"


@dataclass
class Compute:
    """A scalar operation on earlier values."""

    op: ScalarOp
    arguments: list[int]
    dtype: str


@dataclass
class Reduction:
    """Elements of value `value` combined by `op` over `axes` in accumulators of `dtype`.

    What comes of it goes into `array`; for a maximum, the place of the first largest element, counted along `axes`,
    goes into `places`. One of the two may be missing.
    """

    op: ScalarOp
    value: int
    axes: tuple[int, ...]
    dtype: str
    array: Array | None
    places: Array | None = None

    @property
    def arrays(self) -> list[Array]:
        """What it writes."""
        return [array for array in (self.array, self.places) if array is not None]


Expression = Load | Literal | Length | Iota | Position | Compute


class Loop(Step):
    """A loop nest over `extents`.

    Attributes
    ----------
    level
        no loop of this level depends on another of the same level, so those over one space may be merged.
    values
        expressions in order of computation; they refer to earlier ones by number.
    stores
        ``(value number, array)`` pairs.
    """

    def __init__(self, extents: tuple[Ref, ...], level: int) -> None:
        super().__init__()
        self.extents = extents
        self.level = level
        self.values: list[Expression] = []
        self.stores: list[tuple[int, Array]] = []
        self.reductions: list[Reduction] = []
        self.results: list[Array] = []  # arrays whose elements are values of this loop
        self._loads: dict[int, int] = {}

    # ---- construction

    @property
    def axes(self) -> tuple[int, ...] | None:
        """The reduced dimensions, when it reduces."""
        return self.reductions[0].axes if self.reductions else None

    def load(self, array: Array) -> int:
        """The number of the value that loads `array`."""
        number = self._loads.get(id(array))
        if number is None:
            number = self._loads[id(array)] = self.add(Load(array, array.dtype))
            self.reads.append(array)
        return number

    def loads_any(self, ids: Set[int]) -> bool:
        """Whether it loads an array whose ``id`` is among these."""
        return not self._loads.keys().isdisjoint(ids)

    def add(self, expression: Expression) -> int:
        """Append an expression; returns its number."""
        self.values.append(expression)
        return len(self.values) - 1

    def store(self, value: int, array: Array) -> None:
        """Write a value's elements to an array."""
        self.stores.append((value, array))
        self.writes.append(array)

    def reduce(self, reduction: Reduction) -> None:
        """Combine a value's elements into arrays; a maximum and its place are found together."""
        self.writes += reduction.arrays
        for known in self.reductions:
            alike = known.op == reduction.op and known.value == reduction.value and known.dtype == reduction.dtype
            if alike and known.array is None and reduction.places is None:
                known.array = reduction.array
                return
            if alike and known.places is None and reduction.array is None:
                known.places = reduction.places
                return
        self.reductions.append(reduction)

    def absorb(self, other: Loop) -> None:
        """Take over all that `other`, a loop over the same space and of the same level, does."""
        numbers: dict[int, int] = {}
        for i, expression in enumerate(other.values):
            if isinstance(expression, Load):
                numbers[i] = self.load(expression.array)
            elif isinstance(expression, Compute):
                arguments = [numbers[a] for a in expression.arguments]
                numbers[i] = self.add(Compute(expression.op, arguments, expression.dtype))
            else:
                numbers[i] = self.add(expression)
        for value, array in other.stores:
            self.store(numbers[value], array)
        for reduction in other.reductions:
            self.reduce(replace(reduction, value=numbers[reduction.value]))
        for result in other.results:
            result.source = self
            result.value = numbers[result.value]
        self.results += other.results
        self.after |= other.after
        other.merged_into = self
        if self.node is None:
            self.node = other.node

    @property
    def reads_nothing(self) -> bool:
        """Whether its values, many, come of indices, constants and single elements alone, so it may run at any time."""
        many = any(extent != ONE for extent in self.extents)
        return many and not self.reductions and all(all(array.pattern) for array in self.reads)

    def adopt(self, other: Loop, value: int) -> int:
        """Compute a value of `other`, a loop over the same space that reads nothing, here again; returns its number."""
        needed = {value}
        for number in range(value, -1, -1):
            expression = other.values[number]
            if number in needed and isinstance(expression, Compute):
                needed.update(expression.arguments)
        numbers: dict[int, int] = {}
        for number in sorted(needed):
            expression = other.values[number]
            if isinstance(expression, Compute):
                arguments = [numbers[a] for a in expression.arguments]
                numbers[number] = self.add(Compute(expression.op, arguments, expression.dtype))
            elif isinstance(expression, Load):
                numbers[number] = self.load(expression.array)
            else:
                numbers[number] = self.add(expression)
        self.after |= other.after
        return numbers[value]

    def prune(self) -> None:
        needed = {v for v, _ in self.stores} | {r.value for r in self.reductions}
        for number in range(len(self.values) - 1, -1, -1):
            expression = self.values[number]
            if number in needed and isinstance(expression, Compute):
                needed.update(expression.arguments)
        if len(needed) == len(self.values):
            return
        renumbered: dict[int, int] = {}
        values, self.values, self.reads = self.values, [], []
        for number, expression in enumerate(values):
            if number not in needed:
                continue
            renumbered[number] = len(self.values)
            if isinstance(expression, Compute):
                arguments = [renumbered[a] for a in expression.arguments]
                expression = Compute(expression.op, arguments, expression.dtype)
            elif isinstance(expression, Load):
                self.reads.append(expression.array)
            self.values.append(expression)
        self.stores = [(renumbered[v], array) for v, array in self.stores]
        for reduction in self.reductions:
            reduction.value = renumbered[reduction.value]

    # ---- text

    def signature(self) -> str:
        return _WORD.sub("w", self.text()) if self.extents else ""

    def title(self) -> str:
        names = [str(e.op) for e in self.values if isinstance(e, Compute)]
        names += [f"{r.op} over {r.axes}" for r in self.reductions]
        return f"loop over {len(self.extents)} dimension(s): {', '.join(names) or 'copy'}"

    def text(self) -> str:
        space = ", ".join(f"w{e}" if isinstance(e, int) else repr(e) for e in self.extents)
        lines = [f"loop [{space}]"]
        for i, e in enumerate(self.values):
            match e:
                case Load():
                    lines.append(f"  %{i} = load {e.array!r}")
                case Literal():
                    lines.append(f"  %{i} = {e.value!r} : {e.dtype}")
                case Length():
                    lines.append(f"  %{i} = length w{e.ref}")
                case Iota():
                    lines.append(f"  %{i} = index {e.axis}")
                case Position():
                    lines.append(f"  %{i} = position")
                case Compute():
                    lines.append(f"  %{i} = {e.op} {' '.join(f'%{a}' for a in e.arguments)} : {e.dtype}")
        lines += [f"  store %{v} -> {a!r}" for v, a in self.stores]
        for r in self.reductions:
            if r.array is not None:
                lines.append(f"  {r.op} %{r.value} over {r.axes} -> {r.array!r}")
            if r.places is not None:
                lines.append(f"  place of {r.op} %{r.value} over {r.axes} -> {r.places!r}")
        return "\n".join(lines)

    # ---- code

    def emit(self, em: Emitter) -> None:
        from theano.backend.native.nests import write_loop

        write_loop(em, self)


class CompactLoop(Loop):
    """A copy into contiguous memory that is left out when the source turns out to be contiguous already."""

    source: Array

    def emit(self, em: Emitter) -> None:
        (target,) = self.writes
        contiguous: Value | None = None
        size: Value = em.b.const("i64", target.itemsize)
        for axis in range(target.rank - 1, -1, -1):
            if target.shape[axis] == ONE:
                continue
            length = em.ref(target.shape[axis])
            if isinstance(target.strides[axis], int):
                em.set_word(target.strides[axis], size)  # type: ignore[arg-type]
            same = em.b.icmp("eq", em.ref(self.source.strides[axis]), size)
            same = em.b.or_(same, em.b.icmp("sle", length, em.b.const("i64", 1)))
            contiguous = same if contiguous is None else em.b.and_(contiguous, same)
            size = em.b.mul(size, length)
        em.set_word(target.data, em.pointer(self.source))
        if contiguous is not None:
            with em.fn.if_(em.b.not_(contiguous)):
                super().emit(em)

    def text(self) -> str:
        return "unless contiguous: " + super().text()
