"""Write the pages that are made from the code: ``python docs/generate.py``. A test compares them with what is there."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from theano.configparser import Setting
from theano.configuration import SETTINGS, WITHOUT_EFFECT
from theano.rewrite import documentation
from theano.scalar.table import TABLE, Operation
from theano.tensor.functions import ALIASES

DOCS = Path(__file__).parent

CONFIGURATION = """\
# Configuration

*Made by `docs/generate.py` from the table in `theano/configuration.py`.*

A setting takes its value from the last of these that names it:

1. its default;
2. the files listed in the environment variable `THEANORC`, separated as in `PATH`; by default `~/.theanorc` (on Windows
   also `~/.theanorc.txt`);
3. the environment variable `THEANO_FLAGS`;
4. the program.

```ini
# ~/.theanorc: names above the first section, or in [global], stand as they are; below [gcc], cxxflags is gcc.cxxflags
floatX = float32
[numpy]
seterr_all = raise
```

```sh
THEANO_FLAGS='floatX=float32,numpy.seterr_all=raise' python program.py
```

```python
import theano

theano.config.floatX = "float32"
with theano.config.change_flags({"numpy.seterr_all": "raise"}, on_unused_input="ignore"):
    ...
print(theano.config)  # every setting, its default, its value and where the value comes from
```

In files and flags the case of names does not matter. An unknown name or a malformed value there is answered with a
warning that names the place and the nearest valid word, and is otherwise ignored; in a program it is an
`AttributeError` or a `ValueError`. Settings marked † are read once, when `theano` is imported: a program cannot change
them afterwards.

A library declares settings of its own with `theano.configparser.AddConfigVar`.

## Settings

SETTINGS_TABLE

## Accepted without effect

Theano 1.0 had these as well. Their values are checked and kept, so that old files and programs are accepted, but
nothing depends on them.

WITHOUT_EFFECT_TABLE
"""

THEMES = {
    "arithmetic": "Arithmetic, signs, powers, extrema and choice",
    "logic": "Comparisons, logic and bits",
    "rounding": "Rounding",
    "exponential": "Exponentials, logarithms and sigmoids",
    "trigonometric": "Angles, trigonometric and hyperbolic functions",
    "special": "Special functions",
    "complex_parts": "Complex numbers",
    "random_numbers": "Random bits, and numbers made of them",
}
SAMPLED = ("bool", "int8", "int32", "float16", "float32", "float64", "complex64")

ELEMENTWISE = """\
# Elementwise functions

*Made by `docs/generate.py` from the rows in `theano/scalar/`.*

Every function here applies to tensors of any ranks, element by element: missing dimensions on the left and dimensions
whose type says that the length is 1 are stretched. Each is one row of the table in `theano/scalar/`: its meaning in
NumPy, the dtype of its result, its derivative. The columns on the right give the dtype of the result where all operands
have the dtype above (— where they are refused); operands of different dtypes are first brought to a common one, as
NumPy does. `floatX` is the setting of that name.

`T.cast(x, dtype)` and `x.astype(dtype)` convert; `T.round(x, mode)`, `T.isclose`, `T.allclose`, `T.largest`,
`T.smallest`, `T.divmod`, `T.iround` and `T.ceil_intdiv` are composed of rows.
"""


def table(settings: Sequence[Setting]) -> str:
    """A Markdown table, one row a setting."""
    rows = ["| name | values | default | meaning |", "|---|---|---|---|"]
    for setting in settings:
        param = setting.param
        home = str(Path.home())
        cells = (
            f"`{setting.name}`{'' if param.allow_override else ' †'}",
            " ".join(f"`{word}`" if word != "|" else "or" for word in param.kind.split(" ")),
            f"`{param.default!r}`".replace(home, "~"),
            setting.doc,
        )
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


def result_dtype(op: Operation, dtype: str) -> str:
    """The dtype of the result where all operands have `dtype`; a dash where they are refused."""
    try:
        found = op.output_types([dtype] * (2 if op.nin < 0 else op.nin))
    except TypeError:
        return "—"
    if op.name == "true_div" and dtype in ("bool", "int8", "int32"):
        return "floatX"
    return found


def function_row(op: Operation) -> str:
    """The line of one operation: its names, its meaning, its dtypes."""
    call = f"{op.name}({', '.join(op.operands) or '*terms'})"
    others = sorted(alias for alias, name in ALIASES.items() if name == op.name)
    names = f"`{call}`" + "".join(f"<br>`{alias}`" for alias in others)
    if op.symbol and not op.symbol.isalpha():
        operands = op.operands or ("x", "y")
        written = f"{op.symbol}{operands[0]}" if op.nin == 1 else f" {op.symbol} ".join(operands)
        names += f"<br>`{written}`".replace("|", "\\|")
    cells = [names, op.doc.replace("|", "\\|"), *(result_dtype(op, d) for d in SAMPLED)]
    return "| " + " | ".join(cells) + " |"


def elementwise() -> str:
    """The page of the elementwise functions: a table for each theme."""
    parts = [ELEMENTWISE]
    for module, title in THEMES.items():
        names = import_module(f"theano.scalar.{module}").__all__
        head = "| function | meaning | " + " | ".join(SAMPLED) + " |"
        rows = [function_row(op) for op in TABLE.values() if op.name in names]
        parts.append("\n".join([f"## {title}", "", head, "|" + " --- |" * (2 + len(SAMPLED)), *rows, ""]))
    return "\n".join(parts)


def pages() -> dict[Path, str]:
    """Path and text of each generated page."""
    text = CONFIGURATION.replace("SETTINGS_TABLE", table(SETTINGS)).replace(
        "WITHOUT_EFFECT_TABLE", table(WITHOUT_EFFECT)
    )
    return {
        DOCS / "configuration.md": text,
        DOCS / "elementwise.md": elementwise(),
        DOCS / "rewrites.md": documentation.page(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
