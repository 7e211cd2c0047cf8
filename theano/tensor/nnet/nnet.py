"""The names of Theano 1.0's ``theano.tensor.nnet.nnet``, which are those of ``theano.tensor.nnet``."""

# ruff: noqa: F403
from theano.tensor.nnet.activations import *
from theano.tensor.nnet.classes import *
from theano.tensor.nnet.crossentropy import *
from theano.tensor.nnet.softmax import *
