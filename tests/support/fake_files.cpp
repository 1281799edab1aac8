#include "tests/support/fake_files.hpp"

#include "strategies/beneath.hpp"
#include "strategies/file_errors.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

namespace farshore::test {

struct fake_volume::node {
  file_kind kind = file_kind::regular;
  std::uint64_t number = 0;
  std::uint64_t links = 0;

  // of a file; of a link its target
  std::string bytes;
  std::string flushed_bytes;
  file_attributes attributes;
  file_attributes flushed_attributes;
  std::int64_t changed_at = 0;
  bool dirty = false;
  /// A flush failed: the system believes the file to be clean, and the disk has never seen it.
  bool lost = false;
  bool locked = false;

  // of a folder: what each name has meant since it was flushed, the last one being now
  std::map<std::string, std::vector<node_ptr>> names;

  [[nodiscard]] bool is_link() const { return kind == file_kind::link; }
  [[nodiscard]] node_ptr now(const std::string& name) const {
    const auto there = names.find(name);
    return there == names.end() ? nullptr : there->second.back();
  }
  [[nodiscard]] bool is_empty() const {
    return std::all_of(names.begin(), names.end(),
                       [](const auto& name) { return name.second.back() == nullptr; });
  }
  void flush_name(const std::string& name) {
    if (const auto there = names.find(name); there != names.end())
      there->second = {there->second.back()};
  }
};

namespace {

constexpr const char* temps_path = ".farshore/tmp";
/// What a call of a dead process comes to; nobody hears it.
constexpr int dead = EOWNERDEAD;

std::vector<std::string> components(const std::string& path) {
  std::vector<std::string> all;
  for (std::size_t begin = 0; begin < path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    all.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return all;
}

tl::unexpected<error> refuse(int error_number, const std::string& verb, const std::string& path) {
  return fail(file_error(error_number, verb + " \"" + path + "\" in the fake store"));
}

} // namespace

// -- an open file ---------------------------------------------------------------------------------

class fake_file final : public open_file {
public:
  fake_file(std::shared_ptr<fake_volume> volume, fake_volume::node_ptr node, std::string name)
      : volume_{std::move(volume)},
        process_{volume_->process_},
        node_{std::move(node)},
        name_{std::move(name)} {}
  ~fake_file() override {
    if (holds_lock_ && process_ == volume_->process_)
      node_->locked = false;
  }

  static file_status status_of(const fake_volume::node& node) {
    file_status s;
    s.kind = node.kind;
    s.mode = node.attributes.mode;
    s.size = node.bytes.size();
    s.mtime_ns = node.attributes.mtime_ns;
    s.ctime_ns = node.changed_at;
    s.device = 1;
    s.inode = node.number;
    s.links = node.links;
    return s;
  }

  result<file_status> status() override {
    if (auto failed = volume_->call(process_))
      return refuse(failed, "examine", name_);
    return status_of(*node_);
  }

  result<std::size_t> read(std::uint64_t offset, std::span<std::byte> bytes) override {
    if (auto failed = volume_->call(process_))
      return refuse(failed, "read", name_);
    if (node_->kind == file_kind::folder)
      return refuse(EISDIR, "read", name_);
    const auto from = std::min<std::uint64_t>(offset, node_->bytes.size());
    const auto n = volume_->share_of(
        std::min<std::size_t>(bytes.size(), node_->bytes.size() - static_cast<std::size_t>(from)));
    std::memcpy(bytes.data(), node_->bytes.data() + from, n);
    return n;
  }

  result<std::size_t> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (auto failed = volume_->call(process_))
      return refuse(failed, "write", name_);
    const auto n = volume_->share_of(bytes.size());
    if (node_->bytes.size() < offset + n)
      node_->bytes.resize(offset + n);
    std::memcpy(node_->bytes.data() + offset, bytes.data(), n);
    volume_->touch(*node_);
    node_->attributes.mtime_ns = node_->changed_at;
    return n;
  }

  result<void> set_attributes(const file_attributes& attributes) override {
    if (auto failed = volume_->call(process_))
      return refuse(failed, "set the mode of", name_);
    node_->attributes = attributes;
    volume_->touch(*node_);
    return {};
  }

