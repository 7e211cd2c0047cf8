"""Modes: which rewrites a function's graph goes through, and which backend runs it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from theano.backend.program import Program
from theano.configparser import suggestion
from theano.configuration import config
from theano.graph.fg import FunctionGraph
from theano.rewrite import Query, optdb, rewrite_graph

__all__ = [
    "FAST_COMPILE",
    "FAST_RUN",
    "Linker",
    "Mode",
    "get_default_mode",
    "get_mode",
    "optdb",
    "predefined_linkers",
    "predefined_modes",
    "predefined_optimizers",
    "register_linker",
    "register_mode",
    "register_optimizer",
]


@dataclass(frozen=True)
class Linker:
    """A backend: its name, and the place of the function that makes a graph executable, which is imported on demand."""

    name: str
    module: str
    function: str = "link"

    def link(self, fgraph: FunctionGraph, name: str | None = None) -> Program:
        """Make a graph executable."""
        return getattr(import_module(self.module), self.function)(fgraph, name)

    def __str__(self) -> str:
        return self.name


NATIVE = Linker("native", "theano.backend.native")
REFERENCE = Linker("reference", "theano.backend.reference")

predefined_linkers: dict[str, Any] = {
    "native": NATIVE,
    "reference": REFERENCE,
    # Names of Theano 1.0: its C code is native code, its Python is the reference.
    **dict.fromkeys(("cvm", "cvm_nogc", "c", "c|py", "c|py_nogc", "vm", "vm_nogc"), NATIVE),
    "py": REFERENCE,
}


_NONE = Query()
_FAST_RUN = Query(["fast_run"])
_FAST_COMPILE = Query(["fast_compile"])

predefined_optimizers: dict[Any, Any] = {
    None: _NONE,
    "None": _NONE,
    "": _NONE,
    "merge": Query(["merge"]),
    "o0": _NONE,
    "o1": _FAST_COMPILE,
    "o2": _FAST_RUN.excluding("fusion"),
    "o3": _FAST_RUN,
    "o4": _FAST_RUN,
    "fast_run": _FAST_RUN,
    "fast_compile": _FAST_COMPILE,
    "stabilize": _FAST_RUN.excluding("specialize", "blas", "fusion"),
    "unsafe": _FAST_RUN.including("unsafe"),
}


def register_linker(name: str, linker: Any) -> None:
    """Add a backend under a name: an object with ``link(fgraph, name) -> Program``.

    ValueError when the name is taken.
    """
    _add(predefined_linkers, name, linker, "linker")


def register_optimizer(name: str, opt: Any) -> None:
    """Add a choice of rewrites under a name: a Query, or a function that edits a FunctionGraph."""
    _add(predefined_optimizers, name, opt, "optimizer")


def _add(table: dict[Any, Any], name: str, entry: Any, what: str) -> None:
    if name in table:
        raise ValueError(f"there is already a {what} called {name!r}")
    table[name] = entry


def _look_up(table: dict[Any, Any], name: Any, what: str) -> Any:
    if name is not None and not isinstance(name, str):
        return name
    if name in table:
        return table[name]
    hint = suggestion(str(name), [k for k in table if isinstance(k, str)]) or "."
    known = ", ".join(str(k) for k in table if k != "")
    raise ValueError(f"there is no {what} {name!r}{hint} Known are {known}.")


class Mode:
    """How a function is compiled: a linker (the backend) and an optimizer (the rewrites).

    Parameters
    ----------
    linker
        a name in `predefined_linkers` or an object with ``link(fgraph, name)``; ``None``: ``config.linker``.
    optimizer
        a name in `predefined_optimizers`, a Query, or a function (or an object with a method ``rewrite``
        or ``optimize``) that edits a FunctionGraph; ``None``: no rewrites; ``"default"``: ``config.optimizer``.

    >>> import theano, theano.tensor as T
    >>> x = T.dvector("x")
    >>> mode = theano.Mode(linker="reference", optimizer="fast_run").excluding("fusion")
    >>> theano.function([x], T.exp(x) + 1, mode=mode)([0.0])
    array([2.])
    """

    def __init__(self, linker: Any = None, optimizer: Any = "default") -> None:
        self.provided_linker = config.linker if linker is None else linker
        self.provided_optimizer = (
            config.optimizer if isinstance(optimizer, str) and optimizer == "default" else optimizer
        )
        self._linker = _look_up(predefined_linkers, self.provided_linker, "linker")
        self._optimizer = _look_up(predefined_optimizers, self.provided_optimizer, "optimizer")
        if not hasattr(self._linker, "link"):
            raise TypeError(f"a linker is a name or an object with a method link(fgraph, name), not {linker!r}")

    linker = property(lambda self: self._linker, doc="The backend.")
    optimizer = property(lambda self: self._optimizer, doc="The rewrites.")

    # ---- what a mode does

    def rewrite(self, fgraph: FunctionGraph, profile: Any = None) -> None:
        """Apply this mode's rewrites to a graph, in place."""
        chosen = self._optimizer
        if isinstance(chosen, Query):
            if chosen.include:
                rewrite_graph(fgraph, chosen, profile=profile)
            return
        edit = getattr(chosen, "rewrite", None) or getattr(chosen, "optimize", None) or chosen
        edit(fgraph)

    def link(self, fgraph: FunctionGraph, name: str | None = None) -> Program:
        """Make a rewritten graph executable."""
        return self._linker.link(fgraph, name)

    def compile(self, fgraph: FunctionGraph, name: str | None = None, profile: Any = None) -> Program:
        """Rewrite a graph, in place, and make it executable."""
        self.rewrite(fgraph, profile)
        return self.link(fgraph, name)

    # ---- variants

    def clone(self, link_kwargs: Any = None, optimizer: Any = None, **changes: Any) -> Mode:
        """This mode with another optimizer or linker."""
        return Mode(changes.get("linker", self.provided_linker), self._optimizer if optimizer is None else optimizer)

    def _with_tags(self, method: str, tags: tuple[str, ...]) -> Mode:
        if not isinstance(self._optimizer, Query):
            raise TypeError(
                f"tags choose among the library's rewrites; {self} has its own optimizer {self._optimizer!r}"
            )
        return self.clone(optimizer=getattr(self._optimizer, method)(*tags))

    def including(self, *tags: str) -> Mode:
        """This mode with the rewrites of these tags too."""
        return self._with_tags("including", tags)

    def excluding(self, *tags: str) -> Mode:
        """This mode without the rewrites of these tags."""
        return self._with_tags("excluding", tags)

    def requiring(self, *tags: str) -> Mode:
        """This mode with only those rewrites that carry all of these tags."""
        return self._with_tags("requiring", tags)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), str(self)))

    def __str__(self) -> str:
        chosen: Any = self._optimizer
        if isinstance(chosen, Query):
            signed = [*sorted(chosen.include), *(f"&{t}" for t in sorted(chosen.require))]
            chosen = " ".join([*signed, *(f"-{t}" for t in sorted(chosen.exclude))]) or "none"
        return f"{type(self).__name__}(linker={self._linker}, optimizer={chosen})"

    __repr__ = __str__


