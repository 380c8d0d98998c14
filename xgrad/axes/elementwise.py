"""Every elementwise op and its builder in one place, and the table from NumPy's ufuncs to the ops."""

import inspect
import re
from typing import TypeGuard

import numpy as np

from xgrad.axes import arithmetic, logic, transcendental
from xgrad.axes.arithmetic import *  # noqa: F403  (this module is the sum of the three)
from xgrad.axes.base import AbstractTensorOp
from xgrad.axes.logic import *  # noqa: F403
from xgrad.axes.transcendental import *  # noqa: F403


def _ufunc_name(op: type) -> str:
    """The NumPy name of an op class: FloorDivide is floor_divide, IsNan is isnan."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", op.__name__).lower()
    return name.replace("is_", "is")


def _is_op(value: object) -> TypeGuard[type[AbstractTensorOp]]:
    return isinstance(value, type) and issubclass(value, AbstractTensorOp)


def _ufuncs() -> dict[str, type[AbstractTensorOp]]:
    """The ops that are named like a ufunc of NumPy, under all its names (divide, true_divide)."""
    ops = {
        _ufunc_name(op): op
        for module in (arithmetic, logic, transcendental)
        for _, op in inspect.getmembers(module, _is_op)
    }
    ufuncs = {name: f for name, f in vars(np).items() if isinstance(f, np.ufunc)}
    return {name: ops[f.__name__] for name, f in ufuncs.items() if f.__name__ in ops}


UFUNCS = _ufuncs()
