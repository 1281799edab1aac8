#include "strategies/repository/repository_receiver.hpp"

#include "config/locator.hpp"
#include "config/values.hpp"
#include "strategies/repository/refs_header.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace farshore {

namespace {

/// "PACK", version, number of objects: 4 bytes each, in network order.
constexpr std::size_t pack_head_bytes = 12;
/// More objects in an offer would not fit into a request; without the rest a pack may be larger
/// than it need be.
constexpr std::size_t have_max = 10'000;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// HEAD first, then branches: what is pushed to mostly grows from there.
std::vector<std::string> tips_of(const repository_refs& refs) {
  std::vector<std::string> tips;
  std::set<std::string_view> seen;
  const auto add = [&](const std::string& oid) {
    if (tips.size() < have_max && seen.insert(oid).second)
      tips.push_back(oid);
  };
  const auto head = refs.head_oid();
  if (head)
    add(*head);
  const auto is_branch = [](const ref& one) { return one.name.starts_with("refs/heads/"); };
  for (const auto& one : refs.refs)
    if (is_branch(one))
      add(one.oid);
  for (const auto& one : refs.refs)
    if (!is_branch(one))
      add(one.oid);
  return tips;
}

} // namespace

repository_receiver::repository_receiver(std::shared_ptr<workshop> at,
                                         std::shared_ptr<sync_job> job, std::string locator)
    : workshop_{std::move(at)}, job_{std::move(job)}, locator_{std::move(locator)} {}

repository_receiver::~repository_receiver() {
  discard();
}

void repository_receiver::discard() {
  index_.reset();
  temp_folder_ = {};
  if (!temp_.empty())
    workshop_->remove_temp(std::exchange(temp_, {}));
}

git_command repository_receiver::command(std::vector<std::string> arguments, int folder) const {
  git_command made;
  made.arguments = std::move(arguments);
  made.folder = folder;
  made.cancelled = [job = job_] { return !job->held->lasts(steady_time::min()); };
  return made;
}

// -- what is here already -------------------------------------------------------------------------

std::optional<content_offer> repository_receiver::offer() {
  mirror_ = {};
  pool_ = {};
  moved_from_.clear();
  auto use = workshop_->turns().begin_use(locator_);
  if (!use) {
    not_usable_ = std::move(use).error();
    return std::nullopt;
  }
  use_ = std::move(*use);
  if (job_->force || !workshop_->is_trusted(job_->id.record))
    return std::nullopt;
  const auto root = workshop_->root();
  if (!root)
    return std::nullopt;
  auto at_place = open_repository(*root, locator_);
  auto folder = at_place ? std::move(*at_place) : open_former(*root);
  if (!folder)
    return offer_pool(*root);
  auto refs = read_refs(folder.get());
  if (!refs)
    return std::nullopt;
  if (refs->refs.empty() && moved_from_.empty()) // as good as none
    if (auto offer = offer_pool(*root))
      return offer;
  mirror_ = std::move(folder);
  before_ = std::move(*refs);
  sum_ = refs_checksum(before_);
  return content_offer{0, sum_, tips_of(before_)};
}

std::optional<content_offer> repository_receiver::offer_pool(int root) {
  const auto locator = pool_of(*job_, locator_);
  if (!locator)
    return std::nullopt;
  pool_ = open_pool(root, *locator);
  if (!pool_)
    return std::nullopt;
  return content_offer{0, refs_checksum(pool_->refs), tips_of(pool_->refs)};
}

unique_fd repository_receiver::open_former(int root) {
  const auto there = what_lies_at(root, locator_);
  if (!there || (*there != lying::nothing && *there != lying::room))
    return {};
  for (const auto& encoded : job_->former) {
    const auto locator = decode_locator(encoded);
    if (!locator || !check_locator(*locator) || locator_.starts_with(*locator + '/'))
      continue;
    auto use = workshop_->turns().begin_use(*locator);
    auto folder = open_repository(root, *locator);
    if (!use || !folder)
      continue;
    former_use_ = std::move(*use);
    moved_from_ = *locator;
    return std::move(*folder);
  }
  return {};
}

