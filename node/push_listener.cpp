#include "node/push_listener.hpp"

#include "config/locator.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

namespace farshore {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t notes_at_once = 1'000;

} // namespace

std::optional<std::string> locator_beneath(const fs::path& store, const fs::path& folder) {
  std::error_code failed;
  const auto real_store = fs::weakly_canonical(store, failed);
  const auto real_folder = fs::weakly_canonical(folder, failed);
  if (failed)
    return std::nullopt;
  const auto relative = real_folder.lexically_relative(real_store).string();
  if (relative.empty() || relative == "." || !check_locator(relative))
    return std::nullopt;
  return encode_locator(relative);
}

result<std::unique_ptr<push_listener>> push_listener::start(push_listener_parts parts) {
  if (auto made = prepare_push_spool(parts.spool); !made)
    return fail(std::move(made).error());
  unique_fd watch{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  unique_fd stop{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!watch || !stop ||
      ::inotify_add_watch(watch.get(), parts.spool.c_str(), IN_MOVED_TO | IN_ONLYDIR) < 0)
    return fail(ec::internal, "the hooks' spool \"" + parts.spool.string() +
                                  "\" can't be watched: " + std::strerror(errno));
  return std::unique_ptr<push_listener>{
      new push_listener{std::move(parts), std::move(watch), std::move(stop)}};
}

push_listener::push_listener(push_listener_parts parts, unique_fd watch, unique_fd stop)
    : parts_{std::move(parts)},
      spool_{parts_.spool},
      watch_{std::move(watch)},
      stop_{std::move(stop)},
      thread_{[this] { run(); }} {}

push_listener::~push_listener() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void push_listener::run() {
  std::array<pollfd, 2> both{{{watch_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  for (;;) {
    const bool level = take_up();
    ::poll(both.data(), both.size(), level ? -1 : static_cast<int>(parts_.retry.count()));
    if (both[1].revents != 0)
      return;
    std::array<char, 4096> events{};
    while (::read(watch_.get(), events.data(), events.size()) > 0) {
    }
  }
}

bool push_listener::take_up() {
  const auto notes = spool_.read(notes_at_once);
  if (!notes) {
    spdlog::warn("what hooks left can't be read: {}", notes.error().message);
    return false;
  }
  // Pushes that came together are one change.
  std::set<std::pair<std::string, std::string>> done;
  bool level = notes->size() < notes_at_once;
  for (const auto& note : *notes) {
    const auto what = std::pair{note.type, note.repository};
    if (done.contains(what)) {
      spool_.remove(note.file);
    } else if (take_up(note)) {
      done.insert(what);
    } else {
      level = false;
    }
  }
  if (level)
    complained_ = false;
  return level;
}

bool push_listener::take_up(const push_note& note) {
  const auto settings = parts_.settings();
  const auto* type = settings->find_type(note.type);
  if (!type || !type->enabled) {
    spool_.set_aside(note.file, "no type \"" + note.type + "\" is replicated here");
    return true;
  }
  const auto locator = locator_beneath(type->store, note.repository);
  if (!locator) {
    spool_.set_aside(note.file, "\"" + encode_locator(note.repository) +
                                    "\" does not lie in the store of type " + note.type);
    return true;
  }
  const auto key = parts_.key_at(note.type, *locator);
  auto published = key ? result<void>{} : result<void>{fail(key.error())};
  if (key && *key)
    published = parts_.publish(note.type, **key);
  const bool no_row = (key && !*key) || (!published && published.error().code == ec::not_found);
  if (!published && !no_row) {
    if (!std::exchange(complained_, true))
      spdlog::warn("a push into {} is told of later: {}", *locator, published.error().message);
    return false;
  }
  if (no_row && type->scanned())
    parts_.look_at(note.type, *locator);
  else if (no_row) // its row's own event will tell, when it is committed
    spdlog::warn("a push into {}: no record of type {} lies there (yet)", *locator, note.type);
  spool_.remove(note.file);
  return true;
}

} // namespace farshore
