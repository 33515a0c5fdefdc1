// The store of packets against a map, and the arrival times of packets.
#include <cmath>
#include <limits>
#include <map>

#include "check.hpp"
#include "sonicrtc/packet_store.hpp"

namespace {

using namespace sonicrtc;

using Payload = std::vector<std::uint8_t>;

void holds_what_the_model_holds(const PacketStore& store, const std::map<std::int64_t, Payload>& model) {
  CHECK(store.size() == model.size());
  for (const auto& [sequence, payload] : model) {
    const Packet* const packet = store.find(sequence);
    CHECK(packet != nullptr && packet->sequence == sequence);
    CHECK(std::equal(payload.begin(), payload.end(), packet->payload.begin(), packet->payload.end()));
  }
}

void a_store_is_a_map_with_an_end() {
  std::mt19937 random(60);
  PacketStore store(4000);
  std::map<std::int64_t, Payload> model;
  std::size_t bytes = 0;
  std::int64_t base = -100;
  for (int step = 0; step < 20'000; ++step) {
    base += random() % 8 == 0;
    for (auto it = model.begin(); it != model.end() && it->first < base; it = model.erase(it)) {
      bytes -= it->second.size();
      store.erase(it->first);
    }
    const std::int64_t sequence = base + static_cast<std::int64_t>(random() % PacketStore::kSlots);
    if (model.contains(sequence)) continue;
    Payload payload(random() % 120, static_cast<std::uint8_t>(random()));
    const bool fits = bytes + payload.size() <= 4000;
    CHECK(store.put({.sequence = sequence, .payload = payload}) == fits);
    if (fits) {
      bytes += payload.size();
      model.emplace(sequence, std::move(payload));
    }
    if (step % 16 == 0) holds_what_the_model_holds(store, model);
  }
}

void what_waits_begins_at_the_lowest_number_and_the_first_arrival() {
  PacketStore store(100);
  CHECK(store.waiting(0).first == nullptr);
  const Payload payload{1, 2};
  store.put({.sequence = 9, .arrived_s = 1.0, .payload = payload});
  store.put({.sequence = 7, .arrived_s = 2.0, .payload = payload});
  CHECK(store.waiting(5).first->sequence == 7 && store.waiting(5).since_s == 1.0);
  store.erase(9);
  CHECK(store.waiting(5).since_s == 2.0 && store.waiting(8).first == nullptr);
}

void a_slot_that_is_taken_takes_no_other() {
  PacketStore store(100);
  const Payload payload{1, 2};
  CHECK(store.put({.sequence = 3, .payload = payload}));
  CHECK(!store.put({.sequence = 3 + PacketStore::kSlots, .payload = payload}));
  store.erase(3 + PacketStore::kSlots);
  CHECK(store.size() == 1 && store.find(3 + PacketStore::kSlots) == nullptr);
  store.clear();
  CHECK(store.size() == 0 && store.find(3) == nullptr);
}

void a_moved_store_keeps_its_payloads() {
  PacketStore store(100);
  const Payload payload{1, 2, 3};
  store.put({.sequence = 3, .payload = payload});
  const PacketStore moved = std::move(store);
  CHECK(moved.find(3)->payload[2] == 3);
}

void the_history_knows_who_overtook_whom() {
  ArrivalHistory history;
  history.record(10, 1.0);
  history.record(12, 2.0);
  history.record(13, 1.5);
  CHECK(history.first_after(11, 13) == 1.5 && history.first_after(10, 12) == 2.0);
  CHECK(history.first_after(13, 13) == std::numeric_limits<double>::infinity());
  CHECK(history.holds(10) && !history.holds(11) && !history.holds(10 + 256));
  history.record(10 + 256, 3.0);
  CHECK(!history.holds(10));
}

}  // namespace

#define CASE(behaviour) {#behaviour, behaviour}

int main() {
  const Case cases[] = {
      CASE(a_store_is_a_map_with_an_end),
      CASE(what_waits_begins_at_the_lowest_number_and_the_first_arrival),
      CASE(a_slot_that_is_taken_takes_no_other),
      CASE(a_moved_store_keeps_its_payloads),
      CASE(the_history_knows_who_overtook_whom),
  };
  return run_all(cases);
}
