"""What is said where a program asks for the numbers behind a traced array, which do not exist while it is traced."""

from typing import NamedTuple

from xgrad.errors import TracedValueError
from xgrad.graph import user_source
from xgrad.labels.core import AbstractTraced
from xgrad.labels.scope import subject


class Escape(NamedTuple):
    """What the program does, and the way out."""

    doing: str
    instead: str


_CHOOSE = (
    "Choose between values with xr.where(condition, a, b), between branches with xgrad.cond,"
    " and repeat with xgrad.scan."
)
_STATIC = "A size, position or option that is fixed for a call: name it in static_argnames."
_STAY = (
    "Stay with the array (xarray methods, operators and NumPy functions are traced),"
    " or return it and use its values outside."
)

BOOL = Escape("bool(), `if` or `while`", _CHOOSE)
INT = Escape("int()", _STATIC)
INDEX = Escape("an index, size or range", _STATIC)
FLOAT = Escape("float()", _STAY)
COMPLEX = Escape("complex()", _STAY)
ITEM = Escape(".item()", _STAY)
TOLIST = Escape(".tolist()", _STAY)
ARRAY = Escape("a NumPy array (.values, np.asarray, plotting, SciPy)", _STAY)
CONTAINS = Escape("`in`", "Compare instead: (array == value).any() is traced.")
COMPARE = Escape("a comparison of whole arrays (equals, allclose, array_equal)", _CHOOSE)


def escape(array: AbstractTraced, how: Escape) -> TracedValueError:
    """The error for a use of ``array`` that needs its numbers."""
    line = user_source()
    where = f" at {line}" if line else ""
    return TracedValueError(
        f"{how.doing} needs the numbers in {subject(array.value, dims=True)}{where},"
        f" which are not known while the function is traced.\n{how.instead}"
    )
