"""Products of matrices: transposes and scales move out, and what is added joins in, for single calls of BLAS."""

from __future__ import annotations

from typing import Any

from theano.graph.basic import Apply
from theano.rewrite.algebra import CANONICALIZE
from theano.rewrite.pattern import RuleTable, elementwise, maker, scalar_constant
from theano.tensor.elementwise import DimShuffle
from theano.tensor.functions import cast
from theano.tensor.products import Dot, Dot22Scalar, Gemm, Gemv
from theano.tensor.variable import constant

table = RuleTable()
node_rule = table.node_rule

BLAS = ("blas",)
BLAS_DTYPES = frozenset({"float32", "float64", "complex64", "complex128"})


def _is_transpose(variable: Any) -> bool:
    its = variable.owner
    return its is not None and type(its.op) is DimShuffle and its.op.new_order == (1, 0)


def _transposed(variable: Any) -> Any:
    if _is_transpose(variable):
        return variable.owner.inputs[0]
    return DimShuffle(variable.type.broadcastable, (1, 0))(variable)


@node_rule(
    "local_lift_transpose_through_dot", CANONICALIZE, DimShuffle,
    before="dot(x, y).T; dot(x.T, y.T).T", after="dot(y.T, x.T); dot(y, x)", when="the product is used nowhere else",
)  # fmt: skip
def local_lift_transpose_through_dot(fgraph: Any, node: Apply) -> Any:
    product: Any = node.inputs[0]
    if node.op.new_order != (1, 0) or product.owner is None or type(product.owner.op) is not Dot:
        return None
    if len(fgraph.clients[product]) > 1:
        return None
    x, y = product.owner.inputs
    if x.type.ndim != 2 or y.type.ndim != 2:
        return None
    return [product.owner.op(_transposed(y), _transposed(x))]


def scalar_factor(variable: Any) -> Any:
    """The scalar that a factor with all lengths 1 stands for; ``None`` for anything else."""
    if not all(variable.type.broadcastable):
        return None
    if variable.type.ndim == 0:
        return variable
    value = scalar_constant(variable)
    if value is not None:
        return constant(value, dtype=variable.type.dtype)
    return DimShuffle(variable.type.broadcastable, ())(variable)


def split_scale(variable: Any) -> tuple[Any, Any]:
    """``a * x`` and ``-x`` as (scale, x), the scale a scalar of the dtype of x; anything else as (``None``, "
    "itself)."""
    dtype = variable.type.dtype
    if maker(variable) == "neg":
        scale, rest = split_scale_once(variable.owner.inputs[0])
        minus = constant(-1, dtype=dtype)
        return (minus if scale is None else elementwise("neg")(scale)), rest
    return split_scale_once(variable)


def split_scale_once(variable: Any) -> tuple[Any, Any]:
    """As :func:`split_scale`, for products alone."""
    if maker(variable) == "mul" and len(variable.owner.inputs) == 2:
        first, second = variable.owner.inputs
        for factor, other in ((first, second), (second, first)):
            scale = scalar_factor(factor) if other.type == variable.type else None
            if scale is not None:
                return _in_dtype(scale, variable.type.dtype), other
    return None, variable


def _in_dtype(x: Any, dtype: str) -> Any:
    return x if x.type.dtype == dtype else cast(x, dtype)


@node_rule(
    "local_dot_of_scaled", CANONICALIZE, Dot, before="dot(a * x, y); dot(x, -y)", after="a * dot(x, y); -dot(x, y)",
    when="a a scalar; the scaled operand is used nowhere else; rounding may differ", tags=("rounding",),
)  # fmt: skip
def local_dot_of_scaled(fgraph: Any, node: Apply) -> Any:
    out = node.outputs[0].type
    if out.dtype not in BLAS_DTYPES or any(v.type.dtype != out.dtype for v in node.inputs):
        return None
    operands: list[Any] = node.inputs
    x, y = operands
    for number, operand in enumerate(operands):
        if len(fgraph.clients[operand]) > 1 or maker(operand) not in ("mul", "neg"):
            continue
        if maker(operand) == "neg":
            inner = operand.owner.inputs[0]
            result = elementwise("neg")(node.op(*((inner, y) if number == 0 else (x, inner))))
        else:
            scale, inner = split_scale_once(operand)
            if scale is None:
                continue
            result = elementwise("mul")(scale, node.op(*((inner, y) if number == 0 else (x, inner))))
        if result.type == out:
            return [result]
    return None


