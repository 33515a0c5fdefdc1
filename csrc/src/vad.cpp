#include "sonicrtc/vad.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <string>

#include "sonicrtc/pcm.hpp"

namespace sonicrtc {
namespace {

constexpr std::size_t kFramesPerMs = kUplinkRateHz / 1000;

// A model's stream is cut after about a minute without audio, so some comes six times as often.
constexpr std::uint64_t kKeepalivePeriodFrames = 10'000 * kFramesPerMs;
constexpr std::uint64_t kKeepaliveFrames = 20 * kFramesPerMs;

void require_between(const char* what, int value, int low, int high) {
  if (low <= value && value <= high) return;
  throw std::invalid_argument(std::string(what) + ": expected " + std::to_string(low) + " to " +
                              std::to_string(high) + ", got " + std::to_string(value));
}

const GateSettings& checked(const GateSettings& settings) {
  require_between("start_n", settings.start_n, 1, 50);
  require_between("start_k", settings.start_k, 1, settings.start_n);
  require_between("hangover_ms", settings.hangover_ms, 0, 10000);
  require_between("preroll_ms", settings.preroll_ms, 0, 1000);
  require_between("withhold_after_ms", settings.withhold_after_ms, 0, 600000);
  return settings;
}

constexpr std::size_t frames_of_ms(int ms) { return static_cast<std::size_t>(ms) * kFramesPerMs; }

}  // namespace

std::size_t frames_of_window(int frame_ms) {
  if (frame_ms != 10 && frame_ms != 20 && frame_ms != 30) {
    throw std::invalid_argument("frame_ms: expected 10, 20 or 30, got " + std::to_string(frame_ms));
  }
  return frames_of_ms(frame_ms);
}

float checked_threshold(float threshold) {
  if (threshold >= 0.0F && threshold <= 1.0F) return threshold;  // NaN is neither
  throw std::invalid_argument("threshold: expected 0 to 1, got " + std::to_string(threshold));
}

SpeechGate::SpeechGate(const GateSettings& settings, std::unique_ptr<Detector> detector)
    : settings_(checked(settings)), detector_(std::move(detector)), history_(frames_of_ms(settings.preroll_ms)) {
  if (!detector_) throw std::invalid_argument("SpeechGate: expected a detector, got none");
  window_.resize(detector_->window_frames());
  if (window_.empty()) throw std::invalid_argument("SpeechGate: expected a window of 1 frame or more, got 0");
}

std::size_t SpeechGate::process(std::int16_t* s16, float* f32, std::size_t count, std::size_t base,
                                std::int16_t* preroll, GateReport& report) noexcept {
  std::size_t kept = 0;
  for (std::size_t at = 0; at < count;) {
    const std::size_t step = std::min(count - at, window_.size() - filled_);
    std::copy_n(s16 + at, step, window_.data() + filled_);
    history_.push(s16 + at, step);
    std::size_t sent = step;
    if (!open_) {
      sent = static_cast<std::size_t>(sent_of(closed_frames_ + step) - sent_of(closed_frames_));
      closed_frames_ += step;
    }
    if (!open_ && settings_.policy != GatePolicy::off) {
      std::fill_n(s16 + kept, sent, std::int16_t{0});
      std::fill_n(f32 + kept, sent, 0.0F);
    } else if (kept != at) {
      std::copy_n(s16 + at, step, s16 + kept);
      std::copy_n(f32 + at, step, f32 + kept);
    }
    kept += sent;
    at += step;
    filled_ += step;
    if (filled_ < window_.size()) break;
    filled_ = 0;
    const bool was_open = open_;
    end_window(report);
    if (was_open == open_) continue;
    (open_ ? report.onset : report.offset) = static_cast<std::ptrdiff_t>(base + kept);
    if (open_ && settings_.policy != GatePolicy::off) {
      report.preroll_frames = static_cast<std::size_t>(std::min<std::uint64_t>(closed_frames_, history_.capacity()));
      history_.copy_last(preroll, report.preroll_frames);
    }
    closed_frames_ = 0;
  }
  report.speech = open_;
  return kept;
}

/// How many of the first `closed_frames` after a closing are sent. The keepalive ends its period: its
/// first one comes only after a pause, and the pause is never longer than the period.
std::uint64_t SpeechGate::sent_of(std::uint64_t closed_frames) const noexcept {
  const std::uint64_t after = frames_of_ms(settings_.withhold_after_ms);
  if (settings_.policy != GatePolicy::withhold || closed_frames <= after) return closed_frames;
  const std::uint64_t withheld = closed_frames - after;
  const std::uint64_t into = withheld % kKeepalivePeriodFrames;
  const std::uint64_t pause = kKeepalivePeriodFrames - kKeepaliveFrames;
  return after + withheld / kKeepalivePeriodFrames * kKeepaliveFrames + (into > pause ? into - pause : 0);
}

void SpeechGate::end_window(GateReport& report) noexcept {
  const Judgement judgement = detector_->judge(window_);
  report.score = std::fmax(report.score, judgement.score);  // the one that is not NaN, if one is
  if (judgement.verdict == Verdict::failed) return;
  const bool voiced = judgement.verdict == Verdict::voiced;
  const std::uint64_t mask = (std::uint64_t{1} << static_cast<unsigned>(settings_.start_n)) - 1;
  recent_ = ((recent_ << 1U) | (voiced ? 1U : 0U)) & mask;
  if (!open_) {
    open_ = std::popcount(recent_) >= settings_.start_k;
    unvoiced_frames_ = 0;
    return;
  }
  unvoiced_frames_ = voiced ? 0 : unvoiced_frames_ + window_.size();
  if (!voiced && unvoiced_frames_ >= frames_of_ms(settings_.hangover_ms)) {
    open_ = false;
    recent_ = 0;
  }
}

void SpeechGate::reset() noexcept {
  detector_->reset();
  filled_ = 0;
  recent_ = 0;
  unvoiced_frames_ = 0;
  closed_frames_ = 0;
  open_ = false;
}

}  // namespace sonicrtc
