#include "sonicrtc/kernels.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sonicrtc {

extern const Kernels kernels_baseline;
#ifdef SONICRTC_X86_KERNELS
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

namespace {

// What this machine can run, slowest first.
std::vector<const Kernels*> available() {
  std::vector<const Kernels*> found{&kernels_baseline};
#ifdef SONICRTC_X86_KERNELS
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    found.push_back(&kernels_avx2);
    if (__builtin_cpu_supports("avx512vl")) found.push_back(&kernels_avx512);
  }
#endif
  return found;
}

}  // namespace

const Kernels& select_kernels() {
  static const std::vector<const Kernels*> kernels = available();
  const char* const wanted = std::getenv("SONICRTC_ISA");
  if (wanted == nullptr || *wanted == '\0') return *kernels.back();
  std::string names;
  for (const Kernels* const one : kernels) {
    if (std::string_view{wanted} == one->name) return *one;
    names += (names.empty() ? "" : ", ") + std::string(one->name);
  }
  throw std::invalid_argument("SONICRTC_ISA: expected one of " + names + " on this machine, got " + wanted);
}

}  // namespace sonicrtc
