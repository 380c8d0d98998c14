"""Labels that vanish are said: an inner join inside a trace that drops labels warns, once per line and dim.

xarray aligns the operands of every operator and function by label, and keeps what all of them have. Where a user asks
for the join (``xr.align``), nothing is said.
"""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from xarray.core.indexes import PandasIndex

from xgrad.errors import LabelsDroppedWarning
from xgrad.graph import Source, user_source
from xgrad.labels.scope import FREE, current_trace

_SHOWN = 3  # labels


class Operand(NamedTuple):
    """What takes part in a join: how messages call it, and its labels."""

    text: str
    labels: pd.Index

    def lost(self, kept: pd.Index) -> pd.Index:
        """The labels that are not among ``kept``."""
        return self.labels[~self.labels.isin(kept)]


def warn_of_dropped(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """``Aligner.align_indexes``, which decides what the joined labels are."""

    def align_indexes(self: Any) -> None:
        original(self)
        if self.join == "inner" and current_trace() is not FREE and any(self.reindex.values()):
            _look_at(self)

    return align_indexes


def _look_at(aligner: Any) -> None:
    """Warn of every dim along which an implicit join of this aligner drops labels."""
    source = user_source()
    if _asked_for_by_user() or source is None:
        return
    for key, joined in aligner.aligned_indexes.items():
        implicit = aligner.reindex[key] and key not in aligner.indexes
        if implicit and isinstance(joined, PandasIndex):
            operands = list(_operands(aligner, key))
            if not all(o.labels.is_unique for o in operands):
                continue  # which xarray refuses
            if any(len(o.lost(joined.index)) for o in operands):
                _say(joined.dim, operands, joined.index, source)


def _operands(aligner: Any, key: Any) -> Iterator[Operand]:
    """Every object that has the index, by its name, else by its place."""
    for place, (obj, indexes) in enumerate(
        zip(aligner.objects, aligner.objects_matching_indexes, strict=True), start=1
    ):
        if key in indexes:
            name = getattr(obj, "name", None)
            text = f"operand {place}" if name is None else f"operand {place} (`{name}`)"
            yield Operand(text, indexes[key].index)


def _asked_for_by_user() -> bool:
    """Whether the alignment was called for by name, from outside xarray."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module != "xarray.structure.alignment" and not module.startswith("xgrad.labels."):
            return not module.startswith("xarray.")
        frame = frame.f_back
    return False


def _say(dim: Any, operands: Sequence[Operand], kept: pd.Index, source: Source) -> None:
    said = current_trace().said
    if (source, dim) in said:
        return
    said.add((source, dim))
    warnings.warn_explicit(
        _message(dim, operands, kept, source), LabelsDroppedWarning, source.file, source.line
    )


def _message(dim: Any, operands: Sequence[Operand], kept: pd.Index, source: Source) -> str:
    lines = [f"labels along {dim!r} that not all operands have are dropped at {source}:"]
    for operand in operands:
        lost = operand.lost(kept)
        shown = "".join([f"{': ' if i == 0 else ', '}{v}" for i, v in enumerate(lost[:_SHOWN])])
        more = ", …" if len(lost) > _SHOWN else ""
        lines.append(f"  {len(lost)} of {len(operand.labels)} of {operand.text}{shown}{more}")
    lines.append(_advice(dim, operands, kept))
    return "\n".join(lines)


def _advice(dim: Any, operands: Sequence[Operand], kept: pd.Index) -> str:
    if _is_rounding(operands, kept):
        return (
            f"Some differ only by rounding to float32: give both the same labels, as in"
            f" b.assign_coords({dim}=a.{dim})."
        )
    return (
        "If that is meant, say so with xr.align(a, b, join='inner') before; if not, reindex one of them,"
        " or make it an error with xr.set_options(arithmetic_join='exact')."
    )


def _is_rounding(operands: Sequence[Operand], kept: pd.Index) -> bool:
    """Whether more labels would meet if all were float32."""
    if any(o.labels.dtype.kind != "f" for o in operands):
        return False
    common: set[Any] | None = None
    for operand in operands:
        narrow = set(np.asarray(operand.labels, np.float32).tolist())
        common = narrow if common is None else common & narrow
    return common is not None and len(common) > len(kept)
