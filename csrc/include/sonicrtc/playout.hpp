// From the model to the caller's ear: a queue at the model's rate, resampled when it is pulled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sonicrtc/resampler.hpp"
#include "sonicrtc/ring.hpp"

namespace sonicrtc {

/// Chunks join without a seam. Where audio ends without having been flushed, the last sample fades
/// to zero within 5 ms; a flush fades what was about to be heard within the same 5 ms. A fade that
/// has begun ends before new audio starts.
class Playout {
 public:
  /// Throws std::invalid_argument for a rate outside kRatesHz or a capacity outside 100 ms .. 1 h.
  Playout(int input_rate_hz, int output_rate_hz, int capacity_ms);

  /// Queues `frames` and returns how many fitted; the newest are dropped and counted.
  /// The one function that may allocate (a segment of one second at a time).
  std::size_t push(const std::int16_t* in, std::size_t frames);

  /// Writes exactly `frames`: audio, then silence where there is none.
  void pull(std::int16_t* out, std::size_t frames) noexcept;

  /// Throws away what is queued and returns how many frames that were. The fade is not counted as played.
  std::size_t flush() noexcept;

  /// Says that the audio pushed so far is complete: running empty after it is no underrun.
  void end() noexcept { ended_ = true; }

  /// Forgets audio and counters.
  void reset() noexcept;

  [[nodiscard]] int input_rate_hz() const noexcept { return input_rate_hz_; }
  [[nodiscard]] std::size_t buffered_frames() const noexcept { return ring_.size(); }
  [[nodiscard]] std::uint64_t played_frames() const noexcept { return played_; }
  [[nodiscard]] std::uint64_t dropped_frames() const noexcept { return dropped_; }
  [[nodiscard]] std::uint64_t underruns() const noexcept { return underruns_; }

 private:
  void next_input(std::int16_t* out, std::size_t frames) noexcept;
  std::size_t fade(std::int16_t* out, std::size_t frames) noexcept;

  int input_rate_hz_;
  SegmentedRing ring_;
  Resampler resampler_;
  std::vector<std::int16_t> input_;   // what one step of a pull feeds to the resampler
  std::vector<std::int16_t> output_;  // what came out of it; one frame in may give several out
  std::size_t output_at_ = 0;
  std::size_t output_end_ = 0;
  std::vector<std::int16_t> tail_;   // flushed audio that is still to be faded
  std::size_t tail_frames_ = 0;
  std::size_t fade_at_;              // position in the fade; its length when there is none
  std::int16_t last_ = 0;            // last sample of real audio
  bool playing_ = false;
  bool ended_ = false;
  std::uint64_t played_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t underruns_ = 0;
};

}  // namespace sonicrtc