result<void> repository_receiver::matched(const file_attributes&) {
  if (mirror_) {
    stage_ = stage::in_place;
    return {};
  }
  if (!pool_)
    return fail(ec::internal, "matched, but nothing was offered");
  refs_ = pool_->refs;
  auto made = demand_place();
  if (made)
    made = begin_mirror(refs_.format);
  if (made)
    made = write_first_refs(temp_folder_.get(), refs_);
  if (!made) {
    discard();
    return made;
  }
  sum_ = refs_checksum(refs_);
  stage_ = stage::complete;
  return {};
}

// -- what arrives ---------------------------------------------------------------------------------

result<void> repository_receiver::begin(std::uint64_t offset, std::uint64_t size,
                                        const file_attributes&) {
  if (offset != 0 || size != size_unknown)
    return fail(ec::protocol, "the primary has a file there, and this site expects a repository; "
                              "write the same strategy at both sites");
  if (auto place = demand_place(); !place)
    return place;
  stage_ = stage::header;
  return {};
}

/// A mirror can lie at the locator.
result<void> repository_receiver::demand_place() {
  if (not_usable_)
    return fail(*not_usable_);
  const auto root = workshop_->root();
  if (!root)
    return fail(root.error());
  const auto there = what_lies_at(*root, locator_);
  if (!there)
    return fail(there.error());
  if (*there == lying::other)
    return fail(ec::bad_locator, "what lies there is no repository; move it away");
  for (auto above = parent_of(locator_); !above.empty(); above = parent_of(above))
    if (const auto around = what_lies_at(*root, above); around && *around == lying::repository)
      return fail(ec::bad_locator,
                  fmt::format("it would lie within the repository \"{}\"; one can't hold another",
                              encode_locator(above)));
  return {};
}

result<void> repository_receiver::write(std::span<const std::byte> bytes) {
  if (stage_ != stage::header && stage_ != stage::pack)
    return fail(ec::internal, "bytes came before they were announced");
  auto taken = take(bytes);
  if (!taken)
    discard();
  return taken;
}

result<void> repository_receiver::take(std::span<const std::byte> bytes) {
  if (auto room = take_room(bytes.size()); !room)
    return room;
  received_ += bytes.size();
  if (received_ > workshop_->repository_bytes_max())
    return fail(ec::disk,
                fmt::format("it is larger than max_repository_size, which is {}; raise that "
                            "setting of the type, if it should be replicated",
                            readable_bytes(workshop_->repository_bytes_max())));
  job_->progress += bytes.size();
  if (stage_ == stage::pack)
    return take_pack(bytes);
  const auto looked = header_.size() - std::min<std::size_t>(header_.size(), 1);
  header_ += text_of(bytes);
  const auto end = header_.find(refs_header_end, looked);
  if (end == std::string::npos)
    return header_.size() <= refs_header_bytes_max
               ? result<void>{}
               : fail(ec::protocol, "the primary's list of refs has no end");
  const auto behind = end + refs_header_end.size();
  const auto rest = bytes.last(header_.size() - behind);
  header_.resize(behind);
  if (auto ended = end_header(); !ended)
    return ended;
  return take_pack(rest);
}

/// As much as arrives is taken from what may be begun in the store.
result<void> repository_receiver::take_room(std::uint64_t bytes) {
  if (!job_->room)
    return {};
  const auto wanted = static_cast<std::int64_t>(bytes);
  if (job_->room->fetch_sub(wanted) >= wanted) {
    job_->begun += bytes;
    return {};
  }
  job_->room->fetch_add(wanted);
  return fail(ec::no_space, fmt::format("its store has no more than `min_free` keeps free, {} of "
                                        "it came; free some space, and it is fetched by itself",
                                        readable_bytes(received_)));
}

