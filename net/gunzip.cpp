#include "net/gunzip.hpp"

#include <new>

#include <zlib.h>

namespace farshore {

namespace {

constexpr std::size_t piece_bytes = 64 * 1024;
/// zlib: the largest window, in gzip's format and no other.
constexpr int gzip_only = 15 + 16;

} // namespace

gunzip::gunzip(std::size_t bytes_max)
    : state_{std::make_unique<z_stream>()}, out_(piece_bytes), left_{bytes_max} {
  if (inflateInit2(state_.get(), gzip_only) != Z_OK)
    throw std::bad_alloc{}; // its only reason
}

gunzip::~gunzip() {
  inflateEnd(state_.get());
}

void gunzip::put(std::span<const std::byte> packed) {
  state_->next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  state_->avail_in = static_cast<uInt>(packed.size());
}

result<std::span<const std::byte>> gunzip::next() {
  if (ended_ && state_->avail_in > 0)
    return fail(ec::protocol, "the request's body goes on behind the end of what gzip packed");
  if (ended_)
    return std::span<const std::byte>{};
  state_->next_out = reinterpret_cast<Bytef*>(out_.data());
  state_->avail_out = static_cast<uInt>(out_.size());
  const int status = inflate(state_.get(), Z_NO_FLUSH);
  ended_ = status == Z_STREAM_END;
  if (!ended_ && status != Z_OK && status != Z_BUF_ERROR) // the last: there was nothing to do
    return fail(ec::protocol, "the request's body is not packed as gzip does it");
  const auto bytes = out_.size() - state_->avail_out;
  if (bytes > left_)
    return fail(ec::protocol, "the request's body unpacks to more than this site takes");
  left_ -= bytes;
  return std::span<const std::byte>{out_}.first(bytes);
}

} // namespace farshore
