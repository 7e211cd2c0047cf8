"""From a rewritten graph to steps.

Each family of Ops registers in :mod:`theano.backend.native.lowering` how it is lowered. Elementwise work goes through
:meth:`Lowering.elementwise`; into which loop it goes is decided in :mod:`theano.backend.native.spaces`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from theano.backend.native.loops import CompactLoop, Compute, Iota, Length, Literal, Loop, Position, Reduction
from theano.backend.native.program import ITEMSIZES, ONE, ZERO, Array, Buffer, Const, Ref, Step
from theano.backend.native.spaces import GIVEN, PRELUDE, Spaces
from theano.backend.native.steps import CheckLengths, SetWord
from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.loops.branches import gather_branches
from theano.scalar.conversion import CASTS
from theano.scalar.operation import ScalarOp
from theano.tensor.advanced_subtensor import AdvancedIncSubtensor, AdvancedIncSubtensor1
from theano.tensor.subtensor import IncSubtensor

Rule = Callable[["Lowering", Apply, list[Array]], "list[Array]"]
RULES: dict[type, Rule] = {}
SUPPORTS: dict[type, Callable[[Apply], bool]] = {}
MOST_MOVED_VALUES = 40  # of a loop that is computed again where it is needed
CHANGES = (IncSubtensor, AdvancedIncSubtensor, AdvancedIncSubtensor1)  # of parts of an array
REAL_DTYPES = frozenset(name for name in ITEMSIZES if not name.startswith("complex"))


def lowers(*ops: type, when: Callable[[Apply], bool] | None = None) -> Callable[[Rule], Rule]:
    """Register a function as the lowering of Op classes; `when` says which nodes it can take."""

    def register(rule: Rule) -> Rule:
        for op in ops:
            RULES[op] = rule
            if when is not None:
                SUPPORTS[op] = when
        return rule

    return register


Expansion = Callable[[Apply], "list[Any]"]
EXPANSIONS: dict[type, Expansion] = {}


def expands(*ops: type) -> Callable[[Expansion], Expansion]:
    """Register a function that writes a node's outputs as expressions of simpler Ops."""

    def register(expansion: Expansion) -> Expansion:
        for op in ops:
            EXPANSIONS[op] = expansion
        return expansion

    return register


def expand(fgraph: FunctionGraph) -> None:
    """Replace the nodes that have an expansion by it, and choices by branches that hold what only one side needs."""
    for node in fgraph.toposort():
        expansion = EXPANSIONS.get(type(node.op))
        if expansion is None or node not in fgraph.apply_nodes:
            continue
        if any(getattr(v.type, "dtype", None) not in REAL_DTYPES for v in node.inputs):
            continue
        for old, new in zip(node.outputs, expansion(node), strict=True):
            fgraph.replace(old, new, "expand")
    gather_branches(fgraph)


def find_rule(node: Apply) -> Rule | None:
    """The lowering for a node, or ``None``: then it runs in Python."""
    for variable in (*node.inputs, *node.outputs):
        if getattr(variable.type, "dtype", None) not in REAL_DTYPES:
            return None
    for kind in type(node.op).__mro__:
        rule = RULES.get(kind)
        if rule is not None:
            supports = SUPPORTS.get(kind)
            return rule if supports is None or supports(node) else None
    return None


