"""A compact text form of expressions, for tests, for error messages and for reading what rewriting did.

>>> import theano.tensor as T
>>> from theano.rewrite.text import text
>>> x = T.dmatrix("x")
>>> text(1 / (1 + T.exp(-x)))
'1 / (1 + exp(-x))'
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.traversal import toposort
from theano.rewrite.pattern import key_of
from theano.scalar.conversion import Cast
from theano.tensor.elementwise import DimShuffle, Elemwise

INFIX = {
    "add": ("+", 50),
    "sub": ("-", 50),
    "mul": ("*", 60),
    "true_div": ("/", 60),
    "int_div": ("//", 60),
    "mod": ("%", 60),
    "pow": ("**", 80),
    "eq": ("==", 30),
    "neq": ("!=", 30),
    "lt": ("<", 30),
    "le": ("<=", 30),
    "gt": (">", 30),
    "ge": (">=", 30),
}
ATOM = 100
PREFIX = 70
_ELLIPSIS = "…"


def number_text(value: Any) -> str:
    """A number without a superfluous ``.0``."""
    value = value.item() if isinstance(value, np.generic | np.ndarray) else value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value)) if value or not np.signbit(value) else "-0"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _leaf(variable: Variable) -> str:
    if isinstance(variable, Constant):
        data = variable.data
        if isinstance(data, np.ndarray):
            if data.size == 1:
                return number_text(data)
            if data.size <= 6:
                return str(data.tolist()).replace(".0,", ",").replace(".0]", "]")
            return f"constant{data.shape}"
        return str(data)
    return variable.name or f"<{variable.type}>"


def text(variables: Any, limit: int = 2000) -> str:
    """An expression (or a list of them, separated by commas) as one line.

    Parts that grow beyond `limit` characters are cut to an ellipsis.
    """
    outputs = [variables] if isinstance(variables, Variable) else list(variables)
    known: dict[Variable, tuple[str, int]] = {}

    def part(variable: Variable) -> tuple[str, int]:
        if variable not in known:
            leaf = _leaf(variable)
            known[variable] = (leaf, PREFIX if leaf.startswith("-") else ATOM)
        return known[variable]

    def inside(variable: Variable, precedence: int) -> str:
        words, its = part(variable)
        return words if its >= precedence else f"({words})"

    for node in toposort(outputs):
        words, precedence = _node_text(node, inside)
        if len(words) > limit:
            words, precedence = _ELLIPSIS, ATOM
        for i, output in enumerate(node.outputs):
            known[output] = (words if len(node.outputs) == 1 else f"{words}.{i}", precedence)
    return ", ".join(part(v)[0] for v in outputs)


def _node_text(node: Apply, inside: Any) -> tuple[str, int]:
    key, op, inputs = key_of(node.op), node.op, node.inputs
    if isinstance(key, str):
        if key in INFIX and len(inputs) > 1:
            symbol, precedence = INFIX[key]
            if key == "pow":
                return f"{inside(inputs[0], precedence + 1)}**{inside(inputs[1], precedence + 1)}", precedence
            first, *others = inputs
            return f" {symbol} ".join(
                [inside(first, precedence), *(inside(v, precedence + 1) for v in others)]
            ), precedence
        if key == "neg":
            return f"-{inside(inputs[0], PREFIX + 1)}", PREFIX
        name = key
    elif op.__class__ is Elemwise:
        scalar_op: Any = op.scalar_op
        name = f"cast[{scalar_op.dtype}]" if key is Cast else str(scalar_op)
    elif op.__class__ is DimShuffle and isinstance(inputs[0], Constant):
        return inside(inputs[0], 0), ATOM  # a number beside an array, say
    else:
        name = _op_name(node, inside)
        if name.startswith("."):
            return f"{inside(inputs[0], ATOM)}{name}", ATOM
        if name.startswith("["):
            return f"{inside(inputs[0], ATOM)}{name}", ATOM
        if name == "MakeVector":
            return f"[{', '.join(inside(v, 0) for v in inputs)}]", ATOM
    return f"{name}({', '.join(inside(v, 0) for v in inputs)})", ATOM


def _op_name(node: Apply, inside: Any) -> str:
    op, kind = node.op, type(node.op).__name__
    if kind == "DimShuffle":
        if op.new_order == (1, 0):
            return ".T"
        return f".dimshuffle({', '.join(map(str, op.new_order))})"
    if kind == "Shape":
        return ".shape"
    if kind == "Shape_i":
        return f".shape[{op.i}]"
    if kind == "MakeVector":
        return "MakeVector"
    if kind == "Subtensor":
        return f"[{_index_text(op.idx_list, list(node.inputs[1:]), inside)}]"
    if kind == "IncSubtensor":
        verb = "set" if op.set_instead_of_inc else "inc"
        index = _index_text(op.idx_list, list(node.inputs[2:]), inside)
        return f"[{index}].{verb}({inside(node.inputs[1], 0)})"
    if kind == "IfElse":
        return "ifelse"
    axis = getattr(op, "axis", None)
    if kind in (
        "Sum",
        "Prod",
        "ProdWithoutZeros",
        "Max",
        "Min",
        "All",
        "Any",
        "Argmax",
        "Join",
        "LogSoftmax",
        "Softmax",
    ):
        if axis is not None:
            shown = axis if isinstance(axis, int) else axis[0] if len(axis) == 1 else axis
            return f"{kind}{{{shown}}}"
        return kind
    return kind


def _index_text(idx_list: Any, dynamic: list[Variable], inside: Any) -> str:
    from theano.tensor.indexing import DYNAMIC

    def entry(part: Any) -> str:
        return "" if part is None else inside(dynamic.pop(0), 0) if part is DYNAMIC else str(part)

    words = []
    for part in idx_list:
        if hasattr(part, "start"):
            start, stop, step = entry(part.start), entry(part.stop), entry(part.step)
            words.append(f"{start}:{stop}" + (f":{step}" if step else ""))
        else:
            words.append(entry(part))
    return ", ".join(words)
