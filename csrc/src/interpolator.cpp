#include "sonicrtc/interpolator.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

namespace sonicrtc {
namespace {

constexpr std::size_t kShortestPeriodMs = 2;
constexpr std::size_t kLongestPeriodMs = 20;
constexpr std::size_t kComparedMs = 10;
constexpr float kVoiced = 0.5F;  // correlation of a period with the one before
constexpr float kDecayMs = 500.0F;

std::size_t frames_in_ms(int rate_hz) {
  if (rate_hz < 8000) {
    throw std::invalid_argument("rate: expected 8000 Hz or more, got " + std::to_string(rate_hz));
  }
  return static_cast<std::size_t>(rate_hz) / 1000;
}

}  // namespace

Interpolator::Interpolator(int rate_hz)
    : ms_(frames_in_ms(rate_hz)),
      tail_(kContextMs * ms_),
      context_(kContextMs * ms_),
      hole_(kMostHoleMs * ms_) {}

void Interpolator::clear() noexcept { std::fill(tail_.begin(), tail_.end(), std::int16_t{0}); }

void Interpolator::fill(FlaggedAudio& audio) noexcept {
  const std::span<std::int16_t> samples = audio.samples();
  std::size_t begin = 0;
  const std::span<const Piece> pieces = audio.pieces();
  for (std::size_t n = 0; n < pieces.size(); begin += pieces[n].frames, ++n) {
    if (pieces[n].kind != AudioKind::plc || pieces[n].frames > kMostHoleMs * ms_) continue;
    std::size_t after = 0;
    for (std::size_t next = n + 1; next < pieces.size() && pieces[next].kind != AudioKind::plc; ++next) {
      after += pieces[next].frames;
    }
    if (after >= kLeastAfterMs * ms_) fill_hole(samples, begin, pieces[n].frames, std::min(after, context_.size()));
  }
  remember(samples);
}

void Interpolator::fill_hole(std::span<std::int16_t> audio, std::size_t begin, std::size_t frames,
                             std::size_t after) noexcept {
  const std::span<float> hole(hole_.data(), frames);
  std::fill(hole.begin(), hole.end(), 0.0F);
  copy_before(audio, begin);
  extend(Side::before, hole);
  // The other side as seen from the hole: backwards in time.
  std::fill(context_.begin(), context_.end(), 0.0F);
  for (std::size_t n = 0; n < after; ++n) context_[context_.size() - 1 - n] = audio[begin + frames + n];
  extend(Side::after, hole);
  std::transform(hole.begin(), hole.end(), audio.begin() + static_cast<std::ptrdiff_t>(begin), [](float sample) {
    return static_cast<std::int16_t>(std::lrint(std::clamp(sample, -32768.0F, 32767.0F)));
  });
}

void Interpolator::copy_before(std::span<const std::int16_t> audio, std::size_t end) noexcept {
  const std::size_t here = std::min(end, context_.size());
  const std::size_t earlier = context_.size() - here;
  std::copy_n(tail_.end() - static_cast<std::ptrdiff_t>(earlier), earlier, context_.begin());
  std::copy_n(audio.begin() + static_cast<std::ptrdiff_t>(end - here), here,
              context_.begin() + static_cast<std::ptrdiff_t>(earlier));
}

/// Adds the continuation of the context, which fades away towards the other side.
void Interpolator::extend(Side side, std::span<float> into) const noexcept {
  const std::size_t lag = period();
  const std::size_t whole = kLongestPeriodMs * ms_;
  const std::size_t frames = into.size();
  for (std::size_t n = 0; n < frames; ++n) {
    const std::size_t there_and_back = n % (2 * whole);
    const std::size_t back = there_and_back < whole ? there_and_back + 1 : 2 * whole - there_and_back;
    const float sample = context_[context_.size() - (lag > 0 ? lag - n % lag : back)];
    const float way = static_cast<float>(2 * n + 1) / static_cast<float>(2 * frames);
    const float gain = std::cos(std::numbers::pi_v<float> / 2 * way) *
                       std::exp(-static_cast<float>(n) / (kDecayMs * static_cast<float>(ms_)));
    into[side == Side::before ? n : frames - 1 - n] += gain * sample;
  }
}

/// The period in which the end of the context repeats itself, in frames; 0 where it does not.
std::size_t Interpolator::period() const noexcept {
  constexpr std::size_t kStride = 2;  // speech has little above 4 kHz that repeats itself, and this takes a quarter
  const std::size_t compared = kComparedMs * ms_;
  const float* const last = context_.data() + context_.size() - compared;
  float best = kVoiced;
  std::size_t found = 0;
  const auto try_lag = [&](std::size_t lag, std::size_t stride) {
    float product = 0.0F;
    float energy = 0.0F;
    float energy_then = 1e3F;
    for (std::size_t n = 0; n < compared; n += stride) {
      const float now = last[n];
      const float then = *(last + n - lag);
      product += now * then;
      energy += now * now;
      energy_then += then * then;
    }
    const float correlation = product / std::sqrt((energy + 1e3F) * energy_then);
    if (correlation <= best) return;
    best = correlation;
    found = lag;
  };
  for (std::size_t lag = kShortestPeriodMs * ms_; lag <= kLongestPeriodMs * ms_; lag += kStride) try_lag(lag, kStride);
  const std::size_t coarse = found;
  if (coarse == 0) return 0;
  best = 0.0F;
  for (std::size_t lag = coarse - 1; lag <= coarse + 1; ++lag) try_lag(lag, 1);
  return found;
}

void Interpolator::remember(std::span<const std::int16_t> audio) noexcept {
  const std::size_t kept = std::min(audio.size(), tail_.size());
  std::copy(tail_.begin() + static_cast<std::ptrdiff_t>(kept), tail_.end(), tail_.begin());
  std::copy(audio.end() - static_cast<std::ptrdiff_t>(kept), audio.end(), tail_.end() - static_cast<std::ptrdiff_t>(kept));
}

}  // namespace sonicrtc
