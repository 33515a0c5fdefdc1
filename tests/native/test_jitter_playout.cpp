// The playout clock: 20 ms come out every 20 ms, whatever the network does.
#include <cmath>

#include "jitter_stage.hpp"
#include "network_traces.hpp"

namespace {

using namespace sonicrtc;

// Numbers are levels here: below 116 (-49 dBFS) a packet is silence.
constexpr unsigned kLoud = 1000;

bool is_near(double value, double expected) { return std::abs(value - expected) < 1e-6; }

Stage listener() { return Stage(JitterMode::playout); }

/// Packets that begin with `from`, each `late_ms` after it was spoken.
Stage& talk(Stage& stage, unsigned from, unsigned count, double late_ms = 0.0) {
  for (unsigned number = from; number < from + count; ++number) {
    const double at_ms = 20.0 * number + late_ms;
    stage.run(at_ms - 1e-3).send(number, at_ms);
  }
  return stage;
}

void audio_begins_when_the_delay_is_the_target() {
  Stage stage = listener();
  talk(stage, kLoud, 4);
  CHECK(stage.buffer.target_ms() == 20.0);
  CHECK(stage.heard() == ". 1000 1001 1002");
}

void a_block_is_due_every_20_ms_for_ever() {
  Stage stage = listener();
  stage.send(kLoud, 0);
  for (int block = 1; block < 100; ++block) {
    CHECK(is_near(stage.buffer.due_s(), 0.02 * block));
    CHECK(stage.wait(20.0 * block).buffer.ready().size() == 160);
  }
}

void packets_of_any_length_give_blocks_of_20_ms() {
  Stage stage = listener();
  stage.send(500, 0, {.ms = 60, .media = 0}).send(501, 1, {.ms = 10, .media = 60});
  stage.send(502, 2, {.ms = 10, .media = 70}).send(503, 3, {.ms = 40, .media = 80});
  std::string heard = stage.heard();
  for (int block = 1; block <= 6; ++block) heard.append(" | ").append(stage.wait(20.0 * block).heard());
  CHECK(heard == ". | 500 | 500 | 500 | 501/10 502/10 | 503 | 503");
}

void a_hole_is_filled_at_its_deadline() {
  Stage stage = listener();
  stage.send(kLoud, 0).send(1002, 1);
  CHECK(stage.heard() == ".");
  CHECK(stage.run(20).heard() == "1000");
  CHECK(stage.send(1001, 39).run(40).heard() == "1001");
  CHECK(stage.send(1005, 50).run(60).heard() == "1002");
  CHECK(stage.run(120).heard() == "? ~1004 1005");
  CHECK(stage.buffer.counters().lost == 2);
}

void where_nothing_has_come_audio_is_made_up_and_nothing_is_left_out() {
  Stage stage = listener();
  talk(stage, kLoud, 3).heard();
  stage.run(20'110);  // two blocks without a packet
  for (unsigned number = 1003; number < 1010; ++number) stage.send(number, 20'110);
  CHECK(stage.heard() == "1002 ? ?");
  CHECK(stage.run(20'160).heard() == "1003 1004 1005");
  CHECK(stage.buffer.counters().underruns == 2);
}

void the_target_follows_the_jitter() {
  Stage stage = listener();
  for (unsigned number = kLoud; number < 1500; ++number) {
    const double at_ms = 20.0 * number + (number % 10 == 9 ? 100.0 : 0.0);
    stage.run(at_ms - 1e-3).send(number, at_ms);
  }
  CHECK(stage.buffer.target_ms() >= 100.0);
}

void in_silence_the_delay_goes_back_to_the_target() {
  Stage stage = listener();
  talk(stage, kLoud, 10).run(20.0 * 1010 + 200);
  talk(stage, 1010, 5, 200.0);  // late once: 200 ms behind from now on
  for (unsigned number = 1015; number < 1700; ++number) {  // long enough for the window to forget
    const double at_ms = 20.0 * number;
    stage.run(at_ms - 1e-3).send(number, std::max(at_ms, 20.0 * 1014 + 200));
  }
  CHECK(stage.buffer.target_ms() == 20.0);
  const double before_ms = stage.media_ms();
  stage.heard();
  for (unsigned number = 1700; number < 1730; ++number) {
    stage.run(20.0 * number - 1e-3).send(50, 20.0 * number, {.media = 20.0 * number, .sequence = static_cast<int>(number)});
  }
  CHECK(is_near(stage.media_ms() - before_ms, 600.0));
  const std::string after = talk(stage, 1730, 3).heard();
  CHECK(after.ends_with("50 1730 1731"));
}

void loud_audio_is_never_cut_while_the_delay_is_below_a_second() {
  Stage stage = listener();
  talk(stage, kLoud, 10).run(20'200 + 800);
  for (unsigned number = 1010; number < 1051; ++number) stage.send(number, 21'000);
  talk(stage, 1051, 200).run(20.0 * 1251 + 1000);
  CHECK(stage.frames(AudioKind::real) == 160 * 251);
  CHECK(stage.buffer.counters().dropped == 0);
}

void more_than_a_second_behind_audio_is_cut() {
  Stage stage = listener();
  talk(stage, kLoud, 10).run(20'200 + 3000);
  for (unsigned number = 1010; number < 1160; ++number) stage.send(number, 23'200);
  talk(stage, 1161, 100).heard();
  CHECK(stage.buffer.counters().dropped > 90);
}

void a_pause_is_comfort_noise_without_delay_afterwards() {
  Stage stage = listener();
  talk(stage, kLoud, 3);
  stage.send(1003, 20'060, {.mark = true}).run(20'460).heard();
  talk(stage, 1023, 3);
  CHECK(stage.heard() == "1023 1024");
  CHECK(stage.buffer.counters().underruns == 0);
}

void what_was_lost_while_nothing_came_is_not_made_up_twice() {
  Stage stage = listener();
  talk(stage, kLoud, 10).run(20'200 + 799);
  talk(stage, 1050, 10).heard();
  talk(stage, 1060, 3);
  CHECK(stage.heard() == "1059 1060 1061");
}

void a_jump_begins_anew_at_the_target() {
  Stage stage = listener();
  talk(stage, kLoud, 10).heard();
  talk(stage, 5000, 3);
  CHECK(stage.heard().ends_with("5000 5001"));
  CHECK(stage.buffer.counters().resyncs == 1);
}

void a_clock_that_stood_still_is_not_caught_up_with() {
  Stage stage = listener();
  talk(stage, kLoud, 10).wait(20.0 * 1009 + 60'000);
  CHECK(stage.buffer.ready().size() <= 160);
}

void on_a_clean_network_the_delay_is_the_least_target_and_a_block() {
  Stage stage = listener();
  const Trace trace = Network(1).speech(6282);
  for (const Flight& flight : trace) {
    stage.run(flight.at_ms - 1e-6);
    stage.send(kLoud + flight.number % 5000, flight.at_ms,
               {.media = flight.media_ms, .sequence = static_cast<int>(flight.number)});
  }
  CHECK(stage.buffer.delays().mean_ms() < 42.0);
  CHECK(stage.frames(AudioKind::plc) == 0 && stage.buffer.counters().underruns == 0);
}

void drift_of_200_ppm_is_made_good_in_silence() {
  for (const double ppm : {200.0, -200.0}) {
    Stage stage = listener();
    for (const Flight& flight : Network(2).speech(30'000, ppm)) {
      const bool silence = flight.number % 100 < 20;
      stage.run(flight.at_ms - 1e-6);
      stage.send(silence ? 50 : kLoud, flight.at_ms, {.media = flight.media_ms, .sequence = static_cast<int>(flight.number)});
    }
    CHECK(stage.buffer.delays().quantile_ms(0.99) < 65.0);
    CHECK(stage.frames(AudioKind::plc) < 160 * 20);
  }
}

}  // namespace

#define CASE(behaviour) {#behaviour, behaviour}

int main() {
  const Case cases[] = {
      CASE(audio_begins_when_the_delay_is_the_target),
      CASE(a_block_is_due_every_20_ms_for_ever),
      CASE(packets_of_any_length_give_blocks_of_20_ms),
      CASE(a_hole_is_filled_at_its_deadline),
      CASE(where_nothing_has_come_audio_is_made_up_and_nothing_is_left_out),
      CASE(the_target_follows_the_jitter),
      CASE(in_silence_the_delay_goes_back_to_the_target),
      CASE(loud_audio_is_never_cut_while_the_delay_is_below_a_second),
      CASE(more_than_a_second_behind_audio_is_cut),
      CASE(a_pause_is_comfort_noise_without_delay_afterwards),
      CASE(what_was_lost_while_nothing_came_is_not_made_up_twice),
      CASE(a_jump_begins_anew_at_the_target),
      CASE(a_clock_that_stood_still_is_not_caught_up_with),
      CASE(on_a_clean_network_the_delay_is_the_least_target_and_a_block),
      CASE(drift_of_200_ppm_is_made_good_in_silence),
  };
  return run_all(cases);
}
