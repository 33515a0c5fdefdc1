"""Take the README's picture of the page from a real call: ``python -m tests.browser.picture docs/page.png``."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.browser.conftest import HERE, ROOT, serving

from sonicrtc.local.sonic.speech.synthesizer import load_engine, speak_to_wav

WORDS = {
    "question": "What time is it?",
    "long": "Please count to thirty.",
    "interruption": "Thank you, that is enough.",
    "last": "What can you do for me?",
}
DESK = {"width": 1280, "height": 800, "deviceScaleFactor": 2}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2}


def main(target: Path) -> None:
    """Write `target`; beside it, when it is not the README's, the other looks for reviewing them."""
    pictures = [{"path": str(target), "scheme": "light", "viewport": DESK}]
    if target != Path("docs/page.png"):
        for name, scheme, viewport in (
            ("dark", "dark", DESK),
            ("phone", "light", PHONE),
            ("phone-dark", "dark", PHONE),
        ):
            pictures.append(
                {"path": str(target.with_stem(f"{target.stem}-{name}")), "scheme": scheme, "viewport": viewport}
            )
    voice = load_engine()
    with tempfile.TemporaryDirectory() as folder, serving("demo", "--no-browser", "--port", "0") as site:
        wavs = {name: str(Path(folder) / f"{name}.wav") for name in WORDS}
        for name, wav in wavs.items():
            speak_to_wav(WORDS[name], wav, 48_000, engine=voice)
        options = {"url": site.url, "mouth": True, "viewport": DESK, "scheme": "light", "pictures": pictures, **wavs}
        command = ["scripts/node.sh", "node", str(HERE / "picture.mjs"), json.dumps(options)]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
