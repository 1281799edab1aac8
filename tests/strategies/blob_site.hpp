// A secondary's blob store over the double, and a primary reduced to a string: what the client does
// between them stands in `fetch`.

#pragma once

#include "config/locator.hpp"
#include "strategies/make_strategy.hpp"
#include "strategies/sha256.hpp"
#include "strategies/store_files.hpp"
#include "tests/support/fake_files.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace farshore::test {

class fake_time final : public time_source {
public:
  [[nodiscard]] steady_time now() const override { return now_; }
  [[nodiscard]] wall_time wall() const override { return wall_time{now_.time_since_epoch()}; }
  void advance(std::chrono::milliseconds by) { now_ += by; }

private:
  steady_time now_{std::chrono::hours{1}};
};

inline checksum sum_of(std::string_view text) {
  sha256 hash;
  hash.update(std::as_bytes(std::span{text}));
  return hash.value();
}

/// Compressible by nobody, different at every place: so a mix of two is seen.
inline std::string random_text(std::size_t size, std::uint64_t seed) {
  random_source random{seed};
  std::string text(size, ' ');
  for (auto& c : text)
    c = static_cast<char>(random.next());
  return text;
}

struct blob_site {
  using wrap = std::function<std::shared_ptr<store_files>(std::shared_ptr<store_files>)>;

  explicit blob_site(std::uint64_t seed = 1, wrap around = {})
      : volume{std::make_shared<fake_volume>(seed)}, around_{std::move(around)} {
    start();
  }

  /// A process with an own strategy begins.
  result<void> start() {
    auto files = volume->mount(type.scanned() ? link_policy::kept : link_policy::refused);
    store = *make_strategy(type, time, around_ ? around_(files) : files);
    return store->prepare();
  }

  std::shared_ptr<sync_job> job(record_id record, const std::string& locator) {
    auto made = std::make_shared<sync_job>();
    made->token = ++tokens_;
    made->id = {type.name, record};
    made->locator = encode_locator(locator);
    made->held = std::make_shared<lease>(time.now() + std::chrono::seconds{10});
    return made;
  }

  /// Brings `content` into a receiver as the primary's client would. `cut_after`: the connection
  /// breaks after so many bytes, and the receiver's last holder lets go of it.
  result<std::shared_ptr<receiver>> fetch(const std::shared_ptr<sync_job>& what,
                                          std::string_view content,
                                          const file_attributes& attributes = {},
                                          std::size_t cut_after = std::string::npos) {
    auto into = store->receive(what);
    if (!into)
      return into;
    moved = 0;
    const auto offer = (*into)->offer();
    std::size_t offset = 0;
    if (offer && offer->size <= content.size() &&
        offer->sum == sum_of(content.substr(0, offer->size))) {
      if (offer->size == content.size()) {
        if (auto matched = (*into)->matched(attributes); !matched)
          return fail(matched.error());
        return into;
      }
      offset = offer->size;
    }
    if (auto begun = (*into)->begin(offset, content.size(), attributes); !begun)
      return fail(begun.error());
    for (content.remove_prefix(offset); !content.empty() && moved < cut_after;) {
      const auto piece = content.substr(0, std::min<std::size_t>(10'000, cut_after - moved));
      if (auto written = (*into)->write(std::as_bytes(std::span{piece})); !written)
        return fail(written.error());
      moved += piece.size();
      content.remove_prefix(piece.size());
    }
    if (!content.empty())
      return fail(ec::primary_unreachable, "the test broke off");
    if (auto finished = (*into)->finish(); !finished)
      return fail(finished.error());
    return into;
  }

  /// All the way for one record.
  result<landed> sync(const std::shared_ptr<sync_job>& what, std::string_view content,
                      const file_attributes& attributes = {}) {
    auto into = fetch(what, content, attributes);
    if (!into)
      return fail(into.error());
    std::vector<placement> batch(1);
    batch[0].job = what;
    batch[0].from = *into;
    store->place(batch);
    return batch[0].to;
  }

  result<landed> sync(record_id record, const std::string& locator, std::string_view content) {
    return sync(job(record, locator), content);
  }

  result<void> remove(const std::shared_ptr<sync_job>& what,
                      const std::vector<std::string>& locators) {
    std::vector<removal> batch(1);
    batch[0].job = what;
    for (const auto& locator : locators)
      batch[0].locators.push_back(encode_locator(locator));
    store->remove(batch);
    return batch[0].done;
  }

  replicable_type type = [] {
    replicable_type t;
    t.name = "package_file";
    t.strategy = "blob";
    t.store = "/of/the/test";
    return t;
  }();
  fake_time time;
  std::shared_ptr<fake_volume> volume;
  std::shared_ptr<strategy> store;
  /// Bytes that the last fetch() moved.
  std::size_t moved = 0;

private:
  wrap around_;
  claim_token tokens_ = 0;
};

} // namespace farshore::test
