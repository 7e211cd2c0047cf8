"""Matrix products of our own, for shapes where a BLAS spends its time on packing: few rows, or few columns.

``C = beta * Z + alpha * A.B`` with rows of B, Z and C contiguous. A tile of C, eight rows of three vectors with
AVX-512, stays in registers while the sum runs over a block of `DEPTH` rows of B; elements of A are broadcast. Nothing
is packed: the rows of B that a tile reads lie in the cache for the next tile below. K. Goto and R. van de Geijn,
"Anatomy of high-performance matrix multiplication" (2008), explain this order of loops and what packing adds for large
matrices.
"""

from __future__ import annotations

from collections.abc import Sequence

from theano.backend.native.compiler import vector_bits
from theano.backend.native.ir import BITS, Builder, Function, Module, Value

DEPTH = 256  # rows of B that a sum runs over before its tile is stored
AHEAD = 4  # rows of B to fetch into the cache in advance


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
        self.rows, self.vectors = (8, 3) if vector_bits() == 512 else (4, 3 if vector_bits() == 256 else 2)
        self.columns = self.vectors * self.lanes
        self.suffix = f"v{self.lanes}f{BITS[kind]}"
        vector, mask = f"<{self.lanes} x {kind}>", f"<{self.lanes} x i1>"
        for name, text in {
            "own.mask": f"{mask} @llvm.get.active.lane.mask.v{self.lanes}i1.i64(i64, i64)",
            "own.load": f"{vector} @llvm.masked.load.{self.suffix}.p0(ptr, {mask}, {vector})",
            "own.store": f"void @llvm.masked.store.{self.suffix}.p0({vector}, ptr, {mask})",
            "own.prefetch": "void @llvm.prefetch.p0(ptr, i32, i32, i32)",
        }.items():
            module.declare(name, f"declare {text}")

    def write(self) -> str:
        """Append the functions; returns the name of the one to call.

        Its parameters are m, n, k, alpha, A and its two strides, B and its row stride, beta, Z and C with their row
        strides; strides count elements. Z may be C itself.
        """
        tiles = [self._tile(vectors) for vectors in range(1, self.vectors + 1)]
        kind = self.kind
        lengths = [
            ("i64", "m"),
            ("i64", "n"),
            ("i64", "k"),
            (kind, "alpha"),
            ("ptr", "A"),
            ("i64", "A0"),
            ("i64", "A1"),
        ]
        added = [(kind, "beta"), ("ptr", "Z"), ("i64", "Z0")]
        parameters = [*lengths, ("ptr", "B"), ("i64", "B0"), *added, ("ptr", "C"), ("i64", "C0")]
        name = f"gemm_own_{kind}"
        fn = Function(self.module, name, "void", parameters, attributes="nounwind", linkage="internal")
        b = Builder(fn, 1)
        p = {n: v for (_, n), v in zip(parameters, fn.parameters, strict=True)}
        zero = b.const("i64", 0)
        with fn.loop(zero, p["k"], DEPTH) as first:
            depth = b.intrinsic("smin", b.sub(p["k"], first), b.const("i64", DEPTH))
            fresh = b.icmp("eq", first, zero)
            beta = b.select(fresh, p["beta"], b.const(kind, 1))
            source, source_row = b.select(fresh, p["Z"], p["C"]), b.select(fresh, p["Z0"], p["C0"])
            with fn.loop(zero, p["n"], self.columns) as j:
                columns = b.intrinsic("smin", b.sub(p["n"], j), b.const("i64", self.columns))
                right = self._at(fn, p["B"], b.add(b.mul(first, p["B0"]), j))

                with fn.loop(zero, p["m"], self.rows) as i:
                    rows = b.sub(p["m"], i)
                    left = self._at(fn, p["A"], b.add(b.mul(i, p["A0"]), b.mul(first, p["A1"])))
                    old = self._at(fn, source, b.add(b.mul(i, source_row), j))
                    target = self._at(fn, p["C"], b.add(b.mul(i, p["C0"]), j))
                    given = [rows, columns, depth, p["alpha"], left, p["A0"], p["A1"], right, p["B0"]]
                    operands = ", ".join(f"{v.type} {v.ref}" for v in [*given, beta, old, source_row, target, p["C0"]])
                    for number, tile in enumerate(tiles):
                        more = b.icmp("sgt", columns, b.const("i64", number * self.lanes))
                        enough = b.icmp("sle", columns, b.const("i64", (number + 1) * self.lanes))
                        with fn.if_(b.and_(more, enough)):
                            fn.emit(f"call void @{tile}({operands})")
        fn.emit("ret void")
        return name

    def _at(self, fn: Function, pointer: Value, offset: Value) -> Value:
        return fn.assign("ptr", f"getelementptr {self.kind}, ptr {pointer.ref}, i64 {offset.ref}")

    def _tile(self, vectors: int) -> str:
        """A function for a tile of `vectors` vectors: of its rows the first `m` count, of its columns the first `n`."""
        kind = self.kind
        name = f"tile_{kind}_{vectors}"
        left = [("i64", "m"), ("i64", "n"), ("i64", "k"), (kind, "alpha"), ("ptr", "A"), ("i64", "A0"), ("i64", "A1")]
        right = [("ptr", "B"), ("i64", "B0"), (kind, "beta"), ("ptr", "Z"), ("i64", "Z0"), ("ptr", "C"), ("i64", "C0")]
        fn = Function(self.module, name, "void", [*left, *right], attributes="nounwind", linkage="internal")
        one, wide = Builder(fn, 1), Builder(fn, self.lanes)
        p = {n: v for (_, n), v in zip([*left, *right], fn.parameters, strict=True)}
        zero = one.const("i64", 0)
        masks = [self._mask(wide, one.const("i64", v * self.lanes), p["n"]) for v in range(vectors)]
        last = one.sub(p["m"], one.const("i64", 1))  # rows that do not count read this one
        numbers = [one.intrinsic("smin", one.const("i64", r), last) for r in range(self.rows)]
        starts = [self._at(fn, p["A"], one.mul(p["A0"], number)) for number in numbers]
        sums = [wide.const(kind, 0)] * (self.rows * vectors)
        with fn.carrying(zero, p["k"], 1, [p["B"], zero, *sums]) as turn:
            row, along, *sums = turn.values
            self._prefetch(fn, row, one.mul(p["B0"], one.const("i64", AHEAD)), vectors)
            places = [self._at(fn, row, one.const("i64", v * self.lanes)) for v in range(vectors)]
            terms = [self._load(wide, place, mask) for place, mask in zip(places, masks, strict=True)]
            new: list[Value] = []
            for r, start in enumerate(starts):
                x = wide.splat(fn.assign(kind, f"load {kind}, ptr {self._at(fn, start, along).ref}"))
                new += [wide.fma(x, y, s) for y, s in zip(terms, sums[r * vectors :], strict=False)]
            turn.values = [self._at(fn, row, p["B0"]), one.add(along, p["A1"]), *new]
        self._store(fn, p, masks, turn.values[2:])
        fn.emit("ret void")
        return name

    def _store(self, fn: Function, p: dict[str, Value], masks: Sequence[Value], sums: Sequence[Value]) -> None:
        """``C = beta * Z + alpha * sums``; a beta of 0 ignores Z."""
        one, wide = Builder(fn, 1), Builder(fn, self.lanes)
        alpha, beta = wide.splat(p["alpha"]), wide.splat(p["beta"])
        used = wide.splat(one.fcmp("une", p["beta"], one.const(self.kind, 0)))
        for r in range(self.rows):
            counts = wide.splat(one.icmp("sgt", p["m"], one.const("i64", r)))
            source, start = (self._at(fn, p[c], one.mul(p[c + "0"], one.const("i64", r))) for c in "ZC")
            for v, mask in enumerate(masks):
                place = self._at(fn, start, one.const("i64", v * self.lanes))
                mask = wide.and_(mask, counts)
                old = self._load(wide, self._at(fn, source, one.const("i64", v * self.lanes)), wide.and_(mask, used))
                value = wide.fma(alpha, sums[r * len(masks) + v], wide.fmul(beta, old))
                operands = f"{value.full_type} {value.ref}, ptr align {self.size} {place.ref}"
                fn.emit(f"call void @llvm.masked.store.{self.suffix}.p0({operands}, {mask.full_type} {mask.ref})")

    def _mask(self, wide: Builder, first: Value, count: Value) -> Value:
        name = f"llvm.get.active.lane.mask.v{self.lanes}i1.i64"
        return wide.assign("i1", f"call <{self.lanes} x i1> @{name}(i64 {first.ref}, i64 {count.ref})")

    def _load(self, wide: Builder, pointer: Value, mask: Value) -> Value:
        full = f"<{self.lanes} x {self.kind}>"
        operands = f"ptr align {self.size} {pointer.ref}, {mask.full_type} {mask.ref}, {full} zeroinitializer"
        return wide.assign(self.kind, f"call {full} @llvm.masked.load.{self.suffix}.p0({operands})")

    def _prefetch(self, fn: Function, row: Value, offset: Value, vectors: int) -> None:
        ahead = self._at(fn, row, offset)
        for v in range(vectors):
            line = fn.assign("ptr", f"getelementptr i8, ptr {ahead.ref}, i64 {v * self.lanes * self.size}")
            fn.emit(f"call void @llvm.prefetch.p0(ptr {line.ref}, i32 0, i32 3, i32 1)")
