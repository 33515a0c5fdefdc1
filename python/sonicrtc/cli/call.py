"""``sonicrtc call``: call a server from the command line, by a WAV file or by microphone."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from sonicrtc.cli.serve import add_media_path
from sonicrtc.config import MediaConfig
from sonicrtc.errors import ConfigError

if TYPE_CHECKING:
    from sonicrtc.caller import CallReport, HeadlessCall
    from sonicrtc.events import ModelEvent

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_EPILOG = """examples:
  sonicrtc call --url http://127.0.0.1:8080 --wav question.wav --out answer.wav
  sonicrtc call --url http://127.0.0.1:8080 --wav question.wav --json - | jq .response_ms
  sonicrtc call --url http://127.0.0.1:8080 --mic --speaker

Times: speech ends with the last sample above -50 dBFS that was sent; first_audio_ms counts from there
to the first sample above -50 dBFS received; response_ms is that without the model's documented pause.
"""


def add_to(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "call", help="call a server by a WAV file or microphone", description=__doc__, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(run=run)
    parser.add_argument("--url", required=True, help="address of the server, e.g. http://127.0.0.1:8080")
    parser.add_argument("--wav", type=Path, metavar="IN", help="say this: PCM, 16 bits, 8 to 48 kHz, mono or stereo")
    parser.add_argument("--text", help="type this to the model, with or without --wav")
    parser.add_argument("--voice", metavar="NAME", help="wish for this voice, where the server lets a caller choose")
    parser.add_argument("--language", metavar="CODE", help="wish for this language, e.g. fr-FR, likewise")
    parser.add_argument("--mic", action="store_true", help="talk by microphone until Ctrl-C (extra 'device')")
    parser.add_argument("--speaker", action="store_true", help="hear the reply (extra 'device')")
    parser.add_argument("--out", type=Path, metavar="OUT", help="record the reply: WAV, 48 kHz mono")
    parser.add_argument("--json", metavar="FILE", help="write transcripts, timings and events; - for standard output")
    parser.add_argument("--direct", action="store_true", help="POST /offer instead of the signaling channel")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="authority that signed the server's certificate")
    add_media_path(parser)
    parser.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="wait for a reply (default 30)")


def run(options: argparse.Namespace) -> int:
    """Call, and write what came back."""
    if options.mic and options.wav is not None:
        raise ConfigError("call: expected --wav or --mic, not both")
    if not (options.mic or options.wav is not None or options.text is not None):
        raise ConfigError("call: nothing to say: give --wav FILE, --mic or --text WORDS")
    if options.timeout <= 0:
        raise ConfigError(f"call: --timeout: expected more than 0 seconds, got {options.timeout:g}")
    report = asyncio.run(_call(options))
    _write(options, report)
    return 0


async def _call(options: argparse.Namespace) -> CallReport:
    from sonicrtc.caller import CallOptions, Clip, HeadlessCall, read_wav
    from sonicrtc.events import Settings

    wished = options.voice is not None or options.language is not None
    call_options = CallOptions(
        url=options.url, direct=options.direct, text=options.text, ca_file=options.ca, timeout_s=options.timeout,
        settings=Settings(voice=options.voice, language=options.language) if wished else None,
        waits_for_greeting=not options.mic, media=MediaConfig(path=options.media_path or "packets"),
    )  # fmt: skip
    with ExitStack() as devices:
        sink = None
        if options.mic or options.speaker:
            from sonicrtc.caller.devices import microphone, speaker

            sink = devices.enter_context(speaker()) if options.speaker else None
        if options.mic:
            call = HeadlessCall(call_options, devices.enter_context(microphone()), sink, on_event=_tell)
            _hang_up_on_interrupt(call)
        else:
            import numpy as np

            samples = np.zeros(0, np.int16) if options.wav is None else read_wav(options.wav)
            call = HeadlessCall(call_options, Clip(samples), sink, on_event=_tell)
        return await call.run()


def _tell(event: object) -> None:
    """Say at once what a person who listens would wonder about."""
    from sonicrtc.events import ModelEvent

    if isinstance(event, ModelEvent) and (event.status == "recovering" or event.stream > 1):
        print(line_of(event), file=sys.stderr, flush=True)


def line_of(event: ModelEvent) -> str:
    """Return what became of the model's stream, in words."""
    at = f"{event.at_ms / 1000:6.1f} s  "
    if event.status == "recovering":
        return f"{at}the line to the model broke ({event.code}: {event.message}); reconnecting"
    spoken = event.language or "any language"
    return f"{at}the line to the model is up: stream {event.stream}, voice {event.voice}, {spoken}"


def _hang_up_on_interrupt(call: HeadlessCall) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, call.hang_up)
    print("talk now; Ctrl-C hangs up", file=sys.stderr)


def _write(options: argparse.Namespace, report: CallReport) -> None:
    from sonicrtc.caller import write_wav
    from sonicrtc.errors import PeerError

    if options.out is not None:
        write_wav(options.out, report.audio)
    print(report.summary(), file=sys.stderr if options.json == "-" else sys.stdout)
    if options.json == "-":
        print(report.to_json().decode(), flush=True)
    elif options.json is not None:
        try:
            Path(options.json).write_bytes(report.to_json() + b"\n")
        except OSError as exc:
            raise ConfigError(f"cannot write {options.json}: {exc.strerror}") from exc
    if report.failure is not None:
        raise PeerError(report.failure)