class Lowering(Spaces):
    """The program under construction for one graph of lowerable nodes."""

    def __init__(self, fgraph: FunctionGraph) -> None:
        super().__init__()
        self.fgraph = fgraph
        self.counter = [1]  # frame words in use; word 0 holds the number of a failed check
        self.constants: list[tuple[int, np.ndarray]] = []
        self.input_words: list[int] = []
        self.arrays: dict[Variable, Array] = {}
        self.temps: list[Buffer] = []
        self._constant_arrays: dict[Any, Array] = {}
        self._shared: set[int] = set()  # arrays that stand for several variables
        self._overwritten: set[int] = set()  # arrays whose memory has been given to something else
        self._copied: dict[Buffer, tuple[Step, ...]] = {}  # copies to be changed -> what makes them
        self.update_changes = _changes_of_old_values(fgraph)
        self._changed: set[int] = set()  # results of changes in place, which are the only ones to use their memory

    # ---- the whole

    def run(self) -> None:
        """Lower all nodes, then copy what is wanted into output buffers."""
        for variable in self.fgraph.inputs:
            self.arrays[variable] = self._input(variable)
        self.lower_nodes()
        taken: set[int] = set()
        for number, variable in enumerate(self.fgraph.outputs):
            self.place(self.array(variable), "output", number, taken)

    def lower_nodes(self) -> None:
        """Lower all nodes; the arrays of inputs are known."""
        known: dict[Any, list[Array]] = {}
        for node in self.fgraph.toposort():
            self.node = node
            rule = find_rule(node)
            assert rule is not None, f"{node.op} has no lowering"
            inputs = [self.array(v) for v in node.inputs]
            key = (node.op, tuple(map(_identity, inputs)))
            outputs = known.get(key)
            if outputs is None or any(id(a) in self._overwritten for a in outputs):
                outputs = known[key] = rule(self, node, inputs)
                for array in outputs:
                    self.lengths_set_by(array.shape, array.producers)
                self._shared.update(id(a) for a in outputs if any(a is x for x in inputs))
            else:  # equal subgraphs that expansions made
                self._shared.update(map(id, outputs))
            self.arrays.update(zip(node.outputs, outputs, strict=True))
        self.node = None

    def _input(self, variable: Variable) -> Array:
        kind: Any = variable.type
        rank = kind.ndim
        base = self.new_words(1 + 2 * rank)
        self.input_words.append(base)
        shape = tuple(ONE if flag else base + 1 + i for i, flag in enumerate(kind.broadcastable))
        strides = tuple(ZERO if flag else base + 1 + rank + i for i, flag in enumerate(kind.broadcastable))
        self.lengths_set_by(shape, ())
        buffer = Buffer("input", kind.dtype, shape, len(self.input_words) - 1)
        contiguous = all(kind.broadcastable)
        return Array(kind.dtype, kind.broadcastable, shape, strides, base, buffer, contiguous)

    def place(self, array: Array, kind: str, number: int, taken: set[int]) -> Array:
        """Let a buffer of this kind and number hold the elements of `array`, and return it there.

        That is in place where the array's buffer can be one, else a copy. `taken` are buffers that are something's
        place already.
        """
        array = self.materialized(array)
        buffer = array.buffer
        assert buffer is not None
        whole = array.contiguous and buffer.kind in ("temp", "word") and not buffer.borrowed and id(buffer) not in taken
        if whole and buffer.shape == array.shape and buffer.dtype == array.dtype and array.data >= 0:
            taken.add(id(buffer))
            buffer.kind, buffer.number = kind, number
            return array
        copy = self.new_array(array.dtype, array.pattern, array.shape, kind=kind, number=number)
        self.copy_into(array, copy)
        return copy

    # ---- words, arrays, buffers

    @property
    def words(self) -> int:
        """The number of frame words in use."""
        return self.counter[0]

    def new_words(self, count: int = 1) -> int:
        """Reserve frame words; returns the first."""
        first = self.counter[0]
        self.counter[0] += count
        return first

    def array(self, variable: Variable) -> Array:
        """The array of a variable; constants are made on demand."""
        found = self.arrays.get(variable)
        if found is None:
            if not isinstance(variable, Constant):
                raise KeyError(f"{variable} is not known to the program")
            found = self.arrays[variable] = self.constant(np.asarray(variable.data))
        return found

    def constant(self, data: np.ndarray) -> Array:
        """An array of constant elements; single elements become literals."""
        pattern = tuple(length == 1 for length in data.shape)
        shape: tuple[Ref, ...] = tuple(Const(length) for length in data.shape)
        if data.size == 1:
            array = Array(data.dtype.name, pattern, shape, (ZERO,) * data.ndim, contiguous=True)
            array.leaf = Literal(data.reshape(()).item(), data.dtype.name)
            return array
        key = (data.dtype.name, data.shape, data.tobytes())
        if key not in self._constant_arrays:
            data = np.ascontiguousarray(data)
            word = self.new_words()
            self.constants.append((word, data))
            strides: tuple[Ref, ...] = tuple(
                ZERO if flag else Const(s) for flag, s in zip(pattern, data.strides, strict=True)
            )
            buffer = Buffer("constant", data.dtype.name, shape, word)
            self._constant_arrays[key] = Array(data.dtype.name, pattern, shape, strides, word, buffer, True)
        return self._constant_arrays[key]

    def new_array(
        self, dtype: str, pattern: Sequence[bool], shape: Sequence[Ref], kind: str = "temp", number: int = -1
    ) -> Array:
        """A fresh contiguous array, to be written by a step."""
        pattern, shape = tuple(pattern), tuple(ONE if flag else s for flag, s in zip(pattern, shape, strict=True))
        if kind == "temp" and all(length == ONE for length in shape):
            buffer = Buffer("word", dtype, shape, self.new_words())
            array = Array(dtype, pattern, shape, (ZERO,) * len(shape), self.new_words(), buffer, True)
        else:
            buffer = Buffer(kind, dtype, shape, number)
            array = Array(dtype, pattern, shape, self.contiguous_strides(dtype, shape), self.new_words(), buffer, True)
            self.temps.append(buffer)
        array.owns = True
        return array

    def contiguous_strides(self, dtype: str, shape: Sequence[Ref]) -> tuple[Ref, ...]:
        """References for the strides of a contiguous array; words are filled where it is allocated."""
        strides: list[Ref] = []
        size: int | None = ITEMSIZES[dtype]
        for length in reversed(shape):
            if length == ONE:
                strides.append(ZERO)
            elif size is not None:
                strides.append(Const(size))
            else:
                strides.append(self.new_words())
            if size is not None:
                size = size * length.value if isinstance(length, Const) else None
        return tuple(reversed(strides))

    # ---- lengths

    def length(self, array: Array, message: str = "a length must not be negative") -> tuple[Ref, tuple[Step, ...]]:
        """A rank-0 integer array as a length, checked not to be negative; and the steps that it needs."""
        if isinstance(array.leaf, Literal):
            if array.leaf.value < 0:
                word = self.new_words()
                step = SetWord(word, array.leaf.value)
                check = CheckLengths([word], message, self.node)
                check.after.add(step)
                self.steps += [step, check]
                return word, (check,)
            return Const(int(array.leaf.value)), ()
        if isinstance(array.leaf, Length):
            return array.leaf.ref, array.producers
        ref, steps = self.integer(array)
        assert isinstance(ref, int)
        check = CheckLengths([ref], message, self.node)
        check.after.update(steps)
        self.steps.append(check)
        return ref, (check,)

    def integer(self, array: Array) -> tuple[Ref, tuple[Step, ...]]:
        """A rank-0 integer array as a word or constant of any sign; and the steps that it needs."""
        if isinstance(array.leaf, Literal):
            return Const(int(array.leaf.value)), ()
        if isinstance(array.leaf, Length):
            return array.leaf.ref, array.producers
        array = self.materialized(array)
        word = self.new_words()
        step = SetWord(word, array)
        self.lengths_set_by([word], [step])
        self.steps.append(step)
        return word, (step,)

    def length_array(self, ref: Ref, producers: Sequence[Step] = ()) -> Array:
        """A length as an int64 array of rank 0 that needs no memory."""
        array = Array("int64", (), (), producers=producers, contiguous=True)
        array.leaf = Literal(ref.value, "int64") if isinstance(ref, Const) else Length(ref)
        return array

    # ---- elementwise work

    def space(
        self, arrays: Sequence[Array], shape: Sequence[Ref] | None, message: Callable[..., str] | None
    ) -> tuple[tuple[bool, ...], tuple[Ref, ...], list[Step]]:
        """Broadcast pattern and lengths of an elementwise result, and the checks that the lengths agree.

        Without `shape` they come from the operands.
        """
        rank = arrays[0].rank if arrays else len(shape or ())
        pattern: list[bool] = []
        lengths: list[Ref] = []
        reasons: list[Step] = []
        for axis in range(rank):
            moving = [a for a in arrays if not a.pattern[axis]]
            given = None if shape is None else shape[axis]
            if given is None and not moving:
                pattern.append(True)
                lengths.append(ONE)
                continue
            reference = given if given is not None else moving[0].shape[axis]
            for a in moving:
                other = a.shape[axis]
                if self.canonical(other) != self.canonical(reference):
                    details = [r for m in arrays for r in m.shape]
                    self.require_equal(reference, other, message or _lengths_differ, details)
                reasons += self.reasons(other)
            reasons += self.reasons(reference)
            pattern.append(self.canonical(reference) == ONE and not moving)
            lengths.append(reference)
        return tuple(pattern), tuple(map(self.canonical, lengths)), reasons

    def operand(self, loop: Loop, array: Array) -> int:
        """The number of the value in `loop` that gives the elements of `array`."""
        if array.leaf is not None:
            loop.after.update(array.producers)
            return loop.add(array.leaf)
        if array.source is not None and array.source.resolve() is loop:
            return array.value
        if array.source is not None and array.data < 0 and self._move(array, loop):
            return array.value
        array = self.materialized(array)
        for length in array.shape:
            loop.after.update(self.reasons(length))
        return loop.load(array)

    @staticmethod
    def _move(array: Array, loop: Loop) -> bool:
        """Let `loop` compute an array that an earlier loop was to make of nothing, such as random numbers."""
        source = array.source.resolve()
        if source.extents != loop.extents or not source.reads_nothing or len(source.values) > MOST_MOVED_VALUES:
            return False
        array.value = loop.adopt(source, array.value)
        source.results = [a for a in source.results if a is not array]
        array.source = loop
        loop.results.append(array)
        return True

    def elementwise(
        self,
        op: ScalarOp | None,
        inputs: Sequence[Array],
        dtype: str,
        shape: Sequence[Ref] | None = None,
        message: Callable[..., str] | None = None,
        after: Sequence[Step] = (),
    ) -> Array:
        """A scalar operation on arrays of one rank (``None``: their first as it is); the result lives in a loop.

        Parameters
        ----------
        shape
            lengths of the result, when the operands do not tell them.
        message
            makes the text of the error for lengths that differ, from all lengths of the operands.
        after
            steps that the lengths depend on.
        """
        self.lengths_set_by(shape or (), after)
        pattern, lengths, reasons = self.space(inputs, shape, message)
        loop = self.find_loop(lengths, inputs, after=[*reasons, *after])
        loop.after.update(reasons)
        loop.after.update(after)
        operands = [self.operand(loop, a) for a in inputs]
        if op is None:
            value = operands[0]
            if loop.values[value].dtype != dtype:
                raise AssertionError("a copy keeps the dtype")
        else:
            value = loop.add(Compute(op, operands, dtype))
        return self.loop_result(loop, value, dtype, pattern, lengths)

    def loop_result(self, loop: Loop, value: int, dtype: str, pattern: Sequence[bool], lengths: Sequence[Ref]) -> Array:
        """An array for a value of a loop; it gets memory only when something else needs it."""
        result = Array(dtype, tuple(pattern), tuple(lengths), contiguous=True)
        result.source, result.value = loop, value
        loop.results.append(result)
        return result

    def index(self, lengths: Sequence[Ref], axis: int | None, after: Sequence[Step] = ()) -> Array:
        """The index along `axis` of a space, as int64 elements; without an axis the number of the element in it."""
        self.lengths_set_by(lengths, after)
        lengths = tuple(self.canonical(length) for length in lengths)
        pattern = tuple(length == ONE for length in lengths)
        loop = self.find_loop(lengths, (), after=after)
        loop.after.update(after)
        return self.loop_result(loop, loop.add(Position() if axis is None else Iota(axis)), "int64", pattern, lengths)

    def reduce(self, op: ScalarOp, array: Array, axes: tuple[int, ...], dtype: str, *, place: bool = False) -> Array:
        """`array` combined over `axes` in an accumulator of `dtype`; the result has the other dimensions.

        With `place` it is where the maximum is, not the maximum.
        """
        lengths = tuple(self.canonical(s) for s in array.shape)
        reasons = [step for s in array.shape for step in self.reasons(s)]
        loop = self.find_loop(lengths, [array], axes, reasons)
        loop.after.update(reasons)
        value = self.operand(loop, array)
        kept = [a for a in range(array.rank) if a not in axes]
        kind = "int64" if place else dtype
        result = self.new_array(kind, [array.pattern[a] for a in kept], [lengths[a] for a in kept])
        result.producers = (loop,)
        loop.reduce(Reduction(op, value, axes, dtype, None if place else result, result if place else None))
        return result

    # ---- memory

    def materialized(self, array: Array) -> Array:
        """`array` with memory: one that so far lives in a loop is stored by it."""
        if array.data >= 0:
            return array
        if array.leaf is not None:
            loop = Loop(tuple(array.shape), PRELUDE if self.ready(array) == GIVEN else self.level(array))
            loop.after.update(array.producers)
            self.steps.append(loop)
            memory = self.new_array(array.dtype, array.pattern, array.shape)
            loop.store(loop.add(array.leaf), memory)
            memory.producers = (loop,)
            return memory
        loop = array.source.resolve()
        memory = self.new_array(array.dtype, array.pattern, array.shape)
        loop.store(array.value, memory)
        array.strides, array.data, array.buffer, array.owns = memory.strides, memory.data, memory.buffer, True
        array.producers = (loop,)
        loop.writes[-1] = array
        loop.stores[-1] = (array.value, array)
        return array

    def compact(self, array: Array) -> Array:
        """`array` in contiguous memory, copied unless it is known to be there."""
        array = self.materialized(array)
        if array.contiguous:
            return array
        copy = self.new_array(array.dtype, array.pattern, array.shape)
        assert array.buffer is not None and copy.buffer is not None
        # memory that outlives the call may be used as it is; a single element in the frame cannot lie elsewhere
        given = array.buffer.kind in ("input", "constant") and copy.buffer.kind != "word"
        loop = self.copy_into(array, copy, kind=CompactLoop if given else Loop)
        if isinstance(loop, CompactLoop):
            loop.source = array
            copy.buffer.borrowed = True
        return copy

    def laid_out(self, array: Array) -> Array:
        """`array`, or a copy in a better layout where that is made once for many uses."""
        return array

    def given_up(self, variable: Variable, array: Array) -> Array | None:
        """`array`, contiguous, where the current node may write over it, since nothing else needs it."""
        clients = self.fgraph.clients.get(variable, [])
        alone = len(clients) == 1 and clients[0][0] is self.node and id(array) not in self._shared
        if not alone or (array.source is None and id(array) not in self._changed):
            return None
        array = self.materialized(array)
        assert array.contiguous
        self._overwritten.add(id(array))
        return array.view()

    def writable(self, variable: Variable, array: Array) -> Array:
        """An array with the elements of `array` that the current node may write over."""
        own = self.given_up(variable, array)
        if own is not None:
            return own
        copy = self.new_array(array.dtype, array.pattern, array.shape)
        self.copy_into(array, copy)
        assert copy.buffer is not None
        self._copied[copy.buffer] = copy.producers
        return copy

    def place_of(self, whole: Array) -> Array:
        """`whole`, which :meth:`writable` gave, without its elements: views of it need not wait for earlier changes."""
        assert whole.buffer is not None
        return whole.view(producers=self._copied.get(whole.buffer, whole.producers))

    def changed(self, whole: Array, step: Step) -> Array:
        """The result of a step that changed `whole`, which :meth:`writable` gave, in place."""
        result = whole.view(producers=(step,))
        self._changed.add(id(result))
        return result

    def copy_into(
        self,
        array: Array,
        target: Array,
        op: ScalarOp | None = None,
        extra: Sequence[Array] = (),
        kind: type[Loop] = Loop,
    ) -> Loop:
        """Write the elements of `array` (or ``op(array, *extra)``) to `target`, which may be a part of something."""
        loop = kind(tuple(self.canonical(s) for s in target.shape), 0)
        loop.node = self.node
        operands = [self.materialized(a) if a.leaf is None else a for a in (array, *extra)]
        reasons = [step for length in target.shape for step in self.reasons(length)]
        loop.level = max([self.level(a) for a in (*operands, target)] + [self.step_level(s) + 1 for s in reasons])
        numbers = [self.operand(loop, a) for a in operands]
        loop.after.update((*reasons, *target.producers))
        value = numbers[0] if op is None else loop.add(Compute(op, numbers, target.dtype))
        if loop.values[value].dtype != target.dtype:
            value = loop.add(Compute(CASTS[target.dtype], [value], target.dtype))
        loop.store(value, target)
        target.producers = (loop,)
        self.steps.append(loop)
        return loop


def _changes_of_old_values(fgraph: FunctionGraph) -> set[Apply]:
    """The nodes that change parts of an input, one after the other, to its new value."""
    found: set[Apply] = set()
    for number, place in (fgraph.update_mapping or {}).items():
        changes: list[Apply] = []
        variable = fgraph.outputs[number]
        while (
            len(fgraph.clients[variable]) == 1 and variable.owner is not None and isinstance(variable.owner.op, CHANGES)
        ):
            changes.append(variable.owner)
            variable = variable.owner.inputs[0]
        if variable is fgraph.inputs[place]:
            found.update(changes)
    return found


def _identity(array: Array) -> Any:
    """A key that is equal for arrays known to be the same."""
    if isinstance(array.leaf, Literal):
        return (array.dtype, array.rank, repr(array.leaf.value))
    return id(array)


def _lengths_differ(*lengths: int) -> str:
    return f"lengths that must be equal differ: {lengths}"
