"""Matrix products of any strides: small ones, our own functions, and the BLAS of NumPy or SciPy, called by address.

``blas_gemm_T`` and ``blas_gemv_T`` (``T`` is ``double`` or ``float``) do tiny products themselves, where a call would
cost more than the work, leave to our own functions (:mod:`theano.backend.native.gemm`) what these are quicker at, and
bring operands of all others into a form that BLAS takes, packing what has no unit stride.

Large products are divided into pieces, which the pool of threads works on as on the pieces of a loop; BLAS is kept on
one thread, since its own threads would wait for each other, for milliseconds where one has to wait for a processor. A
product is divided by its lengths and strides alone, so results do not depend on the number of threads.
"""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from theano.backend.native.compiler import Library, add_symbol, unlocked_in_children, vector_bits
from theano.backend.native.gemm import Products
from theano.backend.native.ir import Builder, Function, Module, Value
from theano.backend.native.runtime import entry_address
from theano.backend.native.threads import available

SMALL = {"gemm": 60, "gemv": 600}  # multiplications up to which plain loops are quicker than anything else
WHOLE = {"gemm": 3_000_000, "gemv": 400_000}  # multiplications up to which a product is not divided
PIECE = {"gemm": 1_000_000, "gemv": 200_000}  # a piece has about as many
PIECES = 16  # at most
OWN = 100_000_000  # multiplications up to which our own functions are quicker than OpenBLAS
TOGETHER = 4  # rows of small products of matrix and vector
NARROW = 2_000_000  # where fewer columns than half a vector has lanes are left to OpenBLAS up to as many
SLENDER = 4  # a piece that has as many times more rows than columns is divided along its rows
ROWS = 8  # a piece has a multiple of as many
LETTER = {"double": "d", "float": "s"}
ROUTINES = ("dgemm", "sgemm", "dgemv", "sgemv")

_lock = threading.Lock()
unlocked_in_children(_lock)
_libraries: dict[str, Library] = {}
_blas: Blas | None = None


@dataclass(frozen=True)
class Blas:
    """Where a BLAS is in memory.

    Attributes
    ----------
    routines
        the addresses of ``dgemm`` and its like, as Fortran calls them.
    integer
        the type of its integers: ``"i32"`` or ``"i64"``.
    threads
        addresses of OpenBLAS's functions that give and set its number of threads; empty for another BLAS.
    """

    routines: dict[str, int]
    integer: str
    threads: dict[str, int]


def found() -> Blas:
    """The BLAS to use."""
    global _blas
    if _blas is None:
        _blas = _of_numpy() or _of_scipy()
    return _blas


def _of_numpy() -> Blas | None:
    """The OpenBLAS that comes with NumPy, if one does: it is loaded already, which takes 20 ms for SciPy's."""
    packages = Path(np.__file__).parent.parent
    for path in (*packages.glob("numpy.libs/*openblas64*"), *packages.glob("numpy/.dylibs/*openblas64*")):
        try:
            library = ctypes.CDLL(str(path), mode=getattr(os, "RTLD_NOLOAD", 0) | getattr(os, "RTLD_NOW", 0))
            routines = {name: _pointer(getattr(library, f"scipy_{name}_64_")) for name in ROUTINES}
            return Blas(routines, "i64", _thread_functions(library, "64_"))
        except (OSError, AttributeError):
            continue
    return None


