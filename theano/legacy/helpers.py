"""Small functions of Theano 1.0's `gof.utils`, `gof.graph` and `misc` that programs call and nothing here needs."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from theano.graph.basic import Apply, Scratchpad, Variable
from theano.graph.replace import equal_computations
from theano.graph.traversal import applys_between, toposort

scratchpad = Scratchpad


def flatten(a: Any) -> list[Any]:
    """The items of nested lists, tuples and sets in one list."""
    items: list[Any] = []
    todo = [a]
    while todo:
        item = todo.pop()
        if isinstance(item, list | tuple | set):
            todo.extend(reversed(list(item)))
        else:
            items.append(item)
    return items


def uniq(seq: Iterable[Any]) -> list[Any]:
    """The distinct items, in order."""
    found: list[Any] = []
    for item in seq:
        if item not in found:
            found.append(item)
    return found


def difference(seq1: Iterable[Any], seq2: Iterable[Any]) -> list[Any]:
    """The items of `seq1` that are not in `seq2`."""
    excluded = list(seq2)
    return [item for item in seq1 if item not in excluded]


def to_return_values(values: Sequence[Any]) -> Any:
    """The only item, or all."""
    return values[0] if len(values) == 1 else values


def from_return_values(values: Any) -> list[Any]:
    """A list, also of a single item."""
    return list(values) if isinstance(values, list | tuple) else [values]


def memoize(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, remembering its results."""
    return lru_cache(maxsize=None)(f)


def give_variables_names(variables: Iterable[Variable]) -> None:
    """Give variables without a name, or with one that occurs twice, a name of their own."""
    variables = list(variables)
    names = [v.name for v in variables]
    taken = {n for n in names if names.count(n) == 1}
    counter = 0
    for variable in variables:
        if variable.name in taken and variable.name is not None:
            continue
        while f"var_{counter}" in taken:
            counter += 1
        variable.name = f"var_{counter}"
        taken.add(variable.name)


def hash_from_code(text: bytes | str) -> str:
    """A digest of a text."""
    return "m" + hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def hash_from_file(path: str) -> str:
    """A digest of a file's content."""
    with open(path, "rb") as file:
        return hash_from_code(file.read())


def is_same_graph(var1: Variable, var2: Variable, givens: Any = None, debug: bool = False) -> bool:
    """Whether two variables are computed in the same way, the keys of `givens` standing for its values."""
    pairs = list(givens.items()) if isinstance(givens, Mapping) else list(givens or ())
    return equal_computations([var1], [var2], [a for a, _ in pairs], [b for _, b in pairs])


def list_of_nodes(inputs: Iterable[Variable], outputs: Iterable[Variable]) -> list[Apply]:
    """The nodes between inputs and outputs."""
    return toposort(list(outputs), list(inputs))


def ops(inputs: Iterable[Variable], outputs: Iterable[Variable]) -> set[Apply]:
    """The nodes between inputs and outputs, as a set."""
    return set(applys_between(inputs, outputs))


def allclose(a: Any, b: Any, rtol: float | None = None, atol: float | None = None) -> bool:
    """Whether two arrays are close, with tolerances for their precision."""
    a, b = np.asarray(a), np.asarray(b)
    narrow = any(str(array.dtype) in ("float16", "float32", "complex64") for array in (a, b))
    tolerance = 1e-5 if narrow else 1e-8
    return bool(np.allclose(a, b, rtol=1e-5 if rtol is None else rtol, atol=tolerance if atol is None else atol))


def _asarray(a: Any, dtype: Any, order: Any = None) -> np.ndarray:
    """``numpy.asarray`` with the dtype's name, floatX included."""
    from theano.configuration import config

    wanted: Any = config.floatX if dtype == "floatX" else dtype
    return np.asarray(a, dtype=wanted, order=order)


class frozendict(Mapping):
    """A dict that cannot be changed and can be hashed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._dict = dict(*args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        return self._dict[key]

    def __contains__(self, key: Any) -> bool:
        return key in self._dict

    def __iter__(self) -> Iterator[Any]:
        return iter(self._dict)

    def __len__(self) -> int:
        return len(self._dict)

    def __hash__(self) -> int:
        return hash(frozenset(self._dict.items()))

    def __repr__(self) -> str:
        return f"frozendict({self._dict!r})"

    def copy(self, **changes: Any) -> frozendict:
        """Another one with changes."""
        return type(self)(self._dict, **changes)


class OrderedSet(dict):
    """Distinct items in the order of their addition."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__(dict.fromkeys(items))

    def add(self, item: Any) -> None:
        """Add an item."""
        self[item] = None

    def discard(self, item: Any) -> None:
        """Take an item out, if it is there."""
        self.pop(item, None)

    remove = dict.__delitem__


def dump(obj: Any, file_handler: Any, protocol: int = pickle.DEFAULT_PROTOCOL, persistent_id: Any = None) -> None:
    """Write an object, with the graphs and shared variables in it, to an open file."""
    pickle.dump(obj, file_handler, protocol=protocol)


def load(f: Any, persistent_load: Any = None) -> Any:
    """What :func:`dump` wrote to an open file."""
    return pickle.load(f)