result<void> repository_receiver::end_header() {
  auto refs = parse_refs_header(header_);
  if (!refs)
    return fail(std::move(refs).error());
  refs_ = std::move(*refs);
  header_ = {};
  stage_ = stage::pack;
  if (mirror_ && before_.format != refs_.format) {
    mirror_ = {};
    moved_from_.clear();
  }
  if (pool_ && pool_->refs.format != refs_.format)
    pool_ = {};
  if (!mirror_)
    return begin_mirror(refs_.format);
  if (auto made = make_temp("objects"); !made)
    return made;
  if (::mkdirat(temp_folder_.get(), "pack", 0755) != 0)
    return fail(ec::disk, "can't make the quarantine of the objects");
  return {};
}

result<void> repository_receiver::make_temp(const char* what) {
  temp_ = workshop_->temp_name(*job_, what);
  auto folder = workshop_->make_temp(temp_);
  if (!folder)
    return fail(std::move(folder).error());
  temp_folder_ = std::move(*folder);
  return {};
}

result<void> repository_receiver::begin_mirror(object_format format) {
  if (auto made = make_temp("git"); !made)
    return made;
  if (auto made = make_mirror(temp_folder_.get(), format); !made || !pool_)
    return made;
  return share_packs(*pool_, temp_folder_.get());
}

result<void> repository_receiver::take_pack(std::span<const std::byte> bytes) {
  if (index_)
    return index_->write(bytes);
  pack_head_ += text_of(bytes);
  if (pack_head_.size() < pack_head_bytes || pack_is_empty_)
    return {};
  if (!pack_head_.starts_with("PACK"))
    return fail(ec::protocol, "what the primary sends behind the refs is no pack");
  // git asks for a pack where it can't be sure, and gets one without objects.
  pack_is_empty_ = std::string_view{pack_head_}.substr(8, 4) == std::string_view{"\0\0\0\0", 4};
  if (pack_is_empty_)
    return {};
  if (auto started = start_index(); !started)
    return started;
  return index_->write(std::exchange(pack_head_, {}));
}

result<void> repository_receiver::start_index() {
  auto run = command({"index-pack", "--stdin", "--fix-thin", "-v",
                      fmt::format("--max-input-size={}", workshop_->repository_bytes_max())},
                     mirror_ ? mirror_.get() : temp_folder_.get());
  if (mirror_)
    run.environment = {"GIT_OBJECT_DIRECTORY=" + workshop_->temp_path(temp_).string(),
                       "GIT_ALTERNATE_OBJECT_DIRECTORIES=objects"};
  else if (!pool_) // nothing else is there: the pack has to be all of it
    run.arguments.emplace_back("--check-self-contained-and-connected");
  auto started = git_program::start(run);
  if (!started)
    return fail(std::move(started).error());
  index_ = std::move(*started);
  return {};
}

result<void> repository_receiver::finish() {
  if (stage_ != stage::pack)
    return fail(ec::protocol, "the primary's answer ends within its list of refs");
  // What git does now brings no byte, however long it takes; it has a deadline of its own.
  job_->moving = false;
  auto done = finish_pack();
  if (done)
    done = demand_objects();
  if (done && !mirror_)
    done = write_first_refs(temp_folder_.get(), refs_);
  if (!done) {
    discard();
    return done;
  }
  sum_ = refs_checksum(refs_);
  stage_ = stage::complete;
  return {};
}

result<void> repository_receiver::finish_pack() {
  if (!index_)
    return pack_head_.empty() || pack_is_empty_
               ? result<void>{}
               : fail(ec::protocol, "the primary's pack ends within its first bytes");
  const auto code = index_->finish();
  if (!code)
    return fail(code.error());
  if (*code == 0) {
    index_.reset();
    return {};
  }
  if (mirror_) // a base that should be here is not
    workshop_->distrust(job_->id.record);
  return fail(index_->failure(ec::protocol, "git does not take the primary's pack, or it lacks "
                                            "objects"));
}

