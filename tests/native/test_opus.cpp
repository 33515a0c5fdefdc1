// Opus: what a packet says of itself, and what a libopus makes of it.
//
//   test_opus [PATH]    PATH: another libopus than the one that CMake found first
#include "sonicrtc/opus.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

#include "opus_fixture.hpp"

namespace {

using namespace sonicrtc;

using Samples = std::vector<std::int16_t>;
using Bytes = std::vector<std::uint8_t>;

std::shared_ptr<const OpusLibrary> library;

std::uint8_t byte(std::uint_fast32_t value) { return static_cast<std::uint8_t>(value); }

// ---- packets ---------------------------------------------------------------------------------

// Table 2 of RFC 6716.
void the_first_byte_says_how_long_a_frame_is() {
  constexpr int kSilk[] = {4, 8, 16, 24}, kHybrid[] = {4, 8}, kCelt[] = {1, 2, 4, 8};  // in 2.5 ms
  for (unsigned config = 0; config < 32; ++config) {
    const int quanta = config < 12 ? kSilk[config % 4] : config < 16 ? kHybrid[config % 2] : kCelt[config % 4];
    for (const unsigned stereo : {0U, 1U}) {
      const OpusPacket packet(Bytes{byte(config << 3U | stereo << 2U), 1, 2, 3});
      CHECK(packet.valid() && packet.count() == 1 && packet.stereo() == (stereo == 1));
      for (const int rate_hz : kOpusRatesHz) {
        CHECK(packet.frames(rate_hz) == static_cast<std::size_t>(quanta * rate_hz / 400));
      }
    }
  }
}

OpusPacket read(const Bytes& bytes) { return OpusPacket(bytes); }

// Section 3.2; TOC 0x08 is SILK, 20 ms, mono.
void a_packet_may_hold_several_frames() {
  CHECK(read({0x08}).count() == 1);  // a frame without bytes: the sender says nothing
  CHECK(read({0x09, 1, 2}).count() == 2);
  CHECK(read({0x0A, 1, 2, 3}).count() == 2);
  CHECK(read({0x0B, 3, 1, 2, 3}).count() == 3);
  CHECK(read({0x0B, 0x83, 1, 0, 7, 8}).count() == 3);
  CHECK(read({0x0B, 0x42, 1, 7, 8, 0}).count() == 2);           // one byte of padding
  CHECK(read({0x0B, 6}).frames(16000) == 120 * 16);
  CHECK(read({0xE3, 48}).frames(48000) == 120 * 48);            // 2.5 ms each
}

// R1 to R7 of section 3.4.
void what_is_no_packet_is_called_none() {
  Bytes long_frame(1277, 1);
  long_frame[0] = 0x08;
  const Bytes none[] = {
      {},
      long_frame,
      {0x09, 1},                    // two equal frames of half a byte
      {0x0A},                       // no length
      {0x0A, 252},                  // half a length
      {0x0A, 2, 1},                 // longer than what is there
      {0x0B},                       // no count
      {0x0B, 0},                    // no frames
      {0x0B, 7},                    // 140 ms
      {0x0B, 2, 1, 2, 3},           // two equal frames of three bytes
      {0x0B, 0x41},                 // no length of the padding
      {0x0B, 0x41, 255},            // half of it
      {0x0B, 0x41, 2, 1},           // more padding than bytes
      {0x0B, 0x82, 2, 1},           // longer than what is there
      {0x0B, 0x83, 1},              // one length of two
  };
  for (const Bytes& bytes : none) {
    const OpusPacket packet(bytes);
    CHECK(!packet.valid() && !packet.has_fec() && packet.frames(48000) == 0);
  }
  long_frame.pop_back();
  CHECK(OpusPacket(long_frame).valid());
}

// Section 4.2.3: for each channel a bit per 20 ms, then the one for FEC.
void the_bit_for_fec_stands_behind_those_for_speech() {
  struct {
    unsigned config;
    unsigned mono, middle, side;  // the bit in the first byte of the frame
  } const rows[] = {{0, 0x40, 0x40, 0x10}, {1, 0x40, 0x40, 0x10},  {2, 0x20, 0x20, 0x04},
                    {3, 0x10, 0x10, 0x01}, {12, 0x40, 0x40, 0x10}, {15, 0x40, 0x40, 0x10}};
  for (const auto& row : rows) {
    const unsigned toc = row.config << 3U, stereo = toc | 4U;
    CHECK(read({byte(toc), byte(row.mono), 0}).has_fec() && !read({byte(toc), byte(~row.mono), 0}).has_fec());
    CHECK(read({byte(stereo), byte(row.middle), 0}).has_fec() && read({byte(stereo), byte(row.side), 0}).has_fec());
    CHECK(!read({byte(stereo), byte(~(row.middle | row.side)), 0}).has_fec());
  }
  for (unsigned celt = 16; celt < 32; ++celt) CHECK(!read({byte(celt << 3U), 0xFF, 0xFF}).has_fec());
  CHECK(!read({0x08}).has_fec());
}

void fec_is_read_from_the_first_of_several_frames() {
  CHECK(read({0x09, 0x40, 0}).has_fec() && !read({0x09, 0, 0x40}).has_fec());
  CHECK(read({0x0A, 1, 0x40, 0}).has_fec() && !read({0x0A, 1, 0, 0x40}).has_fec());
  CHECK(read({0x0B, 0xC2, 1, 1, 0x40, 0, 0}).has_fec() && !read({0x0B, 0xC2, 1, 1, 0, 0x40, 0}).has_fec());
  CHECK(!read({0x0A, 0, 0x40}).has_fec());  // the first is empty
}

// ---- library ---------------------------------------------------------------------------------

std::string reason(const char* path) {
  try {
    const OpusLibrary loaded(path);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

void a_library_that_is_none_is_refused_with_a_reason() {
  CHECK(reason("/no/such/libopus.so").starts_with("libopus: cannot load '/no/such/libopus.so': "));
#ifdef __APPLE__
  CHECK(reason("libSystem.B.dylib") == "libopus: 'libSystem.B.dylib' lacks the function opus_get_version_string");
#else
  CHECK(reason("libm.so.6") == "libopus: 'libm.so.6' lacks the function opus_get_version_string");
#endif
}

void a_library_says_where_it_is_and_who() {
  CHECK(library->version().starts_with("libopus "));
  CHECK(library->path().find("opus") != std::string::npos);
  CHECK(OpusLibrary(library->path()).version() == library->version());
}

void wrong_arguments_are_refused() {
  for (const int rate_hz : {0, -8000, 11025, 44100}) {
    CHECK_THROWS(OpusDecoder(library, rate_hz), std::invalid_argument);
    CHECK_THROWS(OpusEncoder(library, rate_hz), std::invalid_argument);
  }
  for (const int bitrate : {-1, 0, 5999, 510'001}) CHECK_THROWS(OpusEncoder(library, 24000, bitrate), std::invalid_argument);
  for (const int complexity : {-1, 11}) CHECK_THROWS(OpusEncoder(library, 24000, 32000, complexity), std::invalid_argument);
  CHECK_THROWS(OpusDecoder(nullptr), std::invalid_argument);
  CHECK_THROWS(OpusEncoder(nullptr), std::invalid_argument);
}

/// Calls one of libopus's own functions on the packet.
template <typename... Argument>
std::optional<int> libopus(const char* name, const Bytes& packet, Argument... rest) {
  static void* const handle = dlopen(library->path().c_str(), RTLD_NOW | RTLD_LOCAL);
  using Function = int (*)(const unsigned char*, std::int32_t, Argument...);
  const auto function = reinterpret_cast<Function>(dlsym(handle, name));
  if (function == nullptr) return std::nullopt;  // 1.5 brought opus_packet_has_lbrr
  return function(packet.data(), static_cast<std::int32_t>(packet.size()), rest...);
}

void packets_are_read_as_libopus_reads_them() {
  std::mt19937 random(60);
  int valid = 0;
  for (int i = 0; i < 100'000; ++i) {
    Bytes bytes(random() % 40 + 1);
    for (std::uint8_t& one : bytes) one = byte(random());
    if (i % 2 == 0) bytes[0] = byte(bytes[0] | 3U);
    if (i % 3 == 0 && bytes.size() > 1) bytes[1] = byte(bytes[1] & 0xC3U);
    const OpusPacket packet(bytes);
    std::int16_t sizes[48];
    const unsigned char* frames[48];
    const auto count = libopus("opus_packet_parse", bytes, static_cast<unsigned char*>(nullptr), frames, sizes,
                               static_cast<int*>(nullptr));
    CHECK(std::max(0, *count) == static_cast<int>(packet.count()));
    if (!packet.valid()) continue;
    ++valid;
    CHECK(*libopus("opus_packet_get_nb_samples", bytes, std::int32_t{16000}) == static_cast<int>(packet.frames(16000)));
    CHECK(libopus("opus_packet_has_lbrr", bytes).value_or(packet.has_fec()) == static_cast<int>(packet.has_fec()));
  }
  CHECK(valid > 20'000);
}

// ---- sound -----------------------------------------------------------------------------------

struct Coding {
  int rate_hz = 24000;
  int ms = 20;
  int bitrate = 32000;
  int loss_percent = 0;
  int complexity = 5;
};

std::vector<Bytes> encode(const Samples& audio, const Coding& coding) {
  OpusEncoder encoder(library, coding.rate_hz, coding.bitrate, coding.complexity);
  CHECK(encoder.set_expected_loss_percent(coding.loss_percent));
  const auto block = static_cast<std::size_t>(coding.rate_hz / 1000 * coding.ms);
  std::vector<Bytes> packets;
  for (std::size_t at = 0; at + block <= audio.size(); at += block) {
    Bytes packet(OpusEncoder::kMaxPacketBytes);
    packet.resize(static_cast<std::size_t>(encoder.encode(&audio[at], block, packet)));
    CHECK(!packet.empty());
    packets.push_back(packet);
  }
  return packets;
}

Samples decode(OpusDecoder& decoder, const Bytes& packet) {
  Samples out(decoder.frames(packet));
  CHECK(decoder.decode(packet, out.data()) == out.size());
  return out;
}

Samples decode_all(const std::vector<Bytes>& packets, int rate_hz) {
  OpusDecoder decoder(library, rate_hz);
  Samples all;
  for (const Bytes& packet : packets) {
    const Samples some = decode(decoder, packet);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

double correlation(std::span<const std::int16_t> a, std::span<const std::int16_t> b) {
  double ab = 0.0, aa = 1.0, bb = 1.0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    ab += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

void what_is_heard_is_what_was_said() {
  for (const Coding& coding : {Coding{}, Coding{.bitrate = 48000, .complexity = 0}, Coding{.ms = 60}}) {
    const auto heard = decode_all(encode(voice(24000, 3.0), coding), 16000);
    const auto late = OpusEncoder(library, 16000).lookahead_frames();
    CHECK(late == 104);  // 6.5 ms
    CHECK(correlation(std::span(heard).subspan(late), voice(16000, 3.0)) > 0.95);  // voip removes the lowest tones
  }
}

void any_block_at_any_rate_is_decoded_at_any_rate() {
  for (const int rate_hz : kOpusRatesHz) {
    for (const int ms : {10, 20, 40, 60}) {
      const auto packets = encode(voice(rate_hz, 0.24), {.rate_hz = rate_hz, .ms = ms});
      for (const int out_hz : kOpusRatesHz) {
        CHECK(decode_all(packets, out_hz).size() == static_cast<std::size_t>(out_hz) * 24 / 100);
      }
    }
  }
}

void a_block_of_another_length_is_not_coded() {
  OpusEncoder encoder(library, 24000);
  const Samples audio(6000);
  Bytes out(OpusEncoder::kMaxPacketBytes);
  for (const std::size_t frames : {0U, 1U, 60U, 120U, 239U, 241U, 720U, 1920U, 2880U}) {
    CHECK(!encoder.takes(frames) && encoder.encode(audio.data(), frames, out) == 0);
  }
  CHECK(encoder.encode(audio.data(), 480, {}) == 0);
  CHECK(encoder.encode(audio.data(), 480, out) > 0);
}

std::size_t total(const std::vector<Bytes>& packets) {
  std::size_t sum = 0;
  for (const Bytes& packet : packets) sum += packet.size();
  return sum;
}

void a_bit_rate_holds_from_the_next_block_on() {
  const auto audio = voice(24000, 4.0);
  OpusEncoder encoder(library);
  std::size_t bytes[2] = {};
  for (std::size_t at = 0; at < audio.size(); at += 480) {
    if (at == audio.size() / 2) CHECK(encoder.set_bitrate(48000) && encoder.bitrate() == 48000);
    Bytes out(OpusEncoder::kMaxPacketBytes);
    bytes[at < audio.size() / 2 ? 0 : 1] += static_cast<std::size_t>(encoder.encode(&audio[at], 480, out));
  }
  CHECK(bytes[0] > 20000 / 8 * 2 && bytes[0] < 36000 / 8 * 2);
  CHECK(bytes[1] > bytes[0] * 13 / 10 && bytes[1] < 52000 / 8 * 2);
  CHECK(!encoder.set_bitrate(5999) && !encoder.set_bitrate(510'001) && encoder.bitrate() == 48000);
}

void a_packet_never_outgrows_its_room() {
  const auto loud = noise(1440 * 20, 61);
  for (const Bytes& packet : encode(loud, {.ms = 60, .bitrate = OpusEncoder::kHighestBitrate})) {
    CHECK(packet.size() <= OpusEncoder::kMaxPacketBytes);
  }
  OpusEncoder encoder(library);
  for (const std::size_t room : {1U, 2U, 3U, 10U}) {
    Bytes out(room);
    CHECK(encoder.encode(loud.data(), 480, out) <= static_cast<int>(room));
  }
}

std::size_t with_fec(const std::vector<Bytes>& packets) {
  return static_cast<std::size_t>(
      std::ranges::count_if(packets, [](const Bytes& packet) { return OpusPacket(packet).has_fec(); }));
}

void fec_is_sent_when_a_loss_is_expected() {
  const auto audio = voice(24000, 3.0);
  for (const int ms : {10, 20, 40, 60}) {
    const auto packets = encode(audio, {.ms = ms, .loss_percent = 10});
    CHECK(with_fec(packets) * 100 > packets.size() * 85);
    CHECK(with_fec(encode(audio, {.ms = ms})) == 0);
  }
  CHECK(total(encode(audio, {.loss_percent = 10})) < 3 * 33000 / 8);  // paid out of the same bit rate
  OpusEncoder encoder(library);
  CHECK(!encoder.set_expected_loss_percent(-1) && !encoder.set_expected_loss_percent(101));
  CHECK(encoder.set_expected_loss_percent(100) && encoder.expected_loss_percent() == 100);
}

/// How alike what is heard of lost packets is to the packets themselves, where FEC reaches: a mean over
/// packets, each restored by FEC or concealed.
struct Likeness {
  double restored = 0.0, concealed = 0.0;
};

Likeness lose(const std::vector<Bytes>& packets, std::size_t lost) {
  OpusDecoder real(library), restoring(library), concealing(library);
  for (std::size_t i = 0; i < lost; ++i) {
    for (OpusDecoder* const one : {&real, &restoring, &concealing}) decode(*one, packets[i]);
  }
  const Samples expected = decode(real, packets[lost]);
  Samples restored(expected.size()), concealed(expected.size());
  CHECK(restoring.recover(packets[lost + 1], restored.size(), restored.data()));
  concealing.conceal(concealed.size(), concealed.data());
  const std::size_t before = expected.size() - OpusPacket(packets[lost + 1]).first_frames(16000);
  const auto end = [before](const Samples& of) { return std::span(of).subspan(before); };
  return {correlation(end(expected), end(restored)), correlation(end(expected), end(concealed))};
}

Likeness lose_some(const std::vector<Bytes>& packets) {
  Likeness sum;
  int count = 0;
  for (std::size_t lost = 5; lost + 1 < packets.size(); lost += packets.size() / 25) {
    if (!OpusPacket(packets[lost + 1]).has_fec()) continue;
    const Likeness one = lose(packets, lost);
    sum.restored += one.restored;
    sum.concealed += one.concealed;
    ++count;
  }
  CHECK(count > 15);
  return {sum.restored / count, sum.concealed / count};
}

void a_lost_packet_is_restored_better_than_it_is_concealed() {
  for (const int ms : {10, 20, 40, 60}) {  // at 16 kHz, SILK's frames are as long as the packets
    const auto packets = encode(voice(16000, 3.0), {.rate_hz = 16000, .ms = ms, .loss_percent = 10});
    CHECK(OpusPacket(packets[9]).count() == 1);
    const Likeness like = lose_some(packets);
    CHECK(like.restored > 0.88 && like.restored > like.concealed + 0.1);
  }
}

/// Two packets of one frame as one packet of two, by section 3.2.4.
Bytes joined(const Bytes& a, const Bytes& b) {
  CHECK(a[0] == b[0] && a.size() < 253);
  Bytes both{byte(a[0] | 2U), byte(static_cast<unsigned>(a.size() - 1))};
  both.insert(both.end(), a.begin() + 1, a.end());
  both.insert(both.end(), b.begin() + 1, b.end());
  return both;
}

void the_last_frame_of_a_lost_packet_of_several_is_restored() {
  const auto single = encode(voice(24000, 3.0), {.loss_percent = 10});
  std::vector<Bytes> packets;
  for (std::size_t i = 0; i + 1 < single.size(); i += 2) packets.push_back(joined(single[i], single[i + 1]));
  const Likeness like = lose_some(packets);
  CHECK(like.restored > like.concealed + 0.3);
}

void what_cannot_be_restored_is_left_to_be_concealed() {
  const auto audio = voice(24000, 1.0);
  const auto plain = encode(audio, {})[20];
  const auto with = encode(audio, {.loss_percent = 10})[21];
  const auto music = encode(audio, {.bitrate = 200'000});  // CELT
  CHECK(OpusPacket(with).has_fec() && OpusPacket(music[20]).mode() == OpusPacket::Mode::celt);
  OpusDecoder decoder(library);
  Samples out(2880, 77);
  for (const Bytes& none : {plain, music[20], Bytes{}, Bytes{with[0]}, Bytes{0x0B}}) {
    CHECK(!decoder.recover(none, 320, out.data()));
  }
  for (const std::size_t frames : {0U, 1U, 160U, 319U, 321U, 2240U}) CHECK(!decoder.recover(with, frames, out.data()));
  CHECK(std::ranges::all_of(out, [](std::int16_t sample) { return sample == 77; }));
  decode(decoder, music[20]);
  CHECK(!decoder.recover(with, 320, out.data()));  // nothing that SILK could go on from
  decoder.reset();
  CHECK(decoder.recover(with, 320, out.data()));
}

void any_length_can_be_concealed() {
  for (const int rate_hz : kOpusRatesHz) {
    OpusDecoder decoder(library, rate_hz);
    for (const Bytes& packet : encode(voice(24000, 0.4), {})) decode(decoder, packet);
    for (const int frames : {0, 1, rate_hz / 400 - 1, rate_hz / 100, rate_hz / 50 + 1, rate_hz / 2}) {
      Samples out(static_cast<std::size_t>(frames), 77);
      decoder.conceal(out.size(), out.data());
      CHECK(frames < rate_hz / 100 || std::ranges::any_of(out, [](std::int16_t s) { return s != 77 && s != 0; }));
    }
    Samples later(static_cast<std::size_t>(rate_hz) / 50);
    for (int i = 0; i < 50; ++i) decoder.conceal(later.size(), later.data());
    CHECK(std::ranges::all_of(later, [](std::int16_t s) { return std::abs(s) < 100; }));  // it has faded away
  }
}

void reset_begins_a_new_stream() {
  const auto audio = voice(24000, 0.5);
  OpusEncoder encoder(library);
  OpusDecoder decoder(library);
  CHECK(encoder.set_expected_loss_percent(10));
  Samples heard[2];
  for (Samples& all : heard) {
    for (std::size_t at = 0; at < audio.size(); at += 480) {
      Bytes packet(OpusEncoder::kMaxPacketBytes);
      packet.resize(static_cast<std::size_t>(encoder.encode(&audio[at], 480, packet)));
      const Samples some = decode(decoder, packet);
      all.insert(all.end(), some.begin(), some.end());
    }
    encoder.reset();
    decoder.reset();
  }
  CHECK(heard[0] == heard[1] && encoder.expected_loss_percent() == 10);
}

void garbage_does_no_harm() {
  const auto good = encode(voice(24000, 1.0), {.loss_percent = 10});
  std::mt19937 random(62);
  for (const int rate_hz : {8000, 16000, 48000}) {
    OpusDecoder decoder(library, rate_hz);
    for (int i = 0; i < 4000; ++i) {
      Bytes packet = random() % 2 == 0 ? good[random() % good.size()] : Bytes(random() % 300);
      const std::size_t broken = packet.empty() ? 0 : random() % (i % 4 == 0 ? packet.size() : 4);
      for (std::size_t k = 0; k < broken; ++k) packet[random() % packet.size()] = byte(random());
      if (i % 5 == 0) packet.resize(packet.size() / 2);
      const std::size_t frames = decoder.frames(packet);
      Samples out(frames);  // to the frame: AddressSanitizer sees what is written behind it
      if (i % 3 == 0) decoder.recover(packet, frames, out.data());
      const std::size_t written = decoder.decode(packet, out.data());
      CHECK(written == frames || written == 0);
    }
    CHECK(decode(decoder, good[0]).size() == static_cast<std::size_t>(rate_hz) / 50);  // and is in order again
  }
}

}  // namespace

int main(int count, char** arguments) {
  const Case without_library[] = {
      {"the first byte says how long a frame is", the_first_byte_says_how_long_a_frame_is},
      {"a packet may hold several frames", a_packet_may_hold_several_frames},
      {"what is no packet is called none", what_is_no_packet_is_called_none},
      {"the bit for FEC stands behind those for speech", the_bit_for_fec_stands_behind_those_for_speech},
      {"FEC is read from the first of several frames", fec_is_read_from_the_first_of_several_frames},
      {"a library that is none is refused with a reason", a_library_that_is_none_is_refused_with_a_reason},
  };
  const Case with_library[] = {
      {"a library says where it is and who", a_library_says_where_it_is_and_who},
      {"wrong arguments are refused", wrong_arguments_are_refused},
      {"packets are read as libopus reads them", packets_are_read_as_libopus_reads_them},
      {"what is heard is what was said", what_is_heard_is_what_was_said},
      {"any block at any rate is decoded at any rate", any_block_at_any_rate_is_decoded_at_any_rate},
      {"a block of another length is not coded", a_block_of_another_length_is_not_coded},
      {"a bit rate holds from the next block on", a_bit_rate_holds_from_the_next_block_on},
      {"a packet never outgrows its room", a_packet_never_outgrows_its_room},
      {"FEC is sent when a loss is expected", fec_is_sent_when_a_loss_is_expected},
      {"a lost packet is restored better than it is concealed", a_lost_packet_is_restored_better_than_it_is_concealed},
      {"the last frame of a lost packet of several is restored", the_last_frame_of_a_lost_packet_of_several_is_restored},
      {"what cannot be restored is left to be concealed", what_cannot_be_restored_is_left_to_be_concealed},
      {"any length can be concealed", any_length_can_be_concealed},
      {"reset begins a new stream", reset_begins_a_new_stream},
      {"garbage does no harm", garbage_does_no_harm},
  };
  run_all(without_library);
  library = count > 1 ? std::make_shared<const OpusLibrary>(arguments[1]) : opus_library();
  if (library == nullptr) return 0;
  std::printf("%s, %s\n", library->version().c_str(), library->path().c_str());
  const int result = run_all(with_library);
  library.reset();
  return result;
}
