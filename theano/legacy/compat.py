"""What `theano.compat` offered to programs that ran on Python 2 and 3."""

from __future__ import annotations

import builtins
import pickle
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import cmp_to_key, partial, reduce
from io import BytesIO, StringIO
from operator import truediv as operator_div

PY2 = False
PY3 = True
string_types = (str,)
integer_types = (int,)
text_type = str
binary_type = bytes

# Python 2's iterators, by its names
izip = zip
imap = map
ifilter = filter
xrange = range
input = builtins.input
cPickle = pickle
DefaultOrderedDict = defaultdict


def decode(x: bytes | str) -> str:
    """Bytes as text."""
    return x.decode() if isinstance(x, bytes) else x


def exc_message(error: BaseException) -> object:
    """The message of an exception."""
    return error.args[0] if len(error.args) == 1 else error.args


def iteritems(mapping: Mapping) -> Iterable:
    """The pairs of a mapping."""
    return mapping.items()


def iterkeys(mapping: Mapping) -> Iterable:
    """The keys of a mapping."""
    return mapping.keys()


def itervalues(mapping: Mapping) -> Iterable:
    """The values of a mapping."""
    return mapping.values()


def with_metaclass(meta: type, *bases: type) -> type:
    """A class of that metaclass, to inherit from."""
    return meta("temporary", bases, {})


__all__ = [
    "PY2",
    "PY3",
    "BytesIO",
    "Callable",
    "DefaultOrderedDict",
    "Mapping",
    "MutableMapping",
    "OrderedDict",
    "StringIO",
    "binary_type",
    "cPickle",
    "cmp_to_key",
    "decode",
    "defaultdict",
    "exc_message",
    "ifilter",
    "imap",
    "input",
    "integer_types",
    "iteritems",
    "iterkeys",
    "itervalues",
    "izip",
    "operator_div",
    "partial",
    "reduce",
    "string_types",
    "text_type",
    "with_metaclass",
    "xrange",
]
