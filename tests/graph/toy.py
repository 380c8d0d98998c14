"""A layer of its own for testing the graph: integers, two ops and a pair."""

from xgrad.graph import Op


class ToyAdd(Op):
    def infer(self, x, y):
        return x


class ToyShift(Op):
    """Adds a constant."""

    by: int

    def infer(self, x):
        return x


class ToyPair(Op):
    """Two outputs."""

    def infer(self, x):
        return (x, "second")


class ToyHolds(Op):
    """Holds a graph."""

    graph: object

    def infer(self, x):
        return x
