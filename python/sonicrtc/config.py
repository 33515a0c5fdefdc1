"""All settings, as frozen dataclasses that are checked when they are made.

Loaded once at the edge (:func:`load`): defaults < TOML file < environment < command line.
Credentials are never settings; see :mod:`sonicrtc.credentials`.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints
from urllib.parse import urlsplit

from sonicrtc import capabilities
from sonicrtc.errors import ConfigError

Endpointing = Literal["HIGH", "MEDIUM", "LOW"]
DetectorName = Literal["webrtcvad", "energy", "silero"]
GatePolicy = Literal["zeros", "off", "withhold"]
AssistName = Literal["auto", "off"]
EchoPolicy = Literal["mute", "send"]
MediaPathName = Literal["packets", "frames"]
EncoderName = Literal["default", "low_cpu"]

#: Pause after speech at which the default model ends the user's turn, by sensitivity.
ENDPOINT_PAUSE_MS = capabilities.MODELS[capabilities.MODEL_IDS[0]].pauses_ms
#: Model ids that the session can speak to.
SONIC_MODEL_IDS = capabilities.MODEL_IDS
#: Voices of the default model.
SONIC_VOICES = tuple(voice.name for voice in capabilities.voices_for(SONIC_MODEL_IDS[0]))

#: Tools that come with the package (``tools.builtin``).
BUILTIN_TOOLS = ("get_date_and_time", "hang_up", "hand_over", "remember", "recall")
#: What a page can be allowed to change (``server.allow_settings``): the members of `events.Settings`.
PAGE_SETTINGS = ("voice", "language", "instructions", "temperature", "top_p", "max_tokens", "endpointing")


def _check(condition: bool, what: str, expected: str, got: object) -> None:
    if not condition:
        raise ConfigError(f"{what}: expected {expected}, got {got!r}")


def _is_https_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or a broken IPv6 address
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class VadConfig:
    """Voice activity detection in :class:`sonicrtc.audio.Uplink`.

    Parameters
    ----------
    detector : {"webrtcvad", "energy", "silero"}
        Which detector judges a frame: WebRTC's; one that takes for speech what is louder than the room,
        native and the cheapest; or the Silero network, the best in noise, which needs the extra ``silero``
        and some 40 ms of a core per second of audio.
    mode : int
        Aggressiveness of webrtcvad, 0 to 3; higher calls less sound speech.
    threshold : float
        Score from which a frame is voiced, 0 to 1, for energy and silero; higher calls less sound speech.
    frame_ms : {10, 20, 30}
        Length of one detector frame; silero's are always 32 ms.
    start_k, start_n : int
        Speech starts when `start_k` of the last `start_n` frames were voiced; ``1 <= k <= n <= 50``.
    hangover_ms : int
        Speech ends after this long without a voiced frame, 0 to 10000. Keep it longer than the
        model's own endpointing pause.
    preroll_ms : int
        Real audio kept from before the onset, 0 to 1000.
    gate : {"zeros", "off", "withhold"}
        While there is no speech: send zeros of the same length; or what was heard; or zeros at first and
        then nothing but 20 ms of zeros every 10 s, which keep the model's stream from timing out, for
        links where every byte counts.
    withhold_after_ms : int
        How long there has to be no speech before "withhold" sends nothing, 0 to 600000; counted from where
        the gate closed.
    """

    detector: DetectorName = "webrtcvad"
    mode: int = 2
    threshold: float = 0.5
    frame_ms: int = 20
    start_k: int = 2
    start_n: int = 3
    hangover_ms: int = 2500
    preroll_ms: int = 300
    gate: GatePolicy = "zeros"
    withhold_after_ms: int = 2000

    def __post_init__(self) -> None:
        detectors = "'webrtcvad', 'energy' or 'silero'"
        _check(self.detector in get_args(DetectorName), "VadConfig.detector", detectors, self.detector)
        _check(self.mode in range(4), "VadConfig.mode", "0, 1, 2 or 3", self.mode)
        _check(0 <= self.threshold <= 1, "VadConfig.threshold", "0 to 1", self.threshold)
        _check(self.frame_ms in (10, 20, 30), "VadConfig.frame_ms", "10, 20 or 30", self.frame_ms)
        _check(1 <= self.start_n <= 50, "VadConfig.start_n", "1 to 50", self.start_n)
        _check(1 <= self.start_k <= self.start_n, "VadConfig.start_k", f"1 to start_n ({self.start_n})", self.start_k)
        _check(0 <= self.hangover_ms <= 10_000, "VadConfig.hangover_ms", "0 to 10000", self.hangover_ms)
        _check(0 <= self.preroll_ms <= 1000, "VadConfig.preroll_ms", "0 to 1000", self.preroll_ms)
        _check(self.gate in get_args(GatePolicy), "VadConfig.gate", "'zeros', 'off' or 'withhold'", self.gate)
        _check(
            0 <= self.withhold_after_ms <= 600_000, "VadConfig.withhold_after_ms", "0 to 600000", self.withhold_after_ms
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BargeInConfig:
    """What happens here when the user speaks up, before the model's marker has come.

    Parameters
    ----------
    assist : {"auto", "off"}
        "auto" makes the agent quieter as soon as the user speaks, where the extra ``silero`` is installed.
    duck_db : float
        How much quieter, 0 to 60 dB.
    release_ms : int
        The level comes back after this long without the model's marker, 100 to 10000.
    threshold : float
        Silero's score from which a sound is voice, 0 to 1; higher hears less.
    rise_db : float
        How far a voice must stand above the background of the last 1.5 s, 0 to 40 dB; higher hears less.
    echo : {"mute", "send"}
        What the model hears of the agent's own voice that comes back by the microphone: zeros, or all of it,
        upon which it interrupts itself. Nothing is muted where no echo is heard.
    """

    assist: AssistName = "auto"
    duck_db: float = 12.0
    release_ms: int = 700
    threshold: float = 0.3
    rise_db: float = 9.5
    echo: EchoPolicy = "mute"

    def __post_init__(self) -> None:
        _check(self.assist in get_args(AssistName), "BargeInConfig.assist", "'auto' or 'off'", self.assist)
        _check(0 <= self.duck_db <= 60, "BargeInConfig.duck_db", "0 to 60", self.duck_db)
        _check(100 <= self.release_ms <= 10_000, "BargeInConfig.release_ms", "100 to 10000", self.release_ms)
        _check(0 <= self.threshold <= 1, "BargeInConfig.threshold", "0 to 1", self.threshold)
        _check(0 <= self.rise_db <= 40, "BargeInConfig.rise_db", "0 to 40", self.rise_db)
        _check(self.echo in get_args(EchoPolicy), "BargeInConfig.echo", "'mute' or 'send'", self.echo)


@dataclass(frozen=True, slots=True, kw_only=True)
class SonicConfig:
    """The speech-to-speech model and how to reach it.

    Parameters
    ----------
    model_id : str
        One of :data:`SONIC_MODEL_IDS`.
    region : str
        AWS region of the endpoint and of the signature; one where the model runs, unless `endpoint` is given.
    endpoint : str, optional
        ``https://host:port`` instead of the region's own address.
    ca_file : Path, optional
        PEM file of the authority that signed the endpoint's certificate.
    voice : str
        One of the model's, see :func:`sonicrtc.capabilities.voices_for`.
    instructions : str
        System prompt.
    endpointing : {"HIGH", "MEDIUM", "LOW"}
        Sensitivity of the model's end-of-turn detection.
    max_tokens : int
        Longest answer, 1 to 10000 tokens.
    temperature, top_p : float
        Sampling, 0 to 1.
    language : str, optional
        What the agent shall speak, e.g. ``"fr-FR"``; the voice must speak it, and when it speaks others as
        well, the model is told which. None leaves it to the model.
    greeting : str
        What the agent says first, before the user has spoken; empty means that it waits.
    speech_script : str
        SYSTEM_SPEECH prompt: fixes the script in which Hindi is transcribed; sent as it is.
    tool_choice : str
        ``"auto"``, ``"any"``, or the name of the one tool that the model has to use.
    history_message_bytes, history_total_bytes : int
        How much of a conversation is repeated to a new session, in bytes of UTF-8.
    """

    model_id: str = "amazon.nova-2-sonic-v1:0"
    region: str = "us-east-1"
    endpoint: str | None = None
    ca_file: Path | None = None
    voice: str = "matthew"
    instructions: str = "You are a friendly voice assistant. Answer in one or two short sentences."
    endpointing: Endpointing = "MEDIUM"
    max_tokens: int = 1024
    temperature: float = 0.7
    top_p: float = 0.9
    language: str | None = None
    greeting: str = ""
    speech_script: str = ""
    tool_choice: str = "auto"
    history_message_bytes: int = 50 * 1024
    history_total_bytes: int = 200 * 1024

    def __post_init__(self) -> None:
        _check(bool(self.region), "region", "an AWS region name", self.region)
        capabilities.check(
            model_id=self.model_id,
            voice=self.voice,
            language=self.language,
            region=self.region if self.endpoint is None else None,
            max_tokens=self.max_tokens,
        )
        _check(self.endpointing in get_args(Endpointing), "endpointing", "HIGH, MEDIUM or LOW", self.endpointing)
        if self.endpoint is not None:
            _check(_is_https_address(self.endpoint), "Sonic endpoint", "https://host[:port]", self.endpoint)
        _check(0 <= self.temperature <= 1, "temperature", "0 to 1", self.temperature)
        _check(0 <= self.top_p <= 1, "top_p", "0 to 1", self.top_p)
        _check(bool(self.tool_choice.strip()), "tool_choice", "'auto', 'any' or the name of a tool", self.tool_choice)
        _check(1 <= self.history_message_bytes <= self.history_total_bytes, "history_message_bytes",
               f"1 to history_total_bytes ({self.history_total_bytes})", self.history_message_bytes)  # fmt: skip

    @property
    def endpoint_ms(self) -> int:
        """Documented pause after which the model ends the user's turn, in ms."""
        return capabilities.model_for(self.model_id).pauses_ms[self.endpointing]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuityConfig:
    """How one conversation outlives the model's streams, which last at most 8 minutes and may break.

    Parameters
    ----------
    swap_after_s : float
        Age of a stream from which the next one takes over in a gap where nobody speaks.
    swap_by_s : float
        Age at which it takes over whoever speaks; below the service's limit of 480 s.
    retry_for_s : float
        How long a broken stream is tried to be replaced before the call ends; 0 ends it at once.
    replay_pace : float
        How fast audio that a broken stream did not answer is repeated to the next one, 1 to 8 times real time.
    silence_limit_s : float
        A model that was spoken to and sends no event at all for so long is taken for deaf or mute and
        replaced; 0 turns this off.
    many_sessions : int
        With more sessions than this in the process, audio travels in chunks of 64 ms instead of 32 ms.
    """

    swap_after_s: float = 360.0
    swap_by_s: float = 440.0
    retry_for_s: float = 30.0
    replay_pace: float = 1.25
    silence_limit_s: float = 12.0
    many_sessions: int = 30

    def __post_init__(self) -> None:
        _check(0 < self.swap_after_s <= self.swap_by_s, "continuity.swap_after_s",
               f"more than 0 and at most swap_by_s ({self.swap_by_s:g})", self.swap_after_s)  # fmt: skip
        _check(self.retry_for_s >= 0, "continuity.retry_for_s", "0 or more seconds", self.retry_for_s)
        _check(1 <= self.replay_pace <= 8, "continuity.replay_pace", "1 to 8", self.replay_pace)
        _check(self.silence_limit_s >= 0, "continuity.silence_limit_s", "0 or more seconds", self.silence_limit_s)
        _check(self.many_sessions >= 0, "continuity.many_sessions", "0 or more", self.many_sessions)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsConfig:
    """Limits of what the model may call, and what the user hears meanwhile.

    Parameters
    ----------
    timeout_s : float
        How long one call of a tool may take, unless the tool says otherwise.
    max_running : int
        Tools that run at the same time in one call of a user.
    max_per_turn : int
        Calls of tools until the user says something again.
    max_threads : int
        Threads for functions that are not async, shared by all calls of an agent.
    max_result_bytes : int
        Longest result as JSON, in bytes of UTF-8; a longer one is cut, and says so. At least 256.
    filler : str
        What the agent says when a tool takes long, unless the tool says otherwise; empty for nothing.
    filler_after_s : float
        How long a tool runs, and nobody speaks, before the filler; 0.1 or more.
    builtin : tuple of str
        Which of the tools that come with the package the agent has: some of :data:`BUILTIN_TOOLS`.
    mcp : Path, optional
        File that names MCP servers, whose tools are the agent's as well.
    """

    timeout_s: float = 20.0
    max_running: int = 4
    max_per_turn: int = 8
    max_threads: int = 16
    max_result_bytes: int = 12 * 1024  # with its arguments it fits into a message to the page
    filler: str = ""
    filler_after_s: float = 2.0
    builtin: tuple[str, ...] = ("get_date_and_time",)
    mcp: Path | None = None

    def __post_init__(self) -> None:
        _check(self.timeout_s > 0, "tools.timeout_s", "more than 0 seconds", self.timeout_s)
        _check(self.max_running >= 1, "tools.max_running", "at least 1", self.max_running)
        _check(self.max_per_turn >= 1, "tools.max_per_turn", "at least 1", self.max_per_turn)
        _check(self.max_threads >= 1, "tools.max_threads", "at least 1", self.max_threads)
        _check(self.max_result_bytes >= 256, "tools.max_result_bytes", "256 or more", self.max_result_bytes)
        _check(self.filler_after_s >= 0.1, "tools.filler_after_s", "0.1 or more seconds", self.filler_after_s)
        _check(set(self.builtin) <= set(BUILTIN_TOOLS), "tools.builtin", f"some of {', '.join(BUILTIN_TOOLS)}",
               self.builtin)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeBaseConfig:
    """The Bedrock knowledge base that the model may search.

    Parameters
    ----------
    id : str, optional
        10 letters and digits, or an ARN; None for no knowledge base.
    region : str
        AWS region.
    endpoint : str, optional
        Address of Bedrock Agent Runtime (``http://127.0.0.1:port``) instead of the region's own.
    number_of_results : int
        Most passages that the model is given, 1 to 100.
    min_score : float
        Passages with a lower score are left out.
    """

    id: str | None = None
    region: str = "us-east-1"
    endpoint: str | None = None
    number_of_results: int = 5
    min_score: float = 0.0

    def __post_init__(self) -> None:
        if self.id is not None:
            last = self.id.rpartition("/")[2]
            ok = len(last) == 10 and last.isascii() and last.isalnum() and (last == self.id or self.id[:4] == "arn:")
            _check(ok, "knowledge_base.id", "10 letters and digits, or an ARN", self.id)
        if self.endpoint is not None:
            _check(self.endpoint.startswith(("http://", "https://")), "knowledge_base.endpoint",
                   "http(s)://host[:port]", self.endpoint)  # fmt: skip
        _check(1 <= self.number_of_results <= 100, "knowledge_base.number_of_results", "1 to 100",
               self.number_of_results)  # fmt: skip
        _check(self.min_score >= 0, "knowledge_base.min_score", "0 or more", self.min_score)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaConfig:
    """How audio goes between the network and the call.

    Parameters
    ----------
    path : {"packets", "frames"}
        "packets" takes RTP packets to the native jitter buffer and Opus codec and back, with in-band FEC; where no
        libopus is found it is as "frames", which leaves all of that to aiortc.
    encoder : {"default", "low_cpu"}
        What codes the agent's voice in packets: from 32 kb/s on at complexity 5, or from 48 kb/s on at complexity 0,
        which sounds the same and takes half the time.
    redundancy : bool
        Whether callers that can, as Chromium and Safari, are asked to send each packet a second time with the next
        one (RFC 2198), which takes twice their bitrate.
    opus_library : str, optional
        The libopus to use, a file or a name that the loader finds; None takes the system's, else PyAV's.
    """

    path: MediaPathName = "packets"
    encoder: EncoderName = "default"
    redundancy: bool = True
    opus_library: str | None = None

    def __post_init__(self) -> None:
        _check(self.path in get_args(MediaPathName), "media.path", "'packets' or 'frames'", self.path)
        _check(self.encoder in get_args(EncoderName), "media.encoder", "'default' or 'low_cpu'", self.encoder)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalingConfig:
    """The Kinesis Video Streams signaling channel that ``serve`` is master of.

    Parameters
    ----------
    channel : str, optional
        Channel name, created when it does not exist; None turns signaling off.
    region : str
        AWS region.
    endpoint : str, optional
        Control-plane address (``http://127.0.0.1:port``) instead of the region's own.
    ca_file : Path, optional
        PEM file of the authority that signed the endpoint's certificate.
    """

    channel: str | None = None
    region: str = "us-east-1"
    endpoint: str | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if self.channel is not None:
            ok = 1 <= len(self.channel) <= 256 and all(
                c.isascii() and (c.isalnum() or c in "_.-") for c in self.channel
            )
            _check(ok, "channel", "1 to 256 characters of a-z A-Z 0-9 _ . -", self.channel)
        if self.endpoint is not None:
            _check(
                self.endpoint.startswith(("http://", "https://")),
                "Kinesis Video Streams endpoint", "http(s)://host[:port]", self.endpoint,
            )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """The HTTP server: addresses, limits and pages.

    Parameters
    ----------
    host, port : str, int
        Where to listen; port 0 picks a free one.
    tls_cert, tls_key : Path, optional
        Serve HTTPS with this certificate; both or neither.
    allowed_hosts : tuple of str
        Host names accepted in the ``Host`` header beside localhost and the bound address.
    allowed_origins : tuple of str
        Origins accepted beside the server's own.
    max_calls : int
        Calls at the same time; the next one gets HTTP 503.
    loopback : bool
        Return the caller's audio through Uplink and Playout, without a model, for measuring.
    relay_signaling : bool
        Relay the page's signaling WebSocket to the channel endpoint, so that page, POST and
        signaling share one origin.
    ice_servers : tuple of str
        STUN or TURN URLs offered to both sides; empty means none, never a default.
    ca_download : Path, optional
        Certificate of a local authority, offered at ``/ca.pem`` so that a phone can install it.
    drain_s : float
        How long a stopping server lets calls finish.
    allow_settings : tuple of str
        What a page may change of its call's model: some of `PAGE_SETTINGS`. Whoever reaches the server can
        then do it, which is why the system prompt is not among them unless chosen.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    tls_cert: Path | None = None
    tls_key: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_calls: int = 10
    loopback: bool = False
    relay_signaling: bool = False
    ice_servers: tuple[str, ...] = ()
    ca_download: Path | None = None
    drain_s: float = 5.0
    allow_settings: tuple[str, ...] = ("voice", "language")

    def __post_init__(self) -> None:
        _check(0 <= self.port <= 65_535, "port", "0 to 65535", self.port)
        _check((self.tls_cert is None) == (self.tls_key is None), "tls_cert and tls_key", "both or neither",
               (self.tls_cert, self.tls_key))  # fmt: skip
        _check(self.max_calls >= 1, "max_calls", "at least 1", self.max_calls)
        _check(self.drain_s >= 0, "drain_s", "0 or more seconds", self.drain_s)
        _check(set(self.allow_settings) <= set(PAGE_SETTINGS), "allow_settings", f"some of {', '.join(PAGE_SETTINGS)}",
               self.allow_settings)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything ``sonicrtc serve`` needs to know."""

    server: ServerConfig = field(default_factory=ServerConfig)
    sonic: SonicConfig = field(default_factory=SonicConfig)
    signaling: SignalingConfig = field(default_factory=SignalingConfig)
    vad: VadConfig = field(default_factory=VadConfig)
    bargein: BargeInConfig = field(default_factory=BargeInConfig)
    continuity: ContinuityConfig = field(default_factory=ContinuityConfig)
    tools: ToolsConfig = field(default_factory=ToolsConfig)
    knowledge_base: KnowledgeBaseConfig = field(default_factory=KnowledgeBaseConfig)
    media: MediaConfig = field(default_factory=MediaConfig)


