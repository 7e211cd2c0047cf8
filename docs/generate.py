"""Write the pages that are made from the code: ``python docs/generate.py``. A test compares them with what is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from theano.configparser import Setting
from theano.configuration import SETTINGS, WITHOUT_EFFECT

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


def pages() -> dict[Path, str]:
    """Path and text of each generated page."""
    text = CONFIGURATION.replace("SETTINGS_TABLE", table(SETTINGS)).replace(
        "WITHOUT_EFFECT_TABLE", table(WITHOUT_EFFECT)
    )
    return {DOCS / "configuration.md": text}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
