"""Word errors and delay against loss, one line per server. The same run gives the same bytes."""

from __future__ import annotations

from typing import Any

from sonicrtc.bench.media.tables import Document

_COLOURS = ("#0a7f78", "#bc4c00", "#8250df", "#57606a", "#0969da", "#9a6700")
_MARKERS = "os^Dvx"


def panels(axes: Any, loss: Document) -> None:
    """Draw the two panels into `axes`."""
    names = list(dict.fromkeys(heard["server"] for heard in loss["heard"]))
    networks = list(dict.fromkeys(heard["network"] for heard in loss["heard"]))
    words, delay = axes
    for place, name in enumerate(names):
        rows = {heard["network"]: heard for heard in loss["heard"] if heard["server"] == name}
        known = [network for network in networks if network in rows]
        at = [networks.index(network) for network in known]
        style = {"color": _COLOURS[place % len(_COLOURS)], "marker": _MARKERS[place % len(_MARKERS)], "label": name}
        words.plot(at, [rows[network]["words"]["percent"] for network in known], **style)
        means = [rows[network]["round_trip_ms"]["mean"] for network in known]
        delay.plot(at, [float("nan") if mean is None else mean for mean in means], **style)
    codec = loss["codec"]["percent"]
    words.axhline(codec, color="#8c959f", linewidth=1, linestyle=":")
    words.annotate("no network", (len(networks) - 1, codec), xytext=(0, 3), textcoords="offset points",
                   ha="right", fontsize=8, color="#57606a")  # fmt: skip
    for place, title, unit in ((words, "words that a recogniser gets wrong", "%"), (delay, "round trip, mean", "ms")):
        place.set(xticks=range(len(networks)), xticklabels=networks, xlabel="packets lost on the way to the server")
        place.set_ylabel(unit)
        place.set_ylim(bottom=0)
        place.set_title(title)
    words.legend(frameon=False)
