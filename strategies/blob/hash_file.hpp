// Reads a file's bytes from beginning to end, mostly into a hash.

#pragma once

#include "config/error.hpp"
#include "strategies/sha256.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace farshore {

/// Gives `size` bytes of the file to `take(span) -> result<void>`, in order. Fails with ec::changed
/// where the file ends sooner, or with what `take` or the disk says.
template <class File, class Take>
result<void> read_through(File& file, std::uint64_t size, Take take) {
  std::array<std::byte, 64 * 1024> buffer;
  for (std::uint64_t at = 0; at < size;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size - at, buffer.size()));
    auto n = file.read(at, std::span{buffer}.first(wanted));
    if (!n)
      return fail(std::move(n).error());
    if (*n == 0)
      return fail(ec::changed, "the file became shorter while it was read");
    if (auto taken = take(std::span<const std::byte>{buffer}.first(*n)); !taken)
      return taken;
    at += *n;
  }
  return {};
}

/// Adds the first `size` bytes of an open_file or resource_reader to the hash.
template <class File>
result<void> hash_through(File& file, std::uint64_t size, sha256& hash) {
  return read_through(file, size, [&hash](std::span<const std::byte> bytes) -> result<void> {
    hash.update(bytes);
    return {};
  });
}

} // namespace farshore
