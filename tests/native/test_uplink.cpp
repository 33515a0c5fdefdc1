#include <algorithm>
#include <cmath>

#include "check.hpp"
#include "scripted_detector.hpp"
#include "sonicrtc/uplink.hpp"

namespace {

using namespace sonicrtc;

std::unique_ptr<SpeechGate> make_gate() {
  const GateSettings settings{.start_k = 2, .start_n = 3, .hangover_ms = 60, .preroll_ms = 50};
  // Bursts of speech of different lengths, from the number of the frame only.
  return std::make_unique<SpeechGate>(
      settings, std::make_unique<ScriptedDetector>(320, [](int n) { return voiced_if(n * n % 11 < 3); }));
}

struct Output {
  std::vector<std::int16_t> s16;
  std::vector<float> f32;
  std::vector<std::size_t> onsets;
  std::vector<std::int16_t> prerolls;
  bool operator==(const Output&) const = default;
};

Output run(Uplink& uplink, const std::vector<std::int16_t>& in, const std::vector<std::size_t>& blocks) {
  Output result;
  Block block(uplink.max_output_frames(in.size()), uplink.preroll_capacity());
  std::size_t read = 0;
  for (const std::size_t length : blocks) {
    const std::size_t promised = uplink.output_frames(length);
    uplink.push(in.data() + 2 * read, length, block);
    CHECK(block.frames() == promised);
    if (block.gate().onset >= 0) {
      result.onsets.push_back(result.s16.size() + static_cast<std::size_t>(block.gate().onset));
      result.prerolls.insert(result.prerolls.end(), block.preroll(), block.preroll() + block.gate().preroll_frames);
    }
    result.s16.insert(result.s16.end(), block.s16(), block.s16() + block.frames());
    result.f32.insert(result.f32.end(), block.f32(), block.f32() + block.frames());
    read += length;
  }
  return result;
}

void same_bits_for_any_chunking() {
  const auto in = noise(2 * 48000, 7);
  for (const int rate : kRatesHz) {
    for (const bool gated : {false, true}) {
      Uplink even(rate, Mix::mean, Quality::standard, gated ? make_gate() : nullptr);
      Uplink odd(rate, Mix::mean, Quality::standard, gated ? make_gate() : nullptr);
      const std::vector<std::size_t> small(48000 / 10, 10);  // at most one decision per block
      std::vector<std::size_t> mixed = cuts(48000, 8);
      for (std::size_t& length : mixed) length = std::min<std::size_t>(length, 80);
      std::size_t left = 48000;
      for (std::size_t& length : mixed) left -= length = std::min(left, length);
      mixed.insert(mixed.end(), left / 80, 80);
      mixed.push_back(left % 80);
      CHECK(run(even, in, small) == run(odd, in, mixed));
      Uplink whole(rate, Mix::mean, Quality::standard, gated ? make_gate() : nullptr);
      Uplink again(rate, Mix::mean, Quality::standard, gated ? make_gate() : nullptr);
      const Output a = run(whole, in, {48000});
      const Output b = run(again, in, cuts(48000, 9));
      CHECK(a.s16 == b.s16);
      CHECK(a.f32 == b.f32);
    }
  }
}

void both_outputs_are_the_same_audio() {
  Uplink uplink(48000, Mix::mean, Quality::standard, nullptr);
  const Output out = run(uplink, noise(2 * 9600, 10, 12000), {9600});
  for (std::size_t i = 0; i < out.s16.size(); ++i) {
    CHECK(out.s16[i] == static_cast<std::int16_t>(std::nearbyint(out.f32[i] * 32768.0F)));
  }
}

void level_is_that_of_the_audio_before_the_gate() {
  Uplink uplink(16000, Mix::mean, Quality::standard, make_gate());
  Block block(1600, uplink.preroll_capacity());
  const std::vector<std::int16_t> loud(3200, 16384);
  uplink.push(loud.data(), 1600, block);
  CHECK(std::abs(block.level_dbfs() + 6.0206) < 1e-3);
  const std::vector<std::int16_t> silent(3200, 0);
  uplink.push(silent.data(), 1600, block);
  CHECK(block.level_dbfs() == -120.0);
  uplink.push(silent.data(), 0, block);
  CHECK(block.level_dbfs() == -120.0);
}

void level_counts_what_was_withheld() {
  const GateSettings settings{.policy = GatePolicy::withhold, .withhold_after_ms = 0};
  const auto never = [](int) { return voiced_if(false); };
  Uplink uplink(16000, Mix::mean, Quality::standard,
                std::make_unique<SpeechGate>(settings, std::make_unique<ScriptedDetector>(320, never)));
  Block block(1600, uplink.preroll_capacity());
  const std::vector<std::int16_t> loud(3200, 16384);
  uplink.push(loud.data(), 1600, block);
  CHECK(block.frames() == 0);
  CHECK(block.withheld_frames() == 1600);
  CHECK(std::abs(block.level_dbfs() + 6.0206) < 1e-3);
}

void speech_is_always_true_without_a_detector() {
  Uplink uplink(48000, Mix::mean, Quality::standard, nullptr);
  Block block(10, 0);
  uplink.push(nullptr, 0, block);
  CHECK(block.gate().speech);
  CHECK(block.gate().onset == -1);
}

void reset_gives_the_same_bits_again() {
  const auto in = noise(2 * 4800, 11);
  Uplink uplink(48000, Mix::left, Quality::hq, make_gate());
  const Output first = run(uplink, in, {1000, 3800});
  uplink.reset();
  CHECK(run(uplink, in, {1000, 3800}) == first);
}

void denormals_are_zero_while_it_works() {
  volatile float tiny = 1e-38F;
  const FlushToZero flush;
  CHECK(tiny * 0.01F == 0.0F);
}

// The sum of noise that decays far below the smallest normal float must not leave the mode changed.
void restores_the_floating_point_mode() {
  volatile float tiny = 1e-38F;
  Uplink uplink(48000, Mix::mean, Quality::standard, nullptr);
  Block block(400, 0);
  const auto in = noise(1920, 12);
  uplink.push(in.data(), 960, block);
  CHECK(tiny * 0.01F > 0.0F);
}

}  // namespace

int main() {
  const Case cases[] = {
      {"output is bit-identical for any chunking of the input", same_bits_for_any_chunking},
      {"int16 is the float rounded to nearest", both_outputs_are_the_same_audio},
      {"the level is that of the audio before the gate", level_is_that_of_the_audio_before_the_gate},
      {"the level is that of withheld audio too", level_counts_what_was_withheld},
      {"without a detector it is always speech", speech_is_always_true_without_a_detector},
      {"reset gives the same bits again", reset_gives_the_same_bits_again},
      {"denormals are zero while it works", denormals_are_zero_while_it_works},
      {"the caller's floating-point mode is restored", restores_the_floating_point_mode},
  };
  return run_all(cases);
}
