"""Import paths of Theano 1.0 whose contents live elsewhere today: a table of names, and how it is put to work.

``from theano.gof.graph import Variable`` and ``import theano.tensor.elemwise`` keep working. Nothing is imported before
one of the names is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from theano.legacy.table import MODULES, RENAMED

__all__ = ["LegacyModule", "install", "renamed"]


class LegacyModule(ModuleType):
    """A module of Theano 1.0, whose names are looked up in today's modules.

    Parameters
    ----------
    name
        the old dotted name.
    targets
        today's modules, searched in order.
    renamed
        old name → ``"module:name"``.
    """

    def __init__(self, name: str, targets: Sequence[str], renamed: Mapping[str, str]) -> None:
        super().__init__(name, f"Names of Theano 1.0's {name}; today they are in {', '.join(targets)}.")
        self.__dict__.update(_targets=tuple(targets), _renamed=dict(renamed))

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return [n for n in dir(self) if not n.startswith("_")]
        if name.startswith("__"):
            raise AttributeError(name)
        value = self._find(name)
        setattr(self, name, value)
        return value

    def _find(self, name: str) -> Any:
        # A name of the table comes before a module: theano.scan_module.scan is a function, as its module is named.
        if name in self._renamed:
            module, attribute = self._renamed[name].split(":")
            return getattr(import_module(module), attribute)
        child = sys.modules.get(f"{self.__name__}.{name}")
        if child is not None:
            return child
        for target in self._targets:
            module = import_module(target)
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(
            f"{self.__name__}, a module of Theano 1.0, has no {name!r} here; looked in {', '.join(self._targets)}"
        )

    def __dir__(self) -> list[str]:
        names = set(self._renamed)
        for target in self._targets:
            module = import_module(target)
            names.update(getattr(module, "__all__", None) or dir(module))
        return sorted(names)


def renamed(package: str, name: str) -> Any:
    """What Theano 1.0 also offered in one of today's packages; AttributeError when the table does not say."""
    target = RENAMED.get(package, {}).get(name)
    if target is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute) if attribute else import_module(module)


def install() -> None:
    """Make the old import paths known; needs no time to speak of."""
    for name, targets in MODULES.items():
        if name in sys.modules:
            continue
        module = LegacyModule(name, targets, RENAMED.get(name, {}))
        sys.modules[name] = module
        parent, _, leaf = name.rpartition(".")
        package = sys.modules.get(parent)
        # theano.tensor.var, say, is a function of that name as well, which `theano.tensor` offers now as then.
        if package is not None and leaf not in package.__dict__ and leaf not in RENAMED.get(parent, {}):
            setattr(package, leaf, module)