FAST_RUN = Mode("native", "fast_run")
FAST_COMPILE = Mode("reference", "fast_compile")

predefined_modes: dict[str, Mode] = {"FAST_RUN": FAST_RUN, "FAST_COMPILE": FAST_COMPILE}

_DEBUGGING_MODES: dict[str, tuple[str, str]] = {
    "DebugMode": ("theano.compile.debugmode", "DebugMode"),
    "DEBUG_MODE": ("theano.compile.debugmode", "DebugMode"),
    "NanGuardMode": ("theano.compile.nanguardmode", "NanGuardMode"),
    "MonitorMode": ("theano.compile.monitormode", "MonitorMode"),
}

instantiated_default_mode: Mode | None = None


def get_mode(orig_string: Any) -> Mode:
    """The mode of a name (``None``: ``config.mode``); a Mode is itself.

    ValueError for an unknown name.
    """
    string = config.mode if orig_string is None else orig_string
    if not isinstance(string, str):
        if isinstance(string, Mode):
            return string
        raise TypeError(f"a mode is a Mode or the name of one, not {string!r}")
    if string == "Mode":
        found = Mode(config.linker, "default")
    elif string in _DEBUGGING_MODES:
        module, cls = _DEBUGGING_MODES[string]
        found = getattr(import_module(module), cls).from_config()
    else:
        found = predefined_modes.get(string)  # type: ignore[assignment]
        if found is None:
            known = ["Mode", *predefined_modes, *_DEBUGGING_MODES]
            hint = suggestion(string, known) or "."
            raise ValueError(f"there is no mode {string!r}{hint} Known are {', '.join(known)}.")
    if orig_string is None:
        for method in ("including", "excluding", "requiring"):
            tags = getattr(config, f"optimizer_{method}")
            if tags:
                found = getattr(found, method)(*tags.split(":"))
    return found


def get_default_mode() -> Mode:
    """The mode that `theano.function` uses when it is given none."""
    return get_mode(None)


def register_mode(name: str, mode: Mode) -> None:
    """Let `mode` be known by a name.

    ValueError when the name is taken.
    """
    if name in _DEBUGGING_MODES or name == "Mode":
        raise ValueError(f"there is already a mode called {name!r}")
    _add(predefined_modes, name, mode, "mode")