_ENVIRONMENT_PREFIX = "SONICRTC_"


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
) -> Config:
    """Build a `Config` from defaults, a TOML file, the environment and overrides, in that order.

    Parameters
    ----------
    file : Path, optional
        TOML with the tables ``[server] [sonic] [signaling] [vad] [bargein] [continuity] [tools]
        [knowledge_base] [media]``.
    environment : mapping, optional
        ``SONICRTC_<TABLE>_<NAME>``, e.g. ``SONICRTC_SONIC_VOICE``; other names are ignored.
    overrides : mapping of table to settings, optional
        What the command line gave; values of None are skipped.

    Raises
    ------
    ConfigError
        A table, name or value is wrong; the message names it and where it came from.
    """
    tables: dict[str, dict[str, object]] = {f.name: {} for f in dataclasses.fields(Config)}
    if file is not None:
        _merge_file(tables, file)
    for name, text in (environment or {}).items():
        if name.startswith(_ENVIRONMENT_PREFIX):
            table, key = _split(name.removeprefix(_ENVIRONMENT_PREFIX).lower(), tables)
            _put(tables, table, key, text, source=f"environment variable {name}")
    for table, settings in (overrides or {}).items():
        for key, value in settings.items():
            if value is not None:
                _put(tables, table, key, value, source="command line")
    types = get_type_hints(Config)
    return Config(**{name: types[name](**settings) for name, settings in tables.items()})


