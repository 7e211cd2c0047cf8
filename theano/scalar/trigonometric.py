"""Rows of the table: angles, trigonometric and hyperbolic functions with their inverses."""

from __future__ import annotations

import math

import numpy as np

from theano.scalar.dtypes import upgrade_to_float, upgrade_to_float_no_complex
from theano.scalar.table import like, operation, rows

deg2rad = operation(
    "deg2rad", 1, np.deg2rad, upgrade_to_float_no_complex,
    lambda x, z, gz: gz * like(math.pi / 180, z),
    doc="An angle in degrees as radians.",
)  # fmt: skip

rad2deg = operation(
    "rad2deg", 1, np.rad2deg, upgrade_to_float_no_complex,
    lambda x, z, gz: gz * like(180 / math.pi, z),
    doc="An angle in radians as degrees.",
)  # fmt: skip

sin = operation(
    "sin", 1, np.sin, upgrade_to_float,
    lambda x, z, gz: gz * rows.cos(x),
    doc="The sine of an angle in radians.",
)  # fmt: skip

cos = operation(
    "cos", 1, np.cos, upgrade_to_float,
    lambda x, z, gz: -gz * rows.sin(x),
    doc="The cosine of an angle in radians.",
)  # fmt: skip

tan = operation(
    "tan", 1, np.tan, upgrade_to_float,
    lambda x, z, gz: gz * (1 + rows.sqr(z)),
    doc="The tangent of an angle in radians.",
)  # fmt: skip

arcsin = operation(
    "arcsin", 1, np.arcsin, upgrade_to_float,
    lambda x, z, gz: gz / rows.sqrt(1 - rows.sqr(x)),
    doc="The angle between -pi/2 and pi/2 whose sine is x.",
)  # fmt: skip

arccos = operation(
    "arccos", 1, np.arccos, upgrade_to_float,
    lambda x, z, gz: -gz / rows.sqrt(1 - rows.sqr(x)),
    doc="The angle between 0 and pi whose cosine is x.",
)  # fmt: skip

arctan = operation(
    "arctan", 1, np.arctan, upgrade_to_float,
    lambda x, z, gz: gz / (1 + rows.sqr(x)),
    doc="The angle between -pi/2 and pi/2 whose tangent is x.",
)  # fmt: skip

arctan2 = operation(
    "arctan2", 2, np.arctan2, upgrade_to_float_no_complex,
    lambda y, x, z, gz: (gz * x / (rows.sqr(x) + rows.sqr(y)), -gz * y / (rows.sqr(x) + rows.sqr(y))),
    operands=("y", "x"),
    doc="The angle of the point (x, y), between -pi and pi.",
)  # fmt: skip

sinh = operation(
    "sinh", 1, np.sinh, upgrade_to_float,
    lambda x, z, gz: gz * rows.cosh(x),
    doc="The hyperbolic sine.",
)  # fmt: skip

cosh = operation(
    "cosh", 1, np.cosh, upgrade_to_float,
    lambda x, z, gz: gz * rows.sinh(x),
    doc="The hyperbolic cosine.",
)  # fmt: skip

tanh = operation(
    "tanh", 1, np.tanh, upgrade_to_float,
    lambda x, z, gz: gz * (1 - rows.sqr(z)),
    doc="The hyperbolic tangent.",
)  # fmt: skip

arcsinh = operation(
    "arcsinh", 1, np.arcsinh, upgrade_to_float,
    lambda x, z, gz: gz / rows.sqrt(rows.sqr(x) + 1),
    doc="The number whose hyperbolic sine is x.",
)  # fmt: skip

arccosh = operation(
    "arccosh", 1, np.arccosh, upgrade_to_float,
    # Two roots, not one of x*x - 1: that is the branch which complex numbers take, and keeps digits near 1.
    lambda x, z, gz: gz / (rows.sqrt(x - 1) * rows.sqrt(x + 1)),
    doc="The number that is not negative and whose hyperbolic cosine is x.",
)  # fmt: skip

arctanh = operation(
    "arctanh", 1, np.arctanh, upgrade_to_float,
    lambda x, z, gz: gz / (1 - rows.sqr(x)),
    doc="The number whose hyperbolic tangent is x.",
)  # fmt: skip

__all__ = [
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cos", "cosh", "deg2rad", "rad2deg",
    "sin", "sinh", "tan", "tanh",
]  # fmt: skip
