// The blobs that one request asks for, on their way from the answer's frames into their receivers.
//
// No sockets. Used by one thread at a time; its calls block on the disk. Whatever happens, each
// item is settled once: its callback is called.

#pragma once

#include "config/error.hpp"
#include "net/frames.hpp"
#include "strategies/strategy.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

/// A blob that is to be fetched.
struct fetch_item {
  std::shared_ptr<sync_job> job;
  std::shared_ptr<receiver> into;
  std::function<void(result<void>)> done;
  /// What is here already, once that was looked at.
  bool looked = false;
  std::optional<content_offer> offer = {};

  /// Its claim was taken away: nobody waits for it any more.
  [[nodiscard]] bool abandoned() const { return !job->held->lasts(steady_time::min()); }
};

class blob_batch final : public frame_handler {
public:
  /// All of one type.
  explicit blob_batch(std::vector<fetch_item> items);

  /// Looks what is here already, and settles what was abandoned meanwhile. Items whose offer is
  /// above `large_blob_bytes` are taken out into large(), unless there is but one; and so are those
  /// that may be large, unless this batch is for such.
  void prepare(std::uint64_t large_blob_bytes, bool for_large);
  /// The body of the request for what is left; `size()` of them.
  [[nodiscard]] std::string request_body() const;
  [[nodiscard]] std::size_t size() const { return items_.size(); }

  result<void> on_head(const blob_head& head) override;
  void on_data(std::span<const std::byte> bytes) override;
  void on_tail(blob_status status) override;
  void on_busy() override;

  /// Whether our own bandwidth cap holds back the blob that is coming now: that is no lack of
  /// progress. Not while another call is under way.
  void hold(bool held);

  /// Nothing of what is still to come is of use to anybody, and it is much.
  [[nodiscard]] bool pointless() const;
  /// Settles what is not settled yet.
  void fail_rest(const error& why);
  /// Not settled: to be asked for alone.
  std::vector<fetch_item> take_large();

private:
  struct entry {
    fetch_item what;
    bool open = true;
  };

  result<void> begin(const blob_head& head);
  result<void> match(const blob_head& head);
  void settle(entry& which, result<void> how);
  void refuse(entry& which, blob_status status);

  std::vector<entry> items_;
  std::vector<fetch_item> large_;
  /// The blob whose frames come now, and how much of it is still to come.
  std::size_t current_ = 0;
  std::uint64_t left_ = 0;
};

} // namespace farshore
