"""The label layer: real xarray objects around traced arrays. No layer below this one knows xarray."""

from xgrad.labels.duck.arrays import TracedArray
from xgrad.labels.scope import FREE, Trace, current_trace
from xgrad.labels.trace import free_symbol, is_traced, open_trace, unwrap, wrap

__all__ = [
    "FREE",
    "Trace",
    "TracedArray",
    "current_trace",
    "free_symbol",
    "is_traced",
    "open_trace",
    "unwrap",
    "wrap",
]