  result<void> flush() override {
    if (auto failed = volume_->call(process_)) {
      node_->lost = node_->lost || (node_->dirty && failed != dead);
      return refuse(failed, "flush", name_);
    }
    volume_->flush_bytes(*node_);
    return {};
  }

  bool lock() override {
    if (volume_->call(process_) != 0 || node_->locked)
      return false;
    node_->locked = holds_lock_ = true;
    return true;
  }

private:
  std::shared_ptr<fake_volume> volume_;
  std::uint64_t process_;
  fake_volume::node_ptr node_;
  std::string name_;
  bool holds_lock_ = false;
};

// -- a process's view -----------------------------------------------------------------------------

class fake_view final : public store_files {
public:
  fake_view(std::shared_ptr<fake_volume> volume, link_policy links)
      : volume_{std::move(volume)}, process_{volume_->process_}, links_{links} {}

  result<void> prepare() override {
    if (auto failed = call())
      return refuse(failed, "prepare", "");
    if (auto made = volume_->find_folder(temps_path, true, true); !made)
      return refuse(made.error(), "make the folder", temps_path);
    if (!mark())
      volume_->put(".farshore/identity", "fake" + std::to_string(++volume_->nodes_) + " 0\n");
    return {};
  }

  result<disk_space> space() override {
    if (auto failed = call())
      return refuse(failed, "ask how much is free at", "");
    return volume_->space_;
  }

  result<store_look> look() override {
    if (auto failed = call())
      return refuse(failed, "look at", "");
    return store_look{true, volume_->device_, volume_->root_->number, mark()};
  }

  result<void> write_mark(const store_mark& mark) override {
    if (auto failed = call())
      return refuse(failed, "write", ".farshore/identity");
    volume_->put(".farshore/identity", to_string(mark) + "\n");
    return {};
  }

  result<std::unique_ptr<open_file>> create_temp(const std::string& name) override {
    if (auto failed = call())
      return refuse(failed, "create", name);
    auto temps = volume_->find(temps_path);
    if (!temps)
      return fail(ec::internal, "the fake store is used before it is prepared");
    auto file = volume_->make(file_kind::regular);
    file->attributes.mode = 0600;
    volume_->set_name(**temps, name, file);
    return std::make_unique<fake_file>(volume_, std::move(file), name);
  }

  result<void> create_temp_link(const std::string& name, const std::string& target) override {
    if (auto failed = call())
      return refuse(failed, "create the link", name);
    auto temps = volume_->find(temps_path);
    if (!temps)
      return fail(ec::internal, "the fake store is used before it is prepared");
    auto link = volume_->make(file_kind::link);
    link->bytes = target;
    volume_->flush_bytes(*link);
    volume_->set_name(**temps, name, std::move(link));
    return {};
  }

  result<std::unique_ptr<open_file>> open_temp(const std::string& name) override {
    return open_at(std::string{temps_path} + "/" + name);
  }

  result<void> remove_temp(const std::string& name) override {
    if (auto failed = call())
      return refuse(failed, "remove", name);
    auto temps = volume_->find(temps_path);
    if (temps && (*temps)->now(name))
      volume_->set_name(**temps, name, nullptr);
    return {};
  }

  result<std::vector<std::string>> list_temps() override {
    if (auto failed = call())
      return refuse(failed, "list", temps_path);
    return volume_->temps();
  }

  result<std::unique_ptr<open_file>> open(const std::string& locator) override {
    return open_at(locator);
  }

  result<file_status> status(const std::string& locator) override {
    if (auto failed = call())
      return refuse(failed, "examine", locator);
    auto there = find(locator);
    if (!there)
      return refuse(there.error(), "examine", locator);
    return fake_file::status_of(**there);
  }

  result<stored_link> read_link(const std::string& locator) override {
    if (auto failed = call())
      return refuse(failed, "read the link", locator);
    auto there = find(locator);
    if (!there)
      return refuse(there.error(), "read the link", locator);
    if (!(*there)->is_link())
      return fail(ec::bad_locator, locator + " is no link");
    return stored_link{(*there)->bytes, fake_file::status_of(**there)};
  }

