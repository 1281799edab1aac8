#include "strategies/blob/blob_receiver.hpp"

#include "config/values.hpp"
#include "strategies/blob/hash_file.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace farshore {

namespace {

constexpr std::uint64_t small_blob_bytes = 64 * 1024;
/// Linux makes no longer ones.
constexpr std::uint64_t link_bytes_max = 4095;

content_kind kind_of(const file_status& there) {
  return there.kind == file_kind::link ? content_kind::link : content_kind::regular;
}

} // namespace

blob_receiver::blob_receiver(std::shared_ptr<shelf> from, std::shared_ptr<sync_job> job,
                             std::string locator)
    : shelf_{std::move(from)},
      job_{std::move(job)},
      locator_{std::move(locator)},
      failures_before_{shelf_->failed_flushes()} {}

blob_receiver::~blob_receiver() {
  if (temp_.empty())
    return;
  const bool resumable = file_ && received_ > 0 && !in_memory_;
  file_.reset();
  if (resumable)
    shelf_->put_back(job_->id.record, temp_, failures_before_);
  else
    (void)shelf_->files().remove_temp(temp_); // the next start sweeps what stays now
}

error blob_receiver::about(error why) const {
  return farshore::about(*job_, std::move(why));
}

tl::unexpected<error> blob_receiver::give_up(error why) {
  if (why.code == ec::no_space)
    discard();
  return fail(about(std::move(why)));
}

void blob_receiver::discard() {
  file_.reset();
  bytes_ = {};
  if (!temp_.empty())
    (void)shelf_->files().remove_temp(std::exchange(temp_, {}));
}

void blob_receiver::condemn() {
  if (stage_ == stage::in_place)
    shelf_->distrust(locator_);
  discard();
  stage_ = stage::condemned;
}

// -- what is here already -------------------------------------------------------------------------

std::optional<content_offer> blob_receiver::offer() {
  offered_in_place_.reset();
  if (job_->force) {
    shelf_->drop(job_->id.record);
    offered_.reset();
    return offered_;
  }
  offered_ = offer_leftover();
  if (!offered_)
    offered_ = offer_in_place();
  return offered_;
}

std::optional<content_offer> blob_receiver::offer_leftover() {
  auto name = shelf_->take(job_->id.record);
  if (!name)
    return std::nullopt;
  auto file = shelf_->files().open_temp(*name);
  // Locked: a worker of the time before a reload still writes to it.
  if (!file || !(*file)->lock())
    return std::nullopt;
  temp_ = *name;
  file_ = std::move(*file);
  const auto there = file_->status();
  // A second link: the file system came back from a power cut with half a rename. Never write to
  // it.
  const bool usable = there && there->kind == file_kind::regular && there->links == 1 &&
                      there->size > 0 && there->size <= job_->size.value_or(there->size);
  if (!usable || !hash_through(*file_, there->size, hash_)) {
    hash_ = {};
    discard();
    return std::nullopt;
  }
  received_ = there->size;
  return content_offer{received_, hash_.value()};
}

std::optional<content_offer> blob_receiver::offer_in_place() {
  auto file = shelf_->files().open(locator_);
  if (!file) {
    if (file.error().code != ec::bad_locator)
      return std::nullopt;
    if (shelf_->keeps_links())
      if (const auto link = shelf_->files().read_link(locator_))
        return offer_link(*link);
    obstacle_ = std::move(file).error();
    return std::nullopt;
  }
  const auto there = (*file)->status();
  if (there && there->kind == file_kind::other)
    obstacle_ = error{ec::bad_locator, "what lies there is no regular file; move it away"};
  const bool usable = there && there->kind == file_kind::regular &&
                      there->size <= job_->size.value_or(there->size) &&
                      shelf_->is_trusted(locator_, *there);
  sha256 hash;
  if (!usable || !hash_through(**file, there->size, hash))
    return std::nullopt;
  offered_in_place_ = *there;
  return content_offer{there->size, hash.value()};
}

std::optional<content_offer> blob_receiver::offer_link(const stored_link& link) {
  if (link.target.size() > job_->size.value_or(link.target.size()) ||
      !shelf_->is_trusted(locator_, link.status))
    return std::nullopt;
  sha256 hash;
  hash.update(std::as_bytes(std::span{link.target}));
  offered_in_place_ = link.status;
  return content_offer{link.target.size(), hash.value()};
}

result<void> blob_receiver::matched(const file_attributes& attributes) {
  if (!offered_)
    return fail(about({ec::internal, "matched, but nothing was offered"}));
  if (auto right = demand_expected(offered_->sum); !right)
    return right;
  const auto lies_as = offered_in_place_ ? kind_of(*offered_in_place_) : content_kind::regular;
  if (lies_as != attributes.kind)
    return change_kind(attributes);
  attributes_ = shelf_->adjust(attributes);
  sum_ = offered_->sum;
  size_ = offered_->size;
  adopted_ = true;
  if (offered_in_place_) {
    stage_ = stage::in_place;
    return {};
  }
  if (auto set = file_->set_attributes(attributes_); !set)
    return fail(about(std::move(set).error()));
  stage_ = stage::in_temp;
  return {};
}

