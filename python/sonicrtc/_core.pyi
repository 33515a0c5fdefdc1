# Generated from the built module by tests/lint/generate_stubs.py; do not edit.
"""
The audio core of SonicRTC; import it by sonicrtc.audio.
"""

from __future__ import annotations

import collections.abc
import typing

import numpy
import numpy.typing

import sonicrtc.config

__all__: list[str] = [
    "AudioReceiver",
    "Block",
    "EchoDetector",
    "OpusDecoder",
    "OpusEncoder",
    "OpusLibrary",
    "Playout",
    "ReceiverStats",
    "Resampler",
    "Uplink",
    "isa",
    "isas",
    "opus_frames",
    "opus_has_fec",
]

class Block:
    """
    One block of uplink audio, mono, at the output rate of its Uplink.

    The arrays are views of memory that belongs to the block; they hold until it is filled again.
    """
    @property
    def f32(self) -> numpy.typing.NDArray[numpy.float32]:
        """
        Gated audio as float32 in [-1, 32767/32768], shape (frames,).
        """
    @property
    def frames(self) -> int:
        """
        How many frames are valid: those that are to be sent.
        """
    @property
    def level_dbfs(self) -> float:
        """
        RMS before the gate in dB relative to full scale (a full-scale sine is at -3); -120 at least.
        """
    @property
    def offset(self) -> int:
        """
        Where in the block the gate closed, 0 to `frames`; -1 when it did not.
        """
    @property
    def onset(self) -> int:
        """
        Where in the block the gate opened, 0 to `frames`; -1 when it did not.
        """
    @property
    def preroll(self) -> numpy.typing.NDArray[numpy.int16]:
        """
        Audio from just before `onset` that had not been let through, int16, shape (m,).

        Empty unless the gate opened in this block and its policy is not "off". Send ``s16[:onset]``, `preroll`,
        ``s16[onset:]``. A block in which the gate opened twice (only one longer than the hangover can)
        holds the pre-roll of the last opening.
        """
    @property
    def s16(self) -> numpy.typing.NDArray[numpy.int16]:
        """
        Gated audio as int16, shape (frames,).
        """
    @property
    def score(self) -> float | None:
        """
        How sure the detector is of speech, 0 to 1: its highest score of the frames that ended in the block.

        None when none did, or when the detector has no score (webrtcvad).
        """
    @property
    def speech(self) -> bool:
        """
        Whether the gate was open at the end of the block; always true without a detector.
        """
    @property
    def withheld_frames(self) -> int:
        """
        How many more the block would have without the gate; 0 unless it is "withhold".
        """

