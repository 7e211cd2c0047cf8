"""Printing of expressions and compiled functions, under the names of Theano 1.0.

The work is done in `theano.inspect`.
"""

from theano.inspect.debugprint import debugprint
from theano.inspect.drawing import pydot_is_installed, pydotprint, pydotprint_variables
from theano.inspect.infix import FunctionPrinter, IgnorePrinter, OperatorPrinter, PatternPrinter, PPrinter, pp, pprint
from theano.inspect.naming import hex_digest, min_informative_str, var_descriptor
from theano.inspect.print_op import Print
from theano.inspect.stages import stages


def __getattr__(name: str) -> bool:
    if name == "pydot_imported":
        return pydot_is_installed()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "FunctionPrinter",
    "IgnorePrinter",
    "OperatorPrinter",
    "PPrinter",
    "PatternPrinter",
    "Print",
    "debugprint",
    "hex_digest",
    "min_informative_str",
    "pp",
    "pprint",
    "pydot_is_installed",
    "pydotprint",
    "pydotprint_variables",
    "stages",
    "var_descriptor",
]
