"""``unstack`` of traced data, which xarray reindexes to all labels: with missing labels not what it does eagerly."""

from collections.abc import Callable
from typing import Any

import xarray as xr


def reindex(original: Callable[..., xr.Dataset]) -> Callable[..., xr.Dataset]:
    """``Dataset._unstack_full_reindex``; entries with a missing label are put where eager xarray puts them."""

    def unstack(
        self: xr.Dataset, dim: Any, index_and_vars: Any, fill_value: Any, sparse: bool
    ) -> xr.Dataset:
        codes = getattr(index_and_vars[0].index, "codes", ())
        if sparse or all((c >= 0).all() for c in codes):
            return original(self, dim, index_and_vars, fill_value, sparse)
        return self._unstack_once(dim, index_and_vars, fill_value, sparse)

    return unstack
