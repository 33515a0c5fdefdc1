// Whole networks in media time, and what docs and budgets promise of them. Each figure of a table is printed.
#include <cmath>

#include "check.hpp"
#include "network_traces.hpp"
#include "scripted_decoder.hpp"
#include "sonicrtc/jitter.hpp"

namespace {

using namespace sonicrtc;

constexpr unsigned kPackets = 6282;  // 125.6 s
constexpr unsigned kSeeds = 4;

/// What came out, and when: a delay for each 20 ms of the sender's time, over the least that the network takes.
struct Result {
  std::vector<double> delay_ms;
  std::vector<AudioKind> kind;
  JitterCounters counters;
  double own_mean_ms = 0.0;  // as the buffer measured it

  [[nodiscard]] double mean() const {
    double sum = 0.0;
    for (const double ms : delay_ms) sum += ms;
    return sum / static_cast<double>(delay_ms.size());
  }
  [[nodiscard]] double quantile(double q) const {
    auto sorted = delay_ms;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
  }
  /// Share of frames in percent.
  [[nodiscard]] double share(AudioKind wanted) const {
    return 100.0 * static_cast<double>(std::count(kind.begin(), kind.end(), wanted)) / static_cast<double>(kind.size());
  }
  [[nodiscard]] double good() const { return share(AudioKind::real) + share(AudioKind::fec); }
};

class Receiver {
 public:
  explicit Receiver(JitterMode mode) : buffer_(std::make_unique<ScriptedDecoder>(8000), {.mode = mode}) {}

