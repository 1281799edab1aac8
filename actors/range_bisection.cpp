#include "actors/range_bisection.hpp"

#include <algorithm>
#include <utility>

namespace farshore {

namespace {

constexpr std::size_t first_slices = 1'024;
constexpr std::size_t fan_out = 32;

/// Where an answer to the questions may end, part by part.
bool fits(const std::vector<digest_slice>& slices, const record_range& range, bool may_break_off,
          bool single) {
  auto before = range.after;
  for (const auto& [upto, digest] : slices) {
    if (upto <= before || upto > range.upto || digest.records < 0 || (single && digest.records > 1))
      return false;
    before = upto;
  }
  return !slices.empty() && (may_break_off || before == range.upto);
}

} // namespace

range_bisection::range_bisection(std::string type, digest_view view, std::int64_t records,
                                 limits within)
    : type_{std::move(type)}, view_{view}, within_{within} {
  const auto each = static_cast<std::size_t>(std::max<std::int64_t>(records, 0)) / first_slices + 1;
  open_.push_back({{}, std::clamp(each, fan_out, slice_records_max), true});
}

std::optional<digest_request> range_bisection::question() {
  if (!asked_.empty() || at_ < parts_.size() || open_.empty())
    return {};
  digest_request next;
  next.type = type_;
  next.slice_records = open_.front().slice_records;
  while (!open_.empty() && asked_.size() < std::min(within_.ranges_max, digest_ranges_max) &&
         open_.front().slice_records == next.slice_records &&
         (asked_.empty() || open_.front().range.after >= asked_.back().range.upto)) {
    next.ranges.push_back(open_.front().range);
    asked_.push_back(open_.front());
    open_.pop_front();
  }
  return next;
}

void range_bisection::ask_again() {
  open_.insert(open_.begin(), asked_.begin(), asked_.end());
  asked_.clear();
}

result<void> range_bisection::told(const digest_page& page) {
  const auto count = page.ranges.size();
  bool good = page.type == type_ && count > 0 && count <= asked_.size() &&
              (generation_ == 0 || page.generation == generation_);
  for (std::size_t i = 0; good && i < count; ++i)
    good = fits(page.ranges[i], asked_[i].range, i + 1 == count, asked_[i].slice_records == 1);
  if (!good) {
    ask_again();
    return fail(ec::protocol, "the primary compares other ranges of " + type_ +
                                  " than it was asked for, or was installed anew meanwhile");
  }
  generation_ = page.generation;
  parts_.clear();
  at_ = 0;
  looked_upto_.reset();
  for (std::size_t i = 0; i < count; ++i) {
    const auto& asked = asked_[i];
    auto after = asked.range.after;
    for (const auto& [upto, digest] : page.ranges[i]) {
      parts_.push_back({{after, upto}, digest, {}, asked.slice_records, asked.first});
      after = upto;
    }
    // What it broke off, and what it did not come to, goes first.
    asked_[i].range.after = after;
  }
  const auto left =
      asked_[count - 1].range.after < asked_[count - 1].range.upto ? count - 1 : count;
  open_.insert(open_.begin(), asked_.begin() + static_cast<std::ptrdiff_t>(left), asked_.end());
  asked_.clear();
  return {};
}

std::optional<held_request> range_bisection::here() const {
  if (at_ == parts_.size())
    return {};
  held_request next;
  next.type = type_;
  next.view = view_;
  next.after = looked_upto_.value_or(parts_[at_].range.after);
  next.rows_max = within_.rows_max;
  for (auto i = at_; i < parts_.size(); ++i) {
    if (i > at_ && parts_[i].range.after != parts_[i - 1].range.upto)
      break;
    next.bounds.push_back(parts_[i].range.upto);
  }
  return next;
}

void range_bisection::held(const held_digests& found) {
  for (const auto& slice : found.slices) {
    if (at_ == parts_.size())
      break;
    auto& one = parts_[at_];
    one.here += slice;
    looked_upto_ = found.upto;
    // A slice with more than the primary's is unequal whatever follows; the first round counts all.
    const bool enough = !one.first && one.here.records > one.there.records;
    if (found.upto < one.range.upto && !enough)
      return;
    judge(one);
    ++at_;
    looked_upto_.reset();
  }
  if (at_ < parts_.size())
    return;
  open_.insert(open_.begin(), unequal_parts_.begin(), unequal_parts_.end());
  unequal_parts_.clear();
}

void range_bisection::judge(const part& one) {
  if (one.first) {
    there_ += one.there;
    here_ += one.here;
  }
  if (one.there == one.here || more_)
    return;
  if (one.slice_records > 1 && one.there.records > 0) {
    const open_range closer{one.range, finer(one.slice_records, one.there.records), false};
    if (one.first) // the first round goes to its end
      open_.push_back(closer);
    else
      unequal_parts_.push_back(closer);
    return;
  }
  if (unequal_.size() == within_.unequal_max) {
    more_ = true;
    std::erase_if(open_, [](const auto& range) { return !range.first; });
    unequal_parts_.clear();
    return;
  }
  unequal_.push_back({one.range, one.there.records > 0});
}

std::size_t range_bisection::finer(std::size_t slice_records, std::int64_t records) {
  if (records <= static_cast<std::int64_t>(fan_out) || slice_records <= fan_out)
    return 1;
  return std::max(slice_records / fan_out, fan_out);
}

} // namespace farshore
