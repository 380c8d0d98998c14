"""Methods of labeled arrays that need the numbers, or a shape that depends on them: refused by name, with the way out.

Without these, xarray would first ask the traced array for its values, and the message would speak of those.
"""

from collections.abc import Callable
from typing import Any

from xgrad.errors import UnsupportedError
from xgrad.graph import user_source
from xgrad.labels.core import AbstractTraced
from xgrad.labels.messages.escapes import Escape, escape
from xgrad.labels.scope import subject
from xgrad.labels.slots import read_variable

Replace = Callable[[Any], Any]
Refusal = Callable[[AbstractTraced], Exception]


KEEP_MISSING = "Keep the entries and skip the missing: fillna, where, or skipna=True."


def asking(how: Escape) -> Replace:
    """A method that turns an array into a number or a truth value."""
    return _refused(lambda array: escape(array, how))


def selecting(name: str, instead: str) -> Replace:
    """A method whose result has as many entries as the data say."""
    return _refused(lambda array: _data_dependent(array, name, instead))


def _refused(refusal: Refusal) -> Replace:
    def replace(original: Callable[..., Any]) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            data = read_variable(self.variable).data
            if isinstance(data, AbstractTraced):
                raise refusal(data)
            return original(self, *args, **kwargs)

        return method

    return replace


def _data_dependent(array: AbstractTraced, name: str, instead: str) -> UnsupportedError:
    line = user_source()
    where = f" at {line}" if line else ""
    return UnsupportedError(
        f".{name} of {subject(array.value, dims=True)}{where}: the shape of the result would depend on the data,"
        f" which are not known while the function is traced.\n{instead}"
    )
