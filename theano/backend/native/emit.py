"""From planned steps to LLVM IR.

The program becomes one function ``main(frame, outputs, task, piece)`` that runs the steps in order and returns 0, the
number of a check that failed, or -1 where Python has already set an error. Long programs are split into several
functions that ``main`` calls in turn, so that compile time stays linear. With a task, a function does a piece of one of
its steps only (:mod:`theano.backend.native.parallel`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import reduce
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from theano.backend.native import parallel, recipes
from theano.backend.native.ir import BITS, Builder, Function, Module, Value, vector_type
from theano.backend.native.loops import Compute, Loop
from theano.backend.native.program import ITEMSIZES, Array, Buffer, Const, Ref, Step, with_inner
from theano.backend.native.runtime import SHARING
from theano.backend.native.vectormath import FUNCTIONS
from theano.backend.native.vectormath.registry import BRANCHES, LOOPS, STRAIGHT
from theano.graph.basic import Apply
from theano.scalar.operation import ScalarOp

if TYPE_CHECKING:
    from theano.backend.native.timing import StepTimes

STEPS_A_FUNCTION = 40
# An elementary function that a program uses more often is called: that compiles in less time and costs some 1 percent.
INLINED_USES = {STRAIGHT: 3, BRANCHES: 1, LOOPS: 0}
SHARED_STEPS = 3  # as many steps that look alike are written as functions, so that equal ones are compiled once
OUTPUT_WORDS = 8
WORDS_BEFORE = 2  # the frame: a count of steps and the address of the call record
COUNTED_STEPS, STEPS_A_LOOK = SHARING["COUNTED_STEPS"], SHARING["STEPS_A_LOOK"]
_WORDS_OF_TASK = "  ; words"  # where they are put into memory: which they are is known when the function is written


class Check:
    """A run-time check: what to raise when it fails, and where the values for the message lie."""

    def __init__(self, error: type[Exception], message: Any, node: Apply | None, details: Sequence[Ref]) -> None:
        self.error = error
        self.message = message
        self.node = node
        self.details = list(details)


class Emitter:
    """Writes steps into functions of a module; offers steps what they need to address the frame and arrays."""

    def __init__(self, name: str, vector_bits: int, times: StepTimes | None = None) -> None:
        self.times = times
        self.module = Module(scales=vector_bits >= 512)
        self.name = name
        self.vector_bits = vector_bits
        self.checks: list[Check] = []
        self._uses: Counter[str] = Counter()
        self._alike: Counter[str] = Counter()
        self.places: dict[Buffer | None, Value] = {}  # of memory whose address is not in the frame
        self._outlined: dict[Any, Function] = {}
        self._shared: dict[str, str] = {}  # code of a step -> name of the function that holds it
        # of the step function being written: base ("frame" or "outputs") and number of a word -> parameter
        self._word_parameters: dict[tuple[str, int], str] | None = None
        self._conditions: dict[int, Value] | None = None  # of checks that share a branch: by number
        self._loaded: dict[int, Value] = {}  # by frame word, in code that runs straight on
        self.fn: Function
        self.b: Builder
        self.entries: list[str] = []  # of the function being written: labels of steps that run in pieces

    # ---- the whole

    def program(self, steps: Sequence[Step]) -> str:
        """The module's text for all steps in order."""
        self.module.declare("unlikely", '!0 = !{!"branch_weights", i32 1, i32 100000}')
        everything = list(with_inner(steps))
        self._uses = Counter(
            e.op.name for s in everything if isinstance(s, Loop) for e in s.values if isinstance(e, Compute)
        )
        self._uses = Counter({name: count for name, count in self._uses.items() if name in FUNCTIONS})
        self._alike = Counter(step.signature() for step in everything)
        del self._alike[""]
        self._begin(self.name, internal=False)
        if len(steps) > STEPS_A_FUNCTION:
            for name in self.functions(steps, "part"):
                self.call_all([name])
                self.count_steps(STEPS_A_FUNCTION)
        else:
            self.steps(steps)
        self._end()
        return str(self.module)

    def steps(self, steps: Sequence[Step]) -> None:
        """Write steps, one after the other."""
        for only_checks, alike in groupby(steps, lambda step: step.only_checks and self.times is None):
            with self._one_branch() if only_checks else nullcontext():
                for step in alike:
                    with self.times.around(self, step) if self.times is not None else nullcontext():
                        if self._alike[step.signature()] >= SHARED_STEPS:
                            self._emit_shared(step)
                        else:
                            step.emit(self)

    def functions(self, steps: Sequence[Step], what: str) -> list[str]:
        """Write steps into functions of their own, which run them when called in turn; returns their names."""
        around = self.fn, self.b, self._word_parameters, self.entries
        names = []
        self._word_parameters = None
        for i in range(0, len(steps), STEPS_A_FUNCTION):
            names.append(f"{self.name}.{what}{len(self.module.functions)}")
            self._begin(names[-1], internal=True)
            self.steps(steps[i : i + STEPS_A_FUNCTION])
            self._end()
        self.fn, self.b, self._word_parameters, self.entries = around
        return names

    def call_all(self, names: Sequence[str]) -> None:
        """Call functions of steps in turn; leave when one of them fails."""
        for name in names:
            code = self.fn.assign("i64", f"call i64 @{name}(ptr %frame, ptr %outputs, ptr null, i64 0)")
            self.leave_with(code)

    def count_steps(self, number: int) -> None:
        """Count steps that have run; after :data:`STEPS_A_LOOK` of them, or a long one, look at the time."""
        fn, b = self.fn, self.b
        place = fn.assign("ptr", f"getelementptr i64, ptr %frame, i64 {COUNTED_STEPS}")
        count = b.add(fn.assign("i64", f"load i64, ptr {place.ref}"), b.const("i64", number))
        fn.emit(f"store i64 {count.ref}, ptr {place.ref}")
        with fn.if_(b.icmp("sge", count, b.const("i64", STEPS_A_LOOK)), unlikely=True):
            fn.emit(f"store i64 0, ptr {place.ref}")
            self.tick()

    def tick(self) -> None:
        """Let others run, and signals be handled, if it is time for that; leave when a handler raises an error."""
        self.module.declare("rt_tick", "declare i64 @rt_tick(ptr)")
        self.leave_with(self.fn.assign("i64", "call i64 @rt_tick(ptr %frame)"))

    def _begin(self, name: str, internal: bool) -> None:
        linkage = "internal" if internal else ""
        parameters = [("ptr", "frame"), ("ptr", "outputs"), ("ptr", "task"), ("i64", "piece")]
        self.fn = Function(self.module, name, "i64", parameters, attributes="nounwind", linkage=linkage)
        self.b = Builder(self.fn, 1)
        self.fn.label("start")
        self.entries = []

    def _end(self) -> None:
        """Complete the function: the way in for those who come with a task."""
        fn = self.fn
        fn.emit("ret i64 0")
        for code, label in fn.exits.items():
            fn.label(label)
            fn.emit(f"ret i64 {code}")
        if not self.entries:
            fn.entry_lines.append("  br label %start")
            return
        label = self.entries[0] if len(self.entries) == 1 else "resume"
        fn.entry_lines += ["  %whole = icmp eq ptr %task, null", f"  br i1 %whole, label %start, label %{label}"]
        fn.label("done")
        fn.emit("ret i64 0")
        if len(self.entries) > 1:
            fn.label("resume")
            step = fn.assign("i64", "load i64, ptr %task")
            places = " ".join(f"i64 {number}, label %{label}" for number, label in enumerate(self.entries))
            fn.emit(f"switch i64 {step.ref}, label %start [ {places} ]")
        if self._word_parameters is None:
            return
        words = list(self._word_parameters.values())
        fn.entry_lines.insert(0, f"  %words = alloca [{len(words) or 1} x i64]")
        lines = []
        for line in fn.lines:
            if line != _WORDS_OF_TASK:
                lines.append(line)
                continue
            for number, word in enumerate(words):
                place = fn.fresh()
                lines.append(f"  {place} = getelementptr i64, ptr %words, i64 {number}")
                lines.append(f"  store i64 {word}, ptr {place}")
        fn.lines[:] = lines

    def _emit_shared(self, step: Step) -> None:
        """Write a step as a function of the words that it touches; steps of equal code share one function."""
        caller = self.fn, self.b, self.entries
        name = f"{self.name}.step{len(self._shared)}"
        self._begin(name, internal=True)
        function, self._word_parameters = self.fn, {}
        step.emit(self)
        self._end()
        in_pieces = bool(self.entries)
        words, self._word_parameters = self._word_parameters, None
        self.fn, self.b, self.entries = caller
        function.parameters += [Value(ref, "i64") for ref in words.values()]
        code = "\n".join([*function.entry_lines, *function.lines]).replace(f"@{name}.piece", "@piece")
        if code in self._shared:
            del self.module.functions[name]
        elif in_pieces:
            parallel.write_piece_function(self, function)
        name = self._shared.setdefault(code, name)
        fixed = ["ptr %frame", "ptr %outputs", "ptr null", "i64 0"]
        arguments = ", ".join([*fixed, *(f"i64 {number}" for _, number in words)])
        left = self.fn.assign("i64", f"call i64 @{name}({arguments})")
        self.leave_with(left)

    def piece_function(self) -> str:
        """What does a piece of a step of the function being written: called with frame, outputs, task and piece."""
        return f"@{self.fn.name}" if self._word_parameters is None else f"@{self.fn.name}.piece"

    def words_for_task(self) -> str:
        """The address of the frame words that a task must bring along."""
        if self._word_parameters is None:
            return "null"
        self.fn.lines.append(_WORDS_OF_TASK)
        return "%words"

    def leave_if(self, condition: Value, code: int) -> None:
        """Return `code` where `condition` holds; a function has one block for each code."""
        after = self.fn.new_label("after")
        self.fn.branch_if(condition, self.fn.exit(code), after, unlikely=True)
        self.fn.label(after)

    def leave_with(self, code: Value) -> None:
        """Return `code` unless it is 0."""
        with self._leaving(self.b.icmp("ne", code, self.b.const("i64", 0))):
            self.fn.emit(f"ret i64 {code.ref}")

    @contextmanager
    def _leaving(self, condition: Value) -> Iterator[None]:
        """Run the body, which ends by returning, where `condition` holds."""
        leave, after = self.fn.new_label("leave"), self.fn.new_label("after")
        self.fn.branch_if(condition, leave, after, unlikely=True)
        self.fn.label(leave)
        yield
        self.fn.label(after)

    # ---- the frame

    def word(self, number: int) -> Value:
        """The address of a frame word."""
        return self._word_of("frame", number)

    def _word_of(self, base: str, number: int) -> Value:
        if self._word_parameters is None:
            place = str(number)
        else:
            place = self._word_parameters.setdefault((base, number), f"%w{len(self._word_parameters)}")
        return self.fn.assign("ptr", f"getelementptr i64, ptr %{base}, i64 {place}")

    def ref(self, ref: Ref) -> Value:
        """The value of a length or stride."""
        if isinstance(ref, Const):
            return self.b.const("i64", ref.value)
        if ref in self._loaded:
            return self._loaded[ref]
        value = self.fn.assign("i64", f"load i64, ptr {self.word(ref).ref}")
        if self._conditions is not None:
            self._loaded[ref] = value
        return value

    def set_word(self, number: int, value: Value) -> None:
        """Write a frame word."""
        self.fn.emit(f"store {value.type} {value.ref}, ptr {self.word(number).ref}")

    def pointer(self, array: Array) -> Value:
        """The address of an array's first element."""
        if array.buffer is not None and array.buffer.kind == "word":
            return self.word(array.buffer.number)
        if array.buffer in self.places:
            return self.places[array.buffer]
        return self.fn.assign("ptr", f"load ptr, ptr {self.word(array.data).ref}")

    def offset(self, pointer: Value, size: Value) -> Value:
        """An address `size` bytes on."""
        if size.ref == "0":
            return pointer
        return self.fn.assign("ptr", f"getelementptr i8, ptr {pointer.ref}, i64 {size.ref}")

    def count(self, array: Array) -> Value:
        """The number of elements."""
        total = self.b.const("i64", 1)
        for length in array.shape:
            if length == Const(1):
                continue
            value = self.ref(length)
            total = value if total.ref == "1" else self.b.mul(total, value)
        return total

    def check(self, ok: Value, check: Check) -> None:
        """Leave with the check's number unless `ok`."""
        self.checks.append(check)
        if self._conditions is not None:
            self._conditions[len(self.checks)] = ok
            return
        self.leave_if(self.b.not_(ok), len(self.checks))

    @contextmanager
    def _one_branch(self) -> Iterator[None]:
        """Checks that are written inside share a branch; which of them has failed is found out behind it."""
        self._conditions = {}
        yield
        conditions, self._conditions = self._conditions, None
        self._loaded = {}
        b = self.b
        with self._leaving(b.not_(reduce(b.and_, conditions.values()))):
            code = b.const("i64", 0)
            for number, ok in reversed(conditions.items()):
                code = b.select(ok, code, b.const("i64", number))
            self.fn.emit(f"ret i64 {code.ref}")

    # ---- memory

    def allocate(self, array: Array, rows: Value | None = None) -> None:
        """Memory and strides for an array that its step is the first to write; of it, or of as many `rows` of it."""
        buffer = array.buffer
        if not array.owns or buffer is None or buffer.kind == "word":
            return
        size: Value = self.b.const("i64", ITEMSIZES[array.dtype])
        for axis in range(array.rank - 1, -1, -1):
            stride = array.strides[axis]
            if isinstance(stride, int):
                self.set_word(stride, size)
            if array.shape[axis] != Const(1):
                first = all(length == Const(1) for length in array.shape[:axis])
                size = self.b.mul(size, rows if first and rows is not None else self.ref(array.shape[axis]))
        if buffer.over is not None:
            self.set_word(array.data, self.pointer(buffer.over))
        elif buffer.kind == "output":
            self._new_output(array)
        elif buffer.kind == "temp":
            self._arena(array, size)
        elif buffer.kind == "row":
            buffer.row.allocate(self, array, size)
        array.owns = False

    def _arena(self, array: Array, size: Value) -> None:
        """Let the data word point to the arena's slot, grown to `size` bytes."""
        assert array.buffer is not None
        slot = array.buffer.number
        fn, b = self.fn, self.b
        have = self.ref(slot + 1)
        with fn.if_(b.icmp("slt", have, size), unlikely=True):
            self.module.declare("rt_grow", "declare i64 @rt_grow(ptr, ptr, i64)")
            failed = fn.assign("i64", f"call i64 @rt_grow(ptr %frame, ptr {self.word(slot).ref}, i64 {size.ref})")
            self.leave_if(b.icmp("ne", failed, b.const("i64", 0)), -1)
        self.set_word(array.data, fn.assign("ptr", f"load ptr, ptr {self.word(slot).ref}"))

    def _new_output(self, array: Array) -> None:
        """A NumPy array for output number `buffer.number`; its address goes to the data word."""
        assert array.buffer is not None
        fn, shape = self.fn, array.shape
        if array.buffer.final_ones:
            known = iter([length for length in shape if length != Const(1)])
            shape = tuple(Const(1) if one else next(known) for one in array.buffer.final_ones)
        lengths = fn.scratch("lengths", 8 * max(len(shape), 1))
        for axis, length in enumerate(shape):
            address = fn.assign("ptr", f"getelementptr i64, ptr {lengths.ref}, i64 {axis}")
            fn.emit(f"store i64 {self.ref(length).ref}, ptr {address.ref}")
        self.module.declare("rt_new_output", "declare ptr @rt_new_output(ptr, ptr, i64, ptr)")
        record = self._word_of("outputs", array.buffer.number * OUTPUT_WORDS)
        operands = f"ptr %frame, ptr {record.ref}, i64 {len(shape)}, ptr {lengths.ref}"
        data = fn.assign("ptr", f"call ptr @rt_new_output({operands})")
        self.leave_if(fn.assign("i1", f"icmp eq ptr {data.ref}, null"), -1)
        self.set_word(array.data, data)

    # ---- elements

    def load_element(self, b: Builder, pointer: Value, dtype: str) -> Value:
        """One element, in its register form (truth values as i1, float16 as float)."""
        kind = _storage(dtype)
        return self._to_register(b, self.fn.assign(kind, f"load {kind}, ptr {pointer.ref}"), dtype)

    def store_element(self, b: Builder, value: Value, pointer: Value, dtype: str) -> None:
        """Store one element from its register form."""
        stored = self._to_storage(b, value, dtype)
        self.fn.emit(f"store {stored.type} {stored.ref}, ptr {pointer.ref}")

    def load_vector(self, b: Builder, pointer: Value, dtype: str, mask: Value | None) -> Value:
        """As many contiguous elements as `b` has lanes; those outside `mask` are zero."""
        kind = _storage(dtype)
        if b.lanes == 1:
            return self.load_element(b, pointer, dtype)
        full = vector_type(kind, b.lanes)
        align = BITS[kind] // 8
        if mask is None:
            raw = b.assign(kind, f"load {full}, ptr {pointer.ref}, align {align}")
        else:
            name = f"llvm.masked.load.{_suffix(kind, b.lanes)}.p0"
            self.module.declare(name, f"declare {full} @{name}(ptr, {mask.full_type}, {full})")
            raw = b.assign(
                kind,
                f"call {full} @{name}(ptr align {align} {pointer.ref}, {mask.full_type} {mask.ref}, "
                f"{full} zeroinitializer)",
            )
        return self._to_register(b, raw, dtype)

    def store_vector(self, b: Builder, value: Value, pointer: Value, dtype: str, mask: Value | None) -> None:
        """Store lanes to contiguous elements, those in `mask` only."""
        stored = self._to_storage(b, value, dtype)
        align = BITS[stored.type] // 8
        if b.lanes == 1:
            self.store_element(b, value, pointer, dtype)
        elif mask is None:
            self.fn.emit(f"store {stored.full_type} {stored.ref}, ptr {pointer.ref}, align {align}")
        else:
            name = f"llvm.masked.store.{_suffix(stored.type, b.lanes)}.p0"
            self.module.declare(name, f"declare void @{name}({stored.full_type}, ptr, {mask.full_type})")
            self.fn.emit(
                f"call void @{name}({stored.full_type} {stored.ref}, ptr align {align} {pointer.ref}, "
                f"{mask.full_type} {mask.ref})"
            )

    def prefetch(self, pointer: Value) -> None:
        """Have memory brought near that will be read soon; any address will do."""
        self.module.declare("llvm.prefetch", "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.fn.emit(f"call void @llvm.prefetch.p0(ptr {pointer.ref}, i32 0, i32 3, i32 1)")

    @staticmethod
    def _to_register(b: Builder, raw: Value, dtype: str) -> Value:
        if dtype == "bool":
            one = Builder(b.function, raw.lanes)
            return one.icmp("ne", raw, one.const("i8", 0))
        if dtype == "float16":
            return Builder(b.function, raw.lanes).convert("fpext", raw, "float")
        return raw

    @staticmethod
    def _to_storage(b: Builder, value: Value, dtype: str) -> Value:
        one = Builder(b.function, value.lanes)
        if dtype == "bool":
            return one.convert("zext", value, "i8")
        if dtype == "float16":
            return one.convert("fptrunc", value, "half")
        return value

    def lane_mask(self, b: Builder, at: Value, length: Value) -> Value:
        """Which lanes, counted from element `at`, are below `length`."""
        if b.lanes == 1:
            return self.b.icmp("slt", at, length)
        full = f"<{b.lanes} x i1>"
        name = f"llvm.get.active.lane.mask.v{b.lanes}i1.i64"
        self.module.declare(name, f"declare {full} @{name}(i64, i64)")
        return b.assign("i1", f"call {full} @{name}(i64 {at.ref}, i64 {length.ref})")

    def stage(self, buffer: Value | None, source: Value, stride: Value | None, length: Value, itemsize: int) -> None:
        """Copy strided elements into a contiguous buffer."""
        assert buffer is not None and stride is not None
        self._copy_strided(buffer, self.b.const("i64", itemsize), source, stride, length, itemsize)

    def stage_tile(
        self, tile: Value, source: Value, row_stride: Value, stride: Value, rows: Value, length: Value, itemsize: int
    ) -> None:
        """Copy strided elements of several rows into a tile."""
        name = f"rt_stage_tile{itemsize}"
        self.module.declare(name, f"declare void @{name}(ptr, ptr, i64, i64, i64, i64)")
        operands = ", ".join(f"{v.type} {v.ref}" for v in (tile, source, row_stride, stride, rows, length))
        self.fn.emit(f"call void @{name}({operands})")

    def unstage(self, target: Value, buffer: Value | None, stride: Value | None, length: Value, itemsize: int) -> None:
        """Copy a contiguous buffer to strided elements."""
        assert buffer is not None and stride is not None
        self._copy_strided(target, stride, buffer, self.b.const("i64", itemsize), length, itemsize)

    def _copy_strided(self, *operands: Any) -> None:
        """Target and its stride, source and its stride, length: by the runtime's function for elements of a size."""
        *values, itemsize = operands
        self.module.declare(f"rt_copy{itemsize}", f"declare void @rt_copy{itemsize}(ptr, i64, ptr, i64, i64)")
        self.fn.emit(f"call void @rt_copy{itemsize}({', '.join(f'{v.type} {v.ref}' for v in values)})")

    def copy_bytes(self, target: Value, source: Value, size: Value) -> None:
        """memcpy."""
        name = "llvm.memcpy.p0.p0.i64"
        self.module.declare(name, f"declare void @{name}(ptr, ptr, i64, i1)")
        self.fn.emit(f"call void @{name}(ptr {target.ref}, ptr {source.ref}, i64 {size.ref}, i1 false)")

    # ---- arithmetic on elements

    def literal(self, b: Builder, value: Any, dtype: str) -> Value:
        """A constant in register form."""
        return b.const(recipes.element_type(dtype), np.asarray(value).item())

    def convert(self, b: Builder, value: Value, source: str, target: str) -> Value:
        """A value as another dtype, as NumPy casts."""
        return value if source == target else recipes.convert_value(b, value, source, target)

    def compute(self, b: Builder, e: Compute, arguments: list[Value], loop: Loop) -> Value:
        """The code of one scalar operation."""
        dtypes = tuple(loop.values[a].dtype for a in e.arguments)
        function = FUNCTIONS.get(e.op.name)
        if function is not None and self._uses[e.op.name] > INLINED_USES[function.flow]:
            value = self._call(b, e, arguments, dtypes)
        else:
            value = recipes.emit_scalar(b, e.op, arguments, dtypes, e.dtype)
        if e.dtype == "float16":  # rounded here, so that results do not depend on what is fused
            value = b.convert("fpext", b.convert("fptrunc", value, "half"), "float")
        return value

    def _call(self, b: Builder, e: Compute, arguments: list[Value], dtypes: tuple[str, ...]) -> Value:
        """The operation as a call of a function of this module, which is written at its first use."""
        key = (e.op, dtypes, e.dtype, b.lanes)
        function = self._outlined.get(key)
        if function is None:
            name = f"{self.name}.{e.op.name}.{len(self._outlined)}"
            parameters = [(v.full_type, f"x{i}") for i, v in enumerate(arguments)]
            kind = recipes.element_type(e.dtype)
            function = Function(self.module, name, vector_type(kind, b.lanes), parameters, "nounwind", "internal")
            values = [Value(p.ref, v.type, v.lanes) for p, v in zip(function.parameters, arguments, strict=True)]
            result = recipes.emit_scalar(Builder(function, b.lanes), e.op, values, dtypes, e.dtype)
            function.emit(f"ret {result.full_type} {result.ref}")
            self._outlined[key] = function
        operands = ", ".join(f"{v.full_type} {v.ref}" for v in arguments)
        return b.assign(recipes.element_type(e.dtype), f"call {function.result} @{function.name}({operands})")

    def identity(self, b: Builder, op: ScalarOp, dtype: str) -> Value:
        """The neutral element of a reduction."""
        return self.literal(b, reduction_identity(op.name, dtype), dtype)

    def combine(self, b: Builder, op: ScalarOp, dtype: str, left: Value, right: Value) -> Value:
        """Two accumulators, or an accumulator and an element, in one."""
        return recipes.emit_scalar(b, op, [left, right], [dtype, dtype], dtype)


def reduction_identity(name: str, dtype: str) -> Any:
    """The neutral element of the reduction with scalar operation `name`.

    >>> reduction_identity("maximum", "int8")
    -128
    """
    if name in ("add", "or_", "or", "xor"):
        return False if dtype == "bool" else 0
    if name in ("and_", "and"):
        return True if dtype == "bool" else -1
    if name == "mul":
        return True if dtype == "bool" else 1
    if name in ("maximum", "minimum"):
        low = name == "maximum"
        if dtype == "bool":
            return not low
        if dtype.startswith("float"):
            return -np.inf if low else np.inf
        info = np.iinfo(dtype)
        return info.min if low else info.max
    raise KeyError(f"no neutral element is known for a reduction with {name}")


def _storage(dtype: str) -> str:
    return recipes.storage_type(dtype)


def _suffix(kind: str, lanes: int) -> str:
    return f"v{lanes}" + {"half": "f16", "float": "f32", "double": "f64"}.get(kind, kind)
