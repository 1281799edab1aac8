// Finds the records in which two sites differ by comparing digests of ranges, and of the parts of
// those that are unequal, down to single records. A plain object: it says what to ask of either
// side and takes the answers; no clock, no actors.
//
//   question() ─► primary ─► told() ─► here() ─► registry ─► held() ─┐
//       ▲                                └──────── while there is more ┤
//       └──────────────────────────────────────────────────────────────┘
//
// Of a million records the first round is a thousand slices; each unequal one costs 32 more of 32
// records, and the unequal ones of these 32 of one.

#pragma once

#include "registry/range_digests.hpp"
#include "registry/records.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

class range_bisection {
public:
  struct limits {
    /// With more unequal ranges it gives up looking for further ones.
    std::size_t unequal_max = 10'000;
    std::size_t ranges_max = 64;
    /// Rows that are looked at in one go here.
    std::size_t rows_max = 8'192;
  };

  /// `records`: about how many there are.
  range_bisection(std::string type, digest_view view, std::int64_t records, limits within);

  /// Nothing is left to be asked, of either side.
  [[nodiscard]] bool done() const {
    return open_.empty() && asked_.empty() && at_ == parts_.size();
  }
  /// What to ask the primary next; nothing while its last answer is being compared, or when done.
  [[nodiscard]] std::optional<digest_request> question();
  /// Its answer to that. Fails with ec::protocol where it answers for something else, and then asks
  /// the same again.
  result<void> told(const digest_page& page);
  /// What to ask of this site's registry next; nothing when all that was told is compared.
  [[nodiscard]] std::optional<held_request> here() const;
  void held(const held_digests& found);
  /// As it was before the last question: the primary could not answer it.
  void ask_again();

  [[nodiscard]] const std::string& type() const { return type_; }
  [[nodiscard]] std::int64_t generation() const { return generation_; }
  /// There are more unequal ranges than these.
  [[nodiscard]] bool more() const { return more_; }
  [[nodiscard]] const std::vector<unequal_range>& unequal() const { return unequal_; }
  /// Of the whole type, once done.
  [[nodiscard]] const record_digest& digest_there() const { return there_; }
  [[nodiscard]] const record_digest& digest_here() const { return here_; }

private:
  /// A range that is unequal, or not looked at yet, and in what slices.
  struct open_range {
    record_range range;
    std::size_t slice_records = 1;
    /// Of the whole type's first round: counts for its digest.
    bool first = false;
  };
  /// A slice that the primary told of.
  struct part {
    record_range range;
    record_digest there;
    record_digest here;
    std::size_t slice_records = 1;
    bool first = false;
  };

  void judge(const part& one);
  /// How to look into an unequal slice of that many records, which is one of these.
  static std::size_t finer(std::size_t slice_records, std::int64_t records);

  std::string type_;
  digest_view view_;
  limits within_;
  std::int64_t generation_ = 0;
  std::deque<open_range> open_;
  std::vector<open_range> asked_;
  std::vector<part> parts_;
  std::size_t at_ = 0;
  /// What of them is to be looked into: before what is open already.
  std::vector<open_range> unequal_parts_;
  /// Of the part at at_ everything up to here is looked at.
  std::optional<record_id> looked_upto_;
  std::vector<unequal_range> unequal_;
  record_digest there_;
  record_digest here_;
  bool more_ = false;
};

} // namespace farshore
