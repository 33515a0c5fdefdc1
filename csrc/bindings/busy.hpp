// One object, one thread at a time: a second thread gets an error, not broken audio.
#pragma once

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>

namespace sonicrtc::bindings {

/// A `T` with the flag that says that a thread is in it. It stays where it was made: give pybind11 a pointer.
template <typename T>
struct Guarded : T {
  using T::T;
  std::atomic_flag busy;
};

/// Holds an object's flag for the length of a scope. It protects from two threads and from a call
/// that comes back to the object from inside another one; it costs two atomic operations.
class InUse {
 public:
  /// Throws std::runtime_error (RuntimeError in Python) when the flag is held already.
  InUse(std::atomic_flag& busy, const char* type) : busy_(busy) {
    if (busy_.test_and_set(std::memory_order_acquire)) {
      throw std::runtime_error(std::string(type) + ": in use by another thread; give each thread its own");
    }
  }
  ~InUse() { busy_.clear(std::memory_order_release); }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  std::atomic_flag& busy_;
};

/// A method without arguments, or a property, as pybind11 takes it: `body(self)` while no other thread is in `self`.
template <typename T, typename Body>
auto alone(const char* type, Body body) {
  return [type, body](Guarded<T>& self) {
    const InUse use(self.busy, type);
    return std::invoke(body, static_cast<T&>(self));
  };
}

}  // namespace sonicrtc::bindings
