"""pydotprint: a graph as a picture."""

from __future__ import annotations

from typing import Any

from theano.graph.basic import Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.graph.traversal import ancestors, toposort

_COLORS = {"input": "green", "shared": "cyan", "constant": "lightgrey", "output": "blue"}


def _pydot() -> Any:
    try:
        import pydot
    except ImportError:
        return None
    return pydot


def pydot_is_installed() -> bool:
    """Whether the package pydot can be imported."""
    from importlib.util import find_spec

    return find_spec("pydot") is not None


def dot_source(
    variables: list[Variable], with_ids: bool = False, max_label_size: int = 70, high_contrast: bool = True
) -> str:
    """The graph of `variables` in Graphviz' language DOT: boxes are variables, ellipses nodes."""

    def quoted(text: str) -> str:
        if len(text) > max_label_size:
            text = text[: max_label_size - 3] + "..."
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    names: dict[Any, str] = {}

    def name(obj: Any) -> str:
        return names.setdefault(obj, f"n{len(names)}")

    outputs = set(variables)
    lines = ["digraph theano {", "  node [style=filled, fillcolor=white];"]
    for variable in ancestors(variables):
        if variable.owner is not None and variable not in outputs:
            continue
        kind = _kind(variable)
        if variable.owner is not None:
            kind = "output"
        label = f"{variable} {variable.type}" if str(variable.type) not in str(variable) else str(variable)
        fill = f"fillcolor={_COLORS[kind]}" if high_contrast else f"fillcolor=white, color={_COLORS[kind]}"
        lines.append(f"  {name(variable)} [label={quoted(label)}, shape=box, {fill}];")
    for position, node in enumerate(toposort(variables)):
        label = f"{node.op} id={position}" if with_ids else str(node.op)
        lines.append(f"  {name(node)} [label={quoted(label)}, shape=ellipse];")
        for i, variable in enumerate(node.inputs):
            source = variable if variable.owner is None or variable in outputs else variable.owner
            text = f"{i} {variable.type}" if len(node.inputs) > 1 else str(variable.type)
            lines.append(f"  {name(source)} -> {name(node)} [label={quoted(text)}];")
        for variable in node.outputs:
            if variable in outputs:
                lines.append(f"  {name(node)} -> {name(variable)} [label={quoted(str(variable.type))}];")
    return "\n".join([*lines, "}"])


def _kind(variable: Variable) -> str:
    from theano.compile.sharedvalue import SharedVariable

    if isinstance(variable, Constant):
        return "constant"
    return "shared" if isinstance(variable, SharedVariable) else "input"


def pydotprint(
    fct: Any,
    outfile: str | None = None,
    compact: bool = True,
    format: str = "png",
    with_ids: bool = False,
    high_contrast: bool = True,
    cond_highlight: Any = None,
    colorCodes: Any = None,
    max_label_size: int = 70,
    scan_graphs: bool = False,
    var_with_name_simple: bool = False,
    print_output_file: bool = True,
    return_image: bool = False,
) -> Any:
    """Draw the graph of a function, a variable or a list of variables into a file.

    Parameters
    ----------
    fct
        what to draw.
    outfile
        the file; by default ``theano.pydotprint.<format>`` in the current folder.
    format
        ``"dot"`` (needs nothing installed) or what Graphviz writes: ``"png"``, ``"svg"``, ``"pdf"``, …
    with_ids
        number the nodes.
    high_contrast
        color the whole box.
    max_label_size
        characters of a label.
    print_output_file
        say where the drawing is.
    return_image
        return the picture instead of writing a file.
    compact, cond_highlight, colorCodes, scan_graphs, var_with_name_simple
        accepted as in Theano 1.0.

    Raises
    ------
    RuntimeError
        pydot or Graphviz is not installed, and `format` is not ``"dot"``.
    """
    source = dot_source(_variables_of(fct), with_ids, max_label_size, high_contrast)
    if format == "dot":
        image = source.encode()
    else:
        pydot = _pydot()
        if pydot is None:
            raise RuntimeError(
                "pydotprint needs the package pydot and the program Graphviz: pip install pydot, and install graphviz "
                "with the system's package manager. With format='dot' it writes the drawing's source without them."
            )
        (graph, *_) = pydot.graph_from_dot_data(source)
        try:
            image = graph.create(format=format)
        except (OSError, AssertionError) as error:
            raise RuntimeError(
                f"Graphviz could not draw: {error}. Install graphviz with the system's package manager, or use "
                "format='dot'."
            ) from error
    if return_image:
        return image
    outfile = outfile or f"theano.pydotprint.{format}"
    if not outfile.endswith("." + format):
        outfile += "." + format
    with open(outfile, "wb") as file:
        file.write(image)
    if print_output_file:
        print("The output file is available at", outfile)
    return None


def pydotprint_variables(vars: Any, outfile: str = "graph.png", format: str = "png", **kwargs: Any) -> Any:
    """As :func:`pydotprint`, for variables."""
    return pydotprint(vars, outfile, format=format, **kwargs)


def _variables_of(obj: Any) -> list[Variable]:
    if hasattr(obj, "maker"):
        obj = obj.maker.fgraph
    if isinstance(obj, FunctionGraph):
        return list(obj.outputs)
    if isinstance(obj, Variable):
        return [obj]
    if isinstance(obj, list | tuple):
        return [v for item in obj for v in _variables_of(item)]
    if hasattr(obj, "outputs"):
        return list(obj.outputs)
    raise TypeError(f"pydotprint draws functions, variables and nodes, not {obj!r}")
