#include "sonicrtc/vad.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

#include "sonicrtc/pcm.hpp"

namespace sonicrtc {
namespace {

constexpr std::size_t kFramesPerMs = kUplinkRateHz / 1000;

void require_between(const char* what, int value, int low, int high) {
  if (low <= value && value <= high) return;
  throw std::invalid_argument(std::string(what) + ": expected " + std::to_string(low) + " to " +
                              std::to_string(high) + ", got " + std::to_string(value));
}

const GateSettings& checked(const GateSettings& settings) {
  if (settings.frame_ms != 10 && settings.frame_ms != 20 && settings.frame_ms != 30) {
    throw std::invalid_argument("frame_ms: expected 10, 20 or 30, got " + std::to_string(settings.frame_ms));
  }
  require_between("start_n", settings.start_n, 1, 50);
  require_between("start_k", settings.start_k, 1, settings.start_n);
  require_between("hangover_ms", settings.hangover_ms, 0, 10000);
  require_between("preroll_ms", settings.preroll_ms, 0, 1000);
  return settings;
}

}  // namespace

SpeechGate::SpeechGate(const GateSettings& settings, std::unique_ptr<Detector> detector)
    : settings_(checked(settings)),
      detector_(std::move(detector)),
      history_(static_cast<std::size_t>(settings.preroll_ms) * kFramesPerMs),
      frame_(static_cast<std::size_t>(settings.frame_ms) * kFramesPerMs) {
  if (!detector_) throw std::invalid_argument("SpeechGate: expected a detector, got none");
}

void SpeechGate::process(std::int16_t* s16, float* f32, std::size_t count, std::size_t base, std::int16_t* preroll,
                         GateReport& report) noexcept {
  for (std::size_t at = 0; at < count;) {
    const std::size_t step = std::min(count - at, frame_.size() - filled_);
    std::copy_n(s16 + at, step, frame_.data() + filled_);
    history_.push(s16 + at, step);
    if (!open_) {
      closed_frames_ = std::min(closed_frames_ + step, history_.capacity());
      if (settings_.zeros) {
        std::fill_n(s16 + at, step, std::int16_t{0});
        std::fill_n(f32 + at, step, 0.0F);
      }
    }
    at += step;
    filled_ += step;
    if (filled_ < frame_.size()) break;
    filled_ = 0;
    const bool was_open = open_;
    end_frame();
    if (open_ && !was_open) {
      report.onset = static_cast<std::ptrdiff_t>(base + at);
      report.preroll_frames = settings_.zeros ? closed_frames_ : 0;
      history_.copy_last(preroll, report.preroll_frames);
      closed_frames_ = 0;
    }
  }
  report.speech = open_;
}

void SpeechGate::end_frame() noexcept {
  const Verdict verdict = detector_->judge(frame_);
  if (verdict == Verdict::failed) return;
  const bool voiced = verdict == Verdict::voiced;
  const std::uint64_t window = (std::uint64_t{1} << static_cast<unsigned>(settings_.start_n)) - 1;
  recent_ = ((recent_ << 1U) | (voiced ? 1U : 0U)) & window;
  unvoiced_frames_ = voiced ? 0 : unvoiced_frames_ + 1;
  if (!open_) {
    open_ = std::popcount(recent_) >= settings_.start_k;
    if (open_) unvoiced_frames_ = 0;
  } else if (!voiced && unvoiced_frames_ * settings_.frame_ms >= settings_.hangover_ms) {
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