  result<void> rename_temp(const std::string& name, const std::string& locator) override {
    if (auto failed = call())
      return refuse(failed, "put a file at", locator);
    auto temps = volume_->find(temps_path);
    auto what = temps ? (*temps)->now(name) : nullptr;
    if (!what)
      return fail(ec::disk, "the temporary file " + name + " has vanished");
    auto into = volume_->find_folder(parent_of(locator), true, false);
    if (!into)
      return refuse(into.error(), "put a file at", locator);
    const auto leaf = leaf_of(locator);
    const auto there = (*into)->now(leaf);
    const bool refused_link = there && there->is_link() && links_ == link_policy::refused;
    if (there && (refused_link || there->kind == file_kind::other ||
                  (there->kind == file_kind::folder && !there->is_empty())))
      return refuse(refused_link ? ELOOP : EISDIR, "put a file at", locator);
    volume_->set_name(**into, leaf, what);
    volume_->set_name(**temps, name, nullptr);
    return {};
  }

  result<void> remove(const std::string& locator) override {
    if (auto failed = call())
      return refuse(failed, "remove", locator);
    auto there = find(locator);
    if (!there && there.error() == ELOOP && links_ == link_policy::kept)
      return {};
    if (!there && there.error() == ELOOP)
      return refuse(ELOOP, "remove", locator);
    if (there && (*there)->kind == file_kind::other)
      return refuse(ELOOP, "remove", locator);
    if (there && (*there)->kind == file_kind::folder)
      return {};
    if (there)
      volume_->set_name(**volume_->find(parent_of(locator)), leaf_of(locator), nullptr);
    for (auto path = parent_of(locator); !path.empty(); path = parent_of(path)) {
      auto folder = volume_->find(path);
      if (!folder)
        continue;
      if ((*folder)->kind != file_kind::folder || !(*folder)->is_empty())
        break;
      volume_->set_name(**volume_->find(parent_of(path)), leaf_of(path), nullptr);
    }
    return {};
  }

  result<void> flush_names(const std::string& locator) override {
    if (auto failed = call())
      return refuse(failed, "flush the names of", locator);
    auto folder = volume_->root_;
    const auto parent = components(parent_of(locator));
    for (const auto& name : parent) {
      folder->flush_name(name);
      auto next = folder->now(name);
      if (!next || next->kind != file_kind::folder)
        return {};
      folder = std::move(next);
    }
    for (const auto& [name, history] : folder->names)
      folder->flush_name(name);
    return {};
  }

  result<void> flush_all() override {
    const int failed = call();
    if (failed != dead)
      volume_->flush_everything(*volume_->root_, failed != 0);
    if (failed != 0)
      return refuse(failed, "flush the file system of", "");
    return {};
  }

private:
  int call() { return volume_->call(process_); }

  [[nodiscard]] fake_volume::found find(const std::string& locator) const {
    return links_ == link_policy::kept ? volume_->find_entry(locator) : volume_->find(locator);
  }

  [[nodiscard]] std::optional<store_mark> mark() const {
    const auto text = volume_->content(".farshore/identity");
    return text ? read_mark(*text) : std::nullopt;
  }

  result<std::unique_ptr<open_file>> open_at(const std::string& path) {
    if (auto failed = call())
      return refuse(failed, "open", path);
    auto there = volume_->find(path);
    if (!there)
      return refuse(there.error(), "open", path);
    return std::make_unique<fake_file>(volume_, std::move(*there), path);
  }

