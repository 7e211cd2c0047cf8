"""Ops: the operations that nodes apply.

An Op is immutable. Its identity is its class and the values of the attributes that ``__props__`` names, so two Ops with
equal properties are the same operation and rewrites may merge what they compute.

What users write is what the library itself is written with::

    class Double(theano.Op):
        __props__ = ()

        def make_node(self, x):
            x = T.as_tensor_variable(x)
            return theano.Apply(self, [x], [x.type()])

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0] * 2

        def L_op(self, inputs, outputs, output_gradients):
            return [output_gradients[0] * 2]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from theano.graph.basic import Apply, Variable


class MethodNotDefined(NotImplementedError):
    """An Op lacks a method that was needed; the message names both."""


class TestValueError(AttributeError, ValueError):
    """A test value is missing or wrong while ``compute_test_value`` asks for it.

    It is the AttributeError and the ValueError that Theano 1.0 raises on these occasions.
    """

    __test__ = False


class Choice(NamedTuple):
    """What an input of a choosing node is: output number `output`, where `condition` is nonzero (`side`) or zero."""

    output: int
    condition: Variable
    side: bool


class Op:
    """Base of all operations.

    Attributes
    ----------
    __props__
        names of the attributes that make up the Op's identity.
    default_output
        which output a call returns; ``None``: the only one, or all as a list.
    view_map
        output number → [input number]: that output may share memory with that input.
    destroy_map
        output number → [input number]: that input's memory is overwritten.
    itypes, otypes
        types of inputs and outputs, for Ops that need no :meth:`make_node` of their own.
    """

    __props__: tuple[str, ...]
    default_output: int | None = None
    view_map: dict[int, list[int]] = {}
    destroy_map: dict[int, list[int]] = {}
    itypes: Sequence[Any]
    otypes: Sequence[Any]

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The properties of a particular Op are not followed by type checkers."""

    # ---- identity

    def _props(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__props__)

    def _props_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__props__}

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other) or not hasattr(self, "__props__"):
            return False
        return self._props() == other._props()

    def __hash__(self) -> int:
        if not hasattr(self, "__props__"):
            return object.__hash__(self)
        return hash((type(self), self._props()))

    def __str__(self) -> str:
        name = getattr(self, "name", None)
        if isinstance(name, str):
            return name
        if getattr(self, "__props__", ()):
            settings = ", ".join(f"{k}={getattr(self, k)!r}" for k in self.__props__)
            return f"{type(self).__name__}{{{settings}}}"
        return type(self).__name__

    __repr__ = __str__

    # ---- building the graph

    def make_node(self, *inputs: Any) -> Apply:
        """Check and convert the inputs and return the node that applies this Op to them.

        The default serves Ops with ``itypes`` and ``otypes``.
        """
        if not hasattr(self, "itypes") or not hasattr(self, "otypes"):
            raise MethodNotDefined(f"{type(self).__name__} needs make_node, or both itypes and otypes")
        if len(inputs) != len(self.itypes):
            raise ValueError(f"{self} takes {len(self.itypes)} inputs, got {len(inputs)}: {inputs}")
        converted = [t.filter_variable(v) for t, v in zip(self.itypes, inputs, strict=True)]
        return Apply(self, converted, [t() for t in self.otypes])

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """Apply the Op: build the node and return its default output, or the list of its outputs.

        Parameters
        ----------
        return_list
            return a list even for a single output.
        name
            for the (single) result.
        """
        return_list = kwargs.pop("return_list", False)
        name = kwargs.pop("name", None)
        node = self.make_node(*inputs, **kwargs)
        if test_value_mode() != "off":
            from theano.graph.test_value import compute_test_values

            compute_test_values(node)
        if name is not None:
            if len(node.outputs) == 1:
                node.outputs[0].name = name
            elif self.default_output is not None:
                node.outputs[self.default_output].name = name
        if self.default_output is not None:
            result = node.outputs[self.default_output]
            return [result] if return_list else result
        if return_list or len(node.outputs) != 1:
            return list(node.outputs)
        return node.outputs[0]

    # ---- meaning

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        """Compute: read `inputs`, put each result into ``output_storage[i][0]``.

        That cell holds ``None`` or an earlier result of the same type, whose memory may be used again.
        """
        raise MethodNotDefined(f"{type(self).__name__} does not define perform, so it cannot be computed")

    def do_constant_folding(self, node: Apply) -> bool:
        """Whether a node with only constant inputs may be computed at compile time."""
        return True

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        """Symbolic shapes of the outputs from those of the inputs: a tuple of scalars each.

        Without it shapes of the outputs cost computing the outputs.
        """
        raise MethodNotDefined(f"{type(self).__name__} does not define infer_shape")

    # ---- derivatives

    def grad(self, inputs: list[Variable], output_gradients: list[Variable]) -> list[Variable]:
        """The gradient with respect to each input, given that with respect to each output."""
        raise MethodNotDefined(
            f"{type(self).__name__} defines neither grad nor L_op, so nothing can be differentiated through it. "
            f"Define L_op(self, inputs, outputs, output_gradients) on it."
        )

    def L_op(self, inputs: list[Variable], outputs: list[Variable], output_gradients: list[Variable]) -> list[Variable]:
        """As :meth:`grad`, with the outputs at hand too."""
        return self.grad(inputs, output_gradients)

    def R_op(self, inputs: list[Variable], eval_points: list[Variable | None]) -> list[Variable | None]:
        """The derivative of each output along the direction `eval_points` (``None`` stands for zero)."""
        raise MethodNotDefined(f"{type(self).__name__} does not define R_op, so Rop cannot pass through it")

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """``pattern[i][j]``: whether output j depends differentiably on input i."""
        return [[True] * len(node.outputs) for _ in node.inputs]

    def choices(self, node: Apply) -> list[Choice | None] | None:
        """For Ops whose outputs are inputs that a condition chooses: for each input which output it is, and when.

        ``None`` stands for an input that is no output, and in which the outputs are flat. So gradients flow through
        what is chosen alone; see :mod:`theano.gradient.guards`.
        """
        return None


PureOp = Op

_config: Any = None


def test_value_mode() -> str:
    """The setting ``compute_test_value``."""
    global _config
    if _config is None:
        from theano.configuration import config

        _config = config
    return _config.compute_test_value