class Uplink:
    """
    From a caller's audio to the model's: mono at 16 kHz or what it listens at, int16 and float32 from one pass.

    The output is the same bits however the input is cut into blocks, with and without a gate: a decision
    of the detector takes effect where its frame ends on the 16 kHz time line. A block at the input rate
    is downmixed, filtered, judged and gated by one call that allocates nothing when `out` is given. An
    object belongs to one thread at a time. A second of audio or more lets other Python threads run, unless
    the detector needs Python.

    Parameters
    ----------
    input_rate_hz : {8000, 16000, 24000, 44100, 48000}
        Rate of the input.
    channels : {1, 2}
        Interleaved channels of the input.
    downmix : {"mean", "left", "right"}
        How two channels become one.
    quality : {"default", "hq", "low_latency"}
        From 48 kHz, "default" is flat to 7 kHz, below -90 dB from 9 kHz and 1.24 ms late; what folds back
        stays above 7 kHz. "hq" is below -90 dB from 8 kHz, so that nothing folds back, and 2.49 ms late.
        "low_latency" has the magnitude response of "default" with minimum phase: 0.18 ms late on average
        over the pass band. "high" is an older spelling of "hq".
    vad : VadConfig, optional
        Detect speech, and gate by it.
    output_rate_hz : {8000, 16000, 24000, 44100, 48000}
        Rate of the output; a detector needs 16000.

    Raises
    ------
    ValueError
        An argument is out of range.
    ImportError
        The detector is not installed.
    """
    def __init__(
        self,
        input_rate_hz: int = 48000,
        channels: int = 2,
        downmix: typing.Literal["mean", "left", "right"] = "mean",
        quality: typing.Literal["default", "hq", "low_latency", "high"] = "default",
        vad: sonicrtc.config.VadConfig | None = None,
        output_rate_hz: int = 16000,
    ) -> None: ...
    def block(self, max_frames: int) -> Block:
        """
        A reusable Block for pushes of up to `max_frames` frames of input.
        """
    def push(self, block: collections.abc.Buffer, frames: int | None = None, out: Block | None = None) -> Block:
        """
        Convert one block.

        Parameters
        ----------
        block : buffer of int16, shape (frames, channels) or flat interleaved, or bytes
            Any length, 0 included. Bytes are native-endian int16.
        frames : int, optional
            How many frames of a longer buffer are audio.
        out : Block, optional
            Filled and returned instead of a new one; made by :meth:`block`.

        Returns
        -------
        Block
            After `t` frames of input in all, ``ceil(t * output_rate_hz / input_rate_hz)`` frames have come out
            or been withheld.

        Raises
        ------
        TypeError, ValueError
            The buffer is not what is described above; the message says what came.
        RuntimeError
            Another thread is using this object, or `out`.
        """
    def reset(self) -> None:
        """
        Back to the state after construction.
        """
    @property
    def delay_frames(self) -> float:
        """
        How late the output is, in output frames: the group delay, averaged over the pass band.
        """

class Playout:
    """
    The queue between a model that speaks faster than real time and a listener.

    Audio is kept at the model's rate and resampled when it is pulled. Chunks join without a seam.
    Where audio ends, or is flushed, it fades to silence within 5 ms; where it goes on after an underrun,
    it fades in as fast. Nothing else alters a sample. An object belongs to one thread at
    a time. Blocks keep other Python threads waiting, which is shorter than changing threads; a second
    of audio or more lets them run.

    Parameters
    ----------
    input_rate_hz, output_rate_hz : {8000, 16000, 24000, 44100, 48000}
        The model's rate and the listener's.
    capacity_ms : int
        How much audio is kept, 100 to 3600000 ms. Memory is taken one second at a time.

    Raises
    ------
    ValueError
        A rate is unknown or the capacity out of range.
    """
    def __init__(self, input_rate_hz: int = 24000, output_rate_hz: int = 48000, capacity_ms: int = 60000) -> None: ...
    def duck(self, gain_db: typing.SupportsFloat | typing.SupportsIndex = -18.0) -> None:
        """
        Attenuate from the next frame on, without a click: the level changes over 20 ms.

        Pushes and flushes do not end it; `unduck` and `reset` do.

        Parameters
        ----------
        gain_db : float
            Level while ducked, -60 to 0 dB.

        Raises
        ------
        ValueError
            `gain_db` is out of range.
        """
    def end(self) -> None:
        """
        Say that the audio so far is complete: running empty after it is no underrun.

        Holds until the next push.
        """
    def flush(self) -> float:
        """
        Throw away what is queued; what was about to be heard fades out within 5 ms.

        Returns
        -------
        float
            How much was thrown away, in ms.
        """
    def pull(self, frames: int, out: collections.abc.Buffer | None = None) -> numpy.typing.NDArray[numpy.int16]:
        """
        Take audio for the listener.

        Parameters
        ----------
        frames : int
            How many frames, at the output rate.
        out : writable buffer of int16, optional
            Filled and returned instead of a new array; nothing is allocated then.

        Returns
        -------
        numpy.ndarray of int16, shape (frames,)
            Audio, and zeros where there is none.

        Raises
        ------
        TypeError, ValueError
            `out` is not what is described above, or too small; the message says what came.
        RuntimeError
            Another thread is using this object.
        """
    def push(self, chunk: collections.abc.Buffer, frames: int | None = None) -> int:
        """
        Queue a chunk from the model.

        Parameters
        ----------
        chunk : buffer of int16, shape (frames,) or (frames, 1), or bytes
            Any length, 0 included.
        frames : int, optional
            How many frames of a longer buffer are audio.

        Returns
        -------
        int
            Frames that fitted. What did not is dropped and counted in `dropped_frames`.

        Raises
        ------
        TypeError, ValueError
            The buffer is not what is described above; the message says what came.
        RuntimeError
            Another thread is using this object.
        """
    def reset(self) -> None:
        """
        Forget audio, counters and ducking.
        """
    def unduck(self) -> None:
        """
        Return to full level over 20 ms.
        """
    @property
    def buffered_frames(self) -> int:
        """
        Audio queued, in frames at the model's rate.
        """
    @property
    def buffered_ms(self) -> float:
        """
        Audio queued, in ms.
        """
    @property
    def dropped_frames(self) -> int:
        """
        Frames that did not fit.
        """
    @property
    def ducked(self) -> bool:
        """
        Whether the level is, or is going, below full.
        """
    @property
    def played_frames(self) -> int:
        """
        What the listener was really given since construction, in frames at the model's rate.

        These are the frames that begin no later than the last one pulled: ``(n - 1) * input_rate_hz //
        output_rate_hz + 1`` after `n` frames of unbroken audio. Silence and fades to silence do not count.
        Always: pushed == played + buffered + thrown away.
        """
    @property
    def played_ms(self) -> float:
        """
        `played_frames` in ms.
        """
    @property
    def underruns(self) -> int:
        """
        How often the queue ran empty while audio was playing, `end` not having been called.
        """