  /// Everything that comes, with timers that are on time, and then `more_ms` without packets.
  Result run(const Trace& trace, double more_ms = 0.0) {
    const Trace sent = arrivals(trace);
    first_ms_ = sent.front().media_ms;  // what comes first is where it begins
    for (const Flight& flight : sent) {
      run_timers(flight.at_ms);
      const auto payload = flight.mark ? ScriptedDecoder::mark() : ScriptedDecoder::packet(flight.number % 10'000);
      buffer_.push(payload, static_cast<std::uint16_t>(flight.number + 65'000),
                   static_cast<std::uint32_t>(std::int64_t{4'294'900'000} + std::llround(flight.media_ms * 48.0)),
                   flight.marker, flight.at_ms / 1000.0);
      note(flight.at_ms);
    }
    run_timers(trace.back().at_ms + more_ms);
    result_.counters = buffer_.counters();
    result_.own_mean_ms = buffer_.delays().mean_ms();
    return result_;
  }

 private:
  void run_timers(double until_ms) {
    while (buffer_.due_s() * 1000.0 <= until_ms) {
      const double at_ms = buffer_.due_s() * 1000.0;
      buffer_.advance(buffer_.due_s());
      note(at_ms);
    }
  }

  void note(double at_ms) {
    for (const Piece& piece : buffer_.pieces()) {
      for (std::size_t i = 0; i < piece.frames; i += 160) {
        result_.delay_ms.push_back(at_ms - first_ms_ - 20.0 * static_cast<double>(result_.kind.size()) - kNetworkMs);
        result_.kind.push_back(piece.kind);
      }
    }
  }

  JitterBuffer buffer_;
  double first_ms_ = 0.0;
  Result result_;
};

Result play(const Trace& trace, JitterMode mode = JitterMode::arrival) { return Receiver(mode).run(trace); }

/// The same network with several seeds, each judged by itself.
template <typename Make, typename Judge>
void each_seed(const char* name, Make make, Judge judge) {
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    Network network(seed);
    const Trace trace = make(network);
    const Result r = play(trace);
    std::printf("  %-28s %u  mean %6.2f  p95 %6.2f  p99 %6.2f ms  real %6.2f  fec %5.2f  plc %5.2f  comfort %5.2f %%\n", name,
                seed, r.mean(), r.quantile(0.95), r.quantile(0.99), r.share(AudioKind::real), r.share(AudioKind::fec),
                r.share(AudioKind::plc), r.share(AudioKind::comfort));
    CHECK(r.kind.size() + 10 >= trace.size() && r.kind.size() <= trace.size());  // the last may be lost
    judge(r);
  }
}

// ---- added delay, and what is heard ----------------------------------------------------------

void a_clean_network_costs_less_than_a_millisecond() {
  each_seed("clean", [](Network& n) { return n.speech(kPackets); }, [](const Result& r) {
    CHECK(r.quantile(0.5) < 1.0 && r.quantile(0.99) < 5.0);
    CHECK(r.share(AudioKind::real) == 100.0 && std::abs(r.own_mean_ms - r.mean()) < 0.5);
  });
}

template <unsigned percent>
void lose(double mean_ms, double p99_ms, double good) {
  const auto make = [](Network& n) {
    Trace trace = n.speech(kPackets);
    n.lose(trace, percent / 100.0);
    return trace;
  };
  each_seed(("loss " + std::to_string(percent) + " %").c_str(), make, [=](const Result& r) {
    CHECK(r.mean() < mean_ms && r.quantile(0.99) < p99_ms && r.good() >= good);
  });
}

void lost_packets_are_restored_at_once() {
  lose<1>(2.0, 25.0, 99.9);
  lose<2>(2.0, 25.0, 99.8);
  lose<5>(5.0, 25.0, 99.5);
  lose<10>(5.0, 42.0, 98.5);
}

template <unsigned percent, unsigned burst>
void lose_bursts(double mean_ms, double good) {
  const auto make = [](Network& n) {
    Trace trace = n.speech(kPackets);
    n.lose_bursts(trace, percent / 100.0, burst);
    return trace;
  };
  each_seed((std::to_string(percent) + " % in bursts of " + std::to_string(burst)).c_str(), make,
            [=](const Result& r) {
    CHECK(r.mean() < mean_ms && r.good() >= good);
    CHECK(r.share(AudioKind::comfort) < 2.0);  // a burst of more than 500 ms is taken for a pause
  });
}

void of_a_burst_the_last_is_restored() {
  lose_bursts<5, 3>(6.0, 95.5);
  lose_bursts<10, 5>(16.0, 89.0);
}

template <unsigned most_ms, bool fifo>
void jitter() {
  const auto make = [](Network& n) {
    Trace trace = n.speech(kPackets);
    n.delay(trace, most_ms, fifo);
    return trace;
  };
  const std::string name = "jitter 0 to " + std::to_string(most_ms) + (fifo ? " ms, fifo" : " ms, reordering");
  each_seed(name.c_str(), make, [](const Result& r) {
    // In order, packet i comes when the latest of the first i does; a hole is not waited for longer than 120 ms.
    CHECK(r.mean() < most_ms * 0.68 && r.quantile(0.95) < most_ms + 1.5 && r.good() >= 99.8);
    if (fifo) CHECK(r.share(AudioKind::real) == 100.0);
  });
}

void jitter_costs_what_the_network_takes_and_no_more() {
  jitter<40, true>();
  jitter<80, true>();
  jitter<120, true>();
  jitter<40, false>();
  jitter<120, false>();
}

void stalls_of_a_wireless_network_are_over_when_they_end() {
  const auto make = [](Network& n) {
    Trace trace = n.speech(kPackets);
    n.lose(trace, 0.006);
    n.stall(trace);
    return trace;
  };
  each_seed("Wi-Fi", make, [](const Result& r) {
    CHECK(r.mean() < 20.0 && r.quantile(0.95) < 80.0 && r.good() > 99.5);
    CHECK(r.share(AudioKind::comfort) == 0.0);  // nobody was quiet
  });
}

void loss_and_jitter_together_cost_their_sum() {
  const auto make = [](Network& n) {
    Trace trace = n.speech(kPackets);
    n.lose_bursts(trace, 0.05, 2.0);
    n.delay(trace, 60.0, true);
    return trace;
  };
  each_seed("5 % in bursts of 2, jitter", make, [](const Result& r) { CHECK(r.mean() < 40.0 && r.good() >= 96.0); });
}

void what_is_seldom_late_is_restored_and_what_is_often_late_awaited() {
  const auto make = [](Network& n) {
    Trace trace = n.speech(kPackets);
    n.lose(trace, 0.01);
    n.make_late(trace, 0.01, 35.0);
    return trace;
  };
  each_seed("1 % lost, 1 % 35 ms late", make,
            [](const Result& r) { CHECK(r.mean() < 2.5 && r.share(AudioKind::real) > 98.0); });
}

// ---- after something went wrong --------------------------------------------------------------

/// Speech in which packets 500 to `last` are lost; how many of those after it are more than 20 ms late.
Result after_loss(unsigned last) {
  Trace trace = Network(9).speech(1000);
  for (unsigned i = 500; i <= last; ++i) trace[i].lost = true;
  return play(trace);
}

void after_a_lost_packet_all_is_as_before() {
  const Result r = after_loss(500);
  CHECK(r.kind[500] == AudioKind::fec && r.delay_ms[500] < 25.0);
  for (std::size_t i = 501; i < 1000; ++i) CHECK(r.delay_ms[i] < 5.0);
}

void after_ten_lost_packets_all_is_as_before() {
  const Result r = after_loss(509);
  CHECK(std::count(r.kind.begin(), r.kind.end(), AudioKind::plc) == 9);
  for (std::size_t i = 510; i < 1000; ++i) CHECK(r.delay_ms[i] < 5.0 && r.kind[i] == AudioKind::real);
}

void after_a_stall_of_400_ms_all_is_as_before() {
  Trace trace = Network(9).speech(1000);
  const double end_ms = trace[500].at_ms + 400.0;
  for (std::size_t i = 500; trace[i].at_ms < end_ms; ++i) trace[i].at_ms = end_ms;
  const Result r = play(trace);
  CHECK(r.share(AudioKind::real) == 100.0);
  for (std::size_t i = 521; i < 1000; ++i) CHECK(r.delay_ms[i] < 5.0);
}

void half_an_hour_of_drift_changes_nothing() {
  for (const double ppm : {200.0, -200.0}) {
    const Trace trace = Network(10).speech(90'000, ppm);
    Receiver receiver(JitterMode::arrival);
    const Result r = receiver.run(trace);
    std::printf("  drift %+4.0f ppm, 30 min: mean delay over the moving minimum %.2f ms\n", ppm, r.own_mean_ms);
    CHECK(r.kind.size() == 90'000 && r.share(AudioKind::real) == 100.0);
    for (std::size_t i = 0; i < 90'000; ++i) {
      CHECK(std::abs(r.delay_ms[i] + kNetworkMs + trace[i].media_ms - trace[i].at_ms) < 1e-3);
    }
    CHECK(r.own_mean_ms < 2.5);  // within 10 s, 200 ppm are 2 ms
  }
}

// ---- pauses ----------------------------------------------------------------------------------

/// For each pause, how long after 300 ms of it were spoken they were there, in ms.
std::vector<double> ends_of_speech(const Trace& trace, bool lose_marks) {
  Trace sent = trace;
  std::vector<std::size_t> ends;
  const auto follows = [&](std::size_t i) { return i > 0 && sent[i].media_ms == sent[i - 1].media_ms + 20.0; };
  for (std::size_t i = 1; i < sent.size(); ++i) {
    if (!sent[i].mark || !follows(i - 1)) continue;  // what it follows is speech, no packet alone in a pause
    sent[i].lost = lose_marks;
    ends.push_back(static_cast<std::size_t>(std::lround(sent[i].media_ms / 20.0)));
  }
  const Result r = Receiver(JitterMode::arrival).run(sent, 1000.0);
  std::vector<double> late;
  for (const std::size_t end : ends) late.push_back(r.delay_ms[end + 14]);
  std::sort(late.begin(), late.end());
  return late;
}

void the_end_of_speech_is_known_at_once_by_a_mark() {
  const auto late = ends_of_speech(Network(11).spurts(80), false);
  std::printf("  end of speech, clean: p50 %.1f  p95 %.1f  most %.1f ms\n", late[40], late[76], late.back());
  CHECK(late[76] < 20.0);
}

void the_end_of_speech_is_known_in_less_than_400_ms_without_the_mark() {
  const auto late = ends_of_speech(Network(12).spurts(80), true);
  std::printf("  end of speech, mark lost: p50 %.1f  p95 %.1f  most %.1f ms\n", late[40], late[76], late.back());
  CHECK(late.back() < 400.0);
}

void a_sender_with_pauses_keeps_its_time() {
  const Trace trace = Network(13).spurts(80);
  const Result r = play(trace);
  CHECK(r.counters.lost == 0 && r.counters.late == 0 && r.counters.resyncs == 0);
  CHECK(std::abs(static_cast<double>(r.kind.size()) * 20.0 - trace.back().media_ms) < 41.0);
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const auto at = static_cast<std::size_t>(std::lround(trace[i].media_ms / 20.0));
    CHECK(r.kind[at] == (trace[i].mark ? AudioKind::comfort : AudioKind::real));
  }
}

}  // namespace

#define CASE(behaviour) {#behaviour, behaviour}

int main() {
  const Case cases[] = {
      CASE(a_clean_network_costs_less_than_a_millisecond),
      CASE(lost_packets_are_restored_at_once),
      CASE(of_a_burst_the_last_is_restored),
      CASE(jitter_costs_what_the_network_takes_and_no_more),
      CASE(stalls_of_a_wireless_network_are_over_when_they_end),
      CASE(loss_and_jitter_together_cost_their_sum),
      CASE(what_is_seldom_late_is_restored_and_what_is_often_late_awaited),
      CASE(after_a_lost_packet_all_is_as_before),
      CASE(after_ten_lost_packets_all_is_as_before),
      CASE(after_a_stall_of_400_ms_all_is_as_before),
      CASE(half_an_hour_of_drift_changes_nothing),
      CASE(the_end_of_speech_is_known_at_once_by_a_mark),
      CASE(the_end_of_speech_is_known_in_less_than_400_ms_without_the_mark),
      CASE(a_sender_with_pauses_keeps_its_time),
  };
  return run_all(cases);
}
