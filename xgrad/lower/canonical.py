"""Canonicalisation: one form for what is written in many ways, so that equal things merge and later rules see them.

Why it ends: a rule lowers the number of nodes; or the number of elements computed (``repeat_last``); or the roundings
(``multiply_reciprocal``); or moves a sign or a transpose towards the outputs, or below a broadcast, where there is less
data. None raises an earlier entry of this list.
"""

from xgrad.lower.rules.arithmetic import ARITHMETIC
from xgrad.lower.rules.choice import CHOICE
from xgrad.lower.rules.constants import CONSTANTS
from xgrad.lower.rules.expansions import EXPANSIONS
from xgrad.lower.rules.movement import CASTS, MOVEMENT
from xgrad.lower.rules.pieces import PIECES
from xgrad.lower.rules.repeats import REPEATED
from xgrad.lower.rules.roots import ROOTS
from xgrad.lower.rules.transposes import TRANSPOSES

CANONICAL = (
    CONSTANTS
    + ARITHMETIC
    + CHOICE
    + CASTS
    + MOVEMENT
    + PIECES
    + REPEATED
    + ROOTS
    + EXPANSIONS
    + TRANSPOSES
)
