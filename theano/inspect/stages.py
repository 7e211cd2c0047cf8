"""All stages of a compiled function as text."""

from __future__ import annotations

from typing import Any

from theano.inspect.debugprint import debugprint


class Stages(dict[str, str]):
    """The text of each stage under its title; printed, all of them in order."""

    def __str__(self) -> str:
        return "\n".join(f"==== {title} ====\n{text.rstrip()}\n" for title, text in self.items())

    __repr__ = __str__


def stages(function: Any) -> Stages:
    """What became of an expression: as written, after rewriting, and in each form that the backend gave it.

    Parameters
    ----------
    function
        what `theano.function` returned.

    >>> import theano, theano.tensor as T
    >>> x = T.dvector("x")
    >>> f = theano.function([x], 2 * x, mode=theano.Mode("reference", None))
    >>> print(stages(f))
    ==== expression ====
    output 0:
    Elemwise{mul,no_inplace} [id A] ''
     |InplaceDimShuffle{x} [id B] ''
     | |TensorConstant{2} [id C]
     |x [id D]
    <BLANKLINE>
    ==== rewritten graph ====
    ...
    ==== interpreted ====
    ...
    """
    maker = function.maker
    done: dict[Any, Any] = {}
    labels: dict[Any, Any] = {}
    parts = []
    for i, output in enumerate(maker.outputs):
        title = f"output {i}" if maker.output_keys is None else f"output {maker.output_keys[i]!r}"
        parts.append(f"{title}:\n" + debugprint(output.variable, file="str", done=done, used_ids=labels))
    for entry in maker.inputs:
        if entry.update is not None:
            text = debugprint(entry.update, file="str", done=done, used_ids=labels)
            parts.append(f"update of {entry.variable}:\n{text}")
    texts = Stages({"expression": "".join(parts), "rewritten graph": debugprint(maker.fgraph, file="str")})
    texts.update(function.program.stages())
    return texts
