"""Malformed IR raises here: unverified, it would crash the process inside LLVM."""

from __future__ import annotations

import os

os.environ["THEANO_VERIFY_IR"] = "1"
