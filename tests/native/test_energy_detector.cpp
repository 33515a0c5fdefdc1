#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "check.hpp"
#include "sonicrtc/energy_detector.hpp"

namespace {

using namespace sonicrtc;

constexpr int kWindowsPerS = 50;

// Uniform noise of `amplitude` has a level of 20 log10(amplitude / 32768) - 4.8 dBFS.
Judgement judge_noise(EnergyDetector& detector, int windows, int amplitude, int mean = 0) {
  Judgement last;
  for (int i = 0; i < windows; ++i) {
    auto window = noise(detector.window_frames(), static_cast<unsigned>(1000 + i), amplitude);
    for (std::int16_t& s : window) s = static_cast<std::int16_t>(std::clamp(s + mean, -32768, 32767));
    last = detector.judge(window);
  }
  return last;
}

Judgement judge_constant(EnergyDetector& detector, std::int16_t value) {
  return detector.judge(std::vector<std::int16_t>(detector.window_frames(), value));
}

bool is_voiced(const Judgement& judgement) { return judgement.verdict == Verdict::voiced; }

void steady_noise_of_any_level_is_background() {
  for (const int amplitude : {1, 30, 1000, 32767}) {
    EnergyDetector detector;
    for (int i = 0; i < 100; ++i) CHECK(!is_voiced(judge_noise(detector, 1, amplitude)));
  }
}

void what_is_louder_than_the_background_is_voiced() {
  EnergyDetector detector;
  judge_noise(detector, 10, 300);
  CHECK(is_voiced(judge_noise(detector, 1, 3000)));
}

void the_score_is_a_half_at_the_margin() {
  EnergyDetector detector;
  const auto room = noise(320, 1, 300);
  detector.judge(room);
  std::vector<std::int16_t> speech = room;
  const double gain = std::pow(10.0, EnergyDetector::kMarginDb / 20.0);
  for (std::int16_t& s : speech) s = static_cast<std::int16_t>(std::lround(s * gain));
  CHECK(std::abs(detector.judge(speech).score - 0.5F) < 0.001F);
}

void the_score_grows_with_the_level() {
  float last = 0.0F;
  for (const int amplitude : {100, 200, 400, 1600, 6400, 32767}) {
    EnergyDetector detector;
    judge_noise(detector, 10, 100);
    const float score = judge_noise(detector, 1, amplitude).score;
    CHECK(score > last);
    last = score;
  }
  CHECK(last > 0.99F && last <= 1.0F);
}

void digital_silence_is_never_speech() {
  EnergyDetector detector;
  for (int i = 0; i < 100; ++i) CHECK(judge_constant(detector, 0).score == 0.0F);
  judge_noise(detector, 50, 3000);
  CHECK(judge_constant(detector, 0).score == 0.0F);
}

void after_digital_silence_what_is_quiet_is_not_speech() {
  EnergyDetector detector;
  judge_constant(detector, 0);
  CHECK(!is_voiced(judge_noise(detector, 1, 40)));  // -63 dBFS
  CHECK(is_voiced(judge_noise(detector, 1, 100)));  // -55 dBFS
}

void a_constant_is_silence_whatever_its_value() {
  for (const std::int16_t value : {std::int16_t{-32768}, std::int16_t{32767}, std::int16_t{100}}) {
    EnergyDetector detector;
    CHECK(judge_constant(detector, value).score == 0.0F);
  }
}

void an_offset_does_not_hide_speech() {
  EnergyDetector detector;
  judge_noise(detector, 10, 100, 5000);
  CHECK(is_voiced(judge_noise(detector, 1, 1000, 5000)));
}

void a_full_scale_square_wave_is_one_at_most() {
  EnergyDetector detector;
  judge_constant(detector, 0);
  std::vector<std::int16_t> square(320);
  for (std::size_t i = 0; i < square.size(); ++i) square[i] = static_cast<std::int16_t>(i % 2 == 0 ? -32768 : 32767);
  const float score = detector.judge(square).score;
  CHECK(score > 0.999F && score <= 1.0F);
}

void a_louder_room_is_learnt_at_the_promised_rate() {
  EnergyDetector detector;
  judge_noise(detector, 50, 200);
  const double s = (20.0 - EnergyDetector::kMarginDb) / EnergyDetector::kRiseDbPerS;  // amplitude 200 to 2000
  CHECK(is_voiced(judge_noise(detector, static_cast<int>((s - 1.0) * kWindowsPerS), 2000)));
  CHECK(!is_voiced(judge_noise(detector, 2 * kWindowsPerS, 2000)));
}

void a_quieter_room_is_learnt_within_a_tenth_of_a_second() {
  EnergyDetector detector;
  judge_noise(detector, 50, 2000);
  judge_noise(detector, kWindowsPerS / 10, 200);
  CHECK(is_voiced(judge_noise(detector, 1, 500)));
}

void the_threshold_is_where_a_window_becomes_voiced() {
  EnergyDetector strict(20, 1.0F);
  EnergyDetector lax(20, 0.0F);
  judge_constant(strict, 0);
  CHECK(!is_voiced(judge_noise(strict, 1, 1000)));
  CHECK(is_voiced(judge_constant(lax, 0)));
}

void reset_starts_anew() {
  EnergyDetector detector;
  const float first = judge_noise(detector, 30, 500).score;
  judge_noise(detector, 30, 20000);
  detector.reset();
  CHECK(judge_noise(detector, 30, 500).score == first);
}

void refuses_what_is_out_of_range() {
  CHECK(EnergyDetector(10).window_frames() == 160 && EnergyDetector(30).window_frames() == 480);
  CHECK_THROWS(EnergyDetector(15), std::invalid_argument);
  for (const float threshold : {-0.1F, 1.1F, std::numeric_limits<float>::quiet_NaN()}) {
    CHECK_THROWS(EnergyDetector(20, threshold), std::invalid_argument);
  }
}

}  // namespace

int main() {
  const Case cases[] = {
      {"steady noise of any level is background", steady_noise_of_any_level_is_background},
      {"what is louder than the background is voiced", what_is_louder_than_the_background_is_voiced},
      {"the score is a half at the margin", the_score_is_a_half_at_the_margin},
      {"the score grows with the level", the_score_grows_with_the_level},
      {"digital silence is never speech", digital_silence_is_never_speech},
      {"after digital silence what is quiet is not speech", after_digital_silence_what_is_quiet_is_not_speech},
      {"a constant is silence, whatever its value", a_constant_is_silence_whatever_its_value},
      {"an offset does not hide speech", an_offset_does_not_hide_speech},
      {"a full-scale square wave has a score of one at most", a_full_scale_square_wave_is_one_at_most},
      {"a louder room is learnt at the promised rate", a_louder_room_is_learnt_at_the_promised_rate},
      {"a quieter room is learnt within a tenth of a second", a_quieter_room_is_learnt_within_a_tenth_of_a_second},
      {"the threshold is where a window becomes voiced", the_threshold_is_where_a_window_becomes_voiced},
      {"reset starts anew", reset_starts_anew},
      {"what is out of range is refused", refuses_what_is_out_of_range},
  };
  return run_all(cases);
}
