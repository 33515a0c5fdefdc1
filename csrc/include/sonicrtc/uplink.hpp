// From the caller's microphone to the model: mono at the model's rate, gated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sonicrtc/fir.hpp"
#include "sonicrtc/vad.hpp"

namespace sonicrtc {

/// One block of uplink audio, and the memory that holds it.
class Block {
 public:
  Block(std::size_t capacity, std::size_t preroll_capacity);

  [[nodiscard]] std::size_t capacity() const noexcept { return s16_.size(); }
  [[nodiscard]] std::size_t preroll_capacity() const noexcept { return preroll_.size(); }
  [[nodiscard]] std::size_t frames() const noexcept { return frames_; }
  [[nodiscard]] std::int16_t* s16() noexcept { return s16_.data(); }
  [[nodiscard]] float* f32() noexcept { return f32_.data(); }
  [[nodiscard]] std::int16_t* preroll() noexcept { return preroll_.data(); }
  [[nodiscard]] const GateReport& gate() const noexcept { return gate_; }

  /// Frames of the time line that the block covers but that are not to be sent; 0 unless the gate withholds.
  [[nodiscard]] std::size_t withheld_frames() const noexcept { return heard_ - frames_; }

  /// RMS of the block before the gate, in dB relative to a square wave of full scale; -120 at least.
  [[nodiscard]] double level_dbfs() const noexcept;

 private:
  friend class Uplink;
  std::vector<std::int16_t> s16_;
  std::vector<float> f32_;
  std::vector<std::int16_t> preroll_;
  std::size_t frames_ = 0;
  std::size_t heard_ = 0;  // frames before the gate
  double energy_ = 0.0;
  GateReport gate_{.speech = true};
};

/// Interleaved int16 in, mono out as float and int16 from one pass, with an optional gate.
class Uplink {
 public:
  /// Throws std::invalid_argument for a rate outside kRatesHz, and for a gate at another output rate
  /// than kUplinkRateHz. `gate` may be null.
  Uplink(int input_rate_hz, Mix mix, Quality quality, std::unique_ptr<SpeechGate> gate,
         int output_rate_hz = kUplinkRateHz);

  /// Frames that the next `frames` of input will give.
  [[nodiscard]] std::size_t output_frames(std::size_t frames) const noexcept { return fir_.output_frames(frames); }

  /// The most that any `frames` of input can give.
  [[nodiscard]] std::size_t max_output_frames(std::size_t frames) const noexcept;

  [[nodiscard]] std::size_t preroll_capacity() const noexcept { return gate_ ? gate_->preroll_capacity() : 0; }

  /// Fills `out`, which has room for output_frames(frames) and for the pre-roll.
  void push(const std::int16_t* in, std::size_t frames, Block& out) noexcept;

  [[nodiscard]] double delay_frames() const noexcept { return fir_.bank().delay_frames; }

  /// Back to the state after construction.
  void reset() noexcept;

 private:
  PolyphaseFir fir_;
  std::unique_ptr<SpeechGate> gate_;
};

}  // namespace sonicrtc
