"""Axes for what was measured at several sites: layers, layers and heads, or names."""

from __future__ import annotations

from collections.abc import Sequence

from sdialog.interpretability.sites import Site


def site_axes(sites: Sequence[Site]) -> dict[str, list[str]]:
    """Return the axes on which sites lie, so that values in the order of the sites fill them row by row.

    Heads of one kind that fill a grid have the axes ``layer`` and ``head``; the same kind in several layers has
    ``layer``; all else is ``site``, by name.

    Example:
        >>> site_axes([Site.parse(f"layers.{layer}.head.{head}.z") for layer in (1, 2) for head in (0, 1)])
        {'layer': ['1', '2'], 'head': ['0', '1']}
        >>> site_axes([Site.parse("layers.0.resid_pre"), Site.parse("layers.1.resid_post")])
        {'site': ['layers.0.resid_pre', 'layers.1.resid_post']}
    """
    layers = list(dict.fromkeys(str(site.layer) for site in sites))
    heads = list(dict.fromkeys(str(site.head) for site in sites))
    alike = len({(site.kind, site.unit, site.path) for site in sites}) == 1 and sites[0].layer is not None
    if alike and heads == ["None"] and len(layers) == len(sites):
        return {"layer": layers}
    grid = [(layer, head) for layer in layers for head in heads]
    if alike and "None" not in heads and [(str(site.layer), str(site.head)) for site in sites] == grid:
        return {"layer": layers, "head": heads}
    return {"site": [str(site) for site in sites]}
