// The arrival mode, packet by packet. Traces of whole networks: test_jitter_traces.cpp.
#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "jitter_stage.hpp"

namespace {

using namespace sonicrtc;

constexpr double kNever = std::numeric_limits<double>::infinity();

bool is_near(double value, double expected) { return std::abs(value - expected) < 1e-6; }

// ---- what is there ---------------------------------------------------------------------------

void a_packet_that_is_next_is_given_out_at_once() {
  Stage stage;
  CHECK(stage.send(0, 0).heard() == "0");
  CHECK(stage.send(1, 20).heard() == "1");
  CHECK(stage.send(2, 200).send(3, 200).heard() == "2 3");
}

void a_duplicate_changes_nothing() {
  Stage once, twice;
  double at_ms = 0;
  for (const unsigned number : {0U, 1U, 3U, 2U, 4U, 7U, 6U, 8U}) {
    once.send(number, at_ms).wait(at_ms + 9.0);
    twice.send(number, at_ms).send(number, at_ms + 9.0);
    at_ms += 20;
  }
  CHECK(once.all == twice.all);
  CHECK(twice.buffer.counters().duplicates == 8);
  CHECK(twice.buffer.counters().received == once.buffer.counters().received);
  CHECK(twice.buffer.hold_ms() == once.buffer.hold_ms());
  CHECK(twice.buffer.delays().mean_ms() == once.buffer.delays().mean_ms());
}

void packets_may_be_of_any_length_and_mixed() {
  Stage stage;
  stage.send(0, 0, {.ms = 10}).send(1, 10, {.ms = 40, .media = 10}).send(2, 50, {.ms = 60, .media = 50});
  stage.send(3, 110, {.ms = 20, .media = 110}).send(4, 130, {.ms = 120, .media = 130});
  CHECK(stage.heard() == "0/10 1/40 2/60 3 4/120");
}

void numbers_wrap_without_a_trace() {
  Stage plain, wrapping;
  wrapping.first_sequence = 65'530;
  wrapping.first_timestamp = (std::int64_t{1} << 32U) - 5000;
  for (Stage* const stage : {&plain, &wrapping}) {
    stage->talk(0, 4).send(6, 120).send(5, 130).send(8, 160).talk(9, 300).run(9000);
  }
  CHECK(plain.all == wrapping.all);
  CHECK(plain.heard() == wrapping.heard());
}

// ---- what is missing -------------------------------------------------------------------------

void a_lost_packet_comes_from_the_fec_of_the_next_without_waiting() {
  Stage stage;
  CHECK(stage.talk(0, 2).send(4, 80).heard() == "0 1 2 ~3 4");
  CHECK(stage.buffer.counters().lost == 1);
}

void without_fec_a_lost_packet_is_made_up() {
  Stage stage;
  CHECK(stage.talk(0, 2).send(4, 80, {.fec = false}).heard() == "0 1 2 ? 4");
}

void fec_reaches_back_one_packet_only() {
  Stage stage;
  CHECK(stage.talk(0, 2).send(6, 120).heard() == "0 1 2 ? ? ~5 6");
  CHECK(stage.frames(AudioKind::plc) == 320 && stage.frames(AudioKind::fec) == 160);
}

void lost_packets_of_60_ms_are_replaced_by_60_ms() {
  Stage stage;
  stage.send(0, 0, {.ms = 60, .media = 0}).send(3, 180, {.ms = 60, .media = 180});
  CHECK(stage.heard() == "0/60 ? ? ? ~2/60 3/60");
}

void where_lengths_are_mixed_time_is_right_after_a_loss() {
  Stage stage;
  stage.send(0, 0, {.ms = 20, .media = 0}).send(2, 70, {.ms = 10, .media = 70});
  CHECK(stage.heard() == "0 ? ? ~1/10 2/10");
}

void a_packet_that_cannot_be_read_is_as_good_as_lost() {
  Stage stage;
  stage.talk(0, 1).send(2, 40, {.ms = 0}).send(3, 60);
  CHECK(stage.heard() == "0 1 ~2 3");
  CHECK(stage.buffer.counters().undecodable == 1 && stage.buffer.counters().lost == 1);
}

void a_packet_that_does_not_decode_is_made_up() {
  Stage stage;
  stage.talk(0, 1).send(2, 40, {.broken = true}).talk(3, 4);
  CHECK(stage.heard() == "0 1 ? 3 4");
  CHECK(stage.buffer.counters().undecodable == 1 && stage.buffer.counters().lost == 0);
}

void an_empty_packet_has_a_number_and_no_time() {
  Stage stage;
  stage.send(0, 0);
  stage.buffer.push({}, 1001, 0, false, 0.01);
  CHECK(stage.send(1, 20, {.sequence = 2}).heard() == "0 1");
}

// ---- what comes late -------------------------------------------------------------------------

/// Speech in which every tenth packet is overtaken by the next and comes `late_ms` after it.
Stage reordered(double late_ms) {
  Stage stage;
  for (unsigned tens = 0; tens < 50; ++tens) {
    stage.talk(10 * tens, 10 * tens + 8);
    const double at_ms = 20.0 * (10 * tens + 10);
    stage.send(10 * tens + 10, at_ms).run(at_ms + late_ms - 0.001).send(10 * tens + 9, at_ms + late_ms);
  }
  stage.heard();
  return stage;
}

void the_first_packet_that_is_overtaken_is_late_and_the_next_are_waited_for() {
  Stage stage;
  stage.talk(0, 2).send(4, 80).send(3, 90).send(6, 120).send(5, 130).send(7, 140);
  CHECK(stage.heard() == "0 1 2 ~3 4 5 6 7");
  CHECK(stage.buffer.counters().late == 1);
  CHECK(stage.buffer.hold_ms() == 12.5);
}

void a_hole_is_waited_for_as_long_as_packets_were_late() {
  Stage stage = reordered(33.0);
  CHECK(stage.buffer.hold_ms() == 37.5);
  CHECK(stage.buffer.counters().late == 1);
  CHECK(stage.send(502, 10'040).heard().empty());
  CHECK(is_near(stage.buffer.due_s(), 10.0775));
  CHECK(stage.run(10'077).heard().empty());
  CHECK(stage.run(10'078).heard() == "~501 502");
}

void nothing_is_waited_for_longer_than_120_ms() {
  Stage stage = reordered(300.0);
  CHECK(stage.buffer.hold_ms() == 120.0);
}

void what_is_seldom_late_is_not_waited_for() {
  Stage stage;
  stage.talk(0, 2).send(4, 80).send(3, 90).talk(5, 600);
  CHECK(stage.buffer.hold_ms() == 0.0);
}

void each_of_two_holes_has_its_own_time() {
  Stage stage = reordered(33.0);
  stage.send(502, 10'040).send(504, 10'060);
  CHECK(stage.run(10'078).heard() == "~501 502");
  CHECK(stage.send(503, 10'080).heard() == "503 504");
}

void more_packets_than_can_wait_do_not() {
  Stage stage = reordered(110.0);
  for (unsigned number = 502; number < 502 + 200; ++number) stage.send(number, 10'040);
  CHECK(stage.heard().empty());
  for (unsigned number = 702; number < 702 + 200; ++number) stage.send(number, 10'040);
  stage.run(10'041);
  CHECK(stage.buffer.counters().dropped == 0);
  CHECK(is_near(stage.media_ms(), 20.0 * 902));
}

// ---- pauses ----------------------------------------------------------------------------------

void a_gap_of_time_without_one_of_numbers_is_filled_with_comfort_noise() {
  Stage stage;
  stage.talk(0, 2).send(7, 140, {.marker = true, .sequence = 3});
  CHECK(stage.heard() == "0 1 2 . . . . 7");
  CHECK(stage.buffer.counters().lost == 0);
}

void after_a_mark_silence_comes_in_real_time() {
  Stage stage;
  stage.talk(0, 2).send(3, 60, {.mark = true}).heard();
  CHECK(is_near(stage.buffer.due_s(), 0.1));
  CHECK(stage.wait(99).heard().empty());
  CHECK(stage.wait(101).heard() == ". .");  // 20 ms behind the mark, as packets would have been
  CHECK(is_near(stage.buffer.due_s(), 0.12));
  CHECK(stage.run(221).heard() == ". . . . . .");
  CHECK(stage.send(12, 240, {.sequence = 4}).heard() == "12");
}

void with_jitter_silence_keeps_the_distance_that_packets_would_have() {
  Stage stage;
  for (unsigned number = 0; number < 100; ++number) stage.send(number, 20.0 * number + (number % 2 == 0 ? 0.0 : 15.0));
  stage.send(100, 2000, {.mark = true}).heard();
  CHECK(is_near(stage.buffer.due_s(), 2.045));
  CHECK(stage.run(2045).heard() == ".");
  CHECK(is_near(stage.buffer.due_s(), 2.055));
}

void quiet_that_nothing_explains_is_filled_after_500_ms() {
  Stage stage;
  stage.talk(0, 10).heard();
  CHECK(is_near(stage.buffer.due_s(), 0.7));
  CHECK(stage.run(699).heard().empty());
  stage.run(700);
  CHECK(is_near(stage.media_ms(), 720));
}

void a_stall_of_350_ms_is_no_pause() {
  Stage stage;
  stage.talk(0, 10).run(570);
  for (unsigned number = 11; number <= 28; ++number) stage.send(number, 570);
  CHECK(stage.frames(AudioKind::comfort) == 0 && is_near(stage.media_ms(), 580));
}

void quiet_is_filled_for_10_s_at_most() {
  Stage stage;
  stage.talk(0, 10).run(60'000);
  CHECK(is_near(stage.media_ms(), 10'220));
  CHECK(stage.buffer.due_s() == kNever);
  CHECK(stage.send(3000, 60'000, {.sequence = 11}).heard().ends_with(" . 3000"));
  CHECK(stage.buffer.counters().resyncs == 1);
}

void words_that_come_after_their_time_was_filled_are_heard_whole() {
  Stage stage;
  stage.talk(0, 9).send(10, 200, {.mark = true}).run(500).heard();
  const double filled_ms = stage.media_ms();
  for (unsigned i = 0; i < 3; ++i) stage.send(11 + i, 500, {.marker = i == 0, .media = filled_ms - 150 + 20.0 * i});
  CHECK(stage.heard() == "11 12 13");
  CHECK(stage.buffer.counters().late == 0 && stage.buffer.counters().resyncs == 0);
  CHECK(is_near(stage.media_ms(), filled_ms + 60));
}

void a_sender_whose_clock_stood_still_in_a_pause_is_heard_at_once() {
  Stage stage;
  stage.talk(0, 9).run(4000).heard();
  for (unsigned i = 10; i < 13; ++i) stage.send(i, 4000 + 20.0 * (i - 10));  // with the times of their numbers
  CHECK(stage.heard() == "10 11 12");
  CHECK(stage.buffer.counters().resyncs == 1 && stage.buffer.counters().late == 0);
}

void words_that_a_stall_held_up_are_heard_behind_the_silence_that_filled_it() {
  Stage stage;
  stage.talk(0, 10).run(705).heard();
  for (unsigned number = 11; number <= 36; ++number) stage.send(number, 710);
  CHECK(stage.heard().starts_with("11 12 13") && stage.buffer.counters().late == 0);
}

void a_packet_whose_time_was_filled_in_part_is_heard_whole() {
  Stage stage;
  stage.send(0, 0, {.ms = 60, .media = 0}).run(600).heard();
  CHECK(is_near(stage.media_ms(), 620));
  CHECK(stage.send(10, 605, {.ms = 60, .media = 600, .sequence = 1}).heard() == "10/60");
}

void a_lost_mark_leaves_a_gap_that_is_mostly_quiet() {
  Stage stage;
  stage.talk(0, 2).send(20, 400, {.sequence = 4});
  const std::string heard = stage.heard();
  CHECK(heard.starts_with("0 1 2 ? . . ") && heard.ends_with(" . 20"));
  CHECK(stage.frames(AudioKind::plc) == 160);
}

// ---- jumps -----------------------------------------------------------------------------------

void a_jump_of_more_than_200_packets_is_followed_without_filling() {
  Stage stage;
  CHECK(stage.talk(0, 1).send(202, 4040).heard() == "0 1 202");
  CHECK(stage.buffer.counters().resyncs == 1 && stage.buffer.counters().lost == 0);
}

void two_hundred_lost_packets_are_made_up() {
  Stage stage;
  stage.talk(0, 1).send(201, 4020).run(4021);
  CHECK(stage.buffer.counters().resyncs == 0 && stage.buffer.counters().lost == 199);
  CHECK(is_near(stage.media_ms(), 20.0 * 202));
}

void a_time_that_cannot_be_is_followed_without_filling() {
  Stage stage;
  stage.talk(0, 10).send(500, 220, {.sequence = 11}).send(501, 240, {.sequence = 12});
  CHECK(stage.heard().ends_with("10 500 501"));
  stage.send(3, 260, {.sequence = 13}).send(4, 280, {.sequence = 14});
  CHECK(stage.heard() == "3 4");
  CHECK(stage.buffer.counters().resyncs == 2);
}

void one_old_packet_is_no_new_beginning_but_two_in_a_row_are() {
  Stage stage;
  stage.talk(1000, 1002).send(3, 20'060).heard();
  CHECK(stage.send(1003, 20'060).heard() == "1003");
  CHECK(stage.send(5, 20'080).heard().empty());
  CHECK(stage.send(6, 20'100).send(7, 20'120).heard() == "6 7");
  CHECK(stage.buffer.counters().resyncs == 1);
}

// ---- anything --------------------------------------------------------------------------------

void more_than_a_second_comes_in_parts() {
  Stage stage;
  stage.talk(0, 1).send(150, 3000);
  CHECK(stage.buffer.ready().size() < 9000);
  CHECK(stage.buffer.due_s() == 3.0);
  stage.run(3000);
  CHECK(is_near(stage.media_ms(), 20.0 * 151));
}

void times_may_be_anything() {
  Stage stage;
  unsigned number = 0;
  for (const double at_ms : {0.0, std::nan(""), kNever, -kNever, -1e300, 1e300, 5.0, 4.0, -50'000.0, 1e18}) {
    stage.send(number++, at_ms).wait(at_ms);
  }
  CHECK(stage.heard() == "0 1 2 3 4 5 6 7 8 9");
}

void a_clock_that_was_set_back_does_not_stop_the_filling() {
  Stage stage;
  stage.send(0, 1e9).send(1, 0).heard();
  CHECK(is_near(stage.buffer.due_s(), 0.5));
  CHECK(!stage.run(510).heard().empty());
}

void nothing_is_due_before_the_first_packet() {
  Stage stage;
  CHECK(stage.buffer.due_s() == kNever);
  CHECK(stage.wait(1000).heard().empty());
}

void reset_is_the_state_after_construction() {
  Stage stage = reordered(33.0);
  stage.buffer.reset();
  CHECK(stage.buffer.hold_ms() == 0.0 && stage.buffer.counters().received == 0 && stage.buffer.due_s() == kNever);
  CHECK(stage.send(7, 0).send(9, 40).heard() == "7 ~8 9");
}

void arguments_are_checked() {
  CHECK_THROWS(JitterBuffer(nullptr), std::invalid_argument);
  CHECK_THROWS(JitterBuffer(std::make_unique<ScriptedDecoder>(44'100)), std::invalid_argument);
  static_assert(!std::is_copy_constructible_v<JitterBuffer> && std::is_nothrow_move_constructible_v<JitterBuffer>);
}

}  // namespace

#define CASE(behaviour) {#behaviour, behaviour}

int main() {
  const Case cases[] = {
      CASE(a_packet_that_is_next_is_given_out_at_once),
      CASE(a_duplicate_changes_nothing),
      CASE(packets_may_be_of_any_length_and_mixed),
      CASE(numbers_wrap_without_a_trace),
      CASE(a_lost_packet_comes_from_the_fec_of_the_next_without_waiting),
      CASE(without_fec_a_lost_packet_is_made_up),
      CASE(fec_reaches_back_one_packet_only),
      CASE(lost_packets_of_60_ms_are_replaced_by_60_ms),
      CASE(where_lengths_are_mixed_time_is_right_after_a_loss),
      CASE(a_packet_that_cannot_be_read_is_as_good_as_lost),
      CASE(a_packet_that_does_not_decode_is_made_up),
      CASE(an_empty_packet_has_a_number_and_no_time),
      CASE(the_first_packet_that_is_overtaken_is_late_and_the_next_are_waited_for),
      CASE(a_hole_is_waited_for_as_long_as_packets_were_late),
      CASE(nothing_is_waited_for_longer_than_120_ms),
      CASE(what_is_seldom_late_is_not_waited_for),
      CASE(each_of_two_holes_has_its_own_time),
      CASE(more_packets_than_can_wait_do_not),
      CASE(a_gap_of_time_without_one_of_numbers_is_filled_with_comfort_noise),
      CASE(after_a_mark_silence_comes_in_real_time),
      CASE(with_jitter_silence_keeps_the_distance_that_packets_would_have),
      CASE(quiet_that_nothing_explains_is_filled_after_500_ms),
      CASE(a_stall_of_350_ms_is_no_pause),
      CASE(quiet_is_filled_for_10_s_at_most),
      CASE(words_that_come_after_their_time_was_filled_are_heard_whole),
      CASE(a_sender_whose_clock_stood_still_in_a_pause_is_heard_at_once),
      CASE(words_that_a_stall_held_up_are_heard_behind_the_silence_that_filled_it),
      CASE(a_packet_whose_time_was_filled_in_part_is_heard_whole),
      CASE(a_lost_mark_leaves_a_gap_that_is_mostly_quiet),
      CASE(a_jump_of_more_than_200_packets_is_followed_without_filling),
      CASE(two_hundred_lost_packets_are_made_up),
      CASE(a_time_that_cannot_be_is_followed_without_filling),
      CASE(one_old_packet_is_no_new_beginning_but_two_in_a_row_are),
      CASE(more_than_a_second_comes_in_parts),
      CASE(times_may_be_anything),
      CASE(a_clock_that_was_set_back_does_not_stop_the_filling),
      CASE(nothing_is_due_before_the_first_packet),
      CASE(reset_is_the_state_after_construction),
      CASE(arguments_are_checked),
  };
  return run_all(cases);
}
