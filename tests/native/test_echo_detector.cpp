#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "check.hpp"
#include "sonicrtc/echo_detector.hpp"

namespace {

using namespace sonicrtc;
using Samples = std::vector<std::int16_t>;

constexpr int kRateHz = 16000;
constexpr std::size_t kBlock = 320;

Samples seconds_of_noise(double seconds, unsigned seed, int amplitude) {
  return noise(static_cast<std::size_t>(seconds * kRateHz), seed, amplitude);
}

/// `in`, `lag_ms` later and at `gain`, with `other` added to it.
Samples echo_of(const Samples& in, int lag_ms, double gain, const Samples& other = {}) {
  const auto lag = static_cast<std::size_t>(lag_ms * kRateHz / 1000);
  Samples out(in.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    double sample = i < lag ? 0.0 : gain * in[i - lag];
    if (i < other.size()) sample += other[i];
    out[i] = static_cast<std::int16_t>(std::lround(sample));
  }
  return out;
}

/// The share of the blocks from `from_s` on that are called echo.
double share_of_echo(EchoDetector& detector, const Samples& played, const Samples& heard, double from_s = 0.0) {
  std::size_t blocks = 0;
  std::size_t echoes = 0;
  for (std::size_t at = 0; at + kBlock <= heard.size(); at += kBlock) {
    detector.played(played.data() + at, kBlock);
    const bool echo = detector.heard(heard.data() + at, kBlock);
    if (static_cast<double>(at) < from_s * kRateHz) continue;
    ++blocks;
    echoes += echo ? 1 : 0;
  }
  return static_cast<double>(echoes) / static_cast<double>(blocks);
}

void an_echo_is_one_from_its_first_block_on() {
  const Samples played = seconds_of_noise(2, 1, 8000);
  for (const int lag_ms : {0, 20, 137, 400}) {
    for (const double gain : {1.0, 0.1, 0.01, -0.1}) {
      EchoDetector detector(kRateHz, kRateHz);
      CHECK(share_of_echo(detector, played, echo_of(played, lag_ms, gain), lag_ms / 1000.0 + 0.02) == 1.0);
      CHECK(std::abs(detector.lag_ms() - lag_ms) < 1.0);
      CHECK(detector.coherence() > 0.8F);
    }
  }
}

void another_sound_is_no_echo() {
  EchoDetector detector(kRateHz, kRateHz);
  CHECK(share_of_echo(detector, seconds_of_noise(5, 1, 8000), seconds_of_noise(5, 2, 8000), 0.1) == 0.0);
  CHECK(detector.lag_ms() == -1.0);
}

void silence_on_either_side_is_no_echo() {
  const Samples sound = seconds_of_noise(1, 1, 8000);
  const Samples silence(sound.size());
  for (const auto& [played, heard] : {std::pair{sound, silence}, std::pair{silence, sound}, std::pair{silence, silence}}) {
    EchoDetector detector(kRateHz, kRateHz);
    CHECK(share_of_echo(detector, played, heard) == 0.0);
    CHECK(detector.coherence() < 0.01F);
  }
}

void an_echo_older_than_the_longest_lag_is_none() {
  EchoDetector detector(kRateHz, kRateHz);
  const Samples played = seconds_of_noise(3, 1, 8000);
  CHECK(share_of_echo(detector, played, echo_of(played, 500, 0.5), 0.7) == 0.0);
}

void a_voice_above_the_echo_is_no_echo_within_a_tenth_of_a_second() {
  const Samples played = seconds_of_noise(4, 1, 8000);
  Samples user = seconds_of_noise(4, 2, 6000);
  std::fill(user.begin(), user.begin() + 2 * kRateHz, std::int16_t{0});
  EchoDetector detector(kRateHz, kRateHz);
  CHECK(share_of_echo(detector, played, echo_of(played, 150, 0.1, user), 2.1) == 0.0);
}

void a_known_path_is_heard_where_coherence_alone_is_too_low() {
  // Three equal reflections: none of them explains more than a third, and noise halves that.
  const Samples played = seconds_of_noise(6, 1, 8000);
  const Samples room = echo_of(played, 60, 0.1, echo_of(played, 90, 0.1, echo_of(played, 130, 0.1)));
  const Samples heard = echo_of(played, 60, 0.0, room);
  const Samples noisy = echo_of(heard, 0, 1.0, seconds_of_noise(6, 3, 1400));
  EchoDetector detector(kRateHz, kRateHz);
  CHECK(share_of_echo(detector, played, noisy, 3.0) > 0.99);
  CHECK(detector.coherence() < EchoDetector::kEcho);
}

void a_path_is_known_after_a_tenth_of_a_second_and_by_no_chance_likeness() {
  const Samples played = seconds_of_noise(2, 1, 8000);
  const Samples echo = echo_of(played, 150, 0.5);
  for (const int alike_ms : {40, 80, 160}) {
    Samples heard = seconds_of_noise(2, 2, 4000);  // a voice that is like the playout for a while
    std::fill(heard.begin(), heard.begin() + kRateHz, std::int16_t{0});
    std::copy_n(echo.begin() + kRateHz, alike_ms * kRateHz / 1000, heard.begin() + kRateHz);
    EchoDetector detector(kRateHz, kRateHz);
    bool known = false;
    for (std::size_t at = 0; at + kBlock <= heard.size(); at += kBlock) {
      detector.played(played.data() + at, kBlock);
      detector.heard(heard.data() + at, kBlock);
      known = known || detector.lag_ms() >= 0.0;
    }
    CHECK(known == (alike_ms > 100));
  }
}

void a_path_that_moves_is_found_again_within_60_ms() {
  const Samples played = seconds_of_noise(4, 1, 8000);
  Samples heard = echo_of(played, 150, 0.1);
  const Samples later = echo_of(played, 190, 0.1);
  std::copy(later.begin() + 2 * kRateHz, later.end(), heard.begin() + 2 * kRateHz);
  EchoDetector detector(kRateHz, kRateHz);
  const Samples before(heard.begin(), heard.begin() + 2 * kRateHz);
  CHECK(share_of_echo(detector, played, before, 0.2) == 1.0);
  const auto rest = [](const Samples& of) { return Samples(of.begin() + 2 * kRateHz, of.end()); };
  CHECK(share_of_echo(detector, rest(played), rest(heard), 0.06) == 1.0);
}

void a_tone_is_no_echo_because_it_fits_at_every_lag() {
  for (const double second_hz : {1000.0, 1336.0}) {
    Samples played(3 * kRateHz);
    for (std::size_t i = 0; i < played.size(); ++i) {
      const double t = static_cast<double>(i) * 2.0 * 3.14159265358979 / kRateHz;
      played[i] = static_cast<std::int16_t>(std::lround(4000.0 * (std::sin(1000.0 * t) + std::sin(second_hz * t))));
    }
    EchoDetector detector(kRateHz, kRateHz);
    CHECK(share_of_echo(detector, played, echo_of(played, 100, 0.5), 0.2) == 0.0);
  }
}

void bursts_of_the_network_do_not_hide_an_echo() {
  const Samples played = seconds_of_noise(3, 1, 8000);
  const Samples heard = echo_of(played, 150, 0.1);
  EchoDetector detector(kRateHz, kRateHz);
  for (std::size_t at = 0; at + 3 * kBlock <= heard.size(); at += 3 * kBlock) {
    for (std::size_t i = 0; i < 3; ++i) detector.played(played.data() + at + i * kBlock, kBlock);
    for (std::size_t i = 0; i < 3; ++i) {
      const bool echo = detector.heard(heard.data() + at + i * kBlock, kBlock);
      CHECK(echo || at < kRateHz / 2);
    }
  }
}

void streams_that_move_apart_begin_anew() {
  const Samples played = seconds_of_noise(3, 1, 8000);
  const Samples heard = echo_of(played, 150, 0.1);
  EchoDetector detector(kRateHz, kRateHz);
  share_of_echo(detector, played, heard);
  CHECK(detector.lag_ms() > 0.0);
  detector.played(played.data(), kRateHz);  // a second in which no microphone was there
  detector.heard(heard.data(), kBlock);
  CHECK(detector.lag_ms() == -1.0);
}

void the_verdict_does_not_depend_on_how_the_microphone_is_cut() {
  const Samples played = seconds_of_noise(1, 1, 8000);
  const Samples heard = echo_of(played, 40, 0.1, seconds_of_noise(1, 2, 900));
  EchoDetector whole(kRateHz, kRateHz);
  EchoDetector cut(kRateHz, kRateHz);
  for (std::size_t at = 0; at + kBlock <= heard.size(); at += kBlock) {
    whole.played(played.data() + at, kBlock);
    cut.played(played.data() + at, 101);
    cut.played(played.data() + at + 101, kBlock - 101);
    const bool echo = whole.heard(heard.data() + at, kBlock);
    cut.heard(heard.data() + at, 7);
    CHECK(cut.heard(heard.data() + at + 7, kBlock - 7) == echo);
    CHECK(cut.coherence() == whole.coherence());
  }
}

void reset_forgets() {
  const Samples played = seconds_of_noise(1, 1, 8000);
  EchoDetector detector(kRateHz, kRateHz);
  share_of_echo(detector, played, played);
  detector.reset();
  CHECK(!detector.echo() && detector.lag_ms() == -1.0 && detector.coherence() == 0.0F);
  detector.heard(played.data(), kBlock);
  CHECK(!detector.echo());
}

void every_known_rate_is_taken_and_no_other() {
  for (const int played_hz : kRatesHz) {
    for (const int heard_hz : kRatesHz) {
      EchoDetector detector(played_hz, heard_hz);
      const Samples sound = noise(48000, 1, 8000);
      detector.played(sound.data(), sound.size());
      detector.heard(sound.data(), 0);
      detector.heard(sound.data(), sound.size());
      CHECK(detector.coherence() <= 1.0F);
    }
  }
  CHECK_THROWS(EchoDetector(11025, 16000), std::invalid_argument);
  CHECK_THROWS(EchoDetector(48000, 0), std::invalid_argument);
}

}  // namespace

