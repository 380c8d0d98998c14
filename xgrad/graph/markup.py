"""The few elements of HTML that reprs in notebooks are made of; colours are those of the page around them."""

import html
from collections.abc import Iterable, Sequence

_CELL = "text-align:left;padding:2px 14px 2px 0;border-bottom:1px solid #8884"
_SCROLL = "overflow:auto;max-height:640px"
_PRE = "margin:2px 0 8px 14px;padding:0;line-height:1.35;white-space:pre;background:none"


def page(title: str, parts: Iterable[str]) -> str:
    """``parts`` one below the other, under a title."""
    head = f"<b>{html.escape(title)}</b>" if title else ""
    return f'<div class="xgrad">{head}{"".join(parts)}</div>'


def part(title: str, content: str, *, opened: bool = False) -> str:
    """A piece of HTML that can be folded away, under a title."""
    state = " open" if opened else ""
    summary = f'<summary style="cursor:pointer">{html.escape(title)}</summary>'
    return f"<details{state}>{summary}{content}</details>"


def text(content: str) -> str:
    """Text as it is, in letters of one width."""
    return f'<div style="{_SCROLL}"><pre style="{_PRE}">{html.escape(content)}</pre></div>'


def svg(content: str) -> str:
    """A picture that can be scrolled."""
    return f'<div style="{_SCROLL}">{content}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], marked: Iterable[bool] = ()) -> str:
    """A table of texts; ``marked`` rows stand out."""
    marks = list(marked)
    lines = [f"<tr>{_cells('th', header)}</tr>"]
    for i, row in enumerate(rows):
        style = ' style="background:#dc262626"' if i < len(marks) and marks[i] else ""
        lines.append(f"<tr{style}>{_cells('td', row)}</tr>")
    return f'<table style="border-collapse:collapse;margin:4px 0">{"".join(lines)}</table>'


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "".join([f'<{tag} style="{_CELL}">{html.escape(t)}</{tag}>' for t in texts])
