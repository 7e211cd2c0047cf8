"""Copies between strided elements and blocks on the stack, which loops call for operands that are not contiguous.

``rt_copy8(target, target_stride, source, source_stride, n)`` copies elements of 8 bytes of one row,
``rt_stage_tile8(block, source, row_stride, stride, rows, n)`` those of several rows, whose copies begin
:data:`TILE_PITCH` from each other. They are compiled when a program first mentions them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence

from theano.backend.native.compiler import Library, add_symbol
from theano.backend.native.ir import Builder, Function, Module, Value

TILE_BYTES = 1024  # of a row of a tile
TILE_PITCH = TILE_BYTES + 64  # from row to row: not a power of two, so that rows do not meet in the cache
SQUARE = 8  # rows and columns that are transposed in registers

STAGING = ("rt_copy", "rt_stage_tile")  # how their names begin
ROW_COPIES = ("rt_copy1", "rt_copy2", "rt_copy4", "rt_copy8")

_copies: dict[str, Library] = {}
_lock = threading.Lock()


def provide_staging(names: Iterable[str]) -> None:
    """Make the copies called `names` known to compiled code."""
    with _lock:
        missing = [name for name in names if name not in _copies]
        if not missing:
            return
        module = Module()
        for name in missing:
            (_tile_copy if "tile" in name else _row_copy)(module, name, int(re.sub(r"\D", "", name)))
        library = Library(str(module))
        for name in missing:
            add_symbol(name, library.address(name))
            _copies[name] = library


def _row_copy(module: Module, name: str, size: int) -> None:
    parameters = [
        ("ptr", "target"),
        ("i64", "target_stride"),
        ("ptr", "source"),
        ("i64", "source_stride"),
        ("i64", "n"),
    ]
    fn = Function(module, name, "void", parameters)
    b = Builder(fn)
    target, target_stride, source, source_stride, n = fn.parameters
    with fn.loop(b.const("i64", 0), n) as i:
        _copy_element(b, _at(b, target, b.mul(i, target_stride)), _at(b, source, b.mul(i, source_stride)), size)
    fn.emit("ret void")


def _tile_copy(module: Module, name: str, size: int) -> None:
    """Where rows lie beside each other squares are loaded by columns, transposed and stored by rows.

    Squares are taken along the columns' memory, so that each of its cache lines is used up at once.
    """
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
        for line in transposed(vector, columns):
            fn.emit(f"store {full} {line.ref}, ptr {place.ref}, align 1")
            place = _at(b, place, b.const("i64", TILE_PITCH))
    # what is left of rows, and all of them where they do not lie beside each other
    with fn.loop(zero, rows) as row:
        first = b.select(b.icmp("slt", row, row_stop), column_stop, zero)
        with fn.loop(first, n) as column:
            _copy_element(b, target_at(row, column), source_at(row, column), size)
    fn.emit("ret void")


def transposed(b: Builder, vectors: Sequence[Value]) -> list[Value]:
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
