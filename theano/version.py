"""The version, under the names of Theano 1.0."""

from theano import __version__ as version

full_version = short_version = version
release = "dev" not in version
