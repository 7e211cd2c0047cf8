"""Derivatives of expressions.

Reverse mode (`grad`, `Lop`), forward mode (`Rop`), `jacobian` and `hessian`; Ops that act on gradients alone; and
checks of gradients against finite differences. Derivatives are expressions like any other: they can be compiled,
printed, and differentiated again.
"""

from theano.gradient.forward import *
from theano.gradient.identities import *
from theano.gradient.numeric import *
from theano.gradient.reverse import *
from theano.gradient.rows import *
from theano.gradient.types import *
