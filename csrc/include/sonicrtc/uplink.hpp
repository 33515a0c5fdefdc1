// From the caller's microphone to the model: mono at the model's rate, gated.
//
//   Uplink uplink(48000, Mix::mean, Quality::standard, nullptr);
//   Block block(uplink.max_output_frames(960), uplink.preroll_capacity());
//   uplink.push(pcm, 960, block);       // block.s16() and block.f32(): block.frames() samples at 16 kHz
//
// One thread at a time may use an object; objects share nothing but the filters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sonicrtc/fir.hpp"
#include "sonicrtc/vad.hpp"

namespace sonicrtc {

/// One block of uplink audio, and the memory that holds it. What it holds is valid until it is filled again.
class Block {
 public:
  /// Room for `capacity` frames of output and for `preroll_capacity` frames of pre-roll.
  Block(std::size_t capacity, std::size_t preroll_capacity);

  [[nodiscard]] std::size_t capacity() const noexcept { return s16_.size(); }
  [[nodiscard]] std::size_t preroll_capacity() const noexcept { return preroll_.size(); }

  /// Frames that are to be sent.
  [[nodiscard]] std::size_t frames() const noexcept { return frames_; }

  /// They, as int16 and as floats in [-1, 32767/32768]: the same audio to the last bit.
  [[nodiscard]] std::int16_t* s16() noexcept { return s16_.data(); }
  [[nodiscard]] float* f32() noexcept { return f32_.data(); }

  /// gate().preroll_frames of audio from just before gate().onset that had not been let through; send
  /// it between what stands before the onset and what stands after it.
  [[nodiscard]] std::int16_t* preroll() noexcept { return preroll_.data(); }

  /// What the gate did; without one, speech throughout.
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

/// Interleaved int16 in, mono out as float and int16 from one pass, with an optional gate. The output is
/// the same bits however the input is cut into blocks; full scale saturates.
class Uplink {
 public:
  /// Rates are any of kRatesHz; `mix` says how many channels come in and what becomes of them. Throws
  /// std::invalid_argument for another rate, and for a gate (which may be null) at another output rate
  /// than kUplinkRateHz.
  Uplink(int input_rate_hz, Mix mix, Quality quality, std::unique_ptr<SpeechGate> gate,
         int output_rate_hz = kUplinkRateHz);

  /// Frames that the next `frames` of input will give.
  [[nodiscard]] std::size_t output_frames(std::size_t frames) const noexcept { return fir_.output_frames(frames); }

  /// The most that any `frames` of input can give.
  [[nodiscard]] std::size_t max_output_frames(std::size_t frames) const noexcept;

  /// The longest pre-roll, in frames; 0 without a gate.
  [[nodiscard]] std::size_t preroll_capacity() const noexcept { return gate_ ? gate_->preroll_capacity() : 0; }

  /// Takes `frames` (any number) of input and fills `out`, which has room for output_frames(frames) and
  /// for the pre-roll. Allocates nothing.
  void push(const std::int16_t* in, std::size_t frames, Block& out) noexcept;

  /// How late the output is, in output frames: the group delay, averaged over the pass band.
  [[nodiscard]] double delay_frames() const noexcept { return fir_.bank().delay_frames; }

  /// Back to the state after construction.
  void reset() noexcept;

 private:
  PolyphaseFir fir_;
  std::unique_ptr<SpeechGate> gate_;
};

}  // namespace sonicrtc
