"""The page of all rules, made from them: ``python -m theano.rewrite.documentation > docs/rewrites.md``."""

from __future__ import annotations

from theano.rewrite.passes import load_rules, optdb
from theano.rewrite.rules import FILES

INTRODUCTION = """# Rewrites

Before an expression is compiled, rules rewrite it: to a simpler form, to one that neither overflows nor loses digits,
and to the operations that are cheapest. This page is made from the rules (`python -m theano.rewrite.documentation`).

Rules work in passes, in this order:

{passes}

A rule is applied wherever its form occurs until no rule of the pass applies any more; equal subexpressions are merged
and constants are computed on the way. `theano.rewrite.simplify` shows what becomes of an expression, and
`theano.rewrite.text` prints it:

```python
>>> import theano.tensor as T
>>> from theano.rewrite import simplify, text
>>> x = T.dvector("x")
>>> text(simplify(T.log(1 + T.exp(x))))
'softplus(x)'

```

Each rule can be switched off by its name, and all rules with a tag by the tag:
`Mode(...).excluding("local_log1p")`, or the setting `optimizer_excluding=local_log1p`. Beside the tags in the tables
each rule has as tags the names of its passes, the title of its table, and `fast_run`; only those with `fast_compile`
are used in that mode. Rules tagged `rounding` may change results in the last digits, and so may the whole table of
stability, to the better. Those tagged `opt_in` are used only where a query includes them by name or by another of their
tags.

A rule of your own is a line, or a function of a node:

```python
from theano.rewrite import Hole, RuleTable, function, optdb

x, sin = Hole("x"), function("sin")
optdb.add_rule(RuleTable().rule("sin_of_neg", ("canonicalize",), (sin(-x), -sin(x))), "fast_run")
```
"""


def page() -> str:
    """The whole page."""
    load_rules()
    stages = "\n".join(f"{number}. `{p.name}`: {p.summary}" for number, p in enumerate(optdb.ordered(), 1))
    tags_of = {rule.name: tags for rule, tags in optdb.rules()}
    themes: dict[str, list[str]] = {}
    for theme, table in FILES:
        for rule in table:
            shown = sorted(tags_of[rule.name] - {rule.name, theme, "fast_run", *rule.passes})
            cells = [
                f"`{rule.name}`",
                ", ".join(rule.passes),
                ", ".join(shown),
                _code(rule.before),
                _code(rule.after),
                rule.when,
            ]
            themes.setdefault(theme, []).append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    head = "| rule | passes | tags | before | after | where |\n|---|---|---|---|---|---|\n"
    tables = [f"## {theme}\n\n{head}" + "\n".join(rows) + "\n" for theme, rows in themes.items()]
    return INTRODUCTION.format(passes=stages) + "\n" + "\n".join(tables)


def _code(text: str) -> str:
    return "<br>".join(f"`{part.strip()}`" for part in text.split(";") if part.strip())


if __name__ == "__main__":
    print(page(), end="")
