#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "check.hpp"
#include "scripted_detector.hpp"
#include "sonicrtc/vad.hpp"

namespace {

using namespace sonicrtc;

// One character per window: 'v' voiced, 'x' failed, a digit that many tenths of a score and unvoiced,
// anything else (and beyond the end) unvoiced.
SpeechGate gate_for(const std::string& script, GateSettings settings, std::size_t window_frames = 160) {
  return {settings, std::make_unique<ScriptedDetector>(window_frames, [script](int n) {
            const char c = static_cast<std::size_t>(n) < script.size() ? script[static_cast<std::size_t>(n)] : '.';
            if (c == 'x') return Judgement{.verdict = Verdict::failed};
            if ('0' <= c && c <= '9') return Judgement{.score = static_cast<float>(c - '0') / 10.0F};
            return voiced_if(c == 'v');
          })};
}

struct Run {
  std::vector<std::int16_t> s16;
  std::vector<std::int16_t> preroll;
  GateReport report{};
};

Run run(SpeechGate& gate, std::vector<std::int16_t> s16) {
  std::vector<float> f32(s16.size(), 0.5F);
  Run result;
  result.preroll.resize(gate.preroll_capacity());
  CHECK(gate.process(s16.data(), f32.data(), s16.size(), 0, result.preroll.data(), result.report) == s16.size());
  result.preroll.resize(result.report.preroll_frames);
  for (std::size_t i = 0; i < s16.size(); ++i) CHECK((f32[i] == 0.0F) == (s16[i] == 0));
  result.s16 = std::move(s16);
  return result;
}

// 1, 2, 3, ... so that a sample says where it came from.
std::vector<std::int16_t> counting(std::size_t frames) {
  std::vector<std::int16_t> result(frames);
  for (std::size_t i = 0; i < frames; ++i) result[i] = static_cast<std::int16_t>(i + 1);
  return result;
}

std::size_t first_open(const Run& r) {
  const auto at = std::find_if(r.s16.begin(), r.s16.end(), [](std::int16_t s) { return s != 0; });
  return static_cast<std::size_t>(at - r.s16.begin());
}

std::size_t open_frames(const Run& r) {
  return static_cast<std::size_t>(std::count_if(r.s16.begin(), r.s16.end(), [](std::int16_t s) { return s != 0; }));
}

void opens_after_k_of_n() {
  auto gate = gate_for("v..v.v", {.start_k = 2, .start_n = 3});
  const Run r = run(gate, counting(1600));
  CHECK(r.report.onset == 6 * 160);  // frames 4 and 6 are the first two within three
  CHECK(first_open(r) == 6 * 160);
  CHECK(r.report.speech);
}

void windows_have_the_length_that_the_detector_asks_for() {
  for (const std::size_t frames : {160U, 320U, 480U, 512U}) {
    auto gate = gate_for("v", {.start_k = 1, .start_n = 1}, frames);
    CHECK(run(gate, counting(1600)).report.onset == static_cast<std::ptrdiff_t>(frames));
  }
  CHECK(frames_of_window(10) == 160 && frames_of_window(20) == 320 && frames_of_window(30) == 480);
  CHECK_THROWS(static_cast<void>(frames_of_window(15)), std::invalid_argument);
}

void opening_at_the_end_of_a_block_is_in_that_block() {
  auto gate = gate_for("v", {.start_k = 1, .start_n = 1}, 320);
  const Run r = run(gate, counting(320));
  CHECK(r.report.onset == 320);
  CHECK(r.report.speech);
  CHECK(open_frames(r) == 0);
  CHECK(r.preroll == counting(320));
  CHECK(run(gate, counting(320)).report.onset == -1);
}

void closes_after_the_hangover() {
  auto gate = gate_for("v.v....", {.start_k = 1, .start_n = 1, .hangover_ms = 30});
  const Run r = run(gate, counting(3200));
  // Open from the end of frame 0 to the end of frame 5, the third unvoiced one after frame 2.
  CHECK(first_open(r) == 160);
  CHECK(open_frames(r) == 5 * 160);
  CHECK(!r.report.speech);
  CHECK(r.report.offset == 6 * 160);
}

void the_hangover_is_counted_in_audio_whatever_the_window() {
  for (const std::size_t frames : {160U, 320U, 480U, 512U}) {
    auto gate = gate_for("v", {.start_k = 1, .start_n = 1, .hangover_ms = 100}, frames);
    const std::size_t windows = (1600 + frames - 1) / frames;  // the first ones that make up 100 ms
    CHECK(run(gate, counting(8000)).report.offset == static_cast<std::ptrdiff_t>((1 + windows) * frames));
  }
}

void no_hangover_closes_at_the_first_unvoiced_frame() {
  auto gate = gate_for("vv.", {.start_k = 1, .start_n = 1, .hangover_ms = 0});
  CHECK(open_frames(run(gate, counting(1600))) == 2 * 160);
}

void a_closed_gate_needs_k_voiced_frames_again() {
  auto gate = gate_for("vv.v.v", {.start_k = 2, .start_n = 4, .hangover_ms = 10});
  const Run r = run(gate, counting(1600));
  CHECK(r.report.onset == 6 * 160);
}

void preroll_is_the_audio_before_the_onset() {
  auto gate = gate_for(".........v", {.start_k = 1, .start_n = 1, .preroll_ms = 20});
  const Run r = run(gate, counting(3200));
  CHECK(r.report.onset == 1600);
  CHECK(r.preroll.size() == 320);
  CHECK(r.preroll.front() == 1600 - 320 + 1);
  CHECK(r.preroll.back() == 1600);
  CHECK(r.s16[1600] == 1601);
}

void preroll_holds_only_what_was_withheld() {
  auto gate = gate_for("v.v", {.start_k = 1, .start_n = 1, .hangover_ms = 10, .preroll_ms = 300});
  const Run r = run(gate, counting(480));
  CHECK(r.report.onset == 480);
  CHECK(r.preroll.size() == 160);  // frame 2; frames 0 to 1 went out as preroll and as audio
  CHECK(r.preroll.front() == 321);
}

void gate_off_lets_everything_through() {
  auto gate = gate_for("..v", {.start_k = 1, .start_n = 1, .policy = GatePolicy::off});
  const Run r = run(gate, counting(800));
  CHECK(r.s16 == counting(800));
  CHECK(r.report.onset == 480);
  CHECK(r.preroll.empty());
}

void gate_off_tells_where_speech_ends() {
  auto gate = gate_for("v", {.start_k = 1, .start_n = 1, .hangover_ms = 20, .policy = GatePolicy::off});
  const Run r = run(gate, counting(800));
  CHECK(r.report.onset == 160);
  CHECK(r.report.offset == 480);
}

void the_score_is_the_highest_of_the_block() {
  auto gate = gate_for("275x", {});
  CHECK(std::isnan(run(gate, counting(159)).report.score));  // no window has ended
  CHECK(run(gate, counting(1)).report.score == 0.2F);
  CHECK(run(gate, counting(320)).report.score == 0.7F);
  CHECK(std::isnan(run(gate, counting(160)).report.score));  // it could not judge
}

void a_failed_verdict_leaves_the_gate_as_it_is() {
  auto open = gate_for("vxxxxx", {.start_k = 1, .start_n = 1, .hangover_ms = 10});
  CHECK(run(open, counting(960)).report.speech);
  auto closed = gate_for("xxxxxx", {.start_k = 1, .start_n = 1});
  CHECK(!run(closed, counting(960)).report.speech);
}

void reset_starts_anew() {
  auto gate = gate_for("v", {.start_k = 1, .start_n = 1});
  const Run first = run(gate, counting(500));
  gate.reset();
  const Run second = run(gate, counting(500));
  CHECK(first.s16 == second.s16);
  CHECK(first.preroll == second.preroll);
}

void refuses_settings_out_of_range() {
  const GateSettings wrong[] = {{.start_k = 4, .start_n = 3}, {.start_k = 0},
                                {.start_n = 51},              {.hangover_ms = -1},
                                {.preroll_ms = 1001},         {.withhold_after_ms = 600001}};
  for (const GateSettings& settings : wrong) CHECK_THROWS(gate_for("", settings), std::invalid_argument);
  CHECK_THROWS(SpeechGate({}, nullptr), std::invalid_argument);
  CHECK_THROWS(gate_for("", {}, 0), std::invalid_argument);
}

}  // namespace

