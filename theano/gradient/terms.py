"""The terms that gradients are sums of: their dtypes, and what the Op of one node sends back to its inputs."""

from __future__ import annotations

from theano.configuration import config
from theano.gradient.types import is_disconnected, made_at
from theano.graph.basic import Apply, Variable
from theano.graph.op import Op

# ---- dtypes


def kind_of(variable: Variable) -> str:
    """``"float"``, ``"complex"``, ``"discrete"`` (integers and bool), or ``""`` for what has no dtype."""
    dtype = getattr(variable.type, "dtype", None)
    if not isinstance(dtype, str):
        return ""
    for kind in ("float", "complex"):
        if dtype.startswith(kind):
            return kind
    return "discrete"


def gradient_dtype(variable: Variable) -> str:
    """The dtype of a gradient with respect to `variable`: its own, or ``floatX`` for integers."""
    return config.floatX if kind_of(variable) == "discrete" else variable.type.dtype


def zero_gradient(variable: Variable) -> Variable:
    """A gradient of zeros for `variable`."""
    if not hasattr(variable, "zeros_like"):
        raise TypeError(f"there are no zeros of type {variable.type} to give as the gradient of {variable}")
    return variable.zeros_like(dtype=gradient_dtype(variable))


def fit(term: Variable, variable: Variable) -> Variable:
    """`term` with the dtype and the broadcast pattern of a gradient of `variable`.

    The gradient of a real variable is the real part of what complex intermediate results send back.
    """
    kind, term_kind = kind_of(variable), kind_of(term)
    if kind == "float" and term_kind == "complex":
        from theano.tensor.functions import real

        term = real(term)
    if kind in ("float", "complex") and term.type.dtype != variable.type.dtype:
        term = term.astype(variable.type.dtype)
    pattern = getattr(variable.type, "broadcastable", None)
    if type(term.type) is type(variable.type) and term.type.broadcastable != pattern:
        from theano.tensor.shape import patternbroadcast

        term = patternbroadcast(term, pattern)
    return term


def conjugate(gradient: Variable) -> Variable:
    """The complex conjugate; what is not complex stays as it is."""
    if kind_of(gradient) != "complex":
        return gradient
    from theano.tensor.functions import conj

    return conj(gradient)


# ---- nodes


def connections(node: Apply) -> list[list[bool]]:
    """``pattern[i][j]``: whether output j of `node` depends differentiably on input i."""
    pattern = node.op.connection_pattern(node)
    good = isinstance(pattern, list) and len(pattern) == len(node.inputs)
    if not good or any(not isinstance(row, list) or len(row) != len(node.outputs) for row in pattern):
        raise ValueError(
            f"{node.op}.connection_pattern must return a list of {len(node.inputs)} lists (one an input) of "
            f"{len(node.outputs)} bools (one an output), got {pattern!r}{made_at(node)}"
        )
    return pattern


def call_L_op(node: Apply, gradients: list[Variable]) -> list[Variable]:
    """The Op's ``L_op`` on this node: as many variables as there are inputs.

    The gradient of a real cost with respect to a complex variable is ``dcost/dreal + i dcost/dimag``. So the gradient
    through a holomorphic function is that of the formula for real numbers, conjugated before and after. An Op with the
    attribute ``holomorphic = True`` leaves that to this function.
    """
    turned = getattr(node.op, "holomorphic", False) and any(kind_of(y) == "complex" for y in node.outputs)
    if turned:
        gradients = [conjugate(gradient) for gradient in gradients]
    results = node.op.L_op(list(node.inputs), list(node.outputs), gradients)
    if not isinstance(results, list | tuple):
        raise TypeError(
            f"{node.op}.L_op (or grad) must return a list with a gradient for each input, "
            f"got {results!r} of type {type(results).__name__}{made_at(node)}"
        )
    if len(results) != len(node.inputs):
        raise ValueError(
            f"{node.op}.L_op (or grad) must return {len(node.inputs)} gradients, one for each input, "
            f"got {len(results)}{made_at(node)}"
        )
    for i, term in enumerate(results):
        if not isinstance(term, Variable):
            raise TypeError(
                f"{node.op}.L_op (or grad) returned {term!r} as the gradient for input {i} ({node.inputs[i]}); "
                f"it must be a variable. Return disconnected_type() for an input that the outputs do not depend on, "
                f"grad_undefined(...) or grad_not_implemented(...) for a gradient without value, x.zeros_like() for a "
                f"gradient of zero{made_at(node)}"
            )
    return [conjugate(term) for term in results] if turned else list(results)


def check_connection(node: Apply, i: int, term: Variable) -> None:
    """Raise when the Op's own ``connection_pattern`` promised a gradient for input `i` and ``L_op`` gave none."""
    if type(node.op).connection_pattern is not Op.connection_pattern and is_disconnected(term):
        raise TypeError(
            f"{node.op}.connection_pattern says that input {i} ({node.inputs[i]}) is connected to the cost, but L_op "
            f"(or grad) returned DisconnectedType for it. One of the two methods is wrong{made_at(node)}"
        )


def check_term(node: Apply, i: int, term: Variable) -> None:
    """Raise when `term` cannot be a gradient of input `i`: not continuous, or of another rank."""
    x = node.inputs[i]
    if kind_of(term) not in ("float", "complex"):
        raise TypeError(
            f"{node.op}.L_op (or grad) returned a gradient of type {term.type} for input {i} ({x}); gradients must be "
            f"of a floating-point dtype{made_at(node)}"
        )
    need, have = getattr(x.type, "ndim", None), getattr(term.type, "ndim", None)
    if need is not None and have is not None and need != have:
        raise ValueError(
            f"{node.op}.L_op (or grad) returned a gradient with {have} dimensions (type {term.type}) for input {i} "
            f"({x}), which has {need} (type {x.type}){made_at(node)}"
        )