class Resampler:
    """
    Streaming sample-rate conversion of mono int16.

    The output of a signal is the same bits however it is cut into blocks: after `t` frames of input,
    ``ceil(t * output_rate_hz / input_rate_hz)`` frames have come out. An object belongs to one thread at
    a time. Blocks keep other Python threads waiting, which is shorter than changing threads; a second
    of audio or more lets them run.

    Parameters
    ----------
    input_rate_hz, output_rate_hz : {8000, 16000, 24000, 44100, 48000}
        Rates.
    quality : {"default", "hq", "low_latency"}
        The filter; see :class:`Uplink`. Band edges are fractions of the lower rate: 7/16, 9/16 and, for
        "hq", 8/16. "high" is an older spelling of "hq".

    Raises
    ------
    ValueError
        A rate or quality is unknown.
    """
    def __init__(
        self,
        input_rate_hz: int = 24000,
        output_rate_hz: int = 48000,
        quality: typing.Literal["default", "hq", "low_latency", "high"] = "default",
    ) -> None: ...
    def flush(self) -> numpy.typing.NDArray[numpy.int16]:
        """
        End the signal: return what is still in the filter, shape (n,), and start anew.
        """
    def output_frames(self, frames: int) -> int:
        """
        How many frames the next `frames` of input will give; they depend on where the signal stands.
        """
    def push(self, block: collections.abc.Buffer, frames: int | None = None) -> numpy.typing.NDArray[numpy.int16]:
        """
        Convert one block.

        Parameters
        ----------
        block : buffer of int16, shape (frames,) or (frames, 1), or bytes
            Any length, 0 included.
        frames : int, optional
            How many frames of a longer buffer are audio.

        Returns
        -------
        numpy.ndarray of int16, shape (n,)
            What the block completed.

        Raises
        ------
        TypeError, ValueError
            The buffer is not what is described above; the message says what came.
        RuntimeError
            Another thread is using this object.
        """
    def push_into(self, block: collections.abc.Buffer, out: collections.abc.Buffer, frames: int | None = None) -> int:
        """
        Convert one block into memory of the caller's; no audio memory is allocated.

        Parameters
        ----------
        block : buffer of int16, shape (frames,) or (frames, 1), or bytes
            Any length, 0 included.
        out : writable buffer of int16
            Room for :meth:`output_frames` of the block or more, in other memory than `block`.
        frames : int, optional
            How many frames of a longer `block` are audio.

        Returns
        -------
        int
            Frames written, from the start of `out`; the rest of it is left alone.

        Raises
        ------
        TypeError, ValueError
            A buffer is not what is described above, or too small; the message says what came.
        RuntimeError
            Another thread is using this object.
        """
    def reset(self) -> None:
        """
        Forget the signal so far.
        """
    @property
    def delay_frames(self) -> float:
        """
        How late the output is, in output frames: the group delay, averaged over the pass band.
        """

