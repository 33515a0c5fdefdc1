"""One conversation with the model, however many streams it takes: what a call holds on to.

:meth:`SonicSession.run` owns the streams and their tasks; everything else only takes note and returns. A stream
that grows old is replaced in a pause of the talk, one that breaks is replaced at once; the next one is told
what was said and hears again what the model has not answered.

It is driven by one rule: whatever happens sets `_news`, then :meth:`SonicSession._step` looks at everything and
says when it wants to look again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from sonicrtc.config import ContinuityConfig, SonicConfig
from sonicrtc.credentials import CredentialsProvider
from sonicrtc.errors import (
    Remedy,
    SonicClosedError,
    SonicError,
    SonicRtcError,
    SonicSilentError,
    SonicThrottledError,
)
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.bedrock import BedrockStream
from sonicrtc.sonic.handover import Handover
from sonicrtc.sonic.history import History, Message
from sonicrtc.sonic.leg import Deadlines, Leg, OpenStream
from sonicrtc.sonic.protocol import SonicEvent
from sonicrtc.sonic.stream import CHUNK_FRAMES, LARGE_CHUNK_FRAMES, AudioItem, UplinkBlock, UplinkFramer
from sonicrtc.sonic.talk import Talk
from sonicrtc.sonic.tape import LONGEST_PAUSE_MS, TAPE_MS, Piece
from sonicrtc.sonic.wire import INPUT_RATE_HZ, ToolSpec, tool_configuration

_log = logging.getLogger(__name__)

# A prepared stream that no gap comes for is given back before the service finds it idle.
_HOLD_S = 25.0
# After a stream could not be prepared while another one still carries the conversation.
_NEXT_TRY_S = 5.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 4.0
# The service itself is there and asks for patience: worth a second try even before the first word.
_TEMPORARY = (SonicThrottledError, SonicClosedError)
_NEVER_S = float("inf")
# What an older stream may still tell: the end of its answer.
_LAST_WORDS = (
    said.AssistantText, said.AudioChunk, said.AudioEnded, said.ToolRequest, said.Interrupted, said.TurnEnded,
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class SonicStats:
    """Counts and delays of one conversation.

    Attributes
    ----------
    opened, closed : int
        Streams; equal once the session is over.
    swaps, recoveries : int
        Streams that took over from one that grew old, and from one that broke.
    sent_chunks : int
        Audio chunks handed to the network.
    replayed_ms : float
        The user's audio that a later stream heard again.
    dropped_ms : float
        Audio dropped because the network did not keep up.
    lost_ms : float
        Voice that was not answered before it left the tape.
    outbox_ms : float
        Audio that waits now.
    ahead_ms : float
        How far the sent audio is ahead of real time because of pre-roll.
    sent_delay_ms, sent_delay_max_ms : float
        From a chunk's capture to its sending: the last, and the longest that was not pre-roll.
    """

    opened: int = 0
    closed: int = 0
    swaps: int = 0
    recoveries: int = 0
    sent_chunks: int = 0
    replayed_ms: float = 0.0
    dropped_ms: float = 0.0
    lost_ms: float = 0.0
    outbox_ms: float = 0.0
    ahead_ms: float = 0.0
    sent_delay_ms: float = 0.0
    sent_delay_max_ms: float = 0.0


class SonicSession:
    """A conversation with Nova Sonic.

    Parameters
    ----------
    config : SonicConfig
        Model, voice, instructions, endpoint.
    credentials : CredentialsProvider
        Asked once for each stream; the keys stay for the whole stream.
    on_event : callable
        Called with each `SonicEvent` from :meth:`run`; must not block.
    tools : sequence of ToolSpec
        What the model may call.
    history : sequence of Message
        An earlier conversation to go on with.
    continuity : ContinuityConfig
        When streams take over from each other.
    clock : callable
        Monotonic seconds, the same clock as `captured_at_s`.
    wall_clock : callable
        Aware time of day, for the expiry of keys.
    jitter : callable
        Returns a number from 0 to 1; spreads the pauses between tries.
    deadlines : Deadlines
        For the steps of each stream.
    open_stream : callable
        Opens a stream; the AWS SDK unless told otherwise.
    """

    #: Sessions that run in this process.
    running: ClassVar[int] = 0

    def __init__(
        self,
        config: SonicConfig,
        *,
        credentials: CredentialsProvider,
        on_event: Callable[[SonicEvent], None],
        tools: Sequence[ToolSpec] = (),
        history: Sequence[Message] = (),
        continuity: ContinuityConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
        deadlines: Deadlines | None = None,
        open_stream: OpenStream = BedrockStream.open,
    ) -> None:
        self._config = config
        self._credentials = credentials
        self._on_event = on_event
        self._tools = tuple(tools)
        self._continuity = continuity or ContinuityConfig()
        self._clock = clock
        self._wall_clock = wall_clock
        self._jitter = jitter
        self._deadlines = deadlines or Deadlines()
        self._open_stream = open_stream
        self._framer = UplinkFramer()
        self._talk = Talk(history)
        self._stats = SonicStats()
        self._group = asyncio.TaskGroup()
        self._news = asyncio.Event()
        self._done = asyncio.Event()
        self._started = self._over = False
        self._legs: list[Leg] = []
        self._leg: Leg | None = None
        self._next: Leg | None = None
        self._draining: Leg | None = None
        self._number = 0
        self._handover = Handover(self._continuity, opened_at_s=0.0, tape_s=TAPE_MS / 1000)
        self._keys_expire_at: datetime | None = None
        self._prepared_at_s = self._retry_at_s = self._give_up_at_s = 0.0
        self._tries = self._failures = 0
        self._position = 0  # of the tape, up to which the present stream was given the user's audio
        self._live = False
        self._dropped_ms = 0.0
        if config.greeting.strip():
            self._talk.send_text(said.announcement(config.greeting), typed=False)

    @property
    def stats(self) -> SonicStats:
        """Counts and delays up to now."""
        stats = self._stats
        stats.dropped_ms = self._dropped_ms + sum(leg.outbox.dropped_ms for leg in self._legs)
        stats.outbox_ms = sum(leg.outbox.audio_ms for leg in self._legs)
        stats.ahead_ms = 1000 * self._framer.ahead_frames / INPUT_RATE_HZ
        stats.lost_ms = 1000 * self._talk.tape.lost_frames / INPUT_RATE_HZ
        return stats

    @property
    def history(self) -> History:
        """What the user said and heard so far."""
        return self._talk.history

    # --- what a call puts in; none of it waits ----------------------------------------------------

    def send_audio(self, block: UplinkBlock, *, captured_at_s: float) -> None:
        """Take one block of the user's audio; nothing happens once the session is over.

        Parameters
        ----------
        block : sonicrtc.audio.Block
            What :meth:`sonicrtc.audio.Uplink.push` returned; it is copied, so it may be used again.
        captured_at_s : float
            When the block's last frame was captured.
        """
        if not self._over:
            for item in self._framer.push(block, captured_at_s=captured_at_s):
                self._send(item)

    def _send(self, item: AudioItem) -> None:
        piece = self._talk.hear(item.pcm, voiced=item.voiced, now_s=self._clock())
        if self._live and self._leg is not None:
            self._give(self._leg, item, piece)

    def _give(self, leg: Leg, item: AudioItem, piece: Piece) -> None:
        leg.put_audio(item)
        self._position = piece.end
        if piece.voiced:
            self._talk.sent_voice(self._clock())
            self._news.set()

    def send_text(self, text: str) -> None:
        """Put what the user typed into the conversation; nothing happens once the session is over."""
        if text.strip() and not self._over:
            self._talk.send_text(text, typed=True)
            self._tell(text)

    def announce(self, text: str) -> None:
        """Let the agent say `text`, of its own accord; nothing happens once the session is over."""
        if text.strip() and not self._over:
            self._talk.send_text(said.announcement(text), typed=False)
            self._tell(said.announcement(text))

    def send_tool_result(self, tool_use_id: str, result: object) -> None:
        """Answer a `ToolRequest` with anything JSON can hold; nothing happens once the session is over."""
        if self._over:
            return
        late = self._talk.tool_result(tool_use_id, result, stream=self._leg.number if self._leg else 0)
        if late is not None:
            self._tell(late)
        elif self._leg is not None:
            self._leg.send_tool_result(tool_use_id, result)
            self._news.set()

    def _tell(self, text: str) -> None:
        """Send `text` now; while there is no stream, the next one is given it with all that is unanswered."""
        if self._leg is not None:
            self._leg.send_text(text)
        self._news.set()

    def flushed(self, frames: int) -> None:
        """Take note that the last `frames` frames of the model's audio were thrown away unheard."""
        self._talk.flushed(frames, self._clock())

    def change(self, config: SonicConfig, tools: Sequence[ToolSpec] | None = None) -> None:
        """Use other settings from the next stream on, which takes over in the next gap of the talk.

        Parameters
        ----------
        config : SonicConfig
            Model, voice, instructions and sampling; its greeting is not said any more.
        tools : sequence of ToolSpec, optional
            What the model may call from then on.

        Raises
        ------
        ConfigError
            The tool that the model has to use is not among the tools; nothing changes.
        """
        specs = self._tools if tools is None else tuple(tools)
        tool_configuration(specs, config.tool_choice)
        self._config, self._tools = config, specs
        self._handover.ask()
        self._news.set()

    # --- the session's life -----------------------------------------------------------------------

    async def run(self) -> None:
        """Carry the conversation until :meth:`close`.

        Raises
        ------
        CredentialsError
            There are no keys, or the service refused them.
        SonicError
            The service cannot be reached, refuses, or fails in a way that another stream does not mend.
        """
        if self._started:
            raise RuntimeError("expected a new SonicSession, got one that has run; a session runs once")
        self._started = True
        SonicSession.running += 1
        try:
            async with self._group:
                error = await self._carry()
                for leg in tuple(self._legs):
                    self._group.create_task(leg.close())
        finally:
            SonicSession.running -= 1
            self._done.set()
        if error is not None:
            raise error from error.__cause__

    async def _carry(self) -> SonicRtcError | None:
        """Keep a stream going until :meth:`close`, or return why that is not possible."""
        self._give_up_at_s = self._clock() + self._deadlines.open_s
        while not self._over:
            self._news.clear()
            try:
                until_s = self._step(self._clock())
            except SonicRtcError as exc:
                return exc
            try:
                async with asyncio.timeout(max(0.0, until_s - self._clock()) if until_s < _NEVER_S else None):
                    await self._news.wait()
            except TimeoutError:
                pass
        return None

    async def close(self) -> None:
        """End the session in order, or cut the connection when that takes too long; returns when it is over."""
        if not self._over:
            for item in self._framer.flush(captured_at_s=self._clock()):
                self._send(item)
            self._over = True
            self._news.set()
        if self._started:
            await self._done.wait()

    # --- one look at everything -------------------------------------------------------------------

    def _step(self, now_s: float) -> float:
        """Do what is due, and return when to look again although nothing happens."""
        self._find_broken(now_s)
        self._find_unopened(now_s)
        wanted = "force" if self._leg is None else self._handover.due(now_s, self._talk.scene(now_s))
        candidate = self._next
        if candidate is not None and candidate.ready and wanted != "no":
            self._commit(candidate, now_s)
            return now_s
        if candidate is not None and candidate.ready and now_s >= self._prepared_at_s + _HOLD_S:
            self._retire(candidate)
            self._next = None
        elif candidate is None and wanted != "no" and now_s >= self._retry_at_s:
            self._next = self._prepare(now_s)
        return self._look_again_at_s(now_s)

    def _look_again_at_s(self, now_s: float) -> float:
        if self._leg is None:
            return self._retry_at_s if self._next is None else _NEVER_S
        times = [self._handover.next_s(now_s, self._talk.quiet_since_s), self._talk.voice_until_s]
        times.append(self._talk.ignored_at_s(self._continuity.silence_limit_s) or _NEVER_S)
        times.append(self._prepared_at_s + _HOLD_S if self._next is not None and self._next.ready else self._retry_at_s)
        return min((at_s for at_s in times if at_s > now_s), default=_NEVER_S)

    def _find_broken(self, now_s: float) -> None:
        leg = self._leg
        if leg is None:
            return
        before = self._draining
        if before is not None and before.over:
            # Nobody will end its answer. The stream after it knows too little of that, so another one takes over.
            self._draining = None
            self._retire(leg)
            self._break(before.error or SonicClosedError("the service ended the stream"), now_s)
            return
        if leg.over:
            self._break(leg.error or SonicClosedError("the service ended the stream"), now_s)
            return
        ignored_at_s = self._talk.ignored_at_s(self._continuity.silence_limit_s)
        if ignored_at_s is not None and now_s >= ignored_at_s:
            self._talk.stop_watching()
            self._retire(leg)
            limit_s = self._continuity.silence_limit_s
            self._break(SonicSilentError(f"the model was spoken to and sent nothing for {limit_s:g} s"), now_s)

    def _break(self, error: SonicRtcError, now_s: float) -> None:
        """Go on without a stream until the next one is ready, or raise when that is of no use."""
        self._leg, self._live = None, False
        self._failures += 1
        if self._failures == 1:
            self._give_up_at_s = now_s + self._continuity.retry_for_s
        # Streams that break one after the other, before the model has said anything, are asked for more slowly.
        self._tries = self._failures - 1
        at_once = self._tries == 0 and _remedy(error) != "back_off"
        self._retry_at_s = now_s if at_once else now_s + self._pause_s()
        if _remedy(error) == "fatal" or self._retry_at_s >= self._give_up_at_s:
            raise error
        _log.warning("a stream broke; another one takes over", extra={"code": error.code, "stream": self._number})
        self._on_event(said.Recovering(error=error))

    def _find_unopened(self, now_s: float) -> None:
        leg = self._next
        if leg is None or not leg.over:
            return
        self._next = None
        error = leg.error or SonicClosedError("the service ended the stream")
        if self._leg is not None:
            _log.warning("the next stream could not be opened", extra={"code": error.code})
            self._retry_at_s = now_s + _NEXT_TRY_S
            return
        first = self._number == 0
        if _remedy(error) == "fatal" or (first and not isinstance(error, _TEMPORARY)):
            raise error
        self._tries += 1
        self._retry_at_s = now_s + self._pause_s()
        if self._retry_at_s >= self._give_up_at_s:
            raise error

    def _pause_s(self) -> float:
        """Return how long to wait before the next try: twice as long each time, spread by chance."""
        pause_s: float = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0**self._tries)
        return pause_s * (0.5 + self._jitter() / 2)

    # --- streams ----------------------------------------------------------------------------------

    def _prepare(self, now_s: float) -> Leg:
        """Begin to open the next stream."""
        leg = Leg(
            self._config,
            tools=self._tools,
            on_event=self._take,
            on_sent=self._count_sent,
            on_opened=self._count_opened,
            on_change=self._news.set,
            open_stream=self._open_stream,
            deadlines=self._deadlines,
        )
        self._legs.append(leg)
        self._prepared_at_s = now_s
        self._group.create_task(self._live_through(leg))
        return leg

    async def _live_through(self, leg: Leg) -> None:
        try:
            await leg.run(self._credentials)
        finally:
            self._legs.remove(leg)
            self._dropped_ms += leg.outbox.dropped_ms
            self._stats.closed += leg.opened

    def _retire(self, leg: Leg) -> None:
        self._group.create_task(leg.close())

    def _commit(self, leg: Leg, now_s: float) -> None:
        """Let `leg` carry the conversation from here on; nothing can come between, for nothing here waits."""
        before, self._leg, self._next = self._leg, leg, None
        self._number += 1
        leg.number = self._number
        if self._draining is not None:
            self._retire(self._draining)
        self._draining = before if before is not None and self._talk.turn_open else None
        if before is not None and self._draining is None:
            self._retire(before)
        self._renew_handover(leg, now_s)
        if self._number == 1:
            self._on_event(said.SessionOpened(session_id=leg.session_id))
        else:
            self._stats.swaps += before is not None
            self._stats.recoveries += before is None
        self._on_event(said.StreamChanged(number=leg.number, config=leg.config))
        seed = self._talk.seed(leg.config, stream=leg.number, broken=before is None, now_s=now_s)
        self._position = self._talk.tape.start if self._number == 1 else seed.replay_from
        leg.begin(seed.history)
        for text in seed.texts:
            leg.send_text(text)
        self._live = self._talk.tape.next(self._position) is None
        if not self._live:
            self._group.create_task(self._replay(leg))

    def _renew_handover(self, leg: Leg, now_s: float) -> None:
        self._tries = 0
        self._handover = Handover(
            self._continuity,
            opened_at_s=self._prepared_at_s,
            expires_at_s=self._expiry_s(leg, now_s),
            tape_s=TAPE_MS / 1000,
        )
        if leg.config is not self._config or leg.tools != self._tools:
            self._handover.ask()  # they were changed while it was being opened
        many = SonicSession.running > self._continuity.many_sessions
        self._framer.chunk_frames = LARGE_CHUNK_FRAMES if many else CHUNK_FRAMES

    def _expiry_s(self, leg: Leg, now_s: float) -> float | None:
        """Return when the keys expire, on our clock; None when newer ones cannot be had, for then nothing helps."""
        before, self._keys_expire_at = self._keys_expire_at, leg.keys_expire_at
        if leg.keys_expire_at is None or leg.keys_expire_at == before:
            return None
        return now_s + (leg.keys_expire_at - self._wall_clock()).total_seconds()

    async def _replay(self, leg: Leg) -> None:
        """Give `leg` what is on the tape, a little faster than it was said, until it has caught up."""
        loop = asyncio.get_running_loop()
        due_s, silent_ms = loop.time(), 0.0
        while leg is self._leg and not self._over:
            piece = self._talk.tape.next(self._position)
            if piece is None:
                self._live = True
                return
            duration_ms = 1000 * (piece.end - piece.start) / INPUT_RATE_HZ
            silent_ms = 0.0 if any(piece.pcm) else silent_ms + duration_ms
            if silent_ms > LONGEST_PAUSE_MS:
                self._position = piece.end  # the model has heard this pause for long enough
                continue
            self._give(leg, AudioItem(piece.pcm, self._clock(), is_preroll=True), piece)
            self._stats.replayed_ms += duration_ms
            due_s += duration_ms / 1000 / self._continuity.replay_pace
            await asyncio.sleep(max(0.0, due_s - loop.time()))

    # --- what the model says ----------------------------------------------------------------------

    def _take(self, leg: Leg, event: SonicEvent) -> None:
        if leg is self._draining:
            self._take_last_words(leg, event)
        elif leg is self._leg:
            self._failures = 0
            self._deliver(leg, event)
            if self._draining is not None and isinstance(event, said.UserText | said.AssistantText | said.AudioChunk):
                self._retire(self._draining)
                self._draining = None
        self._news.set()

    def _take_last_words(self, leg: Leg, event: SonicEvent) -> None:
        if isinstance(event, _LAST_WORDS):
            self._deliver(leg, event)
        if isinstance(event, said.TurnEnded) and leg is self._draining:
            self._draining = None
            self._retire(leg)

    def _deliver(self, leg: Leg, event: SonicEvent) -> None:
        now_s = self._clock()
        for told in self._talk.take(event, stream=leg.number, sent=self._position, now_s=now_s):
            self._on_event(told)

    def _count_opened(self) -> None:
        self._stats.opened += 1

    def _count_sent(self, item: AudioItem) -> None:
        stats = self._stats
        stats.sent_chunks += 1
        stats.sent_delay_ms = 1000 * (self._clock() - item.captured_at_s)
        if not item.is_preroll:
            stats.sent_delay_max_ms = max(stats.sent_delay_max_ms, stats.sent_delay_ms)


def _remedy(error: SonicRtcError) -> Remedy:
    if isinstance(error, SonicError):
        return error.remedy
    return "back_off" if error.retryable else "fatal"
