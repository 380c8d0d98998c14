"""Concrete arrays inside ops: immutable, hashable, compared by content when small and by identity when large."""

from typing import Any

import numpy as np

_BY_CONTENT = (
    2**15
)  # bytes up to which two literals are compared by their content: as what is folded may have


class Literal:
    """A read-only array that may be the field of an op."""

    __slots__ = ("_key", "value")

    def __init__(self, value: Any) -> None:
        array = np.array(value)  # a copy: the user may write into theirs
        array.flags.writeable = False
        self.value = array
        content = array.tobytes() if array.nbytes <= _BY_CONTENT else id(array)
        self._key = (array.dtype, array.shape, content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        if self.value.ndim == 0:
            return str(self.value[()])
        if self.value.size <= 6:
            return np.array2string(self.value, separator=", ").replace("\n", "")
        return f"<{self.value.dtype}{list(self.value.shape)}>"