  std::shared_ptr<fake_volume> volume_;
  std::uint64_t process_;
  link_policy links_;
};

// -- the volume -----------------------------------------------------------------------------------

fake_volume::fake_volume(std::uint64_t seed) : random_{seed}, root_{make(file_kind::folder)} {}

fake_volume::~fake_volume() = default;

std::shared_ptr<store_files> fake_volume::mount(link_policy links) {
  return std::make_shared<fake_view>(shared_from_this(), links);
}

void fake_volume::kill() {
  ++process_;
  std::vector<node_ptr> all{root_};
  while (!all.empty()) {
    const auto one = std::move(all.back());
    all.pop_back();
    one->locked = false;
    for (const auto& [name, history] : one->names)
      if (history.back())
        all.push_back(history.back());
  }
}

void fake_volume::power_cut() {
  kill();
  clear_faults();
  lose(*root_);
}

int fake_volume::call(std::uint64_t process) {
  ++calls_;
  if (calls_ == kill_)
    kill();
  if (process != process_)
    return dead;
  const bool due = fail_from_ != 0 && (for_good_ ? calls_ >= fail_from_ : calls_ == fail_from_);
  return due ? error_ : 0;
}

std::size_t fake_volume::share_of(std::size_t wanted) {
  if (calls_ != shorten_ || wanted < 2)
    return wanted;
  return 1 + static_cast<std::size_t>(random_.below(wanted - 1));
}

void fake_volume::fail_at(std::uint64_t n, int error_number, bool for_good) {
  fail_from_ = calls_ + n;
  error_ = error_number;
  for_good_ = for_good;
}

void fake_volume::kill_at(std::uint64_t n) {
  kill_ = calls_ + n;
}

void fake_volume::shorten_at(std::uint64_t n) {
  shorten_ = calls_ + n;
}

void fake_volume::clear_faults() {
  fail_from_ = 0;
  kill_ = 0;
  shorten_ = 0;
}

fake_volume::node_ptr fake_volume::make(file_kind kind) {
  auto made = std::make_shared<node>();
  made->kind = kind;
  made->number = ++nodes_;
  touch(*made);
  return made;
}

void fake_volume::touch(node& changed) {
  changed.changed_at = ++ticks_;
  changed.dirty = true;
}

fake_volume::found fake_volume::find(const std::string& path) const {
  auto at = root_;
  for (const auto& name : components(path)) {
    if (at->kind != file_kind::folder)
      return tl::make_unexpected(ENOTDIR);
    at = at->now(name);
    if (!at)
      return tl::make_unexpected(ENOENT);
    if (at->is_link())
      return tl::make_unexpected(ELOOP);
  }
  return at;
}

fake_volume::found fake_volume::find_entry(const std::string& path) const {
  auto folder = find(parent_of(path));
  if (!folder)
    return folder;
  if ((*folder)->kind != file_kind::folder)
    return tl::make_unexpected(ENOTDIR);
  auto there = (*folder)->now(leaf_of(path));
  if (!there)
    return tl::make_unexpected(ENOENT);
  return there;
}

fake_volume::found fake_volume::find_folder(const std::string& path, bool make_it, bool durably) {
  auto at = root_;
  for (const auto& name : components(path)) {
    auto next = at->now(name);
    if (!next && !make_it)
      return tl::make_unexpected(ENOENT);
    if (!next)
      set_name(*at, name, next = make(file_kind::folder));
    if (next->is_link())
      return tl::make_unexpected(ELOOP);
    if (next->kind != file_kind::folder)
      return tl::make_unexpected(ENOTDIR);
    if (durably)
      at->flush_name(name);
    at = std::move(next);
  }
  return at;
}

void fake_volume::set_name(node& folder, const std::string& name, node_ptr to) {
  auto& history = folder.names[name];
  if (history.empty())
    history.push_back(nullptr);
  if (history.back()) {
    --history.back()->links;
    history.back()->changed_at = ++ticks_;
  }
  if (to) {
    ++to->links;
    to->changed_at = ++ticks_;
  }
  history.push_back(std::move(to));
}

void fake_volume::flush_bytes(node& file) {
  if (file.lost)
    return;
  file.flushed_bytes = file.bytes;
  file.flushed_attributes = file.attributes;
  file.dirty = false;
}

/// A failing flush has written some and lost some.
void fake_volume::flush_everything(node& folder, bool failing) {
  for (auto& [name, history] : folder.names) {
    if (!failing || random_.below(2) == 0)
      history = {history.back()};
    auto here = history.back();
    if (!here)
      continue;
    if (here->kind == file_kind::folder)
      flush_everything(*here, failing);
    else if (!failing || random_.below(2) == 0)
      flush_bytes(*here);
    else
      here->lost = here->lost || here->dirty;
  }
}

void fake_volume::lose(node& folder) {
  std::set<node*> seen;
  std::vector<node*> left{&folder};
  while (!left.empty()) {
    auto& one = *left.back();
    left.pop_back();
    for (auto name = one.names.begin(); name != one.names.end();) {
      auto& history = name->second;
      history = {history[random_.below(history.size())]};
      name = history.back() ? std::next(name) : one.names.erase(name);
    }
    for (auto& [name, history] : one.names) {
      auto& child = *history.back();
      const bool again = !seen.insert(&child).second;
      child.links = again ? child.links + 1 : 1;
      if (again)
        continue;
      if (child.kind == file_kind::folder) {
        left.push_back(&child);
        continue;
      }
      if (!child.dirty)
        continue;
      const auto part = child.bytes.empty() ? 0 : random_.below(child.bytes.size() + 1);
      if (child.bytes != child.flushed_bytes)
        switch (child.lost ? random_.below(2) : random_.below(4)) {
        case 0:
          child.bytes = child.flushed_bytes;
          break;
        case 1:
          std::fill(child.bytes.begin() + static_cast<std::ptrdiff_t>(part), child.bytes.end(),
                    '\0');
          break;
        case 2:
          child.bytes.resize(part);
          break;
        default:
          break;
        }
      if (random_.below(2) == 0)
        child.attributes = child.flushed_attributes;
      child.lost = false;
      flush_bytes(child);
    }
  }
}

void fake_volume::mount_over(std::uint64_t device) {
  unmounted_[device_] = root_;
  device_ = device;
  auto& root = unmounted_[device];
  root_ = root ? root : make(file_kind::folder);
}

// -- the world outside ----------------------------------------------------------------------------

void fake_volume::place(const std::string& path, node_ptr what) {
  auto folder = find_folder(parent_of(path), true, true);
  if (!folder)
    return;
  set_name(**folder, leaf_of(path), std::move(what));
  (*folder)->flush_name(leaf_of(path));
}

void fake_volume::put(const std::string& path, std::string bytes,
                      const file_attributes& attributes) {
  auto file = make(file_kind::regular);
  file->bytes = std::move(bytes);
  file->attributes = attributes;
  flush_bytes(*file);
  place(path, std::move(file));
}

void fake_volume::rewrite(const std::string& path, std::string bytes) {
  auto file = find(path);
  if (!file)
    return;
  (*file)->bytes = std::move(bytes);
  touch(**file);
  (*file)->attributes.mtime_ns = (*file)->changed_at;
  flush_bytes(**file);
}

void fake_volume::put_folder(const std::string& path) {
  place(path, make(file_kind::folder));
}

void fake_volume::put_link(const std::string& path, std::string target) {
  auto link = make(file_kind::link);
  link->bytes = std::move(target);
  flush_bytes(*link);
  place(path, std::move(link));
}

void fake_volume::put_pipe(const std::string& path) {
  place(path, make(file_kind::other));
}

void fake_volume::erase(const std::string& path) {
  auto folder = find(parent_of(path));
  if (!folder || !(*folder)->now(leaf_of(path)))
    return;
  set_name(**folder, leaf_of(path), nullptr);
  (*folder)->flush_name(leaf_of(path));
}

std::optional<std::string> fake_volume::content(const std::string& path) const {
  auto there = find(path);
  if (!there || (*there)->kind != file_kind::regular)
    return std::nullopt;
  return (*there)->bytes;
}

std::optional<std::string> fake_volume::link(const std::string& path) const {
  auto there = find_entry(path);
  if (!there || !(*there)->is_link())
    return std::nullopt;
  return (*there)->bytes;
}

std::optional<file_attributes> fake_volume::attributes(const std::string& path) const {
  auto there = find(path);
  if (!there || (*there)->kind != file_kind::regular)
    return std::nullopt;
  return (*there)->attributes;
}

bool fake_volume::is_folder(const std::string& path) const {
  auto there = find(path);
  return there && (*there)->kind == file_kind::folder;
}

void fake_volume::collect(const node& folder, const std::string& prefix,
                          std::map<std::string, std::string>& into) const {
  for (const auto& [name, history] : folder.names) {
    const auto& here = history.back();
    if (here && here->kind == file_kind::folder && prefix + name != ".farshore")
      collect(*here, prefix + name + "/", into);
    if (here && here->kind == file_kind::regular)
      into.emplace(prefix + name, here->bytes);
  }
}

std::map<std::string, std::string> fake_volume::files() const {
  std::map<std::string, std::string> all;
  collect(*root_, "", all);
  return all;
}

std::vector<std::string> fake_volume::temps() const {
  std::vector<std::string> names;
  if (auto folder = find(temps_path))
    for (const auto& [name, history] : (*folder)->names)
      if (history.back())
        names.push_back(name);
  return names;
}

} // namespace farshore::test
