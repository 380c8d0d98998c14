"""Sums of products over shared axes."""

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from xgrad.axes.base import AbstractMultilinear, TensorType
from xgrad.axes.constants import iota
from xgrad.axes.logic import cast, equal
from xgrad.axes.spread import expand
from xgrad.graph import Var

Labels = tuple[int, ...]


class Einsum(AbstractMultilinear):
    """The einsum of n arrays: one label for each axis of each operand; what is not in ``output`` is summed."""

    operands: tuple[Labels, ...]
    output: Labels

    def infer(self, *types: TensorType) -> TensorType:
        sizes = self._sizes([t.shape for t in types])
        return TensorType(tuple([sizes[label] for label in self.output]), types[0].dtype)

    def _sizes(self, shapes: Sequence[tuple[int, ...]]) -> dict[int, int]:
        sizes: dict[int, int] = {}
        for labels, shape in zip(self.operands, shapes, strict=True):
            for label, n in zip(labels, shape, strict=True):
                assert sizes.setdefault(label, n) == n, (self, shapes)
        return sizes

    @property
    def subscripts(self) -> str:
        """The equation in letters: ``"ab,bc->ac"``."""
        letters = dict(zip(self._labels(), ascii_letters, strict=False))
        words = ["".join([letters[k] for k in term]) for term in (*self.operands, self.output)]
        return f"{','.join(words[:-1])}->{words[-1]}"

    def _labels(self) -> list[int]:
        """Every label once, in order of appearance."""
        return list(dict.fromkeys([k for term in self.operands for k in term]))

    def emit(self, xp: Any, *arrays: Any) -> Any:
        return xp.einsum(self.subscripts, *arrays)

    def transpose(self, i: int, ct: Var, *ins: Var) -> Var:
        """The einsum of ``ct`` and the other operands, with the labels of operand ``i`` as output.

        A label that only this operand has was summed: the result repeats along it. A label that it has twice was a
        diagonal: the result is put back on it by an identity matrix.
        """
        sizes = self._sizes([x.type.shape for x in ins])
        terms = [(self.output, ct)]
        terms += [(self.operands[k], x) for k, x in enumerate(ins) if k != i]
        unique, identities = _without_repeats(self.operands[i], max(self._labels(), default=0) + 1)
        for a, b in identities:
            terms.append(((a, b), _identity(sizes[a], ct.type.dtype)))
        present = {k for labels, _ in terms for k in labels}
        kept = tuple([k for k in unique if k in present])
        result = Einsum(tuple([labels for labels, _ in terms]), kept)(*[x for _, x in terms])
        axes = [axis for axis, k in enumerate(unique) if k in present]
        return expand(result, ins[i].type.shape, axes)


def _without_repeats(labels: Labels, fresh: int) -> tuple[Labels, list[tuple[int, int]]]:
    """``labels`` with every repetition renamed, from ``fresh`` on; and which new label stands for which."""
    seen: set[int] = set()
    unique, renamed = [], []
    for label in labels:
        new = label
        if label in seen:
            new = fresh + len(renamed)
            renamed.append((label, new))
        seen.add(label)
        unique.append(new)
    return tuple(unique), renamed


def _identity(n: int, dtype: np.dtype) -> Var:
    return cast(equal(iota((n, n), 0), iota((n, n), 1)), dtype)


def einsum(operands: Sequence[Labels], output: Labels, *arrays: Var) -> Var:
    return Einsum(tuple(operands), output)(*arrays)
