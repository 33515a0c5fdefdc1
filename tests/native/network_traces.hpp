// Seeded networks: when each packet of a stream comes, if it comes.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

/// A packet of 20 ms on its way. Times are in ms.
struct Flight {
  double at_ms = 0.0;
  double media_ms = 0.0;
  unsigned number = 0;  // of the packet, as the sender counts
  bool mark = false;    // of a pause
  bool marker = false;  // of the end of one
  bool lost = false;
};
using Trace = std::vector<Flight>;

inline constexpr double kNetworkMs = 40.0;  // the least that any packet takes

class Network {
 public:
  explicit Network(unsigned seed) : random_(seed) {}

  /// `packets` in a row, each a little later than the network's best, as the loop of a receiver sees them.
  Trace speech(unsigned packets, double ppm = 0.0) {
    Trace trace;
    for (unsigned i = 0; i < packets; ++i) {
      const double spoken_ms = 20.0 * i * (1.0 + ppm * 1e-6);
      trace.push_back({.at_ms = spoken_ms + kNetworkMs + std::abs(normal_(random_)) * 0.75, .media_ms = 20.0 * i, .number = i});
    }
    return trace;
  }

  /// Talk spurts of 1 to 3 s and pauses of 1 s by a sender with DTX, as Chromium has it: a mark, nothing for
  /// 400 ms, a packet and another mark, and so on.
  Trace spurts(unsigned count) {
    Trace trace;
    double media_ms = 0.0;
    const auto add = [&](bool mark, bool marker) {
      const double at_ms = media_ms + kNetworkMs + std::abs(normal_(random_)) * 0.75;
      trace.push_back({at_ms, media_ms, static_cast<unsigned>(trace.size()), mark, marker, false});
      media_ms += 20.0;
    };
    for (unsigned spurt = 0; spurt < count; ++spurt) {
      for (int i = 0, length = 50 + static_cast<int>(random_() % 100U); i < length; ++i) add(false, i == 0);
      for (int round = 0; round < 3; ++round) {
        if (round > 0) add(false, false);
        add(true, false);
        media_ms += 360.0;
      }
    }
    return trace;
  }

  void lose(Trace& trace, double share) {
    for (Flight& flight : trace) flight.lost = flight.lost || chance(share);
  }

  /// Bursts of `mean` packets on average (Gilbert's model).
  void lose_bursts(Trace& trace, double share, double mean) {
    bool bad = false;
    for (Flight& flight : trace) {
      bad = bad ? chance(1.0 - 1.0 / mean) : chance(share / (1.0 - share) / mean);
      flight.lost = flight.lost || bad;
    }
  }

  /// 0 to `most_ms` more; in order where `fifo`.
  void delay(Trace& trace, double most_ms, bool fifo) {
    std::uniform_real_distribution<double> more(0.0, most_ms);
    double last_ms = 0.0;
    for (Flight& flight : trace) {
      flight.at_ms += more(random_);
      if (fifo) last_ms = flight.at_ms = std::max(flight.at_ms, last_ms);
    }
  }

  /// A share of the packets comes `ms` later.
  void make_late(Trace& trace, double share, double ms) {
    for (Flight& flight : trace) flight.at_ms += chance(share) ? ms : 0.0;
  }

  /// About every 3 s nothing comes for 60 to 350 ms, and then everything at once.
  void stall(Trace& trace) {
    std::uniform_real_distribution<double> pause(1500.0, 4500.0), length(60.0, 350.0);
    double begin = pause(random_), end = begin + length(random_);
    for (Flight& flight : trace) {
      while (flight.at_ms > end) begin = end + pause(random_), end = begin + length(random_);
      if (flight.at_ms > begin) flight.at_ms = end;
    }
  }

 private:
  bool chance(double share) { return std::uniform_real_distribution<double>(0.0, 1.0)(random_) < share; }

  std::mt19937 random_;
  std::normal_distribution<double> normal_;
};

/// In the order of arrival, without what was lost.
inline Trace arrivals(Trace trace) {
  std::erase_if(trace, [](const Flight& flight) { return flight.lost; });
  std::stable_sort(trace.begin(), trace.end(), [](const Flight& a, const Flight& b) { return a.at_ms < b.at_ms; });
  return trace;
}
