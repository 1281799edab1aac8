#include "config/clock.hpp"

#include <random>

namespace farshore {

namespace {

class machine_time final : public time_source {
public:
  [[nodiscard]] steady_time now() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] wall_time wall() const override { return std::chrono::system_clock::now(); }
};

} // namespace

const time_source& system_time() {
  static const machine_time source;
  return source;
}

// SplitMix64 (Steele, Lea, Flood 2014): the standard library's distributions differ between
// implementations, and a seed must give the same simulation everywhere.
std::uint64_t random_source::next() {
  state_ += 0x9e3779b97f4a7c15;
  auto z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint64_t random_source::below(std::uint64_t bound) {
  // What lies under 2^64 mod bound would make the low results likelier.
  const auto biased = (0 - bound) % bound;
  auto drawn = next();
  while (drawn < biased)
    drawn = next();
  return drawn % bound;
}

double random_source::unit() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

} // namespace farshore
