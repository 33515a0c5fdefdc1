#include "sonicrtc/playout.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace sonicrtc {
namespace {

constexpr double kFadeMs = 5.0;
constexpr double kShortestFadeMs = 1.0;
constexpr int kDuckMs = 20;
constexpr int kBendHz = 4000;             // a slope that goes on has become level after one period of this
constexpr std::size_t kStepFrames = 480;  // output frames per step of a pull

std::size_t checked_capacity(int input_rate_hz, int capacity_ms) {
  require_known_rate(input_rate_hz, "input_rate_hz");
  if (capacity_ms < 100 || capacity_ms > 3'600'000) {
    throw std::invalid_argument("capacity_ms: expected 100 to 3600000, got " + std::to_string(capacity_ms));
  }
  return static_cast<std::size_t>(std::int64_t{input_rate_hz} * capacity_ms / 1000);  // an hour needs 38 bits here
}

/// What is heard comes out of the filter later by its delay, so the fade is shorter by that.
std::size_t fade_frames(int input_rate_hz, int output_rate_hz, const Resampler& resampler) {
  const double delay_ms = resampler.delay_frames() * 1000.0 / output_rate_hz;
  return static_cast<std::size_t>(input_rate_hz * std::max(kFadeMs - delay_ms, kShortestFadeMs) / 1000.0);
}

/// From above 0 at position 0 to 1 at the last: a raised cosine to within one percent.
float rise(std::size_t position, std::size_t length) noexcept {
  const float t = static_cast<float>(position + 1) / static_cast<float>(length);
  return t * t * (3.0F - 2.0F * t);
}

std::int16_t scaled(std::int16_t sample, float gain) noexcept {
  return static_cast<std::int16_t>(std::lrint(static_cast<float>(sample) * gain));
}

std::int16_t saturated(float sample) noexcept {
  using Limits = std::numeric_limits<std::int16_t>;
  return static_cast<std::int16_t>(std::lrint(std::clamp<float>(sample, Limits::min(), Limits::max())));
}

}  // namespace

Playout::Playout(int input_rate_hz, int output_rate_hz, int capacity_ms)
    : input_rate_hz_(input_rate_hz),
      ring_(checked_capacity(input_rate_hz, capacity_ms), static_cast<std::size_t>(input_rate_hz)),
      resampler_(input_rate_hz, output_rate_hz),
      tail_(fade_frames(input_rate_hz, output_rate_hz, resampler_)),
      fade_out_at_(tail_.size()),
      fade_in_at_(tail_.size()),
      ramp_frames_(static_cast<std::size_t>(output_rate_hz * kDuckMs / 1000)),
      ramp_at_(ramp_frames_) {
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
  for (std::size_t done = 0; done < frames;) {
    if (output_at_ == output_end_) {
      const std::size_t needed = resampler_.input_frames(std::min(frames - done, kStepFrames));
      next_input(input_.data(), needed);
      output_at_ = 0;
      output_end_ = resampler_.process(input_.data(), needed, output_.data());
    }
    const std::size_t step = std::min(frames - done, output_end_ - output_at_);
    std::copy_n(output_.data() + output_at_, step, out + done);
    output_at_ += step;
    done += step;
  }
  if (ramp_at_ < ramp_frames_ || gain_ != 1.0F) attenuate(out, frames);
}

void Playout::next_input(std::int16_t* out, std::size_t frames) noexcept {
  while (frames > 0) {
    std::size_t step = 0;
    if (fade_out_at_ < tail_.size()) {
      step = fade_out(out, frames);
    } else if (ring_.size() > 0) {
      step = take(out, frames);
      played_ += step;
    } else if (playing_) {
      if (!ended_) {
        ++underruns_;
        fade_in_at_ = 0;
      }
      begin_fade_out();
    } else {
      step = frames;
      std::fill_n(out, step, std::int16_t{0});
    }
    out += step;
    frames -= step;
  }
}

/// Audio from the queue as it is to be heard.
std::size_t Playout::take(std::int16_t* out, std::size_t frames) noexcept {
  const std::size_t step = ring_.pop(out, frames);
  for (std::size_t i = 0; i < step && fade_in_at_ < tail_.size(); ++i, ++fade_in_at_) {
    out[i] = scaled(out[i], rise(fade_in_at_, tail_.size()));
  }
  if (step > 0) {
    before_last_ = step > 1 ? out[step - 2] : playing_ ? last_ : std::int16_t{0};
    last_ = out[step - 1];
    playing_ = true;
  }
  return step;
}

/// Puts into the tail what is left in the queue, and then, for want of anything better, the last
/// sample and what its slope becomes on the way to level. Of what was tried on speech (a cut, the
/// last sample alone, audio mirrored or repeated) this puts the least energy above 8 kHz.
void Playout::begin_fade_out() noexcept {
  const float bend = static_cast<float>(input_rate_hz_) / kBendHz;
  const std::size_t known = take(tail_.data(), tail_.size());
  const auto level = static_cast<float>(last_);
  const float slope = level - static_cast<float>(before_last_);
  for (std::size_t i = known; i < tail_.size(); ++i) {
    const auto after = static_cast<float>(i - known + 1);
    const float straight = std::max(1.0F - after / bend, 0.0F);
    tail_[i] = saturated(level + slope * after * straight * straight);
  }
  fade_out_at_ = 0;
  playing_ = false;
}

std::size_t Playout::fade_out(std::int16_t* out, std::size_t frames) noexcept {
  const std::size_t step = std::min(frames, tail_.size() - fade_out_at_);
  for (std::size_t i = 0; i < step; ++i, ++fade_out_at_) {
    out[i] = scaled(tail_[fade_out_at_], 1.0F - rise(fade_out_at_, tail_.size()));
  }
  return step;
}

std::size_t Playout::flush() noexcept {
  const std::size_t thrown = ring_.size();
  if (playing_) begin_fade_out();
  ring_.clear();
  fade_in_at_ = tail_.size();
  return thrown;
}

void Playout::end() noexcept {
  ended_ = true;
  if (ring_.size() == 0 && !playing_) fade_in_at_ = tail_.size();
}

void Playout::duck(double gain_db) {
  if (!(gain_db >= -60.0 && gain_db <= 0.0)) {
    throw std::invalid_argument("gain_db: expected -60 to 0, got " + std::to_string(gain_db));
  }
  ramp_to(static_cast<float>(std::pow(10.0, gain_db / 20.0)));
}

void Playout::ramp_to(float gain) noexcept {
  if (gain == target_) return;
  ramp_from_ = gain_;
  target_ = gain;
  ramp_at_ = 0;
}

void Playout::attenuate(std::int16_t* out, std::size_t frames) noexcept {
  std::size_t i = 0;
  for (; i < frames && ramp_at_ < ramp_frames_; ++i, ++ramp_at_) {
    gain_ = std::lerp(ramp_from_, target_, rise(ramp_at_, ramp_frames_));
    out[i] = scaled(out[i], gain_);
  }
  for (; i < frames; ++i) out[i] = scaled(out[i], gain_);
}

void Playout::reset() noexcept {
  ring_.clear();
  resampler_.reset();
  output_at_ = output_end_ = 0;
  fade_out_at_ = fade_in_at_ = tail_.size();
  last_ = before_last_ = 0;
  playing_ = ended_ = false;
  ramp_at_ = ramp_frames_;
  target_ = gain_ = 1.0F;
  played_ = dropped_ = underruns_ = 0;
}

}  // namespace sonicrtc