class EchoDetector:
    """
    Tells whether what a microphone hears is our own playout, 0 to 400 ms late.

    Each 20 ms are compared with what was played, at every lag, by their coherence at 4 kHz over about 120 ms,
    and with the path that the last seconds have shown. Neither the loudness of the echo matters nor what
    loudspeaker and room do to it. A voice that is louder than the echo by a few dB is no echo. Blocks of
    the two streams may come in bursts of up to 60 ms: positions are counted. Allocates nothing per block; an
    object belongs to one thread at a time.

    Parameters
    ----------
    played_rate_hz, heard_rate_hz : {8000, 16000, 24000, 44100, 48000}
        Rates of the playout and of the microphone.

    Raises
    ------
    ValueError
        A rate is unknown.
    """
    def __init__(self, played_rate_hz: int = 48000, heard_rate_hz: int = 16000) -> None: ...
    def heard(self, block: collections.abc.Buffer, frames: int | None = None) -> bool:
        """
        Take what the microphone heard, of the same time as what was played last.

        Parameters
        ----------
        block : buffer of int16, shape (frames,) or (frames, 1), or bytes
            Any length, 0 included, at the rate of the microphone.
        frames : int, optional
            How many frames of a longer buffer are audio.

        Returns
        -------
        bool
            Whether the last whole 20 ms were mostly echo of the playout.

        Raises
        ------
        TypeError, ValueError
            The buffer is not what is described above; the message says what came.
        RuntimeError
            Another thread is using this object.
        """
    def played(self, block: collections.abc.Buffer, frames: int | None = None) -> None:
        """
        Take what was given to the listener.

        Parameters
        ----------
        block : buffer of int16, shape (frames,) or (frames, 1), or bytes
            Any length, 0 included, at the rate of the playout.
        frames : int, optional
            How many frames of a longer buffer are audio.

        Raises
        ------
        TypeError, ValueError
            The buffer is not what is described above; the message says what came.
        RuntimeError
            Another thread is using this object.
        """
    def reset(self) -> None:
        """
        Back to the state after construction.
        """
    @property
    def coherence(self) -> float:
        """
        The share of the last 120 ms that the playout explains at its best lag, 0 to 1.
        """
    @property
    def echo(self) -> bool:
        """
        Whether the last whole 20 ms were mostly echo.
        """
    @property
    def lag_ms(self) -> float:
        """
        How late the echo comes, in ms; -1 while no path is known.
        """

class OpusLibrary:
    """
    A libopus, loaded from a file while the program runs.

    Encoders and decoders keep it; many may share one, in any threads.

    Parameters
    ----------
    path : str
        A file, or a bare name such as "libopus.so.0" that the system's loader looks for.

    Raises
    ------
    RuntimeError
        It cannot be loaded, or is not libopus; the message says why.
    """
    def __init__(self, path: str) -> None: ...
    def __repr__(self) -> str: ...
    @property
    def path(self) -> str:
        """
        The file that was loaded.
        """
    @property
    def version(self) -> str:
        """
        What it says of itself, such as 'libopus 1.6.1'.
        """

