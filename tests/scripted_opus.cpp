// A libopus without sound: each frame says which packet it came from, and how. Built and loaded by tests.
//
// Of a packet, the head is as in RFC 6716; its third and fourth byte are its number. Frames decoded from it have the
// number as their value; those restored from FEC 10000 more, of the packet before; those of a packet without a
// number are -2, and those made up -1.
#include <algorithm>
#include <cstdint>

extern "C" {

const char* opus_get_version_string() { return "scripted"; }
const char* opus_strerror(int) { return "an error"; }

int opus_decoder_get_size(int) { return 8; }
int opus_decoder_init(void*, std::int32_t, int) { return 0; }
int opus_decoder_ctl(void*, int, ...) { return 0; }

int opus_decode(void*, const unsigned char* packet, std::int32_t bytes, std::int16_t* out, int frames, int fec) {
  int value = packet == nullptr || bytes == 0 ? -1 : bytes < 4 ? -2 : packet[2] * 256 + packet[3];
  if (fec != 0) value += 10'000 - 1;
  std::fill_n(out, frames, static_cast<std::int16_t>(value));
  return frames;
}

int opus_encoder_get_size(int) { return 8; }
int opus_encoder_init(void*, std::int32_t, int, int) { return 0; }
int opus_encoder_ctl(void*, int, ...) { return 0; }
std::int32_t opus_encode(void*, const std::int16_t*, int, unsigned char*, std::int32_t) { return -1; }
}
