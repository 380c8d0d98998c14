"""A model as a table: a row for each part."""

from xgrad.model.sites import FreeSite, ObservedSite, Site, Sites, kind

HEADER = ("name", "is", "distribution", "dims", "support")


def rows(sites: Sites) -> list[tuple[str, ...]]:
    """What a model consists of, in the order of declaration."""
    return [(name, kind(s), *_distribution(s), _support(s)) for name, s in sites.items()]


def as_text(sites: Sites) -> str:
    """The table in columns of letters."""
    lines = [HEADER, *rows(sites)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [[c.ljust(w) for c, w in zip(line, widths, strict=True)] for line in lines]
    return "\n".join(["  ".join(cells).rstrip() for cells in padded])


def _distribution(site: Site) -> tuple[str, str]:
    """The name of the distribution of what has one, and the dims."""
    family = type(site.distribution).__name__ if isinstance(site, FreeSite | ObservedSite) else ""
    return family, ", ".join([f"{d}: {n}" for d, n in site.symbol.sizes.items()])


def _support(site: Site) -> str:
    return str(site.distribution.support) if isinstance(site, FreeSite | ObservedSite) else ""
