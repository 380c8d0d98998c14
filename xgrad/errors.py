"""The exceptions and warnings of xgrad: one class per thing a caller can catch.

Every class is also a subclass of the builtin that xarray or NumPy users expect, so existing ``except`` clauses go on
working. A message says what the user did, what was found (dims, sizes, labels), where (the user's own line) and what
to change; it never dumps array contents. This module imports nothing from xgrad.
"""

import difflib
from collections.abc import Hashable, Iterable


class XgradError(Exception):
    """The root of everything xgrad raises on purpose."""


class DimensionError(XgradError, ValueError):
    """A dim that is unknown, repeated, missing, or in a place where it cannot be."""


class SizeMismatchError(XgradError, ValueError):
    """The same dim with two sizes."""


class AlignmentError(XgradError, ValueError):
    """Labels along a dim that differ where they must agree."""


class LabelNotFoundError(XgradError, KeyError):
    """A label that an index does not have."""

    __str__ = Exception.__str__  # KeyError would show the message quoted


class OutOfRangeError(XgradError, IndexError):
    """A position that is not among those of its dim."""


class NotDefiniteError(XgradError, ValueError):
    """A matrix that must be positive definite, and is not; found by the run-time checks."""


class TracedValueError(XgradError, RuntimeError):
    """A traced value used where a concrete one is needed, or outside its trace.

    A ``RuntimeError`` because xarray swallows ``TypeError`` in some comparisons.
    """


class UnsupportedError(XgradError, NotImplementedError):
    """Something that eager xarray does and a compiled program cannot, or not yet."""


class UnsupportedTypeError(UnsupportedError, TypeError):
    """An argument, result or dtype that cannot be traced."""


class ArgumentError(XgradError, TypeError):
    """A compiled function called with the wrong arguments."""


class DisconnectedInputError(XgradError, ValueError):
    """A gradient with respect to something that the cost does not depend on."""


class GradUndefinedError(XgradError, TypeError):
    """A gradient through an input of which a fractional value has no meaning."""


class GradNotImplementedError(XgradError, NotImplementedError):
    """A gradient that exists, but nobody wrote its rule."""


class CostNotScalarError(XgradError, TypeError):
    """A gradient of something that is not 0-d."""


class GradientError(XgradError, AssertionError):
    """A gradient that differs from the numerical one. ``report`` holds both, and the worst coordinate by its labels."""

    def __init__(self, message: str, report: object = None) -> None:
        Exception.__init__(self, message)
        self.report = report


class JacobianSizeError(XgradError, MemoryError):
    """A Jacobian or Hessian that would take more memory than allowed."""


class NonFiniteError(XgradError, FloatingPointError):
    """A NaN or an infinity found by the run-time checks."""


class ExportError(XgradError, ValueError):
    """A call that cannot be written to a file, or a file that is damaged or of another kind."""


class ModelContextError(XgradError, TypeError):
    """A variable declared outside any model."""


class DuplicateNameError(XgradError, ValueError):
    """Two parts of a model with the same name."""


class ObservedValueError(XgradError, ValueError):
    """Observed values that a model cannot have: missing without a policy, or outside the support."""


class ModelCheckError(XgradError, ValueError):
    """A model whose log-density or gradient is not finite where it should be."""


class FitError(XgradError, RuntimeError):
    """A fit for which no parameters were found."""


class XgradWarning(UserWarning):
    """The root of every warning of xgrad."""


class LabelsDroppedWarning(XgradWarning):
    """Labels that an inner join dropped, since not all operands have them."""


class DisconnectedWarning(XgradWarning):
    """A derivative taken as zero, since there is no connection (``disconnected_inputs="warn"``)."""


class RecompileWarning(XgradWarning):
    """A compiled function that is traced again and again, since its calls differ in what a trace depends on."""


class SlowLoopWarning(XgradWarning):
    """A Python loop over many slices of a traced array: each becomes a part of the program of its own."""


class PrecisionWarning(XgradWarning):
    """A float64 value that an outer JAX trace with 64-bit types off would truncate."""


class KeyReuseWarning(XgradWarning):
    """A random key that two draws of one trace use: they draw the same numbers, or dependent ones."""


class ConvergenceWarning(XgradWarning):
    """A solver that stopped before it converged."""


def class_name(value: object) -> str:
    """How messages call the class of a value: with its module, unless it is built in."""
    cls = type(value)
    known = cls.__module__ == "builtins"
    return cls.__qualname__ if known else f"{cls.__module__}.{cls.__qualname__}"


def in_short(value: object) -> str:
    """How messages show what they were given: as it is written, or by its class where that is long.

    >>> in_short("adam"), in_short([0.5] * 99)
    ("'adam'", 'a list')
    """
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else f"a {class_name(value)}"


def nearest(word: Hashable, choices: Iterable[Hashable]) -> str:
    """A hint ``; did you mean 'time'?`` for the choice most like ``word``, or nothing.

    >>> nearest("tim", ["lat", "time"])
    "; did you mean 'time'?"
    >>> nearest("zzz", ["lat", "time"])
    ''
    """
    found = difflib.get_close_matches(str(word), [str(c) for c in choices], n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""
