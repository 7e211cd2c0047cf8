"""Matrix products of our own: ``C = beta * Z + alpha * A.B``, with rows of Z and of C contiguous.

A tile of C, eight rows of three vectors with AVX-512, stays in registers while the sum runs over a block of `DEPTH`
rows of B; elements of A are broadcast. The columns of B that a tile needs, a *panel*, are read by all tiles of these
columns. A panel is packed, so that it is contiguous, where it would be read from many cache lines that displace each
other, and where rows of B are not contiguous; blocks of A are packed where its columns are contiguous and several
panels need them. All else is read where it lies.
K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication"
(2008), explain this order of loops and what packing adds.

Each element of C is one chain of fused multiply-adds for each block, in the order of k: its bits do not depend on where
in a matrix it stands, on what is packed, or on how a product is divided.
"""

from __future__ import annotations

from collections.abc import Callable

from theano.backend.native.compiler import vector_bits
from theano.backend.native.ir import BITS, Builder, Function, Module, Value
from theano.backend.native.staging import SQUARE, transposed

DEPTH = 256  # rows of B that a sum runs over before its tile is stored
AHEAD = 4  # rows of B to fetch into the cache in advance
COPIED_AHEAD = 12  # where rows are copied
BLOCK_ROWS = 144  # of A that are packed at once
PACKED_ROWS = 48  # of C from which on a panel of contiguous rows is packed ...
PACKED_STRIDE = 2048  # ... if they are as many bytes apart

_MATRIX_A = [("ptr", "A"), ("i64", "A0"), ("i64", "A1")]