def _of_scipy() -> Blas:
    """SciPy's, from the extension module alone: importing the package around it takes long."""
    spec = importlib.util.find_spec("scipy")
    assert spec is not None and spec.submodule_search_locations is not None
    folder = Path(next(iter(spec.submodule_search_locations)))
    if os.name == "nt":
        import scipy  # noqa: F401  (sets the path of the shared libraries that come with it)
    finder = importlib.machinery.PathFinder.find_spec("cython_blas", [str(folder / "linalg")])
    if finder is None or finder.loader is None:
        from scipy.linalg import cython_blas as module
    else:
        finder = importlib.util.spec_from_file_location("scipy.linalg.cython_blas", finder.origin)
        assert finder is not None and finder.loader is not None
        module = importlib.util.module_from_spec(finder)
        finder.loader.exec_module(module)
    get_name, get = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsules = {name: module.__pyx_capi__[name] for name in ROUTINES}
    threads: dict[str, int] = {}
    for path in folder.parent.glob("scipy.libs/*openblas*"):
        try:
            threads = _thread_functions(ctypes.CDLL(str(path)), "")
        except (OSError, AttributeError):
            continue
    return Blas({name: get(capsule, get_name(capsule)) for name, capsule in capsules.items()}, "i32", threads)


def _pointer(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _thread_functions(library: ctypes.CDLL, suffix: str) -> dict[str, int]:
    names = ("get_num_threads", "set_num_threads")
    return {name: _pointer(getattr(library, f"scipy_openblas_{name}{suffix}")) for name in names}


def provide(routine: str, kind: str) -> None:
    """Make function ``blas_routine_kind`` known to compiled code: `routine` is ``gemm`` or ``gemv``."""
    if routine == "gemm":  # calls the other for products with vectors
        provide("gemv", kind)
    with _lock:
        name = f"blas_{routine}_{kind}"
        if name in _libraries:
            return
        entry_address()  # compiles the runtime, whose functions are called
        blas = found()
        add_symbol(LETTER[kind] + routine, blas.routines[LETTER[kind] + routine])
        for function in ("PyMem_RawMalloc", "PyMem_RawFree"):
            add_symbol(function, _pointer(getattr(ctypes.pythonapi, function)))
        module = Module()
        module.declare("malloc", "declare ptr @PyMem_RawMalloc(i64)")
        module.declare("free", "declare void @PyMem_RawFree(ptr)")
        module.declare("weights", '!0 = !{!"branch_weights", i32 1, i32 100000}')
        arguments = ", ".join(["ptr"] * (13 if routine == "gemm" else 11))
        module.declare(routine, f"declare void @{LETTER[kind]}{routine}({arguments})")
        for function, address in blas.threads.items():
            add_symbol(f"blas_{function}", address)
        module.declare("get_threads", "declare i32 @blas_get_num_threads()")
        module.declare("set_threads", "declare void @blas_set_num_threads(i32)")
        module.declare("pieces", "declare i64 @rt_pieces(ptr, ptr, ptr, ptr, i64)")
        module.declare("copy", "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        whole = (_Gemm if routine == "gemm" else _Gemv)(module, kind)
        whole.write()
        _Divided(whole, routine).write()
        if isinstance(whole, _Gemm):
            own = Module()
            small = _SmallGemm(own, kind)
            small.write()
            names = [small.fn.name, *([Products(own, kind).write()] if whole.owns else [])]
            _libraries[f"own_{kind}"] = _load(own, names)
        # products of matrices are computed elsewhere, so little effort is enough for what leads there
        _libraries[name] = _load(module, [name, whole.fn.name], effort=0 if routine == "gemm" else 2)


def _load(module: Module, names: list[str], effort: int = 2) -> Library:
    """Compile a module and let others call its functions of these names."""
    library = Library(str(module), effort)
    for name in names:
        add_symbol(name, library.address(name))
    return library


@contextmanager
def one_thread(fn: Function) -> Iterator[None]:
    """Let OpenBLAS use one thread in what is written inside, where threads are ours to divide work among."""
    if not found().threads or not available():
        yield
        return
    one = Builder(fn, 1).const("i32", 1)
    before = fn.assign("i32", "call i32 @blas_get_num_threads()")
    several = Builder(fn, 1).icmp("sgt", before, one)
    with fn.if_(several):
        fn.emit("call void @blas_set_num_threads(i32 1)")
    yield
    with fn.if_(several):
        fn.emit(f"call void @blas_set_num_threads(i32 {before.ref})")


class _Routine:
    """Common parts of the functions around a BLAS routine."""

    def __init__(self, module: Module, kind: str, name: str, parameters: list[tuple[str, str]]) -> None:
        self.kind = kind
        self.size = 8 if kind == "double" else 4
        self.module = module
        self.parameters = parameters
        self.packed: list[Value] = []
        self.fn = Function(module, f"whole_{name}_{kind}", "void", parameters, "nounwind")
        self.b = Builder(self.fn, 1)
        self.p = {n: v for (_, n), v in zip(parameters, self.fn.parameters, strict=True)}

    def const(self, value: int) -> Value:
        return self.b.const("i64", value)

    def at(self, pointer: Value, *terms: tuple[Value, Value]) -> Value:
        """Address of the element at the sum of index times stride."""
        offset: Value | None = None
        for index, stride in terms:
            product = self.b.mul(index, stride)
            offset = product if offset is None else self.b.add(offset, product)
        assert offset is not None
        return self.fn.assign("ptr", f"getelementptr {self.kind}, ptr {pointer.ref}, i64 {offset.ref}")

    def load(self, pointer: Value) -> Value:
        return self.fn.assign(self.kind, f"load {self.kind}, ptr {pointer.ref}")

    def store(self, value: Value, pointer: Value) -> None:
        self.fn.emit(f"store {value.type} {value.ref}, ptr {pointer.ref}")

    def scaled(self, beta: Value, added: Value) -> Value:
        """``beta * added``, where a beta of 0 ignores what is there."""
        zero = self.b.const(self.kind, 0)
        return self.b.select(self.b.fcmp("oeq", beta, zero), zero, self.b.fmul(beta, self.load(added)))

    def integer(self, value: Value) -> Value:
        """A stack word with a value as the integer that BLAS reads."""
        kind = found().integer
        place = self.fn.alloca(kind, align=8)
        self.store(value if kind == value.type else self.b.convert("trunc", value, kind), place)
        return place

    def scalar(self, value: Value) -> Value:
        place = self.fn.alloca(self.kind, align=8)
        self.store(value, place)
        return place

    def letter(self, transposed: Value) -> Value:
        place = self.fn.alloca("i8", align=1)
        self.store(self.b.select(transposed, self.b.const("i8", ord("T")), self.b.const("i8", ord("N"))), place)
        return place

    def matrix(self, a: str, rows: Value, columns: Value) -> tuple[Value, Value, Value]:
        """Matrix parameter `a` as BLAS takes it: address, leading dimension, and whether its rows are contiguous.

        A matrix with neither rows nor columns contiguous is packed; its memory is freed by :meth:`leave`.
        """
        b, fn, one = self.b, self.fn, self.const(1)
        pointer, s0, s1 = self.p[a], self.p[a + "0"], self.p[a + "1"]
        single_row, single_column = b.icmp("sle", rows, one), b.icmp("sle", columns, one)
        unit1, unit0 = b.or_(b.icmp("eq", s1, one), single_column), b.or_(b.icmp("eq", s0, one), single_row)
        by_rows = b.and_(unit1, b.or_(b.icmp("sge", s0, columns), single_row))
        by_columns = b.and_(unit0, b.or_(b.icmp("sge", s1, rows), single_column))
        place, lead = fn.alloca("ptr", align=8), fn.alloca("i64", align=8)
        packed = fn.alloca("ptr", align=8)
        self.store(Value("null", "ptr"), packed)
        self.store(pointer, place)
        by_rows_lead = b.select(single_row, columns, s0)
        by_columns_lead = b.select(single_column, rows, s1)
        self.store(b.intrinsic("smax", b.select(by_rows, by_rows_lead, by_columns_lead), one), lead)
        neither = b.not_(b.or_(by_rows, by_columns))
        with fn.if_(neither, unlikely=True):
            total = b.mul(b.mul(rows, columns), self.const(self.size))
            memory = fn.assign("ptr", f"call ptr @PyMem_RawMalloc(i64 {total.ref})")
            self.store(memory, packed)
            self.store(memory, place)
            self.store(b.intrinsic("smax", columns, one), lead)
            with fn.loop(self.const(0), rows) as i, fn.loop(self.const(0), columns) as j:
                self.store(self.load(self.at(pointer, (i, s0), (j, s1))), self.at(memory, (i, columns), (j, one)))
        self.packed.append(packed)
        address = fn.assign("ptr", f"load ptr, ptr {place.ref}")
        return address, fn.assign("i64", f"load i64, ptr {lead.ref}"), b.or_(by_rows, neither)

    def leave(self) -> None:
        """Return, having freed what :meth:`matrix` has packed."""
        for place in self.packed:
            memory = self.fn.assign("ptr", f"load ptr, ptr {place.ref}")
            self.fn.emit(f"call void @PyMem_RawFree(ptr {memory.ref})")
        self.fn.emit("ret void")


def _vector(name: str) -> list[tuple[str, str]]:
    return [("ptr", name), ("i64", name + "0")]


def _matrix(name: str) -> list[tuple[str, str]]:
    return [("ptr", name), ("i64", name + "0"), ("i64", name + "1")]


def _gemm_parameters(kind: str) -> list[tuple[str, str]]:
    lengths = [("i64", "m"), ("i64", "n"), ("i64", "k"), (kind, "alpha")]
    return [*lengths, *_matrix("A"), *_matrix("B"), (kind, "beta"), *_matrix("Z"), *_matrix("C")]


def leave_to(fn: Function, name: str, operands: list[Value]) -> None:
    """Call a function of another module and return."""
    fn.module.declare(name, f"declare void @{name}({', '.join(v.type for v in operands)})")
    fn.emit(f"call void @{name}({', '.join(f'{v.type} {v.ref}' for v in operands)})")
    fn.emit("ret void")
    fn.label(fn.new_label("dead"))


def vector_products(b: Builder, p: dict[str, Value]) -> list[tuple[Value, list[Value]]]:
    """Whether a product is better one of matrix and vector, its second factor or its first; and the gemv it then is."""
    one, found = b.const("i64", 1), []
    worthwhile = b.icmp("sgt", product_work(b, p), b.const("i64", SMALL["gemv"]))
    for length, names in (
        ("n", "m k alpha A A0 A1 B B0 beta Z Z0 C C0"),
        ("m", "n k alpha B B1 B0 A A1 beta Z Z1 C C1"),
    ):
        found.append((b.and_(worthwhile, b.icmp("eq", p[length], one)), [p[name] for name in names.split()]))
    return found


def product_work(b: Builder, p: dict[str, Value]) -> Value:
    """The number of multiplications."""
    return b.mul(b.mul(p["m"], p["n"]), p["k"])


class _SmallGemm(_Routine):
    """Small products of matrices: plain loops."""

    def __init__(self, module: Module, kind: str) -> None:
        super().__init__(module, kind, "small_gemm", _gemm_parameters(kind))

    def write(self) -> None:
        b, fn, p, zero = self.b, self.fn, self.p, self.const(0)
        with fn.loop(zero, p["m"]) as i, fn.loop(zero, p["n"]) as j:
            with fn.carrying(zero, p["k"], 1, [b.const(self.kind, 0)]) as turn:
                x = self.load(self.at(p["A"], (i, p["A0"]), (turn.index, p["A1"])))
                y = self.load(self.at(p["B"], (turn.index, p["B0"]), (j, p["B1"])))
                turn.values = [b.fadd(turn.values[0], b.fmul(x, y))]
            target = self.at(p["C"], (i, p["C0"]), (j, p["C1"]))
            old = self.scaled(p["beta"], self.at(p["Z"], (i, p["Z0"]), (j, p["Z1"])))
            self.store(b.fadd(b.fmul(p["alpha"], turn.values[0]), old), target)
        self.leave()


class _Gemm(_Routine):
    """``C = beta * Z + alpha * A.B``: A is (m, k), B (k, n), Z and C (m, n), C with contiguous rows.

    Strides count elements. Z may be C itself.
    """

    def __init__(self, module: Module, kind: str) -> None:
        super().__init__(module, kind, "gemm", _gemm_parameters(kind))
        self.owns = vector_bits() >= 256  # masks, which our own functions live by, are slow on narrower vectors

    def write(self) -> None:
        b, p = self.b, self.p
        for here, operands in vector_products(b, p):
            with self.fn.if_(here):
                leave_to(self.fn, f"whole_gemv_{self.kind}", operands)
        small = b.icmp("sle", product_work(b, p), self.const(SMALL["gemm" if self.owns else "gemv"]))
        with self.fn.if_(small):
            leave_to(self.fn, f"whole_small_gemm_{self.kind}", list(p.values()))
        self._call()
        self.leave()

    def _own(self) -> None:
        """Leave products to our own functions where these are quicker."""
        fn, p = self.fn, self.p
        with fn.if_(self._suits_own(self.b, p)):
            b, by_rows = self.b, self._by_rows(self.b, p, "Z")
            with fn.if_(b.not_(by_rows), unlikely=True):
                self._copy_added()
            given = {**p, **{z: b.select(by_rows, p[z], p[c]) for z, c in (("Z", "C"), ("Z0", "C0"))}}
            names = ("m", "n", "k", "alpha", "A", "A0", "A1", "B", "B0", "B1", "beta", "Z", "Z0", "C", "C0")
            leave_to(fn, f"gemm_own_{self.kind}", [given[n] for n in names])

    def _suits_own(self, b: Builder, p: dict[str, Value]) -> Value:
        """Whether our own functions are quicker than BLAS for a product, or a piece of one."""
        work = product_work(b, p)
        narrow = b.icmp("sle", p["n"], b.const("i64", Products(self.module, self.kind).lanes // 2))
        deep = b.and_(b.icmp("sge", p["k"], b.const("i64", 16)), b.icmp("sle", work, b.const("i64", NARROW)))
        few = b.and_(b.icmp("sle", p["m"], b.const("i64", 4)), b.not_(self._by_rows(b, p, "B")))
        worse = b.or_(few, b.select(narrow, deep, b.icmp("sgt", work, b.const("i64", OWN))))
        return b.or_(b.icmp("sle", work, b.const("i64", SMALL["gemv"])), b.not_(worse))

    def _copy_added(self) -> None:
        """Copy Z to C, where what follows adds to C only; nothing where Z is C or not looked at."""
        b, fn, p, zero = self.b, self.fn, self.p, self.const(0)
        elsewhere = b.icmp("ne", p["Z"], p["C"])
        with fn.if_(b.and_(elsewhere, b.fcmp("une", p["beta"], b.const(self.kind, 0)))):
            by_rows = self._by_rows(b, p, "Z")
            with fn.loop(zero, p["m"]) as i:
                with fn.if_(by_rows):
                    places = f"ptr {self.at(p['C'], (i, p['C0'])).ref}, ptr {self.at(p['Z'], (i, p['Z0'])).ref}"
                    size = b.mul(p["n"], self.const(self.size))
                    fn.emit(f"call void @llvm.memcpy.p0.p0.i64({places}, i64 {size.ref}, i1 false)")
                with fn.if_(b.not_(by_rows)), fn.loop(zero, p["n"]) as j:
                    element = self.load(self.at(p["Z"], (i, p["Z0"]), (j, p["Z1"])))
                    self.store(element, self.at(p["C"], (i, p["C0"]), (j, p["C1"])))

    @staticmethod
    def _by_rows(b: Builder, p: dict[str, Value], a: str) -> Value:
        """Whether the rows of matrix `a`, which has n columns, are contiguous."""
        one = b.const("i64", 1)
        return b.or_(b.icmp("eq", p[a + "1"], one), b.icmp("sle", p["n"], one))

    def _call(self) -> None:
        # In BLAS's order of elements C is its transpose, and C' = B'.A'.
        if self.owns:
            self._own()
        self._copy_added()
        b, p = self.b, self.p
        a, lda, a_rows = self.matrix("A", p["m"], p["k"])
        bb, ldb, b_rows = self.matrix("B", p["k"], p["n"])
        ldc = b.intrinsic("smax", b.intrinsic("smax", p["C0"], p["n"]), self.const(1))
        ldc = b.select(b.icmp("sle", p["m"], self.const(1)), b.intrinsic("smax", p["n"], self.const(1)), ldc)
        operands = [
            self.letter(b.not_(b_rows)),
            self.letter(b.not_(a_rows)),
            self.integer(p["n"]),
            self.integer(p["m"]),
            self.integer(p["k"]),
            self.scalar(p["alpha"]),
            bb,
            self.integer(ldb),
            a,
            self.integer(lda),
            self.scalar(p["beta"]),
            p["C"],
            self.integer(ldc),
        ]
        with one_thread(self.fn):
            self.fn.emit(f"call void @{LETTER[self.kind]}gemm({', '.join(f'ptr {o.ref}' for o in operands)})")


class _Gemv(_Routine):
    """``y = beta * z + alpha * A.x``: A is (m, n), x (n), z and y (m); strides in elements. z may be y itself."""

    def __init__(self, module: Module, kind: str) -> None:
        lengths = [("i64", "m"), ("i64", "n"), (kind, "alpha")]
        vectors = [*_vector("x"), (kind, "beta"), *_vector("z"), *_vector("y")]
        super().__init__(module, kind, "gemv", [*lengths, *_matrix("A"), *vectors])

    def write(self) -> None:
        b, p = self.b, self.p
        work = b.mul(p["m"], p["n"])
        unusual = b.icmp("sle", p["x0"], self.const(0))  # BLAS counts negative strides from the other end
        with self.fn.if_(b.or_(b.icmp("sle", work, self.const(SMALL["gemv"])), unusual)):
            self._small()
            self.leave()
            self.fn.label(self.fn.new_label("dead"))
        self._call()
        self.leave()

    def _small(self) -> None:
        b, fn, p, zero = self.b, self.fn, self.p, self.const(0)
        last = b.sub(p["m"], self.const(1))
        with fn.loop(zero, p["m"], TOGETHER) as i:  # sums that do not wait for each other
            rows = [b.intrinsic("smin", b.add(i, self.const(r)), last) for r in range(TOGETHER)]
            with fn.carrying(zero, p["n"], 1, [b.const(self.kind, 0)] * TOGETHER) as turn:
                x = self.load(self.at(p["x"], (turn.index, p["x0"])))
                elements = [self.load(self.at(p["A"], (row, p["A0"]), (turn.index, p["A1"]))) for row in rows]
                turn.values = [b.fadd(s, b.fmul(a, x)) for s, a in zip(turn.values, elements, strict=True)]
            added = [self.scaled(p["beta"], self.at(p["z"], (row, p["z0"]))) for row in rows]
            for row, total, old in zip(rows, turn.values, added, strict=True):
                self.store(b.fadd(b.fmul(p["alpha"], total), old), self.at(p["y"], (row, p["y0"])))

    def _call(self) -> None:
        b, fn, p = self.b, self.fn, self.p
        elsewhere = b.icmp("ne", p["z"], p["y"])
        used = b.and_(elsewhere, b.fcmp("une", p["beta"], b.const(self.kind, 0)))
        with fn.if_(used), fn.loop(self.const(0), p["m"]) as i:
            self.store(self.load(self.at(p["z"], (i, p["z0"]))), self.at(p["y"], (i, p["y0"])))
        a, lda, by_rows = self.matrix("A", p["m"], p["n"])
        operands = [
            self.letter(by_rows),
            self.integer(b.select(by_rows, p["n"], p["m"])),
            self.integer(b.select(by_rows, p["m"], p["n"])),
            self.scalar(p["alpha"]),
            a,
            self.integer(lda),
            p["x"],
            self.integer(p["x0"]),
            self.scalar(p["beta"]),
            p["y"],
            self.integer(b.intrinsic("smax", p["y0"], self.const(1))),
        ]
        with one_thread(self.fn):
            self.fn.emit(f"call void @{LETTER[self.kind]}gemv({', '.join(f'ptr {o.ref}' for o in operands)})")


class _Divided:
    """``blas_routine_T``: a product in pieces of rows and columns of the result, each by the function for a whole one.

    Its first two parameters are the frame and the outputs of the program; the others are those of the function.
    ``gemm`` takes a batch of products: the number of these and four strides, from a matrix to the next, come first.
    """

    def __init__(self, whole: _Routine, routine: str) -> None:
        self.whole, self.routine, self.kind = whole, routine, whole.kind
        self.module = whole.module
        self.batch = [("i64", n) for n in ("count", "As", "Bs", "Zs", "Cs")] if routine == "gemm" else []
        self.parameters = [*self.batch, *whole.parameters]
        self.name = f"blas_{routine}_{whole.kind}"

    def write(self) -> None:
        piece = self._piece()
        given = [("ptr", "frame"), ("ptr", "outputs"), *self.parameters]
        fn = Function(self.module, self.name, "void", given, attributes="nounwind")
        b = Builder(fn, 1)
        p = {n: v for (_, n), v in zip(given, fn.parameters, strict=True)}
        work = b.mul(p["m"], p["n"])
        if self.batch:
            self._vectors(fn, b, p)
            work = b.mul(work, b.mul(p["k"], p["count"]))
        with fn.if_(b.icmp("sle", work, b.const("i64", WHOLE[self.routine]))):
            self._call(fn, b, p)
            fn.emit("ret void")
            fn.label(fn.new_label("dead"))
        one = b.const("i64", 1)
        wish = b.assign("i64", f"sdiv i64 {work.ref}, {PIECE[self.routine]}")
        wish = b.intrinsic("smin", b.intrinsic("smax", wish, one), b.const("i64", PIECES))
        items, parts = one, one  # how many products a piece has of a batch, and how many parts it then has
        if self.batch:
            items, parts = self._parts(b, p["count"], b.intrinsic("smin", wish, p["count"]), 1)
            wish = b.assign("i64", f"sdiv i64 {wish.ref}, {parts.ref}")
        rows = columns = one  # how many parts each column and each row of the result is to have
        for _ in range(PIECES.bit_length() - 1):
            more = b.icmp("slt", b.mul(rows, columns), wish)
            by_rows = more
            if self.batch:  # parts like squares read the least of both factors, but those of more rows pack less often
                wide = b.mul(b.mul(p["n"], rows), b.const("i64", SLENDER))
                by_rows = b.and_(more, b.icmp("sge", b.mul(p["m"], columns), wide))
                columns = b.shl(columns, b.convert("zext", b.xor(more, by_rows), "i64"))
            rows = b.shl(rows, b.convert("zext", by_rows, "i64"))
        height, down = self._parts(b, p["m"], rows, ROWS)
        width, across = p["n"], one
        if self.batch:
            width, across = self._parts(b, p["n"], columns, Products(self.module, self.kind).columns)
        task = fn.alloca("i64", len(self.parameters) + 5)
        values = [items, height, width, down, across, *(p[name] for _, name in self.parameters)]
        for number, value in enumerate(values):
            place = fn.assign("ptr", f"getelementptr i64, ptr {task.ref}, i64 {number}")
            fn.emit(f"store {value.type} {value.ref}, ptr {place.ref}")
        pieces = b.mul(parts, b.mul(down, across))
        with one_thread(fn):
            places = f"ptr %frame, ptr %outputs, ptr @{piece}, ptr {task.ref}, i64 {pieces.ref}"
            fn.assign("i64", f"call i64 @rt_pieces({places})")
        fn.emit("ret void")

    def _vectors(self, fn: Function, b: Builder, p: dict[str, Value]) -> None:
        """Leave products with vectors to ``blas_gemv_T``, which divides them."""
        single = b.icmp("eq", p["count"], b.const("i64", 1))
        for here, operands in vector_products(b, p):
            with fn.if_(b.and_(single, here)):
                leave_to(fn, f"blas_gemv_{self.kind}", [p["frame"], p["outputs"], *operands])

    @staticmethod
    def _parts(b: Builder, length: Value, wish: Value, unit: int) -> tuple[Value, Value]:
        """How long each of `wish` parts of a length is, in units, and how many there are then."""

        def rounded_up(value: Value, divisor: Value) -> Value:
            total = b.sub(b.add(value, divisor), b.const("i64", 1))
            return b.assign("i64", f"sdiv i64 {total.ref}, {divisor.ref}")

        each = b.mul(rounded_up(rounded_up(length, wish), b.const("i64", unit)), b.const("i64", unit))
        return each, rounded_up(length, each)

    def _call(self, fn: Function, b: Builder, p: dict[str, Value]) -> None:
        """Whole products, one after the other."""
        names = [name for _, name in self.whole.parameters]

        def call(given: dict[str, Value]) -> None:
            operands = ", ".join(f"{given[n].type} {given[n].ref}" for n in names)
            fn.emit(f"call void @{self.whole.fn.name}({operands})")

        if not self.batch:
            call(p)
            return
        with fn.loop(b.const("i64", 0), p["count"]) as item:
            call({**p, **{a: self._moved(b, p, a, item, "s") for a in "ABZC"}})

    def _moved(self, b: Builder, p: dict[str, Value], a: str, number: Value, stride: str) -> Value:
        offset = b.mul(number, p[a + stride])
        return b.assign("ptr", f"getelementptr {self.kind}, ptr {p[a].ref}, i64 {offset.ref}")

    def _piece(self) -> str:
        """The function that does piece number `piece` of a task."""
        given = [("ptr", "frame"), ("ptr", "outputs"), ("ptr", "task"), ("i64", "piece")]
        fn = Function(self.module, f"{self.name}.piece", "i64", given, "nounwind", "internal")
        b = Builder(fn, 1)

        def read(number: int, kind: str) -> Value:
            place = fn.assign("ptr", f"getelementptr i64, ptr %task, i64 {number}")
            return fn.assign(kind, f"load {kind}, ptr {place.ref}")

        items, height, width, down, across = (read(number, "i64") for number in range(5))
        p = {name: read(number + 5, kind) for number, (kind, name) in enumerate(self.parameters)}
        number, column = self._divided(b, fn.parameters[3], across)
        number, row = self._divided(b, number, down)
        row, column, item = b.mul(row, height), b.mul(column, width), b.mul(number, items)
        for matrix in "ABZC" if self.batch else "":
            p[matrix] = self._moved(b, p, matrix, item, "s")
        for matrix in "AZC" if self.batch else "Azy":
            p[matrix] = self._moved(b, p, matrix, row, "0")
        for matrix in "BZC" if self.batch else "":
            p[matrix] = self._moved(b, p, matrix, column, "1")
        for name, first, length in (("count", item, items), ("m", row, height), ("n", column, width)):
            if name in p:
                p[name] = b.intrinsic("smin", b.sub(p[name], first), length)
        self._call(fn, b, p)
        fn.emit("ret i64 0")
        return fn.name

    @staticmethod
    def _divided(b: Builder, number: Value, divisor: Value) -> tuple[Value, Value]:
        """Quotient and remainder."""
        quotient, rest = (b.assign("i64", f"{name} i64 {number.ref}, {divisor.ref}") for name in ("udiv", "urem"))
        return quotient, rest
