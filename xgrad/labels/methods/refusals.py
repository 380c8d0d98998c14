"""Methods of labeled arrays that need the numbers, or a shape that depends on them: refused by name, with the way out.

Without these, xarray would first ask the traced array for its values, and the message would speak of those.
"""

from collections.abc import Callable, Mapping
from typing import Any

from xgrad.errors import UnsupportedError, UnsupportedTypeError
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


def per_variable(original: Callable[..., Any]) -> Callable[..., Any]:
    """A function of each variable of Datasets: those whose dtype cannot take part are named."""

    def apply(func: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(func, *args, **kwargs)
        except UnsupportedTypeError as error:
            odd = {k: v.dtype for arg in args if isinstance(arg, Mapping) for k, v in arg.items()}
            odd = {k: dtype for k, dtype in odd.items() if dtype.kind not in "biufc"}
            if not odd:
                raise
            raise _other_kinds(odd) from error

    return apply


def _other_kinds(dtypes: Mapping[Any, Any]) -> UnsupportedTypeError:
    line = user_source()
    names = list(dtypes)
    return UnsupportedTypeError(
        f"variables of a Dataset{f' at {line}' if line else ''} cannot be chosen or filled by traced data:"
        f" {', '.join([f'{k!r} is {dtype}' for k, dtype in dtypes.items()])}.\n"
        f"Make them coords before, ds.set_coords({names!r}), or leave them out, ds.drop_vars({names!r})."
    )
