"""Canonicalisation: one form for what is written in many ways, so that equal things merge and later rules see them.

Why it ends: a rule puts a stable op in place of a formula that no other rule makes; or lowers the number of nodes; or
the number of elements computed (``repeat_last``, slices); or the roundings (``multiply_reciprocal``); or moves a sign
or a transpose towards the outputs, or below a broadcast, where there is less data. None raises an earlier entry of
this list. The tables say so each for its own rules.
"""

from xgrad.lower.rules.arithmetic import ARITHMETIC
from xgrad.lower.rules.choice import CHOICE
from xgrad.lower.rules.constants import CONSTANTS
from xgrad.lower.rules.expansions import EXPANSIONS
from xgrad.lower.rules.fast_math import FAST_MATH
from xgrad.lower.rules.folding import FOLDING
from xgrad.lower.rules.identities import IDENTITIES
from xgrad.lower.rules.indexing import INDEXING
from xgrad.lower.rules.logs import LOGS
from xgrad.lower.rules.matrices import MATRICES
from xgrad.lower.rules.missing import MISSING
from xgrad.lower.rules.movement import CASTS, MOVEMENT
from xgrad.lower.rules.pieces import PIECES
from xgrad.lower.rules.reductions import REDUCTIONS
from xgrad.lower.rules.repeats import REPEATED
from xgrad.lower.rules.roots import ROOTS
from xgrad.lower.rules.shifts import SHIFTS
from xgrad.lower.rules.stabilise import STABLE
from xgrad.lower.rules.transposes import TRANSPOSES

CANONICAL = (
    CONSTANTS
    + FOLDING
    + STABLE
    + LOGS
    + SHIFTS
    + ARITHMETIC
    + IDENTITIES
    + MISSING
    + CHOICE
    + CASTS
    + MOVEMENT
    + PIECES
    + INDEXING
    + REDUCTIONS
    + REPEATED
    + ROOTS
    + EXPANSIONS
    + TRANSPOSES
    + MATRICES
)

FAST = CANONICAL + FAST_MATH  # with what is only roughly right, under ``options(fast_math=True)``
