#include "strategies/repository/repository_reader.hpp"

#include "strategies/repository/git_program.hpp"
#include "strategies/repository/refs_header.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace farshore {

namespace {

error on_primary(error why) {
  why.code = ec::unreadable_on_primary;
  return why;
}

/// What the refs lead to, each once.
std::set<std::string, std::less<>> tips_of(const repository_refs& refs) {
  std::set<std::string, std::less<>> tips;
  for (const auto& one : refs.refs)
    tips.insert(one.oid);
  if (auto head = refs.head_oid())
    tips.insert(std::move(*head));
  return tips;
}

class repository_reader final : public resource_reader {
public:
  repository_reader(unique_fd repository, const repository_refs& refs)
      : repository_{std::move(repository)},
        format_{refs.format},
        tips_{tips_of(refs)},
        sum_{refs_checksum(refs)},
        header_{to_refs_header(refs)} {}

  [[nodiscard]] std::uint64_t size() const override { return size_unknown; }
  [[nodiscard]] file_attributes attributes() const override { return {}; }
  /// Of the refs as they were sent; the pack is of those, too, whatever was pushed meanwhile.
  [[nodiscard]] bool unchanged() override { return true; }

  std::optional<bool> matches(const content_offer& offer) override {
    have_ = offer.have;
    return offer.size == 0 && offer.sum == sum_;
  }

  result<bool> is_ready() override {
    if (sent_ < header_.size())
      return true;
    if (auto begun = begin_pack(); !begun)
      return fail(on_primary(std::move(begun).error()));
    if (!packing_)
      return true;
    auto ready = packing_->has_output(std::chrono::milliseconds{0});
    if (!ready)
      return fail(on_primary(std::move(ready).error()));
    return ready;
  }

  /// From beginning to end only.
  result<std::size_t> read(std::uint64_t, std::span<std::byte> bytes) override {
    if (sent_ < header_.size()) {
      const auto n = std::min(bytes.size(), header_.size() - sent_);
      std::memcpy(bytes.data(), header_.data() + sent_, n);
      sent_ += n;
      return n;
    }
    if (auto begun = begin_pack(); !begun)
      return fail(on_primary(std::move(begun).error()));
    if (!packing_)
      return 0;
    auto n = packing_->read(bytes);
    if (!n)
      return fail(on_primary(std::move(n).error()));
    if (*n > 0)
      return n;
    const auto code = packing_->finish();
    if (!code)
      return fail(on_primary(code.error()));
    if (*code != 0)
      return fail(ec::unreadable_on_primary,
                  packing_->failure(ec::unreadable_on_primary, "git can't pack it").message);
    packing_.reset();
    return 0;
  }

private:
  /// Of what the asker has, what is here, too.
  result<std::vector<std::string>> shared() const {
    std::vector<std::string> known;
    std::string unsure;
    for (const auto& oid : have_) {
      if (!is_oid(oid, format_))
        continue;
      if (tips_.contains(oid))
        known.push_back(oid);
      else
        unsure += oid + '\n';
    }
    if (unsure.empty())
      return known;
    auto looked = run_git(command({"cat-file", "--batch-check=%(objectname)"}), unsure);
    if (!looked)
      return fail(std::move(looked).error());
    std::string_view rest = looked->output;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\n'), rest.size());
      if (const auto line = rest.substr(0, end); is_oid(line, format_))
        known.emplace_back(line); // else "<oid> missing"
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return known;
  }

  /// Once; packing_ stays empty where no object is needed.
  result<void> begin_pack() {
    if (std::exchange(begun_, true))
      return {};
    const auto known = shared();
    if (!known)
      return fail(known.error());
    const std::set<std::string_view> left_out{known->begin(), known->end()};
    std::string revisions;
    bool wants = false;
    for (const auto& oid : tips_)
      if (!left_out.contains(oid)) {
        revisions += oid + '\n';
        wants = true;
      }
    if (!wants)
      return {};
    for (const auto& oid : left_out)
      revisions.append(1, '^').append(oid).append(1, '\n');
    auto program = git_program::start(command(
        {"pack-objects", "--revs", "--stdout", "--thin", "--delta-base-offset", "--progress"}));
    if (!program)
      return fail(std::move(program).error());
    packing_ = std::move(*program);
    auto written = packing_->write(revisions);
    packing_->end_input();
    return written;
  }

  [[nodiscard]] git_command command(std::vector<std::string> arguments) const {
    git_command made;
    made.arguments = std::move(arguments);
    made.folder = repository_.get();
    return made;
  }

  const unique_fd repository_;
  const object_format format_;
  const std::set<std::string, std::less<>> tips_;
  const checksum sum_;
  const std::string header_;
  std::vector<std::string> have_;
  std::size_t sent_ = 0;
  bool begun_ = false;
  std::unique_ptr<git_program> packing_;
};

} // namespace

result<std::unique_ptr<resource_reader>> open_repository_reader(unique_fd repository) {
  struct stat there {};
  if (::fstatat(repository.get(), "shallow", &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_size > 0)
    return fail(ec::bad_locator, "it is a shallow clone, which lacks what its commits need; "
                                 "`git fetch --unshallow` in it mends that");
  const auto refs = read_refs(repository.get());
  if (!refs)
    return fail(refs.error());
  return std::make_unique<repository_reader>(std::move(repository), *refs);
}

} // namespace farshore
