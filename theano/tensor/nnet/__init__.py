"""Neural networks: activation functions, softmax and cross-entropies."""

from theano.tensor.nnet import nnet, sigm
from theano.tensor.nnet.activations import *
from theano.tensor.nnet.classes import *
from theano.tensor.nnet.crossentropy import *
from theano.tensor.nnet.softmax import *
