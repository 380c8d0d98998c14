"""How the figures of the examples look: colors, and settings of matplotlib."""

from typing import Any

INK, QUIET, FAINT = "#22262b", "#66707a", "#e4e8eb"
DATA, FIT, ABOVE, BELOW = "#93a7b8", "#b83a1b", "#c8553d", "#33739c"

STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": QUIET,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": QUIET,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "font.size": 9.5,
    "grid.color": FAINT,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "ytick.major.size": 0,
}
