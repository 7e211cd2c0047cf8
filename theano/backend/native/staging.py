"""Copies between strided elements and blocks on the stack, which loops call for operands that are not contiguous.

``rt_stage8(block, source, stride, n)`` and ``rt_unstage8(target, block, stride, n)`` copy elements of 8 bytes of one
row, ``rt_stage_tile8(block, source, row_stride, stride, rows, n)`` those of several rows, whose copies begin
:data:`TILE_PITCH` from each other. Each is compiled when a program first mentions it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from theano.backend.native.compiler import Library, add_symbol
from theano.backend.native.ir import Builder, Function, Module, Value

TILE_BYTES = 1024  # of a row of a tile
TILE_PITCH = TILE_BYTES + 64  # from row to row: not a power of two, so that rows do not meet in the cache
SQUARE = 8  # rows and columns that are transposed in registers

_copies: dict[str, Library] = {}


def provide_staging(names: Iterable[str]) -> None:
    """Make the copies called `names` known to compiled code."""
    for name in names:
        if name not in _copies:
            _copies[name] = Library(_text(name))
            add_symbol(name, _copies[name].address(name))


def _text(name: str) -> str:
    size = int(re.sub(r"\D", "", name))
    return (_tile_copy if "tile" in name else _row_copy)(name, size)


def _row_copy(name: str, size: int) -> str:
    module = Module()
    fn = Function(module, name, "void", [("ptr", "target"), ("ptr", "source"), ("i64", "stride"), ("i64", "n")])
    b = Builder(fn)
    target, source, stride, n = fn.parameters
    beside = b.const("i64", size)
    source_step, target_step = (beside, stride) if "unstage" in name else (stride, beside)
    with fn.loop(b.const("i64", 0), n) as i:
        _copy_element(b, _at(b, target, b.mul(i, target_step)), _at(b, source, b.mul(i, source_step)), size)
    fn.emit("ret void")
    return str(module)


def _tile_copy(name: str, size: int) -> str:
    """Where rows lie beside each other squares are loaded by columns, transposed and stored by rows.

    Squares are taken along the columns' memory, so that each of its cache lines is used up at once.
    """
    module = Module()
    numbers = ("row_stride", "stride", "rows", "n")
    fn = Function(module, name, "void", [("ptr", "target"), ("ptr", "source"), *(("i64", p) for p in numbers)])
    b, vector = Builder(fn), Builder(fn, SQUARE)
    target, source, row_stride, stride, rows, n = fn.parameters
    zero, kind = b.const("i64", 0), f"i{8 * size}"
    full = vector.type_text(kind)

    def source_at(row: Value, column: Value) -> Value:
        return _at(b, source, b.add(b.mul(row, row_stride), b.mul(column, stride)))

    def target_at(row: Value, column: Value) -> Value:
        return _at(b, target, b.add(b.mul(row, b.const("i64", TILE_PITCH)), b.mul(column, b.const("i64", size))))

    whole = b.const("i64", -SQUARE)
    beside = b.icmp("eq", row_stride, b.const("i64", size))
    row_stop, column_stop = b.select(beside, b.and_(rows, whole), zero), b.and_(n, whole)
    module.declare("llvm.prefetch", "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
    ahead = b.mul(stride, b.const("i64", 2 * SQUARE))  # columns are too far apart for the processor to foresee them
    with fn.loop(zero, column_stop, SQUARE) as column, fn.loop(zero, row_stop, SQUARE) as row:
        place = source_at(row, column)
        columns = []
        for _ in range(SQUARE):
            columns.append(vector.assign(kind, f"load {full}, ptr {place.ref}, align 1"))
            fn.emit(f"call void @llvm.prefetch.p0(ptr {_at(b, place, ahead).ref}, i32 0, i32 3, i32 1)")
            place = _at(b, place, stride)
        place = target_at(row, column)
        for line in _transposed(vector, columns):
            fn.emit(f"store {full} {line.ref}, ptr {place.ref}, align 1")
            place = _at(b, place, b.const("i64", TILE_PITCH))
    # what is left of rows, and all of them where they do not lie beside each other
    with fn.loop(zero, rows) as row:
        first = b.select(b.icmp("slt", row, row_stop), column_stop, zero)
        with fn.loop(first, n) as column:
            _copy_element(b, target_at(row, column), source_at(row, column), size)
    fn.emit("ret void")
    return str(module)


def _transposed(b: Builder, vectors: Sequence[Value]) -> list[Value]:
    """As many vectors as they have lanes, transposed: blocks of 1, 2, 4, … change places across the diagonal."""
    lines, size = list(vectors), 1
    while size < b.lanes:
        for i in range(b.lanes):
            if i & size:
                continue
            upper, lower = lines[i], lines[i | size]
            # lane numbers count through both operands; each result keeps its half and takes the other's
            first = [lane if not lane & size else b.lanes + (lane ^ size) for lane in range(b.lanes)]
            second = [lane | size if not lane & size else b.lanes + lane for lane in range(b.lanes)]
            lines[i], lines[i | size] = b.shuffle(upper, lower, first), b.shuffle(upper, lower, second)
        size *= 2
    return lines


def _at(b: Builder, pointer: Value, offset: Value) -> Value:
    return b.assign("ptr", f"getelementptr i8, ptr {pointer.ref}, i64 {offset.ref}")


def _copy_element(b: Builder, target: Value, source: Value, size: int) -> None:
    element = b.assign(f"i{8 * size}", f"load i{8 * size}, ptr {source.ref}, align 1")
    b.function.emit(f"store {element!r}, ptr {target.ref}, align 1")
