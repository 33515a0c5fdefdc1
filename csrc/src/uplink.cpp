#include "sonicrtc/uplink.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace sonicrtc {
namespace {

constexpr std::size_t kStepFrames = 1920;  // input frames per pass, small enough to stay in the cache

}  // namespace

Block::Block(std::size_t capacity, std::size_t preroll_capacity)
    : s16_(capacity), f32_(capacity), preroll_(preroll_capacity) {}

double Block::level_dbfs() const noexcept {
  constexpr double floor_dbfs = -120.0;
  if (heard_ == 0 || energy_ <= 0.0) return floor_dbfs;
  return std::max(floor_dbfs, 10.0 * std::log10(energy_ / static_cast<double>(heard_)));
}

Uplink::Uplink(int input_rate_hz, Mix mix, Quality quality, std::unique_ptr<SpeechGate> gate, int output_rate_hz)
    : fir_(filter_bank(input_rate_hz, output_rate_hz, quality), mix), gate_(std::move(gate)) {
  if (gate_ && output_rate_hz != kUplinkRateHz) {
    throw std::invalid_argument("output_rate_hz: expected 16000 with a detector, got " + std::to_string(output_rate_hz));
  }
}

std::size_t Uplink::max_output_frames(std::size_t frames) const noexcept {
  const FilterBank& bank = fir_.bank();
  return frames == 0 ? 0 : (frames * bank.up + bank.down - 1) / bank.down;
}

void Uplink::push(const std::int16_t* in, std::size_t frames, Block& out) noexcept {
  const FlushToZero flush;
  out.frames_ = 0;
  out.heard_ = 0;
  out.energy_ = 0.0;
  out.gate_ = GateReport{.speech = gate_ ? gate_->open() : true};
  const std::size_t channels = channels_of(fir_.mix());
  while (frames > 0) {
    const std::size_t step = std::min(frames, kStepFrames);
    float* const f32 = out.f32() + out.frames_;
    std::int16_t* const s16 = out.s16() + out.frames_;
    const std::size_t count = fir_.process(in, step, f32);
    out.energy_ += static_cast<double>(fir_.kernels().emit(f32, s16, count));
    out.heard_ += count;
    out.frames_ += gate_ ? gate_->process(s16, f32, count, out.frames_, out.preroll(), out.gate_) : count;
    in += step * channels;
    frames -= step;
  }
}

void Uplink::reset() noexcept {
  fir_.reset();
  if (gate_) gate_->reset();
}

}  // namespace sonicrtc
