// The gate that withholds, and what holds for every policy: the same bits for any chunking.
#include <algorithm>
#include <initializer_list>

#include "check.hpp"
#include "scripted_detector.hpp"
#include "sonicrtc/vad.hpp"

namespace {

using namespace sonicrtc;

constexpr std::size_t kSecond = 16000;

// Voiced in the windows that begin in [from, to), in frames.
SpeechGate gate_for(GateSettings settings, std::size_t window, std::size_t from, std::size_t to) {
  return {settings, std::make_unique<ScriptedDetector>(window, [=](int n) {
            const std::size_t at = static_cast<std::size_t>(n) * window;
            return voiced_if(from <= at && at < to);
          })};
}

constexpr GateSettings kWithhold{
    .start_k = 1, .start_n = 1, .hangover_ms = 100, .policy = GatePolicy::withhold, .withhold_after_ms = 1000};

struct Sent {
  std::vector<std::int16_t> s16;
  std::vector<float> f32;
  std::vector<std::int16_t> prerolls;
  std::vector<std::size_t> onsets;
  std::vector<std::size_t> offsets;
  bool operator==(const Sent&) const = default;
};

Sent run(SpeechGate& gate, const std::vector<std::int16_t>& in, const std::vector<std::size_t>& blocks) {
  Sent result;
  std::vector<std::int16_t> preroll(gate.preroll_capacity());
  std::size_t read = 0;
  for (const std::size_t length : blocks) {
    std::vector<std::int16_t> s16(in.begin() + static_cast<std::ptrdiff_t>(read),
                                  in.begin() + static_cast<std::ptrdiff_t>(read + length));
    std::vector<float> f32(s16.begin(), s16.end());
    GateReport report;
    const std::size_t base = result.s16.size();
    const std::size_t kept = gate.process(s16.data(), f32.data(), length, base, preroll.data(), report);
    result.s16.insert(result.s16.end(), s16.begin(), s16.begin() + static_cast<std::ptrdiff_t>(kept));
    result.f32.insert(result.f32.end(), f32.begin(), f32.begin() + static_cast<std::ptrdiff_t>(kept));
    if (report.onset >= 0) result.onsets.push_back(static_cast<std::size_t>(report.onset));
    if (report.offset >= 0) result.offsets.push_back(static_cast<std::size_t>(report.offset));
    result.prerolls.insert(result.prerolls.end(), preroll.begin(),
                           preroll.begin() + static_cast<std::ptrdiff_t>(report.preroll_frames));
    read += length;
  }
  return result;
}

std::size_t sent_of_silence(std::size_t frames, int withhold_after_ms) {
  GateSettings settings = kWithhold;
  settings.withhold_after_ms = withhold_after_ms;
  auto gate = gate_for(settings, 320, 0, 0);
  return run(gate, std::vector<std::int16_t>(frames, 1), {frames}).s16.size();
}

void it_is_zeros_at_first() {
  auto gate = gate_for(kWithhold, 320, 0, 0);
  const std::vector<std::int16_t> in(2 * kSecond, 7);
  CHECK(run(gate, in, {in.size()}).s16 == std::vector<std::int16_t>(kSecond, 0));
}

void the_keepalive_is_the_end_of_every_ten_seconds() {
  CHECK(sent_of_silence(kSecond + 10 * kSecond - 320, 1000) == kSecond);
  CHECK(sent_of_silence(kSecond + 10 * kSecond - 319, 1000) == kSecond + 1);
  CHECK(sent_of_silence(kSecond + 10 * kSecond, 1000) == kSecond + 320);
  CHECK(sent_of_silence(kSecond + 20 * kSecond - 320, 1000) == kSecond + 320);
  CHECK(sent_of_silence(60 * kSecond, 0) == 6 * 320);
}

void onset_and_preroll_follow_what_was_sent() {
  auto gate = gate_for(kWithhold, 320, 5 * kSecond, 6 * kSecond);
  std::vector<std::int16_t> in(6 * kSecond);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::int16_t>(i % 30000 + 1);
  const Sent sent = run(gate, in, {in.size()});
  const std::size_t opened = 5 * kSecond + 320;
  CHECK(sent.onsets == std::vector<std::size_t>{kSecond});
  CHECK(std::equal(sent.prerolls.begin(), sent.prerolls.end(), in.begin() + opened - 4800));
  CHECK(sent.prerolls.size() == 4800);
  CHECK(std::equal(sent.s16.begin() + kSecond, sent.s16.end(), in.begin() + opened, in.end()));
}

void the_clock_starts_anew_at_every_closing() {
  auto gate = gate_for(kWithhold, 320, 5 * kSecond, 6 * kSecond);
  const std::vector<std::int16_t> in(9 * kSecond, 5);
  const Sent sent = run(gate, in, {in.size()});
  const std::size_t open = kSecond - 320 + 1600;  // from the end of the first voiced window to that of the hangover
  CHECK(sent.offsets == std::vector<std::size_t>{kSecond + open});
  CHECK(sent.s16.size() == kSecond + open + kSecond);
}

void reset_starts_the_clock_anew() {
  auto gate = gate_for(kWithhold, 320, 0, 0);
  const std::vector<std::int16_t> in(kSecond + 10, 5);
  const Sent first = run(gate, in, {in.size()});
  gate.reset();
  CHECK(run(gate, in, {in.size()}) == first);
}

void same_bits_for_any_policy_window_and_chunking() {
  const auto in = noise(16 * kSecond, 40);
  for (const GatePolicy policy : {GatePolicy::off, GatePolicy::zeros, GatePolicy::withhold}) {
    for (const std::size_t window : {160U, 320U, 480U, 512U}) {
      GateSettings settings = kWithhold;
      settings.policy = policy;
      settings.withhold_after_ms = 333;
      const auto sent = [&](std::vector<std::size_t> blocks) {
        auto gate = gate_for(settings, window, 12 * kSecond, 13 * kSecond);
        return run(gate, in, blocks);
      };
      const Sent whole = sent({in.size()});
      CHECK(whole.onsets.size() == 1 && whole.offsets.size() == 1);
      for (const unsigned seed : {41U, 42U}) CHECK(sent(cuts(in.size(), seed)) == whole);
    }
  }
}

}  // namespace

int main() {
  const Case cases[] = {
      {"until withholding starts it sends zeros", it_is_zeros_at_first},
      {"the keepalive is the end of every ten seconds", the_keepalive_is_the_end_of_every_ten_seconds},
      {"onset and pre-roll follow what was sent", onset_and_preroll_follow_what_was_sent},
      {"the clock starts anew at every closing", the_clock_starts_anew_at_every_closing},
      {"reset starts the clock anew", reset_starts_the_clock_anew},
      {"the bits are the same for any policy, window and chunking", same_bits_for_any_policy_window_and_chunking},
  };
  return run_all(cases);
}
