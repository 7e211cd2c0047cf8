"""Theano 1.0's import path of what is in :mod:`theano.scalar`."""

from __future__ import annotations

from typing import Any

import theano.scalar
from theano.scalar import *  # noqa: F403


def __getattr__(name: str) -> Any:
    return getattr(theano.scalar, name)
