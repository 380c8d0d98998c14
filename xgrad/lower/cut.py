"""Minimum cuts: the cheapest way to say yes to some questions and no to the others.

Every question costs something as a "yes", or as a "yes" while another is a "no". The cheapest answers are a minimum cut
of a graph with the questions as nodes, found as a maximum flow by Dinic's algorithm.
"""

from collections import defaultdict, deque
from collections.abc import Hashable

ENDLESS = 1 << 60
_YES, _NO = object(), object()


class Questions:
    """Collects costs; ``answers`` are the questions answered "yes" at the least cost, as few as possible."""

    def __init__(self) -> None:
        self._ends: list[Hashable] = []  # of every edge; edge e is the reverse of e ^ 1
        self._room: list[int] = []
        self._edges: dict[Hashable, list[int]] = defaultdict(list)

    def must(self, one: Hashable) -> None:
        """This is a yes."""
        self._edge(_YES, one, ENDLESS)

    def costs(self, one: Hashable, amount: int) -> None:
        """A yes costs so much."""
        self._edge(one, _NO, amount)

    def costs_unless(self, one: Hashable, other: Hashable, amount: int) -> None:
        """A yes costs so much where ``other`` is a no."""
        self._edge(one, other, amount)

    def needs(self, one: Hashable, other: Hashable) -> None:
        """A yes makes ``other`` a yes."""
        self._edge(one, other, ENDLESS)

    def answers(self) -> tuple[set[Hashable], int]:
        """The questions answered yes, and what all answers cost together."""
        total = 0
        while True:
            levels = self._levels()
            if _NO not in levels:
                return set(levels) - {_YES}, total
            total += self._flow_along(levels)

    def _edge(self, one: Hashable, other: Hashable, amount: int) -> None:
        for start, end, room in ((one, other, amount), (other, one, 0)):
            self._edges[start].append(len(self._ends))
            self._ends.append(end)
            self._room.append(room)

    def _levels(self) -> dict[Hashable, int]:
        """How many edges with room lead from yes to each node that is reached."""
        levels: dict[Hashable, int] = {_YES: 0}
        queue = deque([_YES])
        while queue:
            node = queue.popleft()
            for e in self._edges[node]:
                end = self._ends[e]
                if self._room[e] and end not in levels:
                    levels[end] = levels[node] + 1
                    queue.append(end)
        return levels

    def _flow_along(self, levels: dict[Hashable, int]) -> int:
        """Push as much as goes along edges from one level to the next; how much that was."""
        total = 0
        left = {node: list(edges) for node, edges in self._edges.items()}
        path: list[int] = []
        while True:
            node = self._ends[path[-1]] if path else _YES
            if node is _NO:
                room = min([self._room[e] for e in path])
                for e in path:
                    self._room[e] -= room
                    self._room[e ^ 1] += room
                total += room
                path = []
                continue
            onward = left[node]
            while onward and not self._leads_on(onward[-1], levels[node], levels):
                onward.pop()
            if onward:
                path.append(onward[-1])
            elif path:
                left[self._ends[path.pop() ^ 1]].pop()
            else:
                return total

    def _leads_on(self, edge: int, level: int, levels: dict[Hashable, int]) -> bool:
        return self._room[edge] > 0 and levels.get(self._ends[edge]) == level + 1
