"""Write docs/elementwise.md, a table of all elementwise functions, from the rows of theano/scalar."""

from __future__ import annotations

import pathlib

from theano.scalar.table import TABLE, Operation
from theano.tensor.functions import ALIASES

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "elementwise.md"

THEMES = {
    "arithmetic": "Arithmetic, signs, powers, extrema and choice",
    "logic": "Comparisons, logic and bits",
    "rounding": "Rounding",
    "exponential": "Exponentials, logarithms and sigmoids",
    "trigonometric": "Angles, trigonometric and hyperbolic functions",
    "special": "Special functions",
    "complex_parts": "Complex numbers",
}
SAMPLED = ("bool", "int8", "int32", "float16", "float32", "float64", "complex64")

INTRODUCTION = """# Elementwise functions

Every function here applies to tensors of any ranks, element by element: missing dimensions on the left and dimensions
whose type says that the length is 1 are stretched. Each is one row of the table in `theano/scalar/`: its meaning in
NumPy, the dtype of its result, its derivative. The columns on the right give the dtype of the result where all operands
have the dtype above (— where they are refused); operands of different dtypes are first brought to a common one, as
NumPy does. `floatX` is the setting of that name.

`T.cast(x, dtype)` and `x.astype(dtype)` convert; `T.round(x, mode)`, `T.isclose`, `T.allclose`, `T.largest`,
`T.smallest`, `T.divmod`, `T.iround` and `T.ceil_intdiv` are composed of rows.

This page is written by `python tools/elementwise_table.py`.
"""


def _result(op: Operation, dtype: str) -> str:
    try:
        found = op.output_types([dtype] * (2 if op.nin < 0 else op.nin))
    except TypeError:
        return "—"
    if op.name == "true_div" and dtype in ("bool", "int8", "int32"):
        return "floatX"
    return found


def _line(op: Operation) -> str:
    call = f"{op.name}({', '.join(op.operands) or '*terms'})"
    others = sorted(alias for alias, name in ALIASES.items() if name == op.name)
    names = f"`{call}`" + "".join(f"<br>`{alias}`" for alias in others)
    if op.symbol and not op.symbol.isalpha():
        operands = op.operands or ("x", "y")
        written = f"{op.symbol}{operands[0]}" if op.nin == 1 else f" {op.symbol} ".join(operands)
        names += f"<br>`{written}`".replace("|", "\\|")
    cells = [names, op.doc.replace("|", "\\|"), *(_result(op, d) for d in SAMPLED)]
    return "| " + " | ".join(cells) + " |"


def page() -> str:
    """The text of the page."""
    import importlib

    parts = [INTRODUCTION]
    for module, title in THEMES.items():
        names = importlib.import_module(f"theano.scalar.{module}").__all__
        head = "| function | meaning | " + " | ".join(SAMPLED) + " |"
        rows = [_line(op) for op in TABLE.values() if op.name in names]
        parts.append("\n".join([f"## {title}", "", head, "|" + " --- |" * (2 + len(SAMPLED)), *rows, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