int main() {
  const Case cases[] = {
      {"the gate opens after k of n voiced frames", opens_after_k_of_n},
      {"windows have the length that the detector asks for", windows_have_the_length_that_the_detector_asks_for},
      {"an opening at the end of a block belongs to that block", opening_at_the_end_of_a_block_is_in_that_block},
      {"the gate closes after the hangover", closes_after_the_hangover},
      {"the hangover is counted in audio, whatever the window", the_hangover_is_counted_in_audio_whatever_the_window},
      {"without a hangover it closes at the first unvoiced frame", no_hangover_closes_at_the_first_unvoiced_frame},
      {"a closed gate needs k voiced frames again", a_closed_gate_needs_k_voiced_frames_again},
      {"the pre-roll is the audio before the onset", preroll_is_the_audio_before_the_onset},
      {"the pre-roll holds only what was withheld", preroll_holds_only_what_was_withheld},
      {"with the gate off everything passes", gate_off_lets_everything_through},
      {"with the gate off it tells where speech ends", gate_off_tells_where_speech_ends},
      {"the score is the highest of the block", the_score_is_the_highest_of_the_block},
      {"a failed verdict leaves the gate as it is", a_failed_verdict_leaves_the_gate_as_it_is},
      {"reset starts anew", reset_starts_anew},
      {"settings out of range are refused", refuses_settings_out_of_range},
  };
  return run_all(cases);
}
