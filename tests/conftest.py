"""Settings of the test run.

Malformed IR raises: unverified, it would crash the process inside LLVM. Machine code is kept apart from the user's.
"""

from __future__ import annotations

import os
import tempfile

import theano

os.environ["THEANO_VERIFY_IR"] = "1"
_folder = tempfile.TemporaryDirectory(prefix="theano-tests-", ignore_cleanup_errors=True)
theano.config.compiledir = _folder.name
