"""Ops of general use, and `as_op`, which makes an Op of a Python function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from theano.compile.container import independent_copy
from theano.graph.basic import Apply, Variable
from theano.graph.op import Op
from theano.graph.type import Type


class ViewOp(Op):
    """An identity: its output is its input."""

    view_map = {0: [0]}
    __props__ = ()

    def make_node(self, x: Variable) -> Apply:
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        output_storage[0][0] = inputs[0]

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return list(input_shapes)

    def grad(self, inputs: list[Variable], output_gradients: list[Variable]) -> list[Variable]:
        return list(output_gradients)

    def R_op(self, inputs: list[Variable], eval_points: list[Any]) -> list[Any]:
        return list(eval_points)


class DeepCopyOp(Op):
    """Its output is a copy of its input that shares no memory with it."""

    __props__ = ()

    def make_node(self, x: Variable) -> Apply:
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        output_storage[0][0] = independent_copy(inputs[0])

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return list(input_shapes)

    def grad(self, inputs: list[Variable], output_gradients: list[Variable]) -> list[Variable]:
        return list(output_gradients)

    def R_op(self, inputs: list[Variable], eval_points: list[Any]) -> list[Any]:
        return list(eval_points)


view_op = ViewOp()
deep_copy_op = DeepCopyOp()


class FromFunctionOp(Op):
    """A Python function as an Op; see :func:`as_op`.

    Parameters
    ----------
    fn
        called with the inputs' values; returns the output's value, or a tuple or list of several.
    itypes, otypes
        types of inputs and outputs.
    infer_shape
        called as ``infer_shape(node, input_shapes)``; returns the shapes of the outputs.
    """

    __props__ = ("fn",)

    def __init__(
        self,
        fn: Callable[..., Any],
        itypes: Sequence[Type],
        otypes: Sequence[Type],
        infer_shape: Callable[[Apply, list[Any]], list[Any]] | None = None,
    ) -> None:
        self.fn = fn
        self.itypes = list(itypes)
        self.otypes = list(otypes)
        if infer_shape is not None:
            self.infer_shape = infer_shape  # type: ignore[method-assign, assignment]

    def __str__(self) -> str:
        return f"FromFunctionOp{{{getattr(self.fn, '__name__', self.fn)}}}"

    __repr__ = __str__

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        results = self.fn(*inputs)
        if not isinstance(results, list | tuple):
            results = (results,)
        if len(results) != len(output_storage):
            raise ValueError(
                f"{self} returned {len(results)} value(s), its otypes are {len(output_storage)}: {self.otypes}"
            )
        for cell, result, output in zip(output_storage, results, node.outputs):
            cell[0] = output.type.filter(result)

    def __reduce__(self) -> Any:
        # As a decorator, as_op puts the Op in the place of the function, so pickle finds the Op by the function's name.
        module, name = getattr(self.fn, "__module__", None), getattr(self.fn, "__qualname__", "")
        try:
            found: Any = import_module(module) if module else None
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError):
            found = None
        if found is self:
            return (_load_back, (module, name))
        return super().__reduce__()


def _load_back(module: str, name: str) -> Any:
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def as_op(
    itypes: Type | Sequence[Type],
    otypes: Type | Sequence[Type],
    infer_shape: Callable[[Apply, list[Any]], list[Any]] | None = None,
) -> Callable[[Callable[..., Any]], FromFunctionOp]:
    """A decorator that makes a function of NumPy arrays an Op.

    Parameters
    ----------
    itypes, otypes
        type of the input, or a list of types; likewise for the outputs.
    infer_shape
        see :class:`FromFunctionOp`.

    >>> import numpy, theano, theano.tensor as T
    >>> @theano.as_op(itypes=[T.dmatrix, T.dmatrix], otypes=[T.dmatrix])
    ... def numpy_dot(a, b):
    ...     return numpy.dot(a, b)
    >>> a = T.dmatrix("a")
    >>> theano.function([a], numpy_dot(a, a))([[2.0]])
    array([[4.]])
    """
    ins: list[Any] = list(itypes) if isinstance(itypes, list | tuple) else [itypes]
    outs: list[Any] = list(otypes) if isinstance(otypes, list | tuple) else [otypes]
    for kind in (*ins, *outs):
        if not isinstance(kind, Type):
            raise TypeError(f"as_op: itypes and otypes are Types such as theano.tensor.dmatrix, not {kind!r}")

    def make_op(fn: Callable[..., Any]) -> FromFunctionOp:
        return FromFunctionOp(fn, ins, outs, infer_shape)

    return make_op


_FROM_TENSOR_SHAPE = (
    "Rebroadcast",
    "Shape",
    "Shape_i",
    "SpecifyShape",
    "shape",
    "shape_i",
    "specify_shape",
)


def __getattr__(name: str) -> Any:
    """Theano 1.0 kept the Ops of shapes here as well."""
    if name in _FROM_TENSOR_SHAPE:
        return getattr(import_module("theano.tensor.shape"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
