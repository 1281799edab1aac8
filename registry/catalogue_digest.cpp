#include "registry/catalogue_digest.hpp"

#include <algorithm>

namespace farshore {

namespace {

constexpr std::size_t page_rows_max = 8'192;

/// Cuts what it is given, in order, into slices.
class slicer {
public:
  explicit slicer(std::size_t slice_records) : slice_records_{slice_records} {}

  void add(const catalogue_row& row) {
    digest_ += digest_of(row.record, row.locator, row.rev, row.sum);
    if (digest_.records == static_cast<std::int64_t>(slice_records_))
      end_at(row.record);
  }
  /// Nothing else lies up to there.
  void end_at(record_id upto) {
    slices_.push_back({upto, digest_});
    digest_ = {};
  }
  /// As end_at, unless the last slice ended just there.
  void close_at(record_id upto) {
    if (slices_.empty() || slices_.back().upto != upto)
      end_at(upto);
  }
  std::vector<digest_slice> take() { return std::move(slices_); }

private:
  std::size_t slice_records_;
  record_digest digest_;
  std::vector<digest_slice> slices_;
};

} // namespace

result<digest_page> digest_catalogue(const catalogue_source& read, const digest_request& request,
                                     std::size_t rows_max) {
  digest_page page;
  page.type = request.type;
  const auto slice_records = std::clamp<std::size_t>(request.slice_records, 1, slice_records_max);
  std::size_t left = std::max<std::size_t>(rows_max, 1);
  record_id before = record_id_before_all;
  for (const auto& range : request.ranges) {
    if (range.after >= range.upto || range.after < before)
      return fail(ec::protocol, "the ranges of a comparison must ascend");
    before = range.upto;
    if (left == 0)
      break;
    slicer slices{slice_records};
    auto after = range.after;
    // What is asked for in fine slices is a short range: no need to read far beyond it.
    auto limit = std::clamp<std::size_t>(slice_records * 64, 64, page_rows_max);
    while (after < range.upto && left > 0) {
      const auto rows = std::min(left, limit);
      const auto listed = read(after, rows);
      if (!listed)
        return fail(listed.error());
      if (page.generation != 0 && listed->generation != page.generation)
        return fail(ec::type_waiting, "type " + request.type + " was installed anew meanwhile");
      page.generation = listed->generation;
      page.scope = listed->scope;
      for (const auto& row : listed->rows)
        if (row.record <= range.upto)
          slices.add(row);
      const auto end = listed->last ? range.upto : std::min(listed->next_after, range.upto);
      // Records that are not available were looked at, too.
      left -= listed->last ? std::min(left, listed->rows.size() + 1) : rows;
      if (end <= after)
        return fail(ec::internal, "the catalogue of " + request.type + " does not move on");
      after = end;
      limit = std::min(limit * 2, page_rows_max);
    }
    slices.close_at(after);
    page.ranges.push_back(slices.take());
  }
  return page;
}

} // namespace farshore
