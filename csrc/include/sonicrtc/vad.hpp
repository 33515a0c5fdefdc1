// From voiced frames to an open or closed gate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sonicrtc/ring.hpp"

namespace sonicrtc {

enum class Verdict : std::uint8_t {
  unvoiced,
  voiced,
  failed,  ///< the detector could not judge; the gate stays as it is
};

/// Judges one frame of 16 kHz audio at a time.
class Detector {
 public:
  virtual ~Detector() = default;
  virtual Verdict judge(std::span<const std::int16_t> frame) noexcept = 0;
  virtual void reset() noexcept = 0;
};

struct GateSettings {
  int frame_ms = 20;       ///< 10, 20 or 30
  int start_k = 2;         ///< opens when `start_k` of the last `start_n` frames were voiced
  int start_n = 3;         ///< 1 to 50
  int hangover_ms = 2500;  ///< closes after this long without a voiced frame, 0 to 10000
  int preroll_ms = 300;    ///< audio kept from before the opening, 0 to 1000
  bool zeros = true;       ///< while closed: zeros of the same length, or what was heard
};

/// What happened to the gate during one block.
struct GateReport {
  bool speech = false;                  ///< state at the end of the block
  std::ptrdiff_t onset = -1;            ///< where in the block the gate opened (the last time), -1 if it did not
  std::size_t preroll_frames = 0;       ///< how much of the pre-roll is valid
};

/// Cuts the 16 kHz time line into detector frames and gates it. A decision takes effect where its
/// frame ends, so the result does not depend on how the audio was cut into blocks.
class SpeechGate {
 public:
  /// Throws std::invalid_argument for settings outside their ranges.
  SpeechGate(const GateSettings& settings, std::unique_ptr<Detector> detector);

  /// Gates `count` samples in place. `preroll` has room for preroll_capacity(): on opening, it
  /// receives the audio since the last closing (at most `preroll_ms` of it) that went out as zeros.
  /// `base` is where `s16` stands in the caller's block.
  void process(std::int16_t* s16, float* f32, std::size_t count, std::size_t base, std::int16_t* preroll,
               GateReport& report) noexcept;

  [[nodiscard]] bool open() const noexcept { return open_; }
  [[nodiscard]] std::size_t preroll_capacity() const noexcept { return history_.capacity(); }
  [[nodiscard]] Detector& detector() noexcept { return *detector_; }
  void reset() noexcept;

 private:
  void end_frame() noexcept;

  GateSettings settings_;
  std::unique_ptr<Detector> detector_;
  HistoryRing history_;
  std::vector<std::int16_t> frame_;
  std::size_t filled_ = 0;         // samples of the frame that is being collected
  std::uint64_t recent_ = 0;       // one bit per frame, newest lowest
  int unvoiced_frames_ = 0;        // in a row
  std::size_t closed_frames_ = 0;  // samples gated since the closing, at most the pre-roll
  bool open_ = false;
};

}  // namespace sonicrtc