int main() {
  const Case cases[] = {
      {"an echo is one from its first block on", an_echo_is_one_from_its_first_block_on},
      {"another sound is no echo", another_sound_is_no_echo},
      {"silence on either side is no echo", silence_on_either_side_is_no_echo},
      {"an echo older than the longest lag is none", an_echo_older_than_the_longest_lag_is_none},
      {"a voice above the echo is no echo within a tenth of a second", a_voice_above_the_echo_is_no_echo_within_a_tenth_of_a_second},
      {"a known path is heard where coherence alone is too low", a_known_path_is_heard_where_coherence_alone_is_too_low},
      {"a path is known after a tenth of a second and by no chance likeness", a_path_is_known_after_a_tenth_of_a_second_and_by_no_chance_likeness},
      {"a path that moves is found again within 60 ms", a_path_that_moves_is_found_again_within_60_ms},
      {"a tone is no echo because it fits at every lag", a_tone_is_no_echo_because_it_fits_at_every_lag},
      {"bursts of the network do not hide an echo", bursts_of_the_network_do_not_hide_an_echo},
      {"streams that move apart begin anew", streams_that_move_apart_begin_anew},
      {"the verdict does not depend on how the microphone is cut", the_verdict_does_not_depend_on_how_the_microphone_is_cut},
      {"reset forgets", reset_forgets},
      {"every known rate is taken and no other", every_known_rate_is_taken_and_no_other},
  };
  return run_all(cases);
}
