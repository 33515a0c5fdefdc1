#include "sonicrtc/playout.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace sonicrtc {
namespace {

constexpr int kFadeMs = 5;
constexpr std::size_t kStepFrames = 480;  // output frames per step of a pull

std::size_t checked_capacity(int input_rate_hz, int capacity_ms) {
  require_known_rate(input_rate_hz, "input_rate_hz");
  if (capacity_ms < 100 || capacity_ms > 3'600'000) {
    throw std::invalid_argument("capacity_ms: expected 100 to 3600000, got " + std::to_string(capacity_ms));
  }
  return static_cast<std::size_t>(input_rate_hz) * static_cast<std::size_t>(capacity_ms) / 1000;
}

}  // namespace

Playout::Playout(int input_rate_hz, int output_rate_hz, int capacity_ms)
    : input_rate_hz_(input_rate_hz),
      ring_(checked_capacity(input_rate_hz, capacity_ms), static_cast<std::size_t>(input_rate_hz)),
      resampler_(input_rate_hz, output_rate_hz),
      tail_(static_cast<std::size_t>(input_rate_hz * kFadeMs / 1000)),
      fade_at_(tail_.size()) {
  const auto input_rate = static_cast<std::size_t>(input_rate_hz);
  const auto output_rate = static_cast<std::size_t>(output_rate_hz);
  input_.resize(kStepFrames * input_rate / output_rate + 2);
  output_.resize(kStepFrames + output_rate / input_rate + 2);
}

std::size_t Playout::push(const std::int16_t* in, std::size_t frames) {
  const std::size_t accepted = ring_.push(in, frames);
  dropped_ += frames - accepted;
  if (accepted > 0) ended_ = false;
  return accepted;
}

void Playout::pull(std::int16_t* out, std::size_t frames) noexcept {
  while (frames > 0) {
    if (output_at_ == output_end_) {
      const std::size_t needed = resampler_.input_frames(std::min(frames, kStepFrames));
      next_input(input_.data(), needed);
      output_at_ = 0;
      output_end_ = resampler_.process(input_.data(), needed, output_.data());
    }
    const std::size_t step = std::min(frames, output_end_ - output_at_);
    std::copy_n(output_.data() + output_at_, step, out);
    output_at_ += step;
    out += step;
    frames -= step;
  }
}

void Playout::next_input(std::int16_t* out, std::size_t frames) noexcept {
  while (frames > 0) {
    std::size_t step = 0;
    if (fade_at_ < tail_.size()) {
      step = fade(out, frames);
    } else if (ring_.size() > 0) {
      step = ring_.pop(out, frames);
      last_ = out[step - 1];
      played_ += step;
      playing_ = true;
    } else if (playing_) {
      playing_ = false;
      underruns_ += ended_ ? 0 : 1;
      fade_at_ = 0;
    } else {
      step = frames;
      std::fill_n(out, step, std::int16_t{0});
    }
    out += step;
    frames -= step;
  }
}

std::size_t Playout::fade(std::int16_t* out, std::size_t frames) noexcept {
  const std::size_t step = std::min(frames, tail_.size() - fade_at_);
  const auto length = static_cast<std::int32_t>(tail_.size());
  for (std::size_t i = 0; i < step; ++i, ++fade_at_) {
    const std::int32_t sample = fade_at_ < tail_frames_ ? tail_[fade_at_] : last_;
    const std::int32_t left = length - 1 - static_cast<std::int32_t>(fade_at_);
    out[i] = static_cast<std::int16_t>(sample * left / length);
  }
  if (fade_at_ == tail_.size()) tail_frames_ = 0;
  return step;
}

std::size_t Playout::flush() noexcept {
  const std::size_t thrown = ring_.size();
  if (playing_) {
    tail_frames_ = ring_.pop(tail_.data(), tail_.size());
    if (tail_frames_ > 0) last_ = tail_[tail_frames_ - 1];
    fade_at_ = 0;
    playing_ = false;
  }
  ring_.clear();
  return thrown;
}

void Playout::reset() noexcept {
  ring_.clear();
  resampler_.reset();
  output_at_ = output_end_ = 0;
  tail_frames_ = 0;
  fade_at_ = tail_.size();
  last_ = 0;
  playing_ = ended_ = false;
  played_ = dropped_ = underruns_ = 0;
}

}  // namespace sonicrtc
