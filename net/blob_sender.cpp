#include "net/blob_sender.hpp"

#include <algorithm>
#include <cassert>

#include <spdlog/spdlog.h>

namespace farshore {

namespace {

constexpr std::size_t piece_bytes = 256 * 1024;
/// Well under a second of reading, even from a slow disk.
constexpr std::uint64_t silent_bytes_max = 32u << 20;

blob_status status_of(ec code) {
  switch (code) {
  case ec::missing_on_primary:
    return blob_status::missing;
  case ec::bad_locator:
    return blob_status::bad_locator;
  default:
    return blob_status::unreadable;
  }
}

} // namespace

blob_sender::blob_sender(std::shared_ptr<strategy> store, blob_request request,
                         std::vector<resolved_record> rows, std::uint64_t large_blob_bytes,
                         int wire)
    : store_{std::move(store)},
      request_{std::move(request)},
      rows_{std::move(rows)},
      large_blob_bytes_{large_blob_bytes},
      wire_{wire} {
  assert(rows_.size() == request_.blobs.size());
}

bool blob_sender::fill(std::vector<std::byte>& out) {
  frame_encoder to{out};
  silent_bytes_ = 0;
  waiting_ = false;
  while (out.size() < piece_bytes && !waiting_) {
    if (doing_ == doing::next && index_ == rows_.size()) {
      to.end();
      return false;
    }
    switch (doing_) {
    case doing::next:
      begin_blob(to);
      break;
    case doing::comparing:
      compare(to);
      break;
    case doing::sending:
      send(to);
      break;
    }
    if (silent_bytes_ >= silent_bytes_max) {
      if (doing_ != doing::sending)
        to.busy();
      break;
    }
  }
  return true;
}

void blob_sender::begin_blob(frame_encoder& to) {
  const auto& wanted = request_.blobs[index_];
  const auto& row = rows_[index_];
  if (!row.present || row.locator != wanted.locator)
    return answer(to, blob_status::moved_on);
  auto opened = store_->open(row.locator);
  if (!opened) {
    const auto status = status_of(opened.error().code);
    if (status == blob_status::unreadable)
      log_unreadable(opened.error());
    return answer(to, status);
  }
  reader_ = std::move(*opened);
  at_ = 0;
  // A secondary of version 2 knows no content without a size.
  const bool is_endless = reader_->size() == size_unknown;
  if (wire_ < 3 && is_endless)
    return answer(to, blob_status::bad_locator);
  // A secondary of version 1 would make a file of the link's target.
  if (wire_ < 2 && reader_->attributes().kind == content_kind::link)
    return answer(to, blob_status::bad_locator);
  const auto equal = wanted.offer ? reader_->matches(*wanted.offer) : std::nullopt;
  if (equal && *equal)
    return answer(to, blob_status::match);
  if (rows_.size() > 1 && reader_->size() > large_blob_bytes_)
    return answer(to, blob_status::large);
  if (!wanted.offer || equal || wanted.offer->size > reader_->size())
    return begin_content(to, 0);
  hash_ = sha256{};
  doing_ = doing::comparing;
}

void blob_sender::compare(frame_encoder& to) {
  const auto& offer = *request_.blobs[index_].offer;
  if (at_ < offer.size) {
    scratch_.resize(piece_bytes);
    const auto wanted = std::min<std::uint64_t>(piece_bytes, offer.size - at_);
    const auto bytes = reader_->read(at_, std::span{scratch_}.first(wanted));
    if (!bytes) {
      log_unreadable(bytes.error());
      return answer(to, blob_status::unreadable);
    }
    if (*bytes == 0)
      return answer(to, blob_status::changed);
    hash_.update(std::span{scratch_}.first(*bytes));
    at_ += *bytes;
    silent_bytes_ += *bytes;
    return;
  }
  if (hash_.value() != offer.sum)
    return begin_content(to, 0);
  if (offer.size < reader_->size())
    return begin_content(to, offer.size);
  answer(to, reader_->unchanged() ? blob_status::match : blob_status::changed);
}

void blob_sender::begin_content(frame_encoder& to, std::uint64_t offset) {
  auto begun = head(blob_status::ok);
  begun.offset = offset;
  to.head(begun);
  at_ = offset;
  doing_ = doing::sending;
}

void blob_sender::send(frame_encoder& to) {
  const bool is_endless = reader_->size() == size_unknown;
  const auto left = reader_->size() - at_;
  if (left == 0)
    return end_content(to, reader_->unchanged() ? blob_status::ok : blob_status::changed);
  const auto ready = reader_->is_ready();
  if (ready && !*ready) {
    to.busy();
    waiting_ = true;
    return;
  }
  if (!ready) {
    log_unreadable(ready.error());
    return end_content(to, blob_status::unreadable);
  }
  const auto room = to.open_data(std::min<std::uint64_t>(piece_bytes, left));
  const auto bytes = reader_->read(at_, room);
  to.close_data(bytes.value_or(0));
  if (!bytes) {
    log_unreadable(bytes.error());
    return end_content(to, blob_status::unreadable);
  }
  if (*bytes == 0)
    return end_content(to,
                       is_endless && reader_->unchanged() ? blob_status::ok : blob_status::changed);
  at_ += *bytes;
}

void blob_sender::answer(frame_encoder& to, blob_status status) {
  to.head(head(status));
  reader_.reset();
  ++index_;
  doing_ = doing::next;
}

void blob_sender::end_content(frame_encoder& to, blob_status status) {
  to.tail(status);
  reader_.reset();
  ++index_;
  doing_ = doing::next;
}

blob_head blob_sender::head(blob_status status) const {
  blob_head made;
  made.index = static_cast<std::uint32_t>(index_);
  made.status = status;
  if (status == blob_status::ok || status == blob_status::match) {
    made.size = status == blob_status::match ? request_.blobs[index_].offer->size : reader_->size();
    made.attributes = reader_->attributes();
    made.sum = rows_[index_].sum;
  }
  return made;
}

void blob_sender::log_unreadable(const error& why) const {
  spdlog::warn("{}: can't be read: {}",
               to_string(replicable_id{request_.type, request_.blobs[index_].record}), why.message);
}

} // namespace farshore