class Products:
    """Writes ``gemm_own_T`` into a module.

    Parameters
    ----------
    kind
        ``"float"`` or ``"double"``.
    """

    def __init__(self, module: Module, kind: str) -> None:
        self.module, self.kind = module, kind
        self.size = BITS[kind] // 8
        self.lanes = vector_bits() // BITS[kind]
        self.rows, self.vectors = (8 if vector_bits() == 512 else 4), 3
        self.row_counts = [r for r in (4, 8) if r <= self.rows]  # of tiles
        self.columns = self.vectors * self.lanes
        module.declare("own.prefetch", "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        for lanes in {self.lanes, min(self.lanes, SQUARE)}:
            vector, mask, suffix = f"<{lanes} x {kind}>", f"<{lanes} x i1>", f"v{lanes}f{BITS[kind]}"
            for name, text in {
                "mask": f"{mask} @llvm.get.active.lane.mask.v{lanes}i1.i64(i64, i64)",
                "load": f"{vector} @llvm.masked.load.{suffix}.p0(ptr, {mask}, {vector})",
                "store": f"void @llvm.masked.store.{suffix}.p0({vector}, ptr, {mask})",
            }.items():
                module.declare(f"own.{name}.{lanes}", f"declare {text}")

    def write(self) -> str:
        """Append the functions; returns the name of the one to call.

        Its parameters are m, n, k, alpha, A and B with two strides each, beta, Z and C with their row strides; strides
        count elements. Z may be C itself.
        """
        tiles = self._tiles()
        copy_rows, copy_columns, copy_elements = self._copy_rows(), self._copy_columns(), self._copy_elements()
        kind = self.kind
        parameters = [("i64", "m"), ("i64", "n"), ("i64", "k"), (kind, "alpha"), *_MATRIX_A]
        parameters += [("ptr", "B"), ("i64", "B0"), ("i64", "B1"), (kind, "beta")]
        parameters += [("ptr", "Z"), ("i64", "Z0"), ("ptr", "C"), ("i64", "C0")]
        name = f"gemm_own_{kind}"
        fn = Function(self.module, name, "void", parameters, attributes="nounwind")
        b = Builder(fn, 1)
        p = {n: v for (_, n), v in zip(parameters, fn.parameters, strict=True)}
        zero, one, columns_at_once = b.const("i64", 0), b.const("i64", 1), b.const("i64", self.columns)
        panel, block = (fn.alloca(kind, DEPTH * rows) for rows in (self.columns, BLOCK_ROWS))
        height = b.const("i64", self.rows)

        several = b.icmp("sgt", p["n"], b.const("i64", 2 * self.columns))
        pack_a = b.and_(several, b.and_(b.icmp("ne", p["A1"], one), b.icmp("eq", p["A0"], one)))
        pack_a = b.and_(pack_a, b.icmp("sgt", p["m"], height))
        block_rows = b.const("i64", BLOCK_ROWS)
        rows_at_once = b.select(pack_a, block_rows, b.intrinsic("smax", p["m"], one))
        by_rows = b.or_(b.icmp("eq", p["B1"], one), b.icmp("sle", p["n"], one))
        by_columns = b.icmp("eq", p["B0"], one)
        far = b.icmp("sge", b.intrinsic("abs", p["B0"], extra="i1 false"), b.const("i64", PACKED_STRIDE // self.size))
        far = b.and_(far, b.icmp("sge", p["m"], b.const("i64", PACKED_ROWS)))
        pack_b = b.or_(b.not_(by_rows), far)

        with fn.loop(zero, p["k"], DEPTH) as first, fn.loop(zero, p["m"], rows_at_once) as top:
            depth = b.intrinsic("smin", b.sub(p["k"], first), b.const("i64", DEPTH))
            bottom = b.intrinsic("smin", p["m"], b.add(top, rows_at_once))
            fresh = b.icmp("eq", first, zero)
            beta = b.select(fresh, p["beta"], b.const(kind, 1))
            source, source_row = b.select(fresh, p["Z"], p["C"]), b.select(fresh, p["Z0"], p["C0"])
            with fn.if_(pack_a):
                left = self._at(fn, p["A"], b.add(top, b.mul(first, p["A1"])))
                self._call(fn, copy_rows, [block, block_rows, left, p["A1"], one, depth, b.sub(bottom, top)])
            with fn.loop(zero, p["n"], self.columns) as j:
                columns = b.intrinsic("smin", b.sub(p["n"], j), columns_at_once)
                right = self._at(fn, p["B"], b.add(b.mul(first, p["B0"]), b.mul(j, p["B1"])))
                with fn.if_(pack_b):
                    panel_of = [panel, columns_at_once, right, p["B0"], p["B1"], depth, columns]
                    with fn.if_(by_rows):
                        self._call(fn, copy_rows, panel_of)
                    with fn.if_(b.not_(by_rows)):
                        with fn.if_(by_columns):
                            self._call(fn, copy_columns, panel_of)
                        with fn.if_(b.not_(by_columns)):
                            self._call(fn, copy_elements, panel_of)
                right = b.select(pack_b, panel, right)
                right_row = b.select(pack_b, columns_at_once, p["B0"])
                width = b.lshr(b.sub(columns, one), b.const("i64", self.lanes.bit_length() - 1))
                with fn.loop(top, bottom, self.rows) as i:
                    rows = b.intrinsic("smin", b.sub(bottom, i), height)
                    packed = self._at(fn, block, b.sub(i, top))
                    left = self._at(fn, p["A"], b.add(b.mul(i, p["A0"]), b.mul(first, p["A1"])))
                    left, left0 = b.select(pack_a, packed, left), b.select(pack_a, one, p["A0"])
                    left1 = b.select(pack_a, block_rows, p["A1"])
                    old = self._at(fn, source, b.add(b.mul(i, source_row), j))
                    target = self._at(fn, p["C"], b.add(b.mul(i, p["C0"]), j))
                    place = width
                    for limit in self.row_counts[:-1]:
                        more = b.icmp("sgt", rows, b.const("i64", limit))
                        place = b.add(place, b.select(more, b.const("i64", self.vectors), zero))
                    entry = fn.assign("ptr", f"getelementptr ptr, ptr {tiles.ref}, i64 {place.ref}")
                    tile = fn.assign("ptr", f"load ptr, ptr {entry.ref}")
                    given = [rows, columns, depth, p["alpha"], left, left0, left1, right, right_row]
                    self._call(fn, tile.ref, [*given, beta, old, source_row, target, p["C0"]])
        fn.emit("ret void")
        return name

    def _call(self, fn: Function, name: str, operands: list[Value]) -> None:
        fn.emit(f"call void {name}({', '.join(f'{v.type} {v.ref}' for v in operands)})")

    def _at(self, fn: Function, pointer: Value, offset: Value) -> Value:
        return fn.assign("ptr", f"getelementptr {self.kind}, ptr {pointer.ref}, i64 {offset.ref}")

    # ---- tiles

    def _tiles(self) -> Value:
        """A table of functions for tiles: by rows, then by vectors."""
        names = [self._tile(r, v) for r in self.row_counts for v in range(1, self.vectors + 1)]
        body = ", ".join(f"ptr {name}" for name in names)
        text = f"internal unnamed_addr constant [{len(names)} x ptr] [{body}]"
        return Value(self.module.globals.setdefault(text, f"@tiles_{self.kind}"), "ptr")

    def _tile(self, rows: int, vectors: int) -> str:
        """A function for a tile: of its rows the first `m` count, of its columns the first `n`."""
        kind = self.kind
        name = f"tile_{kind}_{rows}_{vectors}"
        left = [("i64", "m"), ("i64", "n"), ("i64", "k"), (kind, "alpha"), *_MATRIX_A]
        right = [("ptr", "B"), ("i64", "B0"), (kind, "beta"), ("ptr", "Z"), ("i64", "Z0"), ("ptr", "C"), ("i64", "C0")]
        fn = Function(self.module, name, "void", [*left, *right], attributes="nounwind", linkage="internal")
        one, wide = Builder(fn, 1), Builder(fn, self.lanes)
        p = {n: v for (_, n), v in zip([*left, *right], fn.parameters, strict=True)}
        zero = one.const("i64", 0)
        masks = [self._mask(wide, one.const("i64", v * self.lanes), p["n"]) for v in range(vectors)]
        last = one.sub(p["m"], one.const("i64", 1))  # rows that do not count read this one
        numbers = [one.intrinsic("smin", one.const("i64", r), last) for r in range(rows)]
        starts = [self._at(fn, p["A"], one.mul(p["A0"], number)) for number in numbers]
        for number in numbers:
            self._prefetch(fn, self._at(fn, p["C"], one.mul(p["C0"], number)), vectors, write=1)
        sums = [wide.const(kind, 0)] * (rows * vectors)
        with fn.carrying(zero, p["k"], 1, [p["B"], zero, *sums]) as turn:
            row, along, *sums = turn.values
            self._prefetch(fn, self._at(fn, row, one.mul(p["B0"], one.const("i64", AHEAD))), vectors)
            places = [self._at(fn, row, one.const("i64", v * self.lanes)) for v in range(vectors)]
            terms = [self._load(wide, place, mask) for place, mask in zip(places, masks, strict=True)]
            new: list[Value] = []
            for r, start in enumerate(starts):
                x = wide.splat(fn.assign(kind, f"load {kind}, ptr {self._at(fn, start, along).ref}"))
                new += [wide.fma(x, y, s) for y, s in zip(terms, sums[r * vectors :], strict=False)]
            turn.values = [self._at(fn, row, p["B0"]), one.add(along, p["A1"]), *new]
        self._store(fn, p, masks, turn.values[2:])
        fn.emit("ret void")
        return f"@{name}"

    def _store(self, fn: Function, p: dict[str, Value], masks: list[Value], sums: list[Value]) -> None:
        """``C = beta * Z + alpha * sums``; a beta of 0 ignores Z. The rows take turns, which is little code."""
        one, wide = Builder(fn, 1), Builder(fn, self.lanes)
        tile = fn.alloca(self.kind, len(sums) * self.lanes)
        for number, total in enumerate(sums):
            self._move(fn, total, self._at(fn, tile, one.const("i64", number * self.lanes)))
        alpha, beta = wide.splat(p["alpha"]), wide.splat(p["beta"])
        used = one.fcmp("une", p["beta"], one.const(self.kind, 0))
        taken = wide.splat(used)
        with fn.loop(one.const("i64", 0), p["m"]) as row:
            total_row = self._at(fn, tile, one.mul(row, one.const("i64", len(masks) * self.lanes)))
            source, target = (self._at(fn, p[c], one.mul(row, p[c + "0"])) for c in "ZC")
            source = one.select(used, source, total_row)  # a load near a row that is being stored would wait for it
            for v, mask in enumerate(masks):
                there = one.const("i64", v * self.lanes)
                old = self._load(wide, self._at(fn, source, there), wide.and_(mask, taken))
                total = self._load(wide, self._at(fn, total_row, there))
                self._move(fn, wide.fma(alpha, total, wide.fmul(beta, old)), self._at(fn, target, there), mask)

    # ---- packing: copies to contiguous rows, `pitch` apart; the first `n` elements of each count

    def _copy(self, name: str, body: Callable[[Function, dict[str, Value]], None]) -> str:
        """A function (target, pitch, source, its two strides, rows, columns)."""
        names = ["target", "pitch", "source", "s0", "s1", "k", "n"]
        parameters = [("ptr" if n in ("target", "source") else "i64", n) for n in names]
        name = f"{name}_{self.kind}"
        fn = Function(self.module, name, "void", parameters, attributes="nounwind", linkage="internal")
        body(fn, dict(zip(names, fn.parameters, strict=True)))
        fn.emit("ret void")
        return f"@{name}"

    def _copy_rows(self) -> str:
        """Rows that are contiguous."""

        def body(fn: Function, p: dict[str, Value]) -> None:
            one, wide = Builder(fn, 1), Builder(fn, self.lanes)
            ahead = one.mul(p["s0"], one.const("i64", COPIED_AHEAD))
            with fn.loop(one.const("i64", 0), p["k"]) as row, fn.loop(one.const("i64", 0), p["n"], self.lanes) as j:
                mask = self._mask(wide, j, p["n"])
                place = self._at(fn, p["source"], one.add(one.mul(row, p["s0"]), j))
                self._prefetch(fn, self._at(fn, place, ahead))
                value = self._load(wide, place, mask)
                self._move(fn, value, self._at(fn, p["target"], one.add(one.mul(row, p["pitch"]), j)), mask)

        return self._copy("copy_rows", body)

    def _copy_columns(self) -> str:
        """Columns that are contiguous: squares are transposed in registers, at the end too large ones."""

        def body(fn: Function, p: dict[str, Value]) -> None:
            one, wide = Builder(fn, 1), Builder(fn, min(self.lanes, SQUARE))
            zero, last = one.const("i64", 0), one.sub(p["n"], one.const("i64", 1))
            with fn.loop(zero, p["n"], wide.lanes) as j, fn.loop(zero, p["k"], wide.lanes) as row:
                mask = self._mask(wide, row, p["k"])
                columns = []
                for number in range(wide.lanes):
                    column = one.intrinsic("smin", one.add(j, one.const("i64", number)), last)
                    place = self._at(fn, p["source"], one.add(one.mul(column, p["s1"]), row))
                    columns.append(self._load(wide, place, mask))
                place = self._at(fn, p["target"], one.add(one.mul(row, p["pitch"]), j))
                for line in transposed(wide, columns):
                    self._move(fn, line, place)
                    place = self._at(fn, place, p["pitch"])

        return self._copy("copy_columns", body)

    def _copy_elements(self) -> str:
        """Any strides."""

        def body(fn: Function, p: dict[str, Value]) -> None:
            one = Builder(fn, 1)
            with fn.loop(one.const("i64", 0), p["k"]) as row, fn.loop(one.const("i64", 0), p["n"]) as j:
                place = self._at(fn, p["source"], one.add(one.mul(row, p["s0"]), one.mul(j, p["s1"])))
                value = fn.assign(self.kind, f"load {self.kind}, ptr {place.ref}")
                self._move(fn, value, self._at(fn, p["target"], one.add(one.mul(row, p["pitch"]), j)))

        return self._copy("copy_elements", body)

    # ---- instructions

    def _mask(self, wide: Builder, first: Value, count: Value) -> Value:
        name = f"llvm.get.active.lane.mask.v{wide.lanes}i1.i64"
        return wide.assign("i1", f"call <{wide.lanes} x i1> @{name}(i64 {first.ref}, i64 {count.ref})")

    def _load(self, wide: Builder, pointer: Value, mask: Value | None = None) -> Value:
        full = wide.type_text(self.kind)
        if mask is None:
            return wide.assign(self.kind, f"load {full}, ptr {pointer.ref}, align {self.size}")
        operands = f"ptr align {self.size} {pointer.ref}, {mask.full_type} {mask.ref}, {full} zeroinitializer"
        return wide.assign(self.kind, f"call {full} @llvm.masked.load.v{wide.lanes}f{BITS[self.kind]}.p0({operands})")

    def _move(self, fn: Function, value: Value, pointer: Value, mask: Value | None = None) -> None:
        """Store `value`, where there is a `mask` only what it says."""
        if mask is None:
            fn.emit(f"store {value.full_type} {value.ref}, ptr {pointer.ref}, align {self.size}")
            return
        operands = f"{value.full_type} {value.ref}, ptr align {self.size} {pointer.ref}"
        fn.emit(
            f"call void @llvm.masked.store.v{value.lanes}f{BITS[self.kind]}.p0({operands}, {mask.full_type} {mask.ref})"
        )

    def _prefetch(self, fn: Function, pointer: Value, vectors: int = 1, write: int = 0) -> None:
        for v in range(vectors):
            line = fn.assign("ptr", f"getelementptr i8, ptr {pointer.ref}, i64 {v * self.lanes * self.size}")
            fn.emit(f"call void @llvm.prefetch.p0(ptr {line.ref}, i32 {write}, i32 3, i32 1)")
