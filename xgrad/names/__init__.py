"""The names graph: XOps over named dims, without arithmetic or gradient rules of their own."""

from xgrad.names.base import AbstractXOp, op_name
from xgrad.names.batched import XBatched
from xgrad.names.compute import XArgsort, XBlockwise, XCumReduce, XDot, XElemwise, XReduce, XSort
from xgrad.names.indexing import At, Indexer, Indexers, Slice, XIndex, XIndexUpdate
from xgrad.names.loops import XScan, XSwitch, XWhile
from xgrad.names.partial import XSegmentReduce, XSegmentTotals, XWindowReduce
from xgrad.names.structure import (
    XBroadcast,
    XConcat,
    XConstant,
    XIota,
    XMerge,
    XPad,
    XRename,
    XSplit,
    XWindow,
)
from xgrad.names.types import Dim, XType, xtype

__all__ = [
    "AbstractXOp",
    "At",
    "Dim",
    "Indexer",
    "Indexers",
    "Slice",
    "XArgsort",
    "XBatched",
    "XBlockwise",
    "XBroadcast",
    "XConcat",
    "XConstant",
    "XCumReduce",
    "XDot",
    "XElemwise",
    "XIndex",
    "XIndexUpdate",
    "XIota",
    "XMerge",
    "XPad",
    "XReduce",
    "XRename",
    "XScan",
    "XSegmentReduce",
    "XSegmentTotals",
    "XSort",
    "XSplit",
    "XSwitch",
    "XType",
    "XWhile",
    "XWindow",
    "XWindowReduce",
    "op_name",
    "xtype",
]