class OpusEncoder:
    """
    From mono speech to Opus packets: application "voip", variable bit rate, never discontinuous.

    A block keeps other Python threads waiting, which is shorter than changing threads. An object belongs to
    one thread at a time. Silence is coded like everything else: whoever calls may leave it out.

    Parameters
    ----------
    library : OpusLibrary
        What codes.
    rate_hz : {8000, 12000, 16000, 24000, 48000}
        Rate of the blocks. A listener hears whatever rate it decodes at.
    bitrate : int
        Aimed at on average, 6000 to 510000 bits per second.
    complexity : int
        How much work is spent on quality, 0 (least) to 10.

    Raises
    ------
    ValueError
        An argument is out of range.
    """
    def __init__(
        self, library: OpusLibrary, *, rate_hz: int = 24000, bitrate: int = 32000, complexity: int = 5
    ) -> None: ...
    def encode(self, pcm: collections.abc.Buffer, frames: int | None = None) -> bytes:
        """
        Make one packet of one block.

        Parameters
        ----------
        pcm : buffer of int16, shape (frames,) or (frames, 1), or bytes
            10, 20, 40 or 60 ms at `rate_hz`.
        frames : int, optional
            How many frames of a longer buffer are audio.

        Returns
        -------
        bytes
            The payload of an RTP packet, 1200 bytes at most.

        Raises
        ------
        TypeError, ValueError
            The buffer is not what is described above; the message says what came.
        RuntimeError
            Another thread is using this object.
        """
    def reset(self) -> None:
        """
        Begin a new stream; the settings stay.
        """
    @property
    def bitrate(self) -> int:
        """
        Bits per second, 6000 to 510000; what is set holds from the next block on.
        """
    @bitrate.setter
    def bitrate(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def complexity(self) -> int:
        """
        As constructed.
        """
    @property
    def expected_loss_percent(self) -> int:
        """
        Share of packets that the listener loses, 0 to 100 %.

        0, as it begins, sends no in-band FEC. Else each packet holds the one before it once more, at a lower bit
        rate and out of the same `bitrate`; below about 24000 nothing is left for it. Holds from the next block on.
        """
    @expected_loss_percent.setter
    def expected_loss_percent(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def lookahead_frames(self) -> int:
        """
        How late the decoded audio is, in frames at `rate_hz`: 6.5 ms.
        """
    @property
    def rate_hz(self) -> int:
        """
        Rate of the blocks.
        """

class OpusDecoder:
    """
    From Opus packets to mono, one packet at a time and without a jitter buffer.

    A packet keeps other Python threads waiting. An object belongs to one thread at a time.

    Parameters
    ----------
    library : OpusLibrary
        What decodes.
    rate_hz : {8000, 12000, 16000, 24000, 48000}
        Rate of the audio; a packet decodes at any, whatever it was made from.

    Raises
    ------
    ValueError
        The rate is none of Opus's.
    """
    def __init__(self, library: OpusLibrary, *, rate_hz: int = 16000) -> None: ...
    def conceal(self, frames: int) -> numpy.typing.NDArray[numpy.int16]:
        """
        Make up for what was lost, from what came before.

        Parameters
        ----------
        frames : int
            Up to 120 ms.

        Returns
        -------
        numpy.ndarray of int16, shape (frames,)
            Speech goes on and fades away.
        """
    def decode(self, packet: collections.abc.Buffer) -> numpy.typing.NDArray[numpy.int16]:
        """
        Decode the packet that comes next.

        Parameters
        ----------
        packet : bytes
            The payload of an RTP packet.

        Returns
        -------
        numpy.ndarray of int16, shape (frames,)
            Up to 120 ms; empty for what is no Opus packet.
        """
    def recover(self, next: collections.abc.Buffer, frames: int) -> numpy.typing.NDArray[numpy.int16] | None:
        """
        Restore a lost packet from the one behind it.

        Call it before that one is decoded.

        Parameters
        ----------
        next : bytes
            The packet behind the lost one.
        frames : int
            How much the lost packet held, up to 120 ms. Where one packet holds several of Opus's frames, the last
            of them is restored and those before it are concealed.

        Returns
        -------
        numpy.ndarray of int16, shape (frames,), or None
            None when `next` has nothing that could be restored: then :meth:`conceal`.
        """
    def reset(self) -> None:
        """
        Begin a new stream.
        """
    @property
    def rate_hz(self) -> int:
        """
        Rate of the audio.
        """

class ReceiverStats:
    """
    What an AudioReceiver has counted since construction.
    """
    def delay_quantile_ms(self, q: typing.SupportsFloat | typing.SupportsIndex) -> float:
        """
        The delay that a share of the packets does not exceed.

        Parameters
        ----------
        q : float
            The share, 0 to 1.

        Returns
        -------
        float
            In ms, to the next 0.25 ms up to 20 ms, then to the next 2.5 ms.

        Raises
        ------
        ValueError
            `q` is out of range.
        """
    @property
    def comfort_frames(self) -> int:
        """
        Frames made up where the sender was quiet.
        """
    @property
    def delay_mean_ms(self) -> float:
        """
        How late packets were given out on average, or what stands for them.

        In ms after the network's best: the least difference of arrival and timestamp of the last 500 packets.
        What the network's jitter costs is in it.
        """
    @property
    def delay_most_ms(self) -> float:
        """
        The longest of these delays, in ms.
        """
    @property
    def dropped(self) -> int:
        """
        Of `received`, those that were thrown away when the stream jumped or the delay was cut short.
        """
    @property
    def duplicates(self) -> int:
        """
        Packets that came again and were ignored.
        """
    @property
    def fec_frames(self) -> int:
        """
        Frames restored from the in-band FEC of the next packet.
        """
    @property
    def hold_ms(self) -> float:
        """
        How long a hole is waited for now, 0 to 120 ms.
        """
    @property
    def late(self) -> int:
        """
        Of `received`, those that came when their time had passed.
        """
    @property
    def lost(self) -> int:
        """
        Packets that were given up.
        """
    @property
    def plc_frames(self) -> int:
        """
        Frames made up for what was lost.
        """
    @property
    def real_frames(self) -> int:
        """
        Frames decoded from their own packet.
        """
    @property
    def received(self) -> int:
        """
        Packets, without duplicates.
        """
    @property
    def resyncs(self) -> int:
        """
        Jumps of the stream that were followed without filling.
        """
    @property
    def target_ms(self) -> float:
        """
        With a playout clock: the delay that is aimed at now, 20 to 400 ms.
        """
    @property
    def undecodable(self) -> int:
        """
        Of `received`, those that the decoder could not read.
        """
    @property
    def underruns(self) -> int:
        """
        With a playout clock: blocks of 20 ms that had no packet in time.
        """

class AudioReceiver:
    """
    From the packets of an RTP stream of Opus to mono audio in order: jitter buffer and decoder.

    A packet that is next is decoded and ready at once. Only a hole is waited for: as long as packets have
    lately overtaken each other, not at all where they have not, and 120 ms at most. Then the last missing
    packet comes from the in-band FEC of the next, and those before it are made up from what is on both sides.
    Pauses of a sender with DTX are filled by `advance`, in real time after the mark of one, else after 500 ms,
    and for 10 s at most. So the time line is the sender's, and audio comes in bursts where the network brings
    bursts. Packets are heard once, whatever their order.

    Memory is taken at construction only; an object belongs to one thread at a time.

    Parameters
    ----------
    library : OpusLibrary
        What decodes.
    rate_hz : {8000, 12000, 16000, 24000, 48000}
        Rate of the audio.
    playout_clock : bool
        For a person who listens now: 20 ms come out every 20 ms, by `advance`, as late as 97 % of the packets need
        (20 to 400 ms). What is later is made up for, and the delay goes back in silence.
    interpolate : bool
        Whether what is made up for lost packets, 240 ms at most, takes into account what follows it; not with
        `playout_clock`, where that is not known yet.

    Raises
    ------
    ValueError
        The rate is none of Opus's.
    """
    def __init__(
        self, library: OpusLibrary, *, rate_hz: int = 16000, playout_clock: bool = False, interpolate: bool = True
    ) -> None: ...
    def advance(self, at_s: float) -> int:
        """
        Let time pass: give up what is waited for in vain, and fill a pause. To be called at `due_s`.

        Parameters
        ----------
        at_s : float
            Now, in seconds on the clock of `push`; one that runs evenly.

        Returns
        -------
        int
            How many frames are ready in `audio`.

        Raises
        ------
        TypeError
            `at_s` is no number.
        RuntimeError
            Another thread is using this object.
        """
    def push(
        self, payload: collections.abc.Buffer, sequence_number: int, timestamp: int, at_s: float, marker: bool = False
    ) -> int:
        """
        Take a packet, whatever is in it and whenever it comes.

        Parameters
        ----------
        payload : bytes
            An Opus packet. One of one or two bytes says that the sender goes quiet.
        sequence_number : int
            Of the RTP header, 0 to 65535.
        timestamp : int
            Of the RTP header, in units of 1/48000 s (RFC 7587), 0 to 2**32 - 1.
        at_s : float
            When it came, in seconds on the clock of `advance`.
        marker : bool
            Of the RTP header: whether it begins a talk spurt.

        Returns
        -------
        int
            How many frames are ready in `audio`.

        Raises
        ------
        TypeError, ValueError
            A number is out of range, or the payload is no buffer.
        RuntimeError
            Another thread is using this object.
        """
    def reset(self) -> None:
        """
        Back to the state after construction.
        """
    @property
    def audio(self) -> numpy.typing.NDArray[numpy.int16]:
        """
        What the last `push` or `advance` made ready, int16, shape (frames,), 1.12 s at most.

        A view of memory that is used again: it holds until the next of these calls. Where there is more, `due_s`
        has passed already.
        """
    @property
    def due_s(self) -> float | None:
        """
        When `advance` has something to do; None while only a packet can change that.
        """
    @property
    def kinds(self) -> list[tuple[typing.Literal["real", "fec", "plc", "comfort"], int]]:
        """
        Where the frames of `audio` come from, in order, as runs of (kind, frames).

        "real" from their own packet, "fec" from the next one, "plc" made up for what was lost, "comfort" made up
        where the sender was quiet.
        """
    @property
    def stats(self) -> ReceiverStats:
        """
        What was counted so far: a copy.
        """

def isa() -> str:
    """
    Instruction set that a new object would use: 'baseline', 'avx2' or 'avx512'.
    """

def isas() -> list[str]:
    """
    Instruction sets that this machine can run, slowest first; SONICRTC_ISA chooses one for new objects.
    """

def opus_frames(packet: collections.abc.Buffer, rate_hz: int = 48000) -> int:
    """
    How much audio an Opus packet holds, read without decoding it (RFC 6716 section 3).

    Parameters
    ----------
    packet : bytes
        The payload of an RTP packet.
    rate_hz : {8000, 12000, 16000, 24000, 48000}
        What the frames are counted at; timestamps of RTP count at 48000 (RFC 7587).

    Returns
    -------
    int
        Frames; 0 for what is no Opus packet.

    Raises
    ------
    ValueError
        The rate is none of Opus's.
    """

def opus_has_fec(packet: collections.abc.Buffer) -> bool:
    """
    Whether an Opus packet carries in-band FEC, read without decoding it (RFC 6716 section 4.2.4).

    Parameters
    ----------
    packet : bytes
        The payload of an RTP packet. False for what is no Opus packet.
    """

__version__: str
