"""Ops that compute the identity and act only on derivatives: to stop, clip, scale or forbid them."""

from __future__ import annotations

from typing import Any

from theano.gradient.types import disconnected_type, grad_undefined
from theano.graph.basic import Apply, Variable
from theano.graph.op import Op

__all__ = [
    "ConsiderConstant",
    "DisconnectedGrad",
    "GradClip",
    "GradScale",
    "GradientIdentity",
    "UndefinedGrad",
    "ZeroGrad",
    "consider_constant",
    "consider_constant_",
    "disconnected_grad",
    "disconnected_grad_",
    "grad_clip",
    "grad_scale",
    "undefined_grad",
    "undefined_grad_",
    "zero_grad",
    "zero_grad_",
]


class GradientIdentity(Op):
    """Base of the Ops whose output is their input, and that differ from the identity only in their derivatives.

    Backends compute none of them: the output is a view of the input.
    """

    __props__: tuple[str, ...] = ()
    view_map = {0: [0]}

    def make_node(self, x: Any) -> Apply:
        if not isinstance(x, Variable):
            from theano.tensor.variable import as_tensor_variable

            x = as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        output_storage[0][0] = inputs[0]

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return input_shapes

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return output_gradients

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return eval_points

    def __str__(self) -> str:
        if not self.__props__:
            return type(self).__name__
        return f"{type(self).__name__}{{{', '.join(f'{p}={getattr(self, p)}' for p in self.__props__)}}}"


class ZeroGrad(GradientIdentity):
    """The identity with a derivative of zero."""

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return [output_gradients[0].zeros_like()]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else eval_points[0].zeros_like()]


class ConsiderConstant(ZeroGrad):
    """:class:`ZeroGrad` under its older name."""


class DisconnectedGrad(GradientIdentity):
    """The identity, cut off for derivatives: a cost does not count as depending on what it was applied to."""

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return [disconnected_type()]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]


class UndefinedGrad(GradientIdentity):
    """The identity with an undefined derivative: asking for it is an error."""

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return [grad_undefined(self, 0, inputs[0], "undefined_grad was applied to it")]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [grad_undefined(self, 0, inputs[0], "undefined_grad was applied to it")]


class GradClip(GradientIdentity):
    """The identity whose gradient is clipped to an interval on its way back."""

    __props__ = ("clip_lower_bound", "clip_upper_bound")

    def __init__(self, clip_lower_bound: float, clip_upper_bound: float) -> None:
        if not clip_upper_bound >= clip_lower_bound:
            raise ValueError(f"grad_clip: the upper bound {clip_upper_bound} is below the lower one {clip_lower_bound}")
        self.clip_lower_bound = clip_lower_bound
        self.clip_upper_bound = clip_upper_bound

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        from theano.tensor.functions import clip

        return [clip(output_gradients[0], self.clip_lower_bound, self.clip_upper_bound)]


class GradScale(GradientIdentity):
    """The identity with a derivative of `multiplier`."""

    __props__ = ("multiplier",)

    def __init__(self, multiplier: float) -> None:
        self.multiplier = multiplier

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return [output_gradients[0] * self.multiplier]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else eval_points[0] * self.multiplier]


consider_constant_ = ConsiderConstant()
zero_grad_ = ZeroGrad()
disconnected_grad_ = DisconnectedGrad()
undefined_grad_ = UndefinedGrad()


def consider_constant(x: Any) -> Variable:
    """`x`, with a gradient of zero: :func:`zero_grad` under its older name."""
    return consider_constant_(x)


def zero_grad(x: Any) -> Variable:
    """`x`, taken as a constant by derivatives: they are zero, but a cost of it counts as connected.

    Returns
    -------
    an expression of the type and value of `x`.

    >>> import theano, theano.tensor as T
    >>> x = T.dscalar("x")
    >>> theano.grad(x * theano.gradient.zero_grad(x), x).eval({x: 3.0})
    array(3.)
    """
    return zero_grad_(x)


def disconnected_grad(x: Any) -> Variable:
    """`x`, taken as a constant by derivatives, which do not even see that there is a dependence.

    Returns
    -------
    an expression of the type and value of `x`. ``grad`` of a cost that depends on `x` only through it raises
    :class:`~theano.gradient.DisconnectedInputError`, unless told otherwise.
    """
    return disconnected_grad_(x)


def undefined_grad(x: Any) -> Variable:
    """`x`, with an undefined derivative: whoever needs it gets a :class:`~theano.gradient.NullTypeGradError`.

    Returns
    -------
    an expression of the type and value of `x`.
    """
    return undefined_grad_(x)


def grad_clip(x: Any, lower_bound: float, upper_bound: float) -> Variable:
    """`x`, whose gradient is clipped elementwise to ``[lower_bound, upper_bound]``.

    Used against exploding gradients in recurrent networks. Forward mode (``Rop``) passes it as the identity.

    Returns
    -------
    an expression of the type and value of `x`.

    Raises
    ------
    ValueError
        when the upper bound is below the lower one.

    >>> import theano, theano.tensor as T
    >>> x = T.dscalar("x")
    >>> theano.grad(theano.gradient.grad_clip(x, -1, 1) ** 2, x).eval({x: 3.0})
    array(1.)
    """
    return GradClip(lower_bound, upper_bound)(x)


def grad_scale(x: Any, multiplier: float) -> Variable:
    """`x`, whose gradient is multiplied by `multiplier`.

    Returns
    -------
    an expression of the type and value of `x`.

    >>> import theano, theano.tensor as T
    >>> x = T.dscalar("x")
    >>> theano.grad(theano.gradient.grad_scale(x, 0.5) ** 2, x).eval({x: 3.0})
    array(3.)
    """
    return GradScale(multiplier)(x)