# ---- single calls


def _product_of(fgraph: Any, variable: Any, rank: int) -> Any:
    """The node when `variable` is a product of rank `rank` that BLAS computes and nothing else uses."""
    its = variable.owner
    if its is None or type(its.op) is not Dot or variable.type.ndim != rank or variable.type.dtype not in BLAS_DTYPES:
        return None
    if len(fgraph.clients[variable]) > 1 or any(v.type.dtype != variable.type.dtype for v in its.inputs):
        return None
    if rank == 1 and {v.type.ndim for v in its.inputs} != {1, 2}:
        return None
    return its


@node_rule(
    "local_dot_to_gemm", BLAS, "add", "sub", depth=4, tags=("rounding",),
    before="z + a * dot(x, y); b * z - dot(x, y)", after="Gemm(z, a, x, y, 1); Gemm(z, -1, x, y, b)",
    when="matrices of one float or complex dtype, z as large as the product, which is used nowhere else",
)  # fmt: skip
def local_dot_to_gemm(fgraph: Any, node: Apply) -> Any:
    return _accumulated(fgraph, node, 2)


@node_rule(
    "local_dot_to_gemv", BLAS, "add", "sub", depth=4, tags=("rounding",),
    before="z + a * dot(A, x); z - dot(x, A)", after="Gemv(z, a, A, x, 1); Gemv(z, -1, A.T, x, 1)",
    when="vectors z and x, a matrix A, of one float or complex dtype; the product is used nowhere else",
)  # fmt: skip
def local_dot_to_gemv(fgraph: Any, node: Apply) -> Any:
    return _accumulated(fgraph, node, 1)


def _accumulated(fgraph: Any, node: Apply, rank: int) -> Any:
    out = node.outputs[0].type
    if out.ndim != rank or out.dtype not in BLAS_DTYPES or len(node.inputs) != 2:
        return None
    minus = maker(node.outputs[0]) == "sub"
    for number in (1, 0):
        term, other = node.inputs[number], node.inputs[1 - number]
        if other.type != out or term.type != out:
            continue
        if term.owner is not None and type(term.owner.op) is not Dot and len(fgraph.clients[term]) > 1:
            continue
        alpha, core = split_scale(term)
        product = _product_of(fgraph, core, rank)
        if product is None:
            continue
        beta, added = split_scale(other) if len(fgraph.clients[other]) == 1 else (None, other)
        if added.type != out:
            beta, added = None, other
        alpha = constant(1, dtype=out.dtype) if alpha is None else alpha
        beta = constant(1, dtype=out.dtype) if beta is None else beta
        if minus:
            if number == 1:
                alpha = elementwise("neg")(alpha)
            else:
                beta = elementwise("neg")(beta)
        x, y = product.inputs
        if rank == 2:
            result = Gemm()(added, alpha, x, y, beta)
        elif x.type.ndim == 2:
            result = Gemv()(added, alpha, x, y, beta)
        else:
            result = Gemv()(added, alpha, _transposed(y), x, beta)
        if result.type == out:
            return [result]
    return None


@node_rule(
    "local_dot22_to_dot22scalar", BLAS, "mul", depth=3, before="a * dot(x, y)", after="Dot22Scalar(x, y, a)",
    when="matrices of one float or complex dtype; the product is used nowhere else; sums with it are made Gemm first",
)  # fmt: skip
def local_dot22_to_dot22scalar(fgraph: Any, node: Apply) -> Any:
    out = node.outputs[0]
    if out.type.ndim != 2 or _is_added(fgraph, out):
        return None
    scale, core = split_scale_once(out)
    if scale is None:
        return None
    product = _product_of(fgraph, core, 2)
    if product is None:
        return None
    result = Dot22Scalar()(*product.inputs, scale)
    return [result] if result.type == out.type else None


def _is_added(fgraph: Any, variable: Any) -> bool:
    """Whether the only user is a sum of arrays as large, which makes a Gemm of it."""
    clients = fgraph.clients[variable]
    if len(clients) != 1 or clients[0][0] == "output":
        return False
    (user, _), *_rest = clients
    if maker(user.outputs[0]) == "neg":
        return _is_added(fgraph, user.outputs[0])
    return maker(user.outputs[0]) in ("add", "sub") and all(v.type == variable.type for v in user.inputs)
