// What is measured while a secondary works, for Prometheus: what can't be told from kept counts.
//
// Thread-safe: actors write, a socket's thread reads.

#pragma once

#include "config/error.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace farshore {

class meters {
public:
  meters();
  ~meters();
  meters(const meters&) = delete;
  meters& operator=(const meters&) = delete;

  /// A record of the type was brought to its target, and the registry has it.
  void synced(const std::string& type, std::chrono::nanoseconds took);
  /// It could not be; it is tried again.
  void failed(const std::string& type, ec why);
  /// The registry has committed so many changes at once.
  void committed(std::size_t changes, std::chrono::nanoseconds took);

  /// In Prometheus' text format.
  [[nodiscard]] std::string text() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace farshore