result<void> blob_receiver::change_kind(const file_attributes& attributes) {
  if (!offered_in_place_) {
    discard(); // of a file that a link has replaced
    return fail(about({ec::changed, "the primary has a link by now"}));
  }
  if (auto begun = begin(0, offered_->size, attributes); !begun)
    return begun;
  if (auto copied = copy_offered(); !copied)
    return copied;
  return finish();
}

// -- what arrives ---------------------------------------------------------------------------------

result<void> blob_receiver::begin(std::uint64_t offset, std::uint64_t size,
                                  const file_attributes& attributes) {
  if (obstacle_)
    return fail(about(*obstacle_));
  if (size == size_unknown)
    return fail(about({ec::protocol, "the primary has a repository there, and this site expects a "
                                     "file; write the same strategy at both sites"}));
  if (offset > size || (offset != 0 && (!offered_ || offset != offered_->size)))
    return fail(about({ec::protocol, fmt::format("bytes from {} on were announced, which were not "
                                                 "asked for",
                                                 offset)}));
  const bool goes_on = offset != 0 && !offered_in_place_;
  if (auto room = take_room(goes_on ? size - offset : size); !room)
    return room;
  attributes_ = shelf_->adjust(attributes);
  if (is_link())
    if (auto fits = demand_link(offset, size); !fits)
      return fail(about(std::move(fits).error()));
  size_ = size;
  stage_ = stage::receiving;
  if (goes_on)
    return {};
  discard();
  hash_ = {};
  received_ = 0;
  failures_before_ = shelf_->failed_flushes();
  in_memory_ = size <= small_blob_bytes;
  if (in_memory_) {
    bytes_.reserve(size);
  } else {
    temp_ = shelf_->temp_name(*job_, true);
    auto file = shelf_->files().create_temp(temp_);
    if (!file)
      return fail(about(std::move(file).error()));
    file_ = std::move(*file);
    if (!file_->lock())
      return fail(about({ec::disk, "the new temporary file is locked by somebody else"}));
  }
  return offset == 0 ? result<void>{} : copy_offered();
}

/// A content that is larger than what is free above the low-water mark is not begun.
result<void> blob_receiver::take_room(std::uint64_t bytes) {
  if (!job_->room)
    return {};
  const auto wanted = static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, INT64_MAX));
  const auto room = job_->room->fetch_sub(wanted);
  if (wanted <= room) {
    job_->begun += bytes;
    return {};
  }
  job_->room->fetch_add(wanted);
  return fail(about(
      {ec::no_space,
       fmt::format("it needs {}, and its store has {} more than `min_free` keeps free; "
                   "free some space, and it is fetched by itself",
                   readable_bytes(bytes),
                   readable_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(room, 0))))}));
}

result<void> blob_receiver::demand_link(std::uint64_t offset, std::uint64_t size) const {
  if (!shelf_->keeps_links())
    return fail(ec::bad_locator, "the primary has a symbolic link there, which belongs to scanned "
                                 "types only; write scan = \"30s\" for the type at this site, too");
  if (size == 0 || size > link_bytes_max)
    return fail(ec::protocol, fmt::format("a link with a text of {} bytes was announced", size));
  if (offset != 0 && !offered_in_place_)
    return fail(ec::changed, "what broke off was a file, and the primary has a link by now");
  return {};
}

/// The new content begins with what lies at the locator.
result<void> blob_receiver::copy_offered() {
  if (offered_in_place_->kind == file_kind::link) {
    const auto link = shelf_->files().read_link(locator_);
    if (!link || link->target.size() != offered_->size)
      return fail(about({ec::changed, "the link in this store changed while it was read"}));
    if (auto stored = store(std::as_bytes(std::span{link->target})); !stored)
      return fail(about(std::move(stored).error()));
  } else {
    auto file = shelf_->files().open(locator_);
    if (!file)
      return fail(about(std::move(file).error()));
    auto copied = read_through(**file, offered_->size, [this](auto bytes) { return store(bytes); });
    if (!copied)
      return fail(about(std::move(copied).error()));
  }
  if (hash_.value() != offered_->sum)
    return fail(about({ec::changed, "the file in this store changed while it was read"}));
  return {};
}

result<void> blob_receiver::write(std::span<const std::byte> bytes) {
  if (stage_ != stage::receiving)
    return fail(about({ec::internal, "bytes came before they were announced"}));
  if (bytes.size() > size_ - received_)
    return fail(about({ec::protocol, fmt::format("more than the announced {} bytes came", size_)}));
  if (auto stored = store(bytes); !stored)
    return give_up(std::move(stored).error());
  return {};
}

