"""Looking inside: graphs and functions as text and as drawings."""

from theano.inspect.debugprint import debugprint
from theano.inspect.drawing import pydotprint
from theano.inspect.infix import pp, pprint
from theano.inspect.naming import hex_digest, min_informative_str, var_descriptor
from theano.inspect.print_op import Print
from theano.inspect.stages import stages

__all__ = [
    "Print",
    "debugprint",
    "hex_digest",
    "min_informative_str",
    "pp",
    "pprint",
    "pydotprint",
    "stages",
    "var_descriptor",
]
