// Unpacks a stream in gzip's format piece by piece, in bounded memory.

#pragma once

#include "config/error.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

struct z_stream_s;

namespace farshore {

class gunzip {
public:
  /// Unpacks to `bytes_max` in all; a stream that comes to more is refused.
  explicit gunzip(std::size_t bytes_max);
  ~gunzip();

  /// The next packed piece; what of it is unpacked is fetched by next(). Not before next() has
  /// returned nothing.
  void put(std::span<const std::byte> packed);
  /// Some of the content, good until the next call; empty where more has to be put first. Fails
  /// with ec::protocol.
  result<std::span<const std::byte>> next();
  /// The stream's end was seen.
  [[nodiscard]] bool ended() const { return ended_; }

private:
  std::unique_ptr<z_stream_s> state_;
  std::vector<std::byte> out_;
  std::size_t left_;
  bool ended_ = false;
};

} // namespace farshore
