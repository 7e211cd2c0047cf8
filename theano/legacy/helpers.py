"""Small functions of Theano 1.0's `gof.utils`, `gof.graph` and `misc` that programs call and nothing here needs."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from theano.compile.gather import gather
from theano.graph.basic import Apply, Constant, Scratchpad, Variable, _rebuild_apply
from theano.graph.op import TestValueError, test_value_mode
from theano.graph.replace import equal_computations
from theano.graph.test_value import get_test_value
from theano.graph.traversal import applys_between, toposort, variables_between
from theano.graph.type import generic

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


def variables(inputs: Iterable[Variable], outputs: Iterable[Variable]) -> set[Variable]:
    """The variables between inputs and outputs, these included, as a set."""
    return set(variables_between(inputs, outputs))


def view_roots(r: Variable) -> list[Variable]:
    """The variables whose memory `r` may share, by the ``view_map`` of the nodes on the way to it."""
    roots, todo = [], [r]
    while todo:
        variable = todo.pop()
        node = variable.owner
        shared = node.op.view_map.get(variable.index, []) if node is not None else []
        if node is not None and shared:
            todo.extend(node.inputs[i] for i in reversed(shared))
        else:
            roots.append(variable)
    return roots


def add_tag_trace(thing: Any, user_line: int | None = None) -> Any:
    """`thing` itself: nodes keep the user's lines by themselves."""
    return thing


def get_debug_values(*args: Any) -> Iterator[tuple[Any, ...]]:
    """The test values of all `args` as one tuple, or nothing where ``compute_test_value`` is off or one has none.

    To be used as ``for x, y in get_debug_values(a, b): ...`` by code that checks values while expressions are built.
    """
    if test_value_mode() == "off":
        return
    try:
        values = tuple(get_test_value(arg) for arg in args)
    except TestValueError as error:
        missing_test_message(str(error))
        return
    yield values


def missing_test_message(msg: str) -> None:
    """Deal with a missing test value as ``config.compute_test_value`` says: an error, a warning, or nothing."""
    mode = test_value_mode()
    if mode in ("raise", "pdb"):
        raise TestValueError(msg)
    if mode == "warn":
        warnings.warn(msg, stacklevel=2)


def shape_of_variables(fgraph: Any, input_shapes: Mapping[Variable, Sequence[int]]) -> dict[Variable, tuple[int, ...]]:
    """The shape of each variable of a FunctionGraph, for given shapes of its inputs."""
    from theano.compile.function import function

    found = [v for v in fgraph.variables if hasattr(v.type, "broadcastable")]
    shapes = function(list(fgraph.inputs), [v.shape for v in found], on_unused_input="ignore")
    # What is asked for are shapes: arrays of one repeated element stand for those that nobody has.
    zeros = [np.broadcast_to(np.zeros((), v.type.dtype), tuple(input_shapes[v])) for v in fgraph.inputs]
    return {v: tuple(map(int, shape)) for v, shape in zip(found, shapes(*zeros))}


def hash_from_ndarray(data: np.ndarray) -> str:
    """A digest of an array's elements, dtype, shape and strides."""
    from theano.inspect.naming import hex_digest

    return hash_from_code(hex_digest(data))


def extract_constant(x: Any, elemwise: bool = True, only_process_constants: bool = False) -> Any:
    """The value of a scalar constant, else `x` itself."""
    from theano.tensor.static import NotScalarConstantError, get_scalar_constant_value

    try:
        return get_scalar_constant_value(x, elemwise, only_process_constants)
    except NotScalarConstantError:
        return x


def transfer(var: Any, target: str) -> Any:
    """`var` on a device: ``var.transfer(target)``."""
    return var.transfer(target)


NoneConst = Constant(generic, None, name="NoneConst")


def pfunc(
    params: Sequence[Any], outputs: Any = None, *args: Any, output_keys: Sequence[str] | None = None, **kwargs: Any
) -> Any:
    """:func:`theano.function`; with `output_keys` the results come in a dict."""
    from theano.compile.function import function

    if output_keys is not None:
        outputs = dict(zip(output_keys, outputs, strict=True))
    return function(params, outputs, *args, **kwargs)


def function_dump(
    filename: str, inputs: Sequence[Any], *args: Any, extra_tag_to_remove: str | None = None, **kwargs: Any
) -> None:
    """Write the arguments of a call of :func:`theano.function` to a file, so that others can repeat it.

    They come back as a dict: ``theano.function(**pickle.load(open(filename, "rb")))``.
    """
    from inspect import signature

    from theano.compile.function import function

    call = signature(function).bind(inputs, *args, **kwargs)
    with open(filename, "wb") as file:
        StripPickler(file, pickle.DEFAULT_PROTOCOL, extra_tag_to_remove).dump(dict(call.arguments))


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


class StripPickler(pickle.Pickler):
    """Pickles graphs without the lines of the program that made them, and without `extra_tag_to_remove` in the tags."""

    def __init__(self, file: Any, protocol: int = 0, extra_tag_to_remove: str | None = None) -> None:
        super().__init__(file, protocol)
        self.tags_to_remove = ["trace", *([extra_tag_to_remove] if extra_tag_to_remove else [])]

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Scratchpad):
            return (Scratchpad, (), {k: v for k, v in obj.__dict__.items() if k not in self.tags_to_remove})
        if isinstance(obj, Apply):
            make, arguments = obj.__reduce_ex__(2)
            return (make, (*arguments[:-1], ()) if make is _rebuild_apply else arguments)
        return NotImplemented


class CompatUnpickler(pickle.Unpickler):
    """Reads pickles that Python 2 wrote: its strings of bytes become text in Latin-1, as NumPy's arrays need."""

    def __init__(self, file: Any, **kwargs: Any) -> None:
        super().__init__(file, **{"encoding": "latin1", **kwargs})


def dump(obj: Any, file_handler: Any, protocol: int = pickle.DEFAULT_PROTOCOL, persistent_id: Any = None) -> None:
    """Write an object, with the graphs and shared variables in it, to an open file."""
    pickle.dump(obj, file_handler, protocol=protocol)


def load(f: Any, persistent_load: Any = None) -> Any:
    """What :func:`dump` wrote to an open file."""
    return pickle.load(f)


def rebuild_collect_shared(
    outputs: Any,
    inputs: Sequence[Any] | None = None,
    replace: Any = None,
    updates: Any = None,
    rebuild_strict: bool = True,
    copy_inputs_over: bool = True,
    no_default_updates: Any = False,
) -> tuple[list[Variable], Any, list[Any]]:
    """Outputs with variables replaced, and the shared variables and updates that they need.

    Returns the inputs, the new outputs in the form of `outputs`, and a list: old outputs → new ones, shared variable →
    its new value, the same as pairs, and all shared variables. Inputs stay themselves whatever `copy_inputs_over` says.
    """
    single = outputs is not None and not isinstance(outputs, list | tuple)
    given = [] if outputs is None else [outputs] if single else list(outputs)
    ins, outs = gather(inputs or [], given, updates, replace, no_default_updates, rebuild_strict)
    results = [o.variable for o in outs]
    shared = [i for i in ins if i.shared]
    new_values = {i.variable: i.update for i in shared if i.update is not None}
    copies = {getattr(old, "variable", old): new for old, new in zip(given, results, strict=True)}
    rest = [copies, new_values, list(new_values.items()), [i.variable for i in shared]]
    return [i.variable for i in ins if not i.shared], results[0] if single else results, rest