def _split(name: str, tables: Collection[str]) -> tuple[str, str]:
    """Return table and setting of ``<table>_<setting>``; some tables have a ``_`` in their own name."""
    table = next((table for table in tables if name.startswith(f"{table}_")), name.partition("_")[0])
    return table, name[len(table) + 1 :]


def _merge_file(tables: dict[str, dict[str, object]], file: Path) -> None:
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except OSError as exc:
        raise ConfigError(f"cannot read config file {file}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"config file {file} is not TOML: {exc}") from exc
    for table, settings in document.items():
        if not isinstance(settings, dict):
            raise ConfigError(f"config file {file}: expected a table [{table}], got {settings!r}")
        for key, value in settings.items():
            _put(tables, table, key, value, source=f"config file {file}")


def _put(tables: dict[str, dict[str, object]], table: str, key: str, value: object, *, source: str) -> None:
    if table not in tables:
        raise ConfigError(f"{source}: unknown table {table!r}; known are {', '.join(tables)}")
    hints = get_type_hints(get_type_hints(Config)[table])
    if key not in hints:
        raise ConfigError(f"{source}: unknown setting {table}.{key}; known are {', '.join(hints)}")
    tables[table][key] = _coerce(value, hints[key], f"{source}: {table}.{key}")


def _coerce(value: object, hint: Any, where: str) -> object:
    """Turn TOML or environment `value` into the setting's type, or say what was expected."""
    wanted = {Path: "a path", bool: "true or false", int: "a whole number", float: "a number"}
    members = get_args(hint)
    if Path in members:
        hint = Path
    elif str in members and Ellipsis not in members:
        hint = str
    try:
        if Ellipsis in members:
            items = value.split(",") if isinstance(value, str) else value
            if isinstance(items, list | tuple):
                return tuple(str(item).strip() for item in items if str(item).strip())
        elif hint is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
        elif hint in (int, float) and isinstance(value, str | int | float) and not isinstance(value, bool):
            number = hint(value)
            if isinstance(value, str) or number == value:
                return number
        elif hint is Path and isinstance(value, str | Path):
            return Path(value)
        elif hint not in (int, float, Path) and isinstance(value, str):
            return value
    except (KeyError, ValueError) as exc:
        raise ConfigError(f"{where}: expected {wanted.get(hint, 'text')}, got {value!r}") from exc
    raise ConfigError(f"{where}: expected {wanted.get(hint, 'text or a list of texts')}, got {value!r}")
