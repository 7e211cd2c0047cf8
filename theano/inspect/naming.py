"""Short names for variables and graphs."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.graph.basic import Constant, Variable
from theano.graph.traversal import ancestors, toposort
from theano.inspect.debugprint import char_from_number


def hex_digest(x: np.ndarray) -> str:
    """A digest of an array: of its bytes, dtype, shape and strides, as a hexadecimal number.

    Two arrays have equal digests just when they are equal in all of these.
    """
    import hashlib  # costs milliseconds of every start otherwise

    x = np.asarray(x)
    digest = hashlib.sha256(np.ascontiguousarray(x).tobytes()).hexdigest()
    shape = ",".join(map(str, x.shape))
    strides = ",".join(map(str, x.strides))
    return f"{digest}|strides=[{strides}]|shape=[{shape}]|dtype={x.dtype}"


def min_informative_str(obj: Any, indent_level: int = 0, _prev_obs: Any = None, _tag_generator: Any = None) -> str:
    """An expression as an indented tree of letters, Ops and names; what appears again is a letter alone.

    >>> import theano.tensor as T
    >>> a, b = T.dscalars("a", "b")
    >>> print(min_informative_str((a + b) * a))
    A. Elemwise{mul,no_inplace}
     B. Elemwise{add,no_inplace}
      C. a
      D. b
     C. a
    """
    letters: dict[Any, str] = {}
    lines: list[str] = []
    todo: list[tuple[Any, int]] = [(obj, indent_level)]
    while todo:
        item, level = todo.pop()
        pad = " " * level
        known = item in letters
        letter = letters.setdefault(item, char_from_number(len(letters)))
        owner = getattr(item, "owner", None)
        if known and owner is not None and getattr(item, "name", None) is None:
            lines.append(f"{pad}<{letter}>")
            continue
        if getattr(item, "name", None) is not None or owner is None:
            lines.append(f"{pad}{letter}. {item}")
            continue
        lines.append(f"{pad}{letter}. {owner.op}")
        todo.extend((v, level + 1) for v in reversed(owner.inputs))
    return "\n".join(lines)


def var_descriptor(obj: Variable) -> str:
    """A text that is equal for two variables just when they are computed in the same way from the same inputs.

    Free variables count by name and type, constants by value.
    """
    import hashlib

    described: dict[Variable, int] = {}
    lines: list[str] = []

    def describe(variable: Variable, text: str) -> None:
        described[variable] = len(described)
        lines.append(text)

    free = [v for v in ancestors([obj]) if v.owner is None]
    for variable in free:
        if isinstance(variable, Constant):
            value = hex_digest(variable.data) if isinstance(variable.data, np.ndarray) else repr(variable.data)
            describe(variable, f"constant {variable.type} {value}")
        else:
            describe(variable, f"input {variable.type} {variable.name}")
    for node in toposort([obj]):
        inputs = ",".join(str(described[v]) for v in node.inputs)
        for variable in node.outputs:
            describe(variable, f"{node.op}({inputs}).{variable.index}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
