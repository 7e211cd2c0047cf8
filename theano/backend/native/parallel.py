"""Steps that run in pieces, on several threads where that pays.

All that a program knows while it runs lies in its frame. So a thread that is to help with a step needs the frame and
the number of a piece: it calls the function that the step stands in once more, with a *task*, which tells that function
to go to this step at once, to do the piece, and to return. The code of a step therefore exists once::

    step:    set-up: extents, addresses             <- whoever comes with a task enters here
             task given? -> own
             little work? -> nest, with the whole range
    share:   have all pieces done, combine what they have reduced -> after
             not worth it now? -> nest, with the whole range
    own:     restrict to the range of the piece
    nest:    loops over the range
             task given? return
    after:

How a step is divided depends on its lengths alone. Results therefore do not depend on the number of threads, also where
a reduction is combined from those of the pieces, and not on whether threads may be used at all. Only a step that
reduces nothing, whose results are the same however it is divided, is left whole where nobody is there to help.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from theano.backend.native.conversions import element_type
from theano.backend.native.ir import BITS, Builder, Function, Value
from theano.backend.native.loops import Compute, Iota, Load, Loop, Position
from theano.backend.native.program import ITEMSIZES, Array
from theano.backend.native.runtime import SHARING
from theano.backend.native.vectormath import FUNCTIONS
from theano.backend.native.vectormath.registry import LOOPS
from theano.configuration import config

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter
    from theano.backend.native.reduction_code import Accumulator

# The unit of work is the addition of two elements of float64 in memory: 0.2 to 0.5 ns.
BYTES_OF_AN_ADDITION = 24
WORK = 100_000  # a step of as much work is divided
LONG_WORK = SHARING["LONG_WORK"]
ALL_AT_ONCE = -2  # rt_share leaves a short step to the caller
DIVISIBLE = 4  # dimensions of which one is divided: the first three and the last

_TASK_WORDS = 6  # place in a task of the address of the frame words that it brings along


class Region:
    """A part of a function that can be entered with a task.

    Construct it where the set-up begins; :meth:`divide` ends the set-up, :meth:`finish` the nest.
    """

    def __init__(self, em: Emitter) -> None:
        self.em = em
        self.fn: Function = em.fn
        self.b = Builder(em.fn, 1)
        self.number = len(em.entries)
        self.after = self.fn.new_label("after")
        label = self.fn.new_label("step")
        em.entries.append(label)
        self.fn.branch(label)
        self.fn.label(label)

    def divide(
        self,
        extents: Sequence[Value],
        total: Value,
        cost: float,
        results: PieceResults | None = None,
        fails: bool = False,
        foreign: bool = False,
        rows: int = 1,
    ) -> tuple[list[Value], list[Value]]:
        """End the set-up: where the nest begins in each dimension, and how far it goes from there.

        Parameters
        ----------
        extents, total
            lengths of the dimensions of which one is divided, at most four; the number of elements.
        cost
            of one element, in units of work.
        results
            of reductions, if there are any.
        fails
            a piece may leave with a code.
        foreign
            a piece may call what wants the interpreter's lock.
        rows
            of how many a piece should be a multiple, a power of two.
        """
        fn, b = self.fn, self.b
        share, check, own, nest = (fn.new_label(name) for name in ("share", "check", "own", "nest"))
        fn.branch_if(Value("%whole", "i1"), check, own)
        fn.label(own)
        of_piece = self._of_piece(extents)
        fn.branch(nest)
        fn.label(check)
        least = WORK / cost
        if config.openmp and results is None:  # where results depend on it, no setting may change it
            least = min(least, config.openmp_elemwise_minsize / cost)
        large = b.icmp("sge", total, b.const("i64", max(1, int(least))))
        fn.branch_if(large, share, nest, unlikely=True)
        fn.label(share)
        code = self._share(extents, total, cost, results, foreign, rows)
        whole = [check]
        if results is None:
            whole.append(share)
            shared = fn.new_label("shared")
            fn.branch_if(b.icmp("eq", code, b.const("i64", ALL_AT_ONCE)), nest, shared)
            fn.label(shared)
        if results is not None or fails:
            self.em.leave_with(code)
        self.em.tick()
        fn.branch(self.after)
        fn.label(nest)

        def either(all_of_it: str, piece: Value) -> Value:
            values = "".join(f"[{all_of_it}, %{label}], " for label in whole)
            return fn.assign("i64", f"phi i64 {values}[{piece.ref}, %{own}]")

        begins = [either("0", begin) for begin, _ in of_piece]
        lengths = [either(extent.ref, length) for extent, (_, length) in zip(extents, of_piece, strict=True)]
        return begins, lengths

    def _of_piece(self, extents: Sequence[Value]) -> list[tuple[Value, Value]]:
        """Where the piece that a task asks for begins in each dimension, and how far it goes."""
        fn, b = self.fn, self.b
        self.em.module.declare("rt_part", "declare {i64, i64, i64} @rt_part(ptr, i64)")
        part = fn.assign("", "call {i64, i64, i64} @rt_part(ptr %task, i64 %piece)")
        axis, begin, end = (fn.assign("i64", f"extractvalue {{i64, i64, i64}} {part.ref}, {n}") for n in range(3))
        length = b.sub(end, begin)
        if len(extents) == 1:
            return [(begin, length)]
        found = []
        for number, extent in enumerate(extents):
            here = b.icmp("eq", axis, b.const("i64", number))
            found.append((b.select(here, begin, b.const("i64", 0)), b.select(here, length, extent)))
        return found

    def _share(
        self,
        extents: Sequence[Value],
        total: Value,
        cost: float,
        results: PieceResults | None,
        foreign: bool,
        rows: int,
    ) -> Value:
        """Have all pieces done, and combine their results; what rt_share returns."""
        fn, em = self.fn, self.em
        mask, *parts = [0, 0] if results is None else results.known()
        least = config.openmp_elemwise_minsize if config.openmp else -1
        if foreign and config.openmp:  # short work keeps the lock
            least = max(least, LONG_WORK)
        loop = em.module.constant_table(
            "i64", [self.number, mask, len(extents) - 1, max(1, round(16 * cost)), least, rows, *parts]
        )
        if len(extents) == 1 and results is None and total.ref == extents[0].ref:
            name, now = "rt_share_line", total
        else:
            words = [total, *extents, *([] if results is None else results.words())]
            name, now = "rt_share", fn.alloca("i64", len(words), align=8)
            for place, value in enumerate(words):
                address = fn.assign("ptr", f"getelementptr i64, ptr {now.ref}, i64 {place}")
                fn.emit(f"store {value.type} {value.ref}, ptr {address.ref}")
        pointers = ["%frame", "%outputs", em.piece_function(), em.words_for_task(), loop.ref]
        operands = ", ".join([*(f"ptr {p}" for p in pointers), f"{now.type} {now.ref}"])
        em.module.declare(name, f"declare i64 @{name}(ptr, ptr, ptr, ptr, ptr, {now.type})")
        return fn.assign("i64", f"call i64 @{name}({operands})")

    def finish(self) -> None:
        """The end of the nest."""
        self.fn.branch_if(Value("%whole", "i1"), self.after, "done")
        self.fn.label(self.after)


class PieceResults:
    """Results of reductions, each of which every piece has for itself where a reduced dimension is divided.

    `targets` are the addresses of result arrays, by their id; `reduced` tells which of the dimensions that may be
    divided are reduced. What pieces keep is what :meth:`Accumulator.total` gives, part by part.
    """

    def __init__(
        self, em: Emitter, accumulators: Sequence[Accumulator], targets: dict[int, Value], reduced: Sequence[bool]
    ) -> None:
        self.em, self.fn, self.b = em, em.fn, Builder(em.fn, 1)
        self.accumulators, self.targets, self.reduced = accumulators, targets, reduced
        self.everything = all(reduced)
        # A part without an array needs memory that is as large as the results, which is little where these are single.
        self.possible = self.everything or not any(a.unwanted() for a in accumulators)

    def _parts(self) -> list[tuple[Accumulator, int, Array | None]]:
        """Accumulator, number of the part, and the array that gets it, in the order in which they lie in memory."""
        found: list[tuple[Accumulator, int, Array | None]] = []
        for a in self.accumulators if self.possible else ():
            arrays = iter(a.result_arrays())
            unwanted = a.unwanted()
            found += [(a, n, None if n in unwanted else next(arrays)) for n in range(a.total_parts)]
        return found

    def known(self) -> list[int]:
        """What rt_share is told that is known when compiling."""
        mask = sum(flag << i for i, flag in enumerate(self.reduced)) | (0 if self.possible else 1 << 8)
        sizes = [ITEMSIZES[_dtype(a, n, array)] for a, n, array in self._parts()]
        return [mask, len(sizes), *sizes]

    def words(self) -> list[Value]:
        """For each part its address in the whole, the number of elements, and what combines an accumulator's parts."""
        em, b = self.em, self.b
        found: list[Value] = []
        for a, number, array in self._parts():
            place = self.fn.scratch("unwanted", 8) if array is None else self.targets[id(array)]
            count = b.const("i64", 1) if array is None else em.count(array)
            found += [place, count, Value("null", "ptr") if number else self._combination(a)]
        return found

    def _combination(self, a: Accumulator) -> Value:
        """A function that combines the results of all pieces; written once a module."""
        em = self.em
        arrays = iter(a.result_arrays())
        unwanted = a.unwanted()
        dtypes = [a.dtypes[n] if n in unwanted else next(arrays).dtype for n in range(a.total_parts)]
        widest = max(BITS[element_type(dtype)] for dtype in (*dtypes, *a.dtypes))
        lanes = 1 if self.everything else max(1, em.vector_bits // max(widest, 8))
        name = ".".join([em.name, "combine", type(a).__name__, a.reduction.op.name, a.dtype, *dtypes, str(lanes)])
        if name in em.module.functions:
            return Value(f"@{name}", "ptr")
        parameters = [("ptr", name) for name in ("to0", "from0", "to1", "from1")]
        parameters += [("i64", name) for name in ("size", "pieces", "count")]
        outer, outer_b = em.fn, em.b
        fn = em.fn = Function(em.module, name, "void", parameters, "nounwind", "internal")
        b, one = Builder(fn, lanes), Builder(fn, 1)
        em.b = one
        to0, from0, to1, from1, size, pieces, count = fn.parameters
        with fn.loop(one.const("i64", 0), count, lanes) as at:
            mask = em.lane_mask(b, at, count) if lanes > 1 else None
            offsets = [one.mul(at, one.const("i64", ITEMSIZES[dtype])) for dtype in dtypes]
            with fn.carrying(one.const("i64", 0), pieces, 1, a.start(b)) as turn:
                distance = one.mul(turn.index, size)
                parts = [
                    em.load_vector(b, em.offset(em.offset(start, distance), offset), dtype, mask)
                    for start, offset, dtype in zip((from0, from1), offsets, dtypes, strict=False)
                ]
                turn.values = a.add(b, turn.values, parts)
            for value, place, offset, dtype in zip(a.total(b, turn.values), (to0, to1), offsets, dtypes, strict=False):
                em.store_vector(b, value, em.offset(place, offset), dtype, mask)
        fn.emit("ret void")
        em.fn, em.b = outer, outer_b
        return Value(f"@{name}", "ptr")

    def of_piece(self) -> tuple[dict[int, Value], list[Value]]:
        """Where this call's results go, by the array's id, and what no array gets."""
        fn, parts = self.fn, self._parts()
        if not parts:
            return self.targets, []
        own, merged, before = fn.new_label("own"), fn.new_label("merged"), fn.current_label
        targets = [fn.scratch("unwanted", 8) if array is None else self.targets[id(array)] for _, _, array in parts]
        fn.branch_if(Value("%whole", "i1"), merged, own)
        fn.label(own)
        self.em.module.declare("rt_place", "declare ptr @rt_place(ptr, i64, ptr, i64)")
        found = [
            fn.assign("ptr", f"call ptr @rt_place(ptr %task, i64 %piece, ptr {target.ref}, i64 {number})")
            for number, target in enumerate(targets)
        ]
        fn.branch(merged)
        fn.label(merged)
        places = [
            fn.assign("ptr", f"phi ptr [{target.ref}, %{before}], [{place.ref}, %{own}]")
            for target, place in zip(targets, found, strict=True)
        ]
        wanted = {id(array): place for (_, _, array), place in zip(parts, places, strict=True) if array is not None}
        return wanted, [place for (_, _, array), place in zip(parts, places, strict=True) if array is None]


def _dtype(a: Accumulator, number: int, array: Array | None) -> str:
    return a.dtypes[number] if array is None else array.dtype


def calls_scipy(name: str, dtype: str) -> bool:
    """Whether a scalar operation is SciPy's code, element by element, which may want the interpreter's lock."""
    function = FUNCTIONS.get(name)
    return function is not None and function.bound(dtype) is None


def is_foreign(loop: Loop) -> bool:
    """Whether a loop calls functions of SciPy, which take the interpreter's lock where they report an error."""
    return any(isinstance(e, Compute) and calls_scipy(e.op.name, e.dtype) for e in loop.values)


def operation_cost(name: str, dtype: str) -> float:
    """What a scalar operation takes in vectors, in units of work."""
    function = FUNCTIONS.get(name)
    if function is None:
        return 0.1
    if calls_scipy(name, dtype):
        return 50.0
    if function.flow == LOOPS:
        return 60.0
    return 2.0 if dtype == "float64" else 0.7


def memory_cost(loop: Loop) -> float:
    """What an element of a loop takes in memory that moves."""
    moved = [e.array for e in loop.values if isinstance(e, Load) and not all(e.array.pattern)]
    return sum(array.itemsize for array in (*moved, *(a for _, a in loop.stores))) / BYTES_OF_AN_ADDITION


def loop_cost(loop: Loop) -> float:
    """What an element of a loop takes: memory that moves, and what is computed."""
    varying: set[int] = set()
    cost = memory_cost(loop)
    for number, e in enumerate(loop.values):
        match e:
            case Load() if not all(e.array.pattern):
                varying.add(number)
            case Iota() | Position():
                varying.add(number)
            case Compute() if not varying.isdisjoint(e.arguments):
                varying.add(number)
                cost += operation_cost(e.op.name, e.dtype)
    return max(cost, 0.1)


def write_piece_function(em: Emitter, function: Function) -> None:
    """What does a piece of a step that is a function of frame words: the words come with the task."""
    piece = Function(em.module, f"{function.name}.piece", "i64", [], "nounwind", "internal")
    piece.parameters, rest = function.parameters[:4], function.parameters[4:]
    place = piece.assign("ptr", f"getelementptr i64, ptr %task, i64 {_TASK_WORDS}")
    words = piece.assign("ptr", f"load ptr, ptr {place.ref}")
    values = []
    for number, _ in enumerate(rest):
        address = piece.assign("ptr", f"getelementptr i64, ptr {words.ref}, i64 {number}")
        values.append(piece.assign("i64", f"load i64, ptr {address.ref}"))
    arguments = ", ".join(f"{v.type} {v.ref}" for v in (*piece.parameters, *values))
    code = piece.assign("i64", f"call i64 @{function.name}({arguments})")
    piece.emit(f"ret i64 {code.ref}")


def product(b: Builder, values: Sequence[Value]) -> Value:
    """Of lengths, some of which may be known to be 1."""
    total = values[0]
    for value in values[1:]:
        total = value if total.ref == "1" else total if value.ref == "1" else b.mul(total, value)
    return total
