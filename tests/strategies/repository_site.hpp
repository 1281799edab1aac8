// A primary's and a secondary's store of repositories in real folders, and what the client does
// between them, reduced to a loop.

#pragma once

#include "config/locator.hpp"
#include "strategies/make_strategy.hpp"
#include "tests/strategies/blob_site.hpp"
#include "tests/strategies/git_repository.hpp"
#include "tests/strategies/stores.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace farshore::test {

/// All that a reader gives. Never asks for more than is ready, as the sender does.
inline result<std::string> read_all(resource_reader& reader) {
  std::string all;
  std::vector<std::byte> buffer(10'000);
  for (;;) {
    const auto ready = reader.is_ready();
    if (!ready)
      return fail(ready.error());
    if (!*ready)
      continue;
    const auto n = reader.read(all.size(), buffer);
    if (!n)
      return fail(n.error());
    if (*n == 0)
      return all;
    all.append(reinterpret_cast<const char*>(buffer.data()), *n);
  }
}

struct repository_site {
  temporary_folder folder;
  fake_time time;
  replicable_type type = [this] {
    replicable_type t;
    t.name = "project";
    t.strategy = "repository";
    t.store = folder.path() / "secondary";
    return t;
  }();
  std::shared_ptr<strategy> primary = [this] {
    auto of_primary = type;
    of_primary.store = folder.path() / "primary";
    std::filesystem::create_directory(of_primary.store);
    return *make_strategy(of_primary, time);
  }();
  std::shared_ptr<strategy> secondary;
  /// Bytes that the last fetch() moved.
  std::size_t moved = 0;
  /// What lies between the sites may change what the primary says.
  std::function<void(std::string&)> on_the_way;

  repository_site() { start(); }

  /// A process with an own strategy begins.
  void start() {
    secondary = *make_strategy(type, time);
    if (auto prepared = secondary->prepare(); !prepared)
      throw std::runtime_error(prepared.error().message);
  }

  [[nodiscard]] std::filesystem::path there(const std::string& locator = "app.git") const {
    return type.store / locator;
  }
  [[nodiscard]] git_repository mirror(const std::string& locator = "app.git") const {
    return git_repository{there(locator)};
  }
  [[nodiscard]] git_repository init(const std::string& locator = "app.git",
                                    const std::string& format = "sha1") const {
    return git_repository::init(folder.path() / "primary" / locator, format);
  }
  /// Names in the secondary's `.farshore/tmp`.
  [[nodiscard]] std::size_t leftovers() const {
    const std::filesystem::directory_iterator all{type.store / ".farshore" / "tmp"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  std::shared_ptr<sync_job> job(record_id record = 1, const std::string& locator = "app.git") {
    auto made = std::make_shared<sync_job>();
    made->token = ++tokens_;
    made->id = {type.name, record};
    made->locator = encode_locator(locator);
    made->held = std::make_shared<lease>(time.now() + std::chrono::seconds{10});
    return made;
  }

  result<std::shared_ptr<receiver>> fetch(const std::shared_ptr<sync_job>& what) {
    moved = 0;
    auto into = secondary->receive(what);
    if (!into)
      return into;
    const auto offer = (*into)->offer();
    auto from = primary->open(what->locator);
    if (!from)
      return fail(from.error());
    if (offer && (*from)->matches(*offer) == true) {
      if (auto matched = (*into)->matched({}); !matched)
        return fail(matched.error());
      return into;
    }
    if (auto begun = (*into)->begin(0, (*from)->size(), {}); !begun)
      return fail(begun.error());
    auto content = read_all(**from);
    if (!content)
      return fail(content.error());
    if (on_the_way)
      on_the_way(*content);
    for (std::string_view rest{*content}; !rest.empty();) {
      const auto piece = rest.substr(0, 7'001);
      if (auto written = (*into)->write(bytes_of(piece)); !written)
        return fail(written.error());
      rest.remove_prefix(piece.size());
      moved += piece.size();
    }
    if (auto finished = (*into)->finish(); !finished)
      return fail(finished.error());
    return into;
  }

  result<landed> sync(const std::shared_ptr<sync_job>& what) {
    auto into = fetch(what);
    if (!into)
      return fail(into.error());
    std::vector<placement> batch(1);
    batch[0].job = what;
    batch[0].from = *into;
    secondary->place(batch);
    return batch[0].to;
  }
  /// Of a record that lay elsewhere before.
  result<landed> sync_moved(const std::string& from, const std::string& to, record_id record = 1) {
    const auto what = job(record, to);
    what->former = {encode_locator(from)};
    return sync(what);
  }
  result<landed> sync(record_id record = 1, const std::string& locator = "app.git") {
    return sync(job(record, locator));
  }

  result<void> remove(const std::string& locator = "app.git", record_id record = 1) {
    std::vector<removal> batch(1);
    batch[0].job = job(record, locator);
    batch[0].locators.push_back(encode_locator(locator));
    secondary->remove(batch);
    return batch[0].done;
  }

private:
  claim_token tokens_ = 0;
};

} // namespace farshore::test
