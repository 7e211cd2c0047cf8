"""LLVM in this process: the target machine, and object code from IR text.

No passes run over the IR: the text is already close to what the machine runs, and code generation takes as long with
them as without. Code generation itself leaves out three passes that take a quarter of its time and gain nothing here.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from theano.backend.native import cache
from theano.version import version

# Options of LLVM while it compiles for us, and what they are otherwise: the addresses in our loops are sums that the
# machine adds itself, and the processor reorders instructions itself.
OPTIONS = {
    "disable-lsr": ("true", "false"),
    "enable-misched": ("false", "true"),
    "disable-post-ra": ("true", "false"),
}
OPTIONS_UNTIL = 22  # the last version of LLVM known to have them: an option that it lacks makes it end the process


class _CompilerLock:
    """Whoever has it is alone with LLVM; it may be taken again by the thread that has it."""

    def __init__(self) -> None:
        self._ours = threading.RLock()
        self._llvm: Any = None  # llvmlite's own, which the end of an object takes, in whatever thread that comes

    def include(self, lock: Any) -> None:
        """From now on forks wait for llvmlite's `lock` as well."""
        self._llvm = lock

    def __enter__(self) -> None:
        self._ours.acquire()

    def __exit__(self, *error: object) -> None:
        self._ours.release()

    def acquire(self) -> None:
        """Before a fork: nobody else is inside of LLVM."""
        self._ours.acquire()
        if self._llvm is not None:
            self._llvm.__enter__()

    def release(self) -> None:
        """After a fork, in both processes."""
        if self._llvm is not None:
            self._llvm.__exit__()
        self._ours.release()


_lock = _CompilerLock()


def unlocked_in_children(lock: Any) -> None:
    """Let forks wait until `lock` is free: in a child, nobody would release it for a thread that is not there.

    Of several locks, one that is taken inside of another must be registered before that.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


unlocked_in_children(_lock)
_state: dict[str, Any] = {}


def _llvm() -> Any:
    """llvmlite's binding, set up once."""
    with _lock:
        if "llvm" not in _state:
            import llvmlite.binding as llvm

            _lock.include(getattr(llvm.ffi.lib, "_lock", None))
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
            _state["llvm"] = llvm
            _state["target"] = llvm.Target.from_default_triple()
            _state["cpu"] = llvm.get_host_cpu_name()
            _state["features"] = llvm.get_host_cpu_features()
            _state["flags"] = _state["features"].flatten()
            _state["machine"] = new_target_machine()
        return _state["llvm"]


def new_target_machine(effort: int = 2) -> Any:
    """A target machine for this processor; `effort` is LLVM's level of optimization in code generation."""
    return _state["target"].create_target_machine(cpu=_state["cpu"], features=_state["flags"], opt=effort, jit=True)


def vector_bits() -> int:
    """Width of this processor's vectors in bits."""
    _llvm()
    features = _state["features"]
    if features.get("avx512f"):
        return 512
    return 256 if features.get("avx2") else 128


def source(name: str) -> str:
    """The text of a file of IR that comes with this package, which may be imported from an archive."""
    import pkgutil

    data = pkgutil.get_data(__package__, name)
    assert data is not None
    return data.decode()


def add_symbol(name: str, address: int) -> None:
    """Let compiled code call the function at `address` by `name`."""
    _llvm().add_symbol(name, address)


@contextmanager
def _options() -> Iterator[None]:
    """Set :data:`OPTIONS`, which count for the whole process, and set them back: others may compile, too."""
    llvm = _llvm()
    options = OPTIONS if llvm.llvm_version_info[0] <= OPTIONS_UNTIL else {}
    for name, (ours, _) in options.items():
        llvm.set_option("theano", f"--{name}={ours}")
    try:
        yield
    finally:
        for name, (_, others) in options.items():
            llvm.set_option("theano", f"--{name}={others}")


def verifying() -> bool:
    """Whether every module is verified before it is compiled: LLVM crashes the process on malformed IR."""
    return bool(os.environ.get("THEANO_VERIFY_IR"))


class Library:
    """Machine code of one module, alive as long as this object; it comes from the cache on disk when that has it.

    Parameters
    ----------
    text
        LLVM IR.
    effort
        0 compiles several times as fast to code that is half as fast: for what runs once a call.

    Raises
    ------
    RuntimeError
        when LLVM rejects the text; the message shows where.
    """

    def __init__(self, text: str, effort: int = 2) -> None:
        llvm = _llvm()
        self.text = text
        with _lock:
            name = cache.digest(text, str(effort), _state["cpu"], _state["flags"], str(llvm.llvm_version_info), version)
            code = cache.load(name)
            if code is None:
                code = self._compile(llvm, effort)
                cache.store(name, code)
            # The engine compiles its own, empty module: for a plain machine, at level 0, in a third of the time.
            linker = _state["target"].create_target_machine(opt=0, jit=True)
            self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), linker)
            self.engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
            self.engine.finalize_object()

    def _compile(self, llvm: Any, effort: int) -> bytes:
        module = llvm.parse_assembly(self.text, llvm.create_context())  # the common one keeps all constants for ever
        if verifying():
            module.verify()
        machine = _state["machine"] if effort == 2 else new_target_machine(effort)
        with _options():
            return machine.emit_object(module)

    def address(self, name: str) -> int:
        """Where function `name` begins."""
        with _lock:
            return self.engine.get_function_address(name)

    def assembly(self) -> str:
        """The machine code as text."""
        with _lock, _options():
            return _state["machine"].emit_assembly(_llvm().parse_assembly(self.text))
