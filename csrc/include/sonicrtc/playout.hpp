// From the model to the caller's ear: a queue at the model's rate, resampled when it is pulled.
//
// The model speaks faster than real time, in chunks of any length, and takes back what it said with
// `flush`. A listener pulls 10 or 20 ms at a time. One thread at a time may use an object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sonicrtc/resampler.hpp"
#include "sonicrtc/ring.hpp"

namespace sonicrtc {

/// Within a sentence, chunks join without a seam: what is heard is bit for bit what one Resampler
/// makes of all of them. The three exceptions, each without a click:
///
/// - Where audio stops, by running empty or by a flush, it fades out. The fade and the filter's
///   delay together take 5 ms. A flush fades what was about to be heard; where nothing is left, the
///   last sample and its slope go on in its place. Nothing of a fade counts as played.
/// - Audio that goes on after an underrun fades in over the same length. These frames count.
///   After `end` or `flush` nothing goes on: what comes then begins anew, unaltered.
/// - While ducked, everything is attenuated.
///
/// A fade that has begun ends before something else starts.
class Playout {
 public:
  /// Both rates are any of kRatesHz; `capacity_ms` is how much is kept, 100 to 3600000. Throws
  /// std::invalid_argument for anything else. Memory for audio is taken one second at a time.
  Playout(int input_rate_hz, int output_rate_hz, int capacity_ms);

  /// Queues `frames` (any number) and returns how many fitted; the newest are dropped and counted.
  /// The one function that may allocate.
  std::size_t push(const std::int16_t* in, std::size_t frames);

  /// Writes exactly `frames` (any number) at the output rate: audio, and zeros where there is none.
  void pull(std::int16_t* out, std::size_t frames) noexcept;

  /// Throws away what is queued and returns how many frames that were.
  std::size_t flush() noexcept;

  /// Says that the audio pushed so far is complete: running empty after it is no underrun. Holds
  /// until the next push.
  void end() noexcept;

  /// Attenuates by `gain_db`, -60 to 0, from the next frame on and over 20 ms; throws
  /// std::invalid_argument for anything else. Holds until `unduck`, whatever is pushed or flushed.
  void duck(double gain_db);

  /// Back to full level over 20 ms.
  void unduck() noexcept { ramp_to(1.0F); }

  /// Whether the level is, or is going, below full.
  [[nodiscard]] bool ducked() const noexcept { return target_ != 1.0F; }

  /// Forgets audio, counters and ducking: the state after construction.
  void reset() noexcept;

  [[nodiscard]] int input_rate_hz() const noexcept { return input_rate_hz_; }

  /// Frames that wait, at the model's rate.
  [[nodiscard]] std::size_t buffered_frames() const noexcept { return ring_.size(); }

  /// The model's frames that the listener was given since construction: those that begin no later
  /// than the last frame pulled, so n frames of unbroken audio are
  /// floor((n - 1) * input_rate_hz / output_rate_hz) + 1. They are heard later by the filter's delay,
  /// below 4 ms. Always: pushed == played + buffered + flushed.
  [[nodiscard]] std::uint64_t played_frames() const noexcept { return played_; }

  /// Frames that did not fit.
  [[nodiscard]] std::uint64_t dropped_frames() const noexcept { return dropped_; }

  /// How often a pull found the queue empty in the middle of a sentence.
  [[nodiscard]] std::uint64_t underruns() const noexcept { return underruns_; }

 private:
  void next_input(std::int16_t* out, std::size_t frames) noexcept;
  std::size_t take(std::int16_t* out, std::size_t frames) noexcept;
  void begin_fade_out() noexcept;
  std::size_t fade_out(std::int16_t* out, std::size_t frames) noexcept;
  void ramp_to(float gain) noexcept;
  void attenuate(std::int16_t* out, std::size_t frames) noexcept;

  int input_rate_hz_;
  SegmentedRing ring_;
  Resampler resampler_;
  std::vector<std::int16_t> input_;   // what one step of a pull feeds to the resampler
  std::vector<std::int16_t> output_;  // what came out of it; one frame in may give several out
  std::size_t output_at_ = 0;
  std::size_t output_end_ = 0;

  std::vector<std::int16_t> tail_;  // what fades out, as it would have been heard
  std::size_t fade_out_at_;         // position in the fade; the length of tail_ when there is none
  std::size_t fade_in_at_;          // the same; 0 while the audio that will fade in has not come
  std::int16_t last_ = 0;           // the last two samples of audio
  std::int16_t before_last_ = 0;
  bool playing_ = false;
  bool ended_ = false;

  std::size_t ramp_frames_;  // of ducking, at the output rate
  std::size_t ramp_at_;
  float ramp_from_ = 1.0F;
  float target_ = 1.0F;
  float gain_ = 1.0F;

  std::uint64_t played_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t underruns_ = 0;
};

}  // namespace sonicrtc