/// All that the refs need is here.
result<void> repository_receiver::demand_objects() {
  std::set<std::string_view> known;
  for (const auto& one : pool_ ? pool_->refs.refs : before_.refs)
    known.insert(one.oid);
  std::set<std::string_view> fresh;
  const auto add = [&](std::string_view oid) {
    if (!known.contains(oid))
      fresh.insert(oid);
  };
  for (const auto& one : refs_.refs)
    add(one.oid);
  const auto head = refs_.head_oid();
  if (head)
    add(*head);
  if (fresh.empty())
    return {};
  std::string wanted;
  for (const auto& oid : fresh)
    wanted.append(oid).append(1, '\n');
  if (pool_)
    for (const auto& oid : known)
      wanted.append(1, '^').append(oid).append(1, '\n');
  // A new mirror's pack is known to be connected: it has only to have what the refs name. In an old
  // one a commit-graph would do for commits that are lost.
  auto run = mirror_ || pool_
                 ? command({"-c", "core.commitGraph=false", "rev-list", "--objects", "--stdin",
                            "--not", "--all", "--quiet", "--progress=connectivity"},
                           mirror_ ? mirror_.get() : temp_folder_.get())
                 : command({"cat-file", "--batch-check=%(objecttype)"}, temp_folder_.get());
  if (mirror_)
    run.environment = {"GIT_OBJECT_DIRECTORY=" + workshop_->temp_path(temp_).string(),
                       "GIT_ALTERNATE_OBJECT_DIRECTORIES=objects"};
  const auto looked = run_git(run, wanted);
  if (!looked)
    return fail(looked.error());
  if (looked->code == 0 && looked->output.find(" missing\n") == std::string::npos)
    return {};
  if (mirror_)
    workshop_->distrust(job_->id.record);
  return fail(
      ec::protocol,
      "objects that its refs need did not come from the primary" +
          (looked->complaints.empty() ? std::string{} : ": " + looked->complaints.substr(0, 300)));
}

// -- placing --------------------------------------------------------------------------------------

result<void> repository_receiver::ready() {
  if (stage_ != stage::complete && stage_ != stage::in_place)
    return fail(ec::internal, "there is nothing to place");
  return {};
}

result<void> repository_receiver::flush_received() {
  return stage_ == stage::complete ? flush_tree(temp_folder_.get()) : result<void>{};
}

result<void> repository_receiver::bring_objects() {
  if (!moved_from_.empty())
    if (auto moved = workshop_->move(moved_from_, locator_); !moved)
      return moved;
  if (stage_ != stage::complete || !mirror_)
    return {};
  if (auto moved = move_packs(temp_folder_.get(), mirror_.get()); !moved)
    return moved;
  return change_.prepare(mirror_.get(), refs_);
}

result<void> repository_receiver::flush_objects() {
  return stage_ == stage::complete && mirror_ ? change_.flush_prepared() : result<void>{};
}

result<void> repository_receiver::change_refs() {
  if (stage_ != stage::complete)
    return {};
  return mirror_ ? change_.commit() : workshop_->place(temp_, locator_);
}

result<void> repository_receiver::flush_refs() {
  if (stage_ == stage::complete && mirror_)
    if (auto flushed = change_.flush_names(); !flushed || moved_from_.empty())
      return flushed;
  return workshop_->files().flush_names(locator_);
}

landed repository_receiver::settle() {
  const bool adopted = stage_ == stage::in_place;
  stage_ = stage::placed;
  workshop_->trust(job_->id.record);
  discard(); // the old mirror, where there was one
  if (mirror_)
    workshop_->look_for_upkeep(mirror_.get(), locator_);
  use_.end();
  former_use_.end();
  return {sum_, 0, adopted};
}

void repository_receiver::condemn() {
  workshop_->distrust(job_->id.record);
}

} // namespace farshore
