"""Draw the measured responses of the filters: ``make plots``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from tests.golden.measure import Samples, group_delay, impulse_response

from sonicrtc.audio import Uplink

#: Colours that tell the designs apart without their hue, on a card that light and dark pages show alike.
DESIGNS = {"default": "#0a7f78", "hq": "#b4531a", "low_latency": "#5b3fb0"}
STYLE: Any = {
    "svg.hashsalt": "sonicrtc", "font.size": 9, "font.family": "DejaVu Sans", "axes.titlesize": 10,
    "axes.titlelocation": "left", "axes.titleweight": "bold", "axes.grid": True, "grid.color": "#d8dee4",
    "figure.facecolor": "#f6f8fa", "axes.facecolor": "#ffffff", "savefig.facecolor": "#f6f8fa",
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
}  # fmt: skip


def downward(quality: Any) -> Samples:
    """All taps of 48 to 16 kHz, out of the product."""
    return impulse_response(
        lambda: lambda signal: Uplink(48000, 1, quality=quality).push(signal).f32.astype(float), 3, 100
    )


def upward(quality: Any) -> Samples:
    """The impulse response of 24 to 48 kHz, with the gain of the whole."""
    signal = np.zeros(200, np.int16)
    signal[0] = 32767
    return Uplink(24000, 1, quality=quality, output_rate_hz=48000).push(signal).f32.astype(float) * (32768 / 32767) / 2


def magnitude_db(taps: Samples) -> tuple[Samples, Samples]:
    """Frequencies of a filter at 48 kHz, and its response."""
    spectrum = np.abs(np.fft.rfft(taps, 1 << 15))
    return np.linspace(0, 24, spectrum.size), 20 * np.log10(spectrum + 1e-9)


def draw(path: Path) -> None:
    """Write the picture: whole band, pass band and delay of 48 to 16 kHz; whole band of 24 to 48 kHz."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 6.4), layout="constrained")
        whole, up, flat, delay = figure.subplots(2, 2).reshape(-1)
        for design, colour in DESIGNS.items():
            line: dict[str, Any] = {"color": colour, "label": design, "linewidth": 1.1}
            line["linestyle"] = "--" if design == "low_latency" else "-"
            taps = downward(design)
            hz = np.linspace(0, 7000, 300)
            whole.plot(*magnitude_db(taps), gid=f"{design}-whole", **line)
            flat.plot(*magnitude_db(taps), gid=f"{design}-flat", **line)
            delay.plot(hz / 1000, group_delay(taps, hz, 48000) / 48, gid=f"{design}-delay", **line)
            up.plot(*magnitude_db(upward(design)), gid=f"{design}-up", **line)
        for axes, stop_khz in ((whole, 9), (up, 13.5)):
            axes.hlines(-90, stop_khz, 24, color="#1f2328", linewidth=0.8)
            axes.set(ylim=(-125, 5), xlim=(0, 24), xlabel="kHz", ylabel="dB")
        whole.set_title("48 to 16 kHz: what folds back, what passes")
        up.set_title("24 to 48 kHz: the voice and its images")
        flat.set(xlim=(0, 7.2), ylim=(-0.012, 0.012), xlabel="kHz", ylabel="dB", title="48 to 16 kHz: pass band")
        delay.set(xlim=(0, 7), ylim=(0, 2.8), xlabel="kHz", ylabel="ms", title="48 to 16 kHz: group delay")
        delay.legend(loc="upper right")
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