result<void> blob_receiver::store(std::span<const std::byte> bytes) {
  hash_.update(bytes);
  if (in_memory_)
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  else if (auto appended = append(bytes); !appended)
    return appended;
  received_ += bytes.size();
  job_->progress += bytes.size();
  return {};
}

/// Writes all of it behind the bytes received so far.
result<void> blob_receiver::append(std::span<const std::byte> bytes) {
  for (auto at = received_; !bytes.empty();) {
    auto n = file_->write(at, bytes);
    if (!n)
      return fail(std::move(n).error());
    if (*n == 0)
      return fail(ec::disk, "the disk took no byte and gave no reason");
    bytes = bytes.subspan(*n);
    at += *n;
  }
  return {};
}

result<void> blob_receiver::demand_expected(const checksum& sum) {
  if (!job_->expected || *job_->expected == sum)
    return {};
  discard();
  stage_ = stage::condemned;
  return fail(about({ec::checksum_mismatch,
                     fmt::format("the primary's row says SHA-256 {}, its content has {}; it is "
                                 "tried again, and the primary should verify the record",
                                 to_hex(*job_->expected), to_hex(sum))}));
}

result<void> blob_receiver::finish() {
  if (stage_ != stage::receiving)
    return fail(about({ec::internal, "finished, but never begun"}));
  if (received_ != size_)
    return fail(
        about({ec::protocol, fmt::format("{} of the announced {} bytes came", received_, size_)}));
  sum_ = hash_.value();
  if (auto right = demand_expected(sum_); !right)
    return right;
  if (in_memory_)
    if (auto written = finish_small(); !written)
      return give_up(std::move(written).error());
  if (file_)
    if (auto set = file_->set_attributes(attributes_); !set)
      return give_up(std::move(set).error());
  if (in_memory_)
    file_.reset(); // thousands may wait for their turn; open_temp() is cheap where it is needed
  stage_ = stage::in_temp;
  return {};
}

/// Into a temporary file, or a link.
result<void> blob_receiver::finish_small() {
  temp_ = shelf_->temp_name(*job_, false);
  failures_before_ = shelf_->failed_flushes();
  const auto bytes = std::exchange(bytes_, {});
  if (is_link()) {
    const std::string target{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    if (target.find('\0') != std::string::npos)
      return fail(ec::protocol, "a link with a NUL byte in its text came");
    return shelf_->files().create_temp_link(temp_, target);
  }
  auto file = shelf_->files().create_temp(temp_);
  if (!file)
    return fail(std::move(file).error());
  file_ = std::move(*file);
  received_ = 0;
  auto written = append(bytes);
  received_ = size_;
  return written;
}

// -- to its place ---------------------------------------------------------------------------------

result<void> blob_receiver::ready() {
  if (stage_ == stage::placed)
    return {};
  if (stage_ == stage::condemned)
    return fail(ec::disk, "its bytes were thrown away");
  if (stage_ != stage::in_temp && stage_ != stage::in_place)
    return fail(ec::internal, "there is nothing to place");
  if (failures_before_ != shelf_->failed_flushes()) {
    condemn();
    return fail(ec::disk, "a flush of the disk failed after its bytes were written, so they "
                          "are fetched again");
  }
  if (stage_ == stage::in_temp)
    return {};
  auto there = shelf_->files().status(locator_);
  if (!there)
    return fail(std::move(there).error());
  if (*there != *offered_in_place_)
    return fail(ec::changed, "the file in this store changed after it was read");
  if (is_link() || (there->mode == attributes_.mode && there->mtime_ns == attributes_.mtime_ns))
    return {};
  auto file = shelf_->files().open(locator_);
  auto set = file ? (*file)->set_attributes(attributes_) : fail(std::move(file).error());
  if (!set)
    return fail(std::move(set).error());
  return {};
}

result<void> blob_receiver::flush() {
  if (stage_ == stage::placed || is_link()) // a link is whole where its name is
    return {};
  auto& files = shelf_->files();
  auto file = file_                       ? result<std::unique_ptr<open_file>>{std::move(file_)}
              : stage_ == stage::in_place ? files.open(locator_)
                                          : files.open_temp(temp_);
  auto flushed = file ? (*file)->flush() : fail(std::move(file).error());
  if (!flushed) {
    condemn();
    return fail(std::move(flushed).error());
  }
  if (!in_memory_ && stage_ == stage::in_temp)
    file_ = std::move(*file);
  return {};
}

result<void> blob_receiver::rename() {
  if (stage_ != stage::in_temp)
    return {};
  if (auto renamed = shelf_->files().rename_temp(temp_, locator_); !renamed)
    return fail(std::move(renamed).error());
  file_.reset();
  temp_.clear();
  // From here on the locator has the new name in the page cache only: as good as found there.
  stage_ = stage::in_place;
  return {};
}

landed blob_receiver::settle() {
  if (std::exchange(stage_, stage::placed) != stage::placed) {
    shelf_->drop(job_->id.record);
    shelf_->trust(locator_);
  }
  return {sum_, size_, adopted_};
}

} // namespace farshore
