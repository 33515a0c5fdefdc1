#include "sonicrtc/echo_detector.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

namespace sonicrtc {
namespace {

constexpr std::size_t kStepFrames = 960;
constexpr float kEmphasis = 0.9F;
constexpr float kFewest = 600.0F;        // lags, 150 ms: a shorter beginning of a word is like itself
constexpr float kSounding = 0.1F;        // of the loudest, or of the mean: there was something to hear
constexpr std::size_t kSteady = 5;       // units with sound at one lag: two voices agree for shorter
constexpr float kSilence = 1e-14F;       // a product of two energies: far below the rounding of int16
constexpr std::size_t kPathWidth = 12;   // 3 ms
constexpr std::size_t kEarlier = 40;     // a path's energy arrives from 10 ms before its main lag
constexpr std::size_t kLater = 160;      // to 40 ms after it

}  // namespace

EchoDetector::Memory::Memory(double forget_ms, std::size_t lags)
    : keep(static_cast<float>(std::exp(-20.0 / forget_ms))), products(lags), energies(lags) {}

void EchoDetector::Memory::clear() noexcept {
  std::fill(products.begin(), products.end(), 0.0F);
  std::fill(energies.begin(), energies.end(), 0.0F);
  heard_energy = 0.0F;
}

void EchoDetector::Memory::add(const float* product, const float* energy, float heard) noexcept {
  for (std::size_t i = 0; i < products.size(); ++i) {
    products[i] = keep * products[i] + product[i];
    energies[i] = keep * energies[i] + energy[i];
  }
  heard_energy = keep * heard_energy + heard;
}

float EchoDetector::Memory::coherence(std::size_t at) const noexcept {
  return products[at] * products[at] / (energies[at] * heard_energy + kSilence);
}

void EchoDetector::Memory::coherences(float* out) const noexcept {
  for (std::size_t i = 0; i < products.size(); ++i) out[i] = coherence(i);
}

EchoDetector::Front::Front(int rate_hz)
    : to_8k_(rate_hz, 8000), to_4k_(filter_bank(16000, 8000, Quality::standard), Mix::mono), at_8k_(kStepFrames + 1) {}

std::size_t EchoDetector::Front::process(const std::int16_t* in, std::size_t frames, float* out) noexcept {
  const std::size_t count = to_4k_.process(at_8k_.data(), to_8k_.process(in, frames, at_8k_.data()), out);
  for (std::size_t i = 0; i < count; ++i) {
    const float sample = out[i];
    out[i] = sample - kEmphasis * previous_;
    previous_ = sample;
  }
  return count;
}

void EchoDetector::Front::reset() noexcept {
  to_8k_.reset();
  to_4k_.reset();
  previous_ = 0.0F;
}

EchoDetector::EchoDetector(int played_rate_hz, int heard_rate_hz)
    : kernels_(&select_kernels()),
      played_front_(played_rate_hz),
      heard_front_(heard_rate_hz),
      step_(kStepFrames + 1),
      past_(kPast + kShift + kRunTaps),
      energy_(kPast + kShift),
      squares_(kStepFrames + 1 + 2 * kUnit + kRunTaps),
      ones_(kUnit, 1.0F),
      unit_(kUnit),
      products_(kLags),
      coherences_(kLags),
      fast_(kFastMs, kLags),
      short_(kShortMs, kLags),
      long_(kLongMs, kLags) {}

void EchoDetector::played(const std::int16_t* in, std::size_t frames) noexcept {
  const FlushToZero flush;
  while (frames > 0) {
    const std::size_t step = std::min(frames, kStepFrames);
    append(step_.data(), played_front_.process(in, step, step_.data()));
    in += step;
    frames -= step;
  }
}

/// Moves the past on by `count` samples. The last energies reach into what comes next, so they are computed
/// again; each in one order, whatever the block lengths were.
void EchoDetector::append(const float* in, std::size_t count) noexcept {
  const std::size_t kept = count < kPast ? kPast - count : 0;
  std::copy(past_.begin() + static_cast<std::ptrdiff_t>(kPast - kept), past_.begin() + kPast, past_.begin());
  std::copy_n(in + count - (kPast - kept), kPast - kept, past_.begin() + static_cast<std::ptrdiff_t>(kept));
  played_total_ += static_cast<std::int64_t>(count);
  const std::size_t known = kept > kUnit ? kept - kUnit : 0;  // the first energies are only moved
  std::copy_n(energy_.begin() + static_cast<std::ptrdiff_t>(kPast - kept), known, energy_.begin());
  const std::size_t changed = kPast - known;
  std::transform(past_.data() + known, past_.data() + kPast, squares_.begin(), [](float s) { return s * s; });
  std::fill_n(squares_.begin() + static_cast<std::ptrdiff_t>(changed), kUnit, 0.0F);
  const Run run{.offset = 0, .taps = kUnit};
  kernels_->fir(squares_.data(), &run, 1, ones_.data(), energy_.data() + known, changed);
}

bool EchoDetector::heard(const std::int16_t* in, std::size_t frames) noexcept {
  const FlushToZero flush;
  while (frames > 0) {
    const std::size_t step = std::min(frames, kStepFrames);
    const std::size_t count = heard_front_.process(in, step, step_.data());
    for (std::size_t at = 0; at < count;) {
      const std::size_t part = std::min(count - at, kUnit - filled_);
      std::copy_n(step_.begin() + static_cast<std::ptrdiff_t>(at), part,
                  unit_.begin() + static_cast<std::ptrdiff_t>(filled_));
      at += part;
      filled_ += part;
      if (filled_ < kUnit) break;
      filled_ = 0;
      judge();
    }
    in += step;
    frames -= step;
  }
  return echo_;
}

/// Where in the past the unit stands at the longest lag.
std::size_t EchoDetector::align() noexcept {
  heard_total_ += kUnit;
  const std::int64_t offset = played_total_ - heard_total_;
  if (!aligned_ || std::abs(offset - offset_) > static_cast<std::int64_t>(kShift)) {
    aligned_ = true;
    offset_ = offset;
    fast_.clear();
    short_.clear();
    long_.clear();
  }
  const std::int64_t late = offset - offset_;  // how much more was played since than was heard
  return static_cast<std::size_t>(static_cast<std::int64_t>(kPast - kUnit - (kLags - 1)) - late);
}

void EchoDetector::judge() noexcept {
  const std::size_t start = align();
  const float* const energy = energy_.data() + start;
  const Run run{.offset = 0, .taps = kUnit};
  kernels_->fir(past_.data() + start, &run, 1, unit_.data(), products_.data(), kLags);
  const float heard = std::inner_product(unit_.begin(), unit_.end(), unit_.begin(), 0.0F);

  follow_path();  // without this unit: a user who begins does not spoil it

  const auto highest = [this](Memory& memory) {
    memory.coherences(coherences_.data());
    return *std::max_element(coherences_.begin(), coherences_.end());
  };
  fast_.add(products_.data(), energy, heard);
  short_.add(products_.data(), energy, heard);
  const float moved = highest(fast_);
  coherence_ = std::min(highest(short_), 1.0F);
  echo_ = !fits_everywhere() && (coherence_ >= kEcho || (known_ && (moved >= kEcho || is_known_echo(energy, heard))));
  long_.add(products_.data(), energy, heard);
  sounded_ = heard >= kSounding * (1.0F - long_.keep) * long_.heard_energy;
}

/// Finds the path in the long memory. It has to stay where it is for a while before it is known; from then
/// on it may move.
void EchoDetector::follow_path() noexcept {
  long_.coherences(coherences_.data());
  const auto best = static_cast<std::size_t>(
      std::max_element(coherences_.begin(), coherences_.end()) - coherences_.begin());
  const bool stays = std::max(best, path_at_) - std::min(best, path_at_) <= kPathWidth;
  path_at_ = best;
  if (coherences_[best] < kKnown || !(known_ || stays)) {
    steady_ = 0;
  } else if (sounded_) {
    ++steady_;
  }
  known_ = steady_ >= kSteady;
}

bool EchoDetector::fits_everywhere() const noexcept {
  const float least = kSounding * *std::max_element(short_.energies.begin(), short_.energies.end());
  float sum = 0.0F;
  float count = 0.0F;
  for (std::size_t i = 0; i < kLags; ++i) {
    const float sounds = short_.energies[i] >= least ? 1.0F : 0.0F;
    sum += sounds * coherences_[i];
    count += sounds;
  }
  return count >= kFewest && sum >= kEverywhere * count;
}

bool EchoDetector::is_known_echo(const float* energy, float heard) const noexcept {
  const auto highest = [](const float* of, std::size_t first, std::size_t last) {
    return *std::max_element(of + first, of + std::min(last + 1, kLags));
  };
  const auto back = [this](std::size_t by) { return path_at_ - std::min(path_at_, by); };
  if (highest(coherences_.data(), back(kPathWidth), path_at_ + kPathWidth) < kKnownEcho) return false;
  const float gain = long_.products[path_at_] / (long_.energies[path_at_] + kSilence);
  return heard < kLouder * gain * gain * highest(energy, back(kLater), path_at_ + kEarlier);
}

void EchoDetector::reset() noexcept {
  played_front_.reset();
  heard_front_.reset();
  std::fill(past_.begin(), past_.end(), 0.0F);
  std::fill(energy_.begin(), energy_.end(), 0.0F);
  filled_ = 0;
  fast_.clear();
  short_.clear();
  long_.clear();
  path_at_ = 0;
  steady_ = 0;
  known_ = echo_ = aligned_ = sounded_ = false;
  coherence_ = 0.0F;
  played_total_ = heard_total_ = offset_ = 0;
}

}  // namespace sonicrtc
