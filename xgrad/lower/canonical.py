"""Canonicalisation: one form for what is written in many ways, so that equal things merge and later rules see them.

Why it ends: a rule lowers the number of nodes, or else the number of operations that round (``multiply_reciprocal``), or
else moves a transpose to where the program ends or where less data lies; none raises an earlier entry of this list.
"""

from xgrad.lower.rules.arithmetic import ARITHMETIC
from xgrad.lower.rules.choice import CHOICE
from xgrad.lower.rules.constants import CONSTANTS
from xgrad.lower.rules.movement import CASTS, MOVEMENT
from xgrad.lower.rules.transposes import TRANSPOSES

CANONICAL = CONSTANTS + ARITHMETIC + CHOICE + CASTS + MOVEMENT + TRANSPOSES
