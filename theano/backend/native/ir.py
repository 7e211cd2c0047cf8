"""LLVM IR as text, written instruction by instruction.

A :class:`Module` collects functions and the declarations that they need, a :class:`Function` collects lines, and a
:class:`Builder` appends arithmetic to a function over values of a fixed number of lanes: with ``lanes == 1`` its values
are scalars, with ``lanes == 8`` they are vectors of eight. A recipe written once against a builder therefore serves the
scalar and the vector form of a loop.

Text, not an object model: the text is what people read, tests compare and LLVM parses, and it is made in a
fraction of the time that building objects takes.

Element types go by LLVM's names: ``i1 i8 i16 i32 i64 half float double ptr``. Signedness belongs to instructions.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

FLOAT_BITS = {"half": 16, "float": 32, "double": 64}
INT_BITS = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64}
BITS = {**FLOAT_BITS, **INT_BITS}
INT_OF_FLOAT = {"half": "i16", "float": "i32", "double": "i64"}


class Value:
    """An SSA value or a constant: its text, its element type and its number of lanes."""

    __slots__ = ("lanes", "ref", "type")

    def __init__(self, ref: str, type: str, lanes: int = 1) -> None:
        self.ref = ref
        self.type = type
        self.lanes = lanes

    @property
    def full_type(self) -> str:
        """The LLVM type, ``double`` or ``<8 x double>``."""
        return vector_type(self.type, self.lanes)

    def __repr__(self) -> str:
        return f"{self.full_type} {self.ref}"


def vector_type(element: str, lanes: int) -> str:
    """The LLVM type of ``lanes`` elements; the element type itself for one lane."""
    return element if lanes == 1 else f"<{lanes} x {element}>"


def _intrinsic_suffix(element: str, lanes: int) -> str:
    short = {"half": "f16", "float": "f32", "double": "f64"}.get(element, element)
    return short if lanes == 1 else f"v{lanes}{short}"


def constant_text(type: str, value: float | int | bool) -> str:
    """A scalar constant in LLVM's syntax; floats are written by their bits, so nothing is lost.

    >>> constant_text("double", 1.0), constant_text("i64", -3)
    ('0x3FF0000000000000', '-3')
    """
    if type == "i1":
        return "true" if value else "false"
    if type in ("double", "float"):
        if type == "float":
            try:
                value = struct.unpack("<f", struct.pack("<f", value))[0]
            except OverflowError:
                value = float("inf") if value > 0 else float("-inf")
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
    if type == "half":
        try:
            bits = struct.unpack("<H", struct.pack("<e", value))[0]
        except OverflowError:
            bits = 0x7C00 if value > 0 else 0xFC00
        return f"0xH{bits:04X}"
    return str(int(value))


class Module:
    """Functions, declarations and global constants of one LLVM module.

    `scales` says that the machine multiplies by powers of two in one instruction, whatever the result.
    """

    def __init__(self, scales: bool = False) -> None:
        self.scales = scales
        self.declarations: dict[str, str] = {}
        self.globals: dict[str, str] = {}
        self.functions: dict[str, Function | str] = {}

    def declare(self, name: str, text: str) -> None:
        """Add ``declare`` line `text` for `name` once."""
        self.declarations.setdefault(name, text)

    def constant_table(self, type: str, values: Sequence[float | int]) -> Value:
        """A pointer to a constant array of `values`; equal tables are one."""
        body = ", ".join(f"{type} {constant_text(type, v)}" for v in values)
        text = f"private unnamed_addr constant [{len(values)} x {type}] [{body}], align 64"
        name = self.globals.setdefault(text, f"@table{len(self.globals)}")
        return Value(name, "ptr")

    def __str__(self) -> str:
        parts = [*self.declarations.values()]
        parts += [f"{name} = {text}" for text, name in self.globals.items()]
        parts += [str(f) for f in self.functions.values()]
        return "\n".join(parts) + "\n"


class Turn:
    """One turn of a loop: its index, and the values that go from turn to turn, to be replaced by the body."""

    __slots__ = ("index", "values")

    def __init__(self, index: Value, values: list[Value]) -> None:
        self.index = index
        self.values = values


class Function:
    """The text of one function under construction: lines, fresh names, labels and control flow."""

    def __init__(
        self,
        module: Module,
        name: str,
        result: str,
        parameters: Sequence[tuple[str, str]],
        attributes: str = "",
        linkage: str = "",
    ) -> None:
        self.module = module
        self.name = name
        self.result = result
        self.parameters = [Value(f"%{n}", t) for t, n in parameters]
        self.attributes = attributes
        self.linkage = linkage
        self.lines: list[str] = []
        self.entry_lines: list[str] = []
        self.exits: dict[int, str] = {}  # code to return -> label of the block that does
        self._scratch: dict[tuple[str, int], Value] = {}
        self._count = 0
        self.current_label = "entry"
        module.functions[name] = self

    def fresh(self) -> str:
        """A new name, with its ``%``."""
        self._count += 1
        return f"%v{self._count}"

    def new_label(self, hint: str = "b") -> str:
        """A new block name, not yet placed."""
        self._count += 1
        return f"{hint}{self._count}"

    def emit(self, line: str) -> None:
        """Append one line of text to the current block."""
        self.lines.append("  " + line)

    def assign(self, type: str, text: str, lanes: int = 1) -> Value:
        """Append ``%v = text``; `type` is the element type of the result."""
        name = self.fresh()
        self.lines.append(f"  {name} = {text}")
        return Value(name, type, lanes)

    def label(self, name: str) -> None:
        """Start block `name`; whatever came before must have branched."""
        self.lines.append(f"{name}:")
        self.current_label = name

    def exit(self, code: int) -> str:
        """The label of a block that returns `code`, to be written at the end."""
        if code not in self.exits:
            self.exits[code] = self.new_label("exit")
        return self.exits[code]

    def branch(self, target: str) -> None:
        self.emit(f"br label %{target}")

    def branch_if(self, condition: Value, then: str, otherwise: str, *, unlikely: bool = False) -> None:
        weights = ", !prof !0" if unlikely else ""
        self.emit(f"br i1 {condition.ref}, label %{then}, label %{otherwise}{weights}")

    def alloca(self, type: str, count: int = 1, align: int = 64) -> Value:
        """Stack memory of `count` elements, reserved once in the entry block."""
        name = self.fresh()
        self.entry_lines.append(f"  {name} = alloca [{count} x {type}], align {align}")
        return Value(name, "ptr")

    def scratch(self, name: str, size: int) -> Value:
        """Stack memory of `size` bytes, one piece for each name and size: its users take turns."""
        if (name, size) not in self._scratch:
            self._scratch[name, size] = self.alloca("i8", size)
        return self._scratch[name, size]

    @contextmanager
    def loop(self, start: Value, stop: Value, step: Value | int = 1) -> Iterator[Value]:
        """``for i in range(start, stop, step)`` over i64; the body may be empty of iterations."""
        with self.carrying(start, stop, step, ()) as turn:
            yield turn.index

    @contextmanager
    def carrying(self, start: Value, stop: Value, step: Value | int, values: Sequence[Value]) -> Iterator[Turn]:
        """As :meth:`loop`, with values that each turn replaces; behind it, `Turn` holds those of the last one."""
        step_ref = step.ref if isinstance(step, Value) else str(step)
        head, body, after = self.new_label("head"), self.new_label("body"), self.new_label("after")
        index, following = self.fresh(), self.fresh()
        before = self.current_label
        latch = self.new_label("latch")
        self.branch(head)
        self.label(head)
        self.emit(f"{index} = phi i64 [{start.ref}, %{before}], [{following}, %{latch}]")
        phis = len(self.lines)  # those of the values name what the body makes of them: written once that is known
        carried = [Value(self.fresh(), v.type, v.lanes) for v in values]
        more = self.assign("i1", f"icmp slt i64 {index}, {stop.ref}")
        self.branch_if(more, body, after)
        self.label(body)
        turn = Turn(Value(index, "i64"), carried)
        yield turn
        self.branch(latch)
        self.label(latch)
        self.lines[phis:phis] = [
            f"  {now.ref} = phi {now.full_type} [{first.ref}, %{before}], [{then.ref}, %{latch}]"
            for now, first, then in zip(carried, values, turn.values, strict=True)
        ]
        self.emit(f"{following} = add nsw i64 {index}, {step_ref}")
        self.branch(head)
        self.label(after)
        turn.values = carried

    @contextmanager
    def if_(self, condition: Value, *, unlikely: bool = False) -> Iterator[None]:
        """Run the body only where `condition` (i1) holds; values made inside must not be used behind it."""
        then, after = self.new_label("then"), self.new_label("after")
        self.branch_if(condition, then, after, unlikely=unlikely)
        self.label(then)
        yield
        self.branch(after)
        self.label(after)

    def __str__(self) -> str:
        parameters = ", ".join(f"{p.type} {p.ref}" for p in self.parameters)
        head = f"define {self.linkage} {self.result} @{self.name}({parameters}) {self.attributes} {{"
        return "\n".join([" ".join(head.split()), "entry:", *self.entry_lines, *self.lines, "}"])


class Builder:
    """Arithmetic on values of `lanes` lanes, appended to a function.

    All methods take and give values of the builder's lanes. Constants come from :meth:`const`. Nothing here allows
    LLVM to reorder or contract floating point: results are those of IEEE 754, operation by operation.
    """

    def __init__(self, function: Function, lanes: int = 1) -> None:
        self.function = function
        self.module = function.module
        self.lanes = lanes

    # ---- plumbing

    def type_text(self, element: str) -> str:
        """The LLVM type of this builder's values of an element type."""
        return vector_type(element, self.lanes)

    def const(self, type: str, value: float | int | bool) -> Value:
        """`value` in every lane."""
        text = constant_text(type, value)
        return Value(text if self.lanes == 1 else f"splat ({type} {text})", type, self.lanes)

    def assign(self, type: str, text: str) -> Value:
        """A new value of element type `type` computed by instruction `text`."""
        return self.function.assign(type, text, self.lanes)

    def binary(self, opcode: str, a: Value, b: Value) -> Value:
        """``opcode a, b`` on operands of equal type."""
        assert a.type == b.type, f"{opcode} of {a!r} and {b!r}"
        return self.assign(a.type, f"{opcode} {a.full_type} {a.ref}, {b.ref}")

    def intrinsic(self, name: str, *args: Value, extra: str = "") -> Value:
        """Call the overloaded intrinsic ``llvm.name`` on operands of one type; `extra` holds literal operands."""
        first = args[0]
        full = f"llvm.{name}.{_intrinsic_suffix(first.type, first.lanes)}"
        kinds = ", ".join(a.full_type for a in args)
        extra_types = "".join(", " + part.split()[0] for part in extra.split(", ") if part)
        self.module.declare(full, f"declare {first.full_type} @{full}({kinds}{extra_types})")
        operands = ", ".join(f"{a.full_type} {a.ref}" for a in args) + (f", {extra}" if extra else "")
        return self.assign(first.type, f"call {first.full_type} @{full}({operands})")

    # ---- floating point

    def fadd(self, a: Value, b: Value) -> Value:
        return self.binary("fadd", a, b)

    def fsub(self, a: Value, b: Value) -> Value:
        return self.binary("fsub", a, b)

    def fmul(self, a: Value, b: Value) -> Value:
        return self.binary("fmul", a, b)

    def fdiv(self, a: Value, b: Value) -> Value:
        return self.binary("fdiv", a, b)

    def fneg(self, a: Value) -> Value:
        return self.assign(a.type, f"fneg {a.full_type} {a.ref}")

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """``a * b + c`` with one rounding."""
        return self.intrinsic("fma", a, b, c)

    def fabs(self, a: Value) -> Value:
        return self.intrinsic("fabs", a)

    def ldexp(self, a: Value, n: Value) -> Value:
        """``a * 2**n`` with one rounding; slow where the module does not say that its machine `scales`."""
        name = f"llvm.ldexp.{_intrinsic_suffix(a.type, a.lanes)}.{_intrinsic_suffix(n.type, n.lanes)}"
        self.module.declare(name, f"declare {a.full_type} @{name}({a.full_type}, {n.full_type})")
        return self.assign(a.type, f"call {a.full_type} @{name}({a.full_type} {a.ref}, {n.full_type} {n.ref})")

    def sqrt(self, a: Value) -> Value:
        return self.intrinsic("sqrt", a)

    def floor(self, a: Value) -> Value:
        return self.intrinsic("floor", a)

    def ceil(self, a: Value) -> Value:
        return self.intrinsic("ceil", a)

    def trunc(self, a: Value) -> Value:
        """Towards zero, still a float."""
        return self.intrinsic("trunc", a)

    def round_even(self, a: Value) -> Value:
        """To the nearest integer, halves to even, still a float."""
        return self.intrinsic("roundeven", a)

    def copysign(self, magnitude: Value, sign: Value) -> Value:
        return self.intrinsic("copysign", magnitude, sign)

    # ---- integers and bits

    def add(self, a: Value, b: Value) -> Value:
        return self.binary("add", a, b)

    def sub(self, a: Value, b: Value) -> Value:
        return self.binary("sub", a, b)

    def mul(self, a: Value, b: Value) -> Value:
        return self.binary("mul", a, b)

    def and_(self, a: Value, b: Value) -> Value:
        return self.binary("and", a, b)

    def or_(self, a: Value, b: Value) -> Value:
        return self.binary("or", a, b)

    def xor(self, a: Value, b: Value) -> Value:
        return self.binary("xor", a, b)

    def shl(self, a: Value, b: Value) -> Value:
        return self.binary("shl", a, b)

    def lshr(self, a: Value, b: Value) -> Value:
        return self.binary("lshr", a, b)

    def ashr(self, a: Value, b: Value) -> Value:
        return self.binary("ashr", a, b)

    def not_(self, a: Value) -> Value:
        """Bitwise complement; for i1 the logical one."""
        return self.xor(a, self.const(a.type, True if a.type == "i1" else -1))

    # ---- comparison and choice

    def fcmp(self, predicate: str, a: Value, b: Value) -> Value:
        """i1 from two floats; predicates are LLVM's (``olt``, ``oeq``, ``une``, ``uno``, …)."""
        return self.assign("i1", f"fcmp {predicate} {a.full_type} {a.ref}, {b.ref}")

    def icmp(self, predicate: str, a: Value, b: Value) -> Value:
        """i1 from two integers; predicates are LLVM's (``eq``, ``slt``, ``ult``, …)."""
        return self.assign("i1", f"icmp {predicate} {a.full_type} {a.ref}, {b.ref}")

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        """`a` where `condition` (i1) holds, else `b`, lane by lane."""
        assert a.type == b.type, f"select of {a!r} and {b!r}"
        return self.assign(
            a.type, f"select {condition.full_type} {condition.ref}, {a.full_type} {a.ref}, {b.full_type} {b.ref}"
        )

    def is_nan(self, a: Value) -> Value:
        return self.fcmp("uno", a, a)

    # ---- conversions

    def convert(self, opcode: str, a: Value, to: str) -> Value:
        """``sitofp uitofp fptosi fptoui fpext fptrunc sext zext trunc bitcast`` to element type `to`."""
        if a.type == to:
            return a
        return self.assign(to, f"{opcode} {a.full_type} {a.ref} to {self.type_text(to)}")

    def bitcast(self, a: Value, to: str) -> Value:
        """The same bits as another type of the same width."""
        return self.convert("bitcast", a, to)

    # ---- lanes, memory and calls

    def lane(self, a: Value, i: int) -> Value:
        """Lane `i` as a scalar value."""
        if a.lanes == 1:
            return a
        return self.function.assign(a.type, f"extractelement {a.full_type} {a.ref}, i64 {i}")

    def part(self, a: Value, i: int) -> Value:
        """Of a vector of more lanes, as many as this builder has, from its `i`-th part."""
        return self.shuffle(a, Value("poison", a.type, a.lanes), range(i * self.lanes, (i + 1) * self.lanes))

    def shuffle(self, a: Value, b: Value, lanes: Sequence[int]) -> Value:
        """Lanes of `a` and `b` by number; those of `b` are counted behind those of `a`."""
        chosen = ", ".join(f"i32 {lane}" for lane in lanes)
        operands = f"{a.full_type} {a.ref}, {b.full_type} {b.ref}"
        return self.assign(a.type, f"shufflevector {operands}, <{len(lanes)} x i32> <{chosen}>")

    def from_lanes(self, parts: Sequence[Value]) -> Value:
        """A value whose lanes are the scalars `parts`."""
        if self.lanes == 1:
            return parts[0]
        type = parts[0].type
        full = self.type_text(type)
        ref = "poison"
        for i, part in enumerate(parts):
            ref = self.assign(type, f"insertelement {full} {ref}, {type} {part.ref}, i64 {i}").ref
        return Value(ref, type, self.lanes)

    def halves(self, a: Value) -> tuple[Value, Value]:
        """The lower and the upper half of the lanes."""
        half = a.lanes // 2
        if half == 1:
            return self.lane(a, 0), self.lane(a, 1)
        low, high = (", ".join(f"i32 {first + i}" for i in range(half)) for first in (0, half))
        shuffle = f"shufflevector {a.full_type} {a.ref}, {a.full_type} poison, <{half} x i32>"
        return (
            self.function.assign(a.type, f"{shuffle} <{low}>", half),
            self.function.assign(a.type, f"{shuffle} <{high}>", half),
        )

    def splat(self, scalar: Value) -> Value:
        """A scalar value in every lane."""
        if self.lanes == 1:
            return scalar
        full = self.type_text(scalar.type)
        one = self.assign(scalar.type, f"insertelement {full} poison, {scalar.type} {scalar.ref}, i64 0")
        return self.assign(
            scalar.type, f"shufflevector {full} {one.ref}, {full} poison, <{self.lanes} x i32> zeroinitializer"
        )

    def per_lane(self, f: Callable[[Builder, *tuple[Value, ...]], Value], *args: Value) -> Value:
        """Apply `f` to each lane's scalars and put the results together: for what has no vector form."""
        one = Builder(self.function, 1)
        return self.from_lanes([f(one, *(one.lane(a, i) for a in args)) for i in range(self.lanes)])
