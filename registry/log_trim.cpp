#include "registry/log_trim.hpp"

#include "registry/database.hpp"

#include <algorithm>

namespace farshore {

namespace {

using namespace std::chrono_literals;

/// A place that was just given out stays good for so long, until its reader is known by its first
/// question (half of the retention, where that is shorter).
constexpr std::chrono::milliseconds grace_max = 2min;
constexpr std::chrono::milliseconds sample_period_max = 1min;
constexpr std::chrono::milliseconds sample_period_min = 1s;
/// A site that is further behind within one sample counts as just that far.
constexpr std::size_t counted_max = 1'000'000;

constexpr auto read_trim_sql = "SELECT xid::text AS xid, id FROM farshore.log_trim";

constexpr auto read_samples_sql = R"(
  SELECT s.xid::text AS xid, s.id, (extract(epoch FROM s.at) * 1000)::bigint AS at, s.events,
    s.bytes
  FROM farshore.log_sample s ORDER BY s.xid, s.id
)";

// Folded before the last node ended, but in no sample: a minute's events, and all of them once.
constexpr auto unsampled_sql = R"(
  SELECT count(*) AS events, coalesce(sum(pg_column_size(e.*)), 0) AS bytes
  FROM farshore.event_log e
  WHERE (e.xid, e.id) > ($1::xid8, $2::bigint) AND (e.xid, e.id) <= ($3::xid8, $4::bigint)
)";

constexpr auto add_sample_sql = R"(
  INSERT INTO farshore.log_sample (xid, id, at, events, bytes)
  VALUES ($1::xid8, $2, to_timestamp($3::bigint / 1000.0), $4, $5)
)";

// Ranges of the log's one index. From the highest place that is gone on, since the index still has
// dead entries before it.
constexpr auto slice_end = "slice_end";
constexpr auto slice_end_sql = R"(
  SELECT s.xid::text AS xid, s.id FROM (
    SELECT e.xid, e.id FROM farshore.event_log e
    WHERE (e.xid, e.id) > ($1::xid8, $2::bigint) AND (e.xid, e.id) < ($3::xid8, $4::bigint)
    ORDER BY e.xid, e.id LIMIT $5) AS s
  ORDER BY s.xid DESC, s.id DESC LIMIT 1
)";
constexpr auto remove_slice = "remove_slice";
constexpr auto remove_slice_sql = R"(
  DELETE FROM farshore.event_log e
  WHERE (e.xid, e.id) > ($1::xid8, $2::bigint) AND (e.xid, e.id) <= ($3::xid8, $4::bigint)
)";
constexpr auto move_trim_sql = "UPDATE farshore.log_trim SET xid = $1::xid8, id = $2";
constexpr auto drop_samples_sql =
    "DELETE FROM farshore.log_sample WHERE (xid, id) < ($1::xid8, $2::bigint)";

constexpr auto count_events = "count_events";
constexpr auto count_events_sql = R"(
  SELECT (SELECT count(*) FROM (
            SELECT FROM farshore.event_log e
            WHERE (e.xid, e.id) > (p.xid, p.id) AND (e.xid, e.id) <= (p.upto_xid, p.upto_id)
            ORDER BY e.xid, e.id LIMIT $5) AS counted) AS events,
    (SELECT e.xid FROM farshore.event_log e WHERE (e.xid, e.id) > (p.xid, p.id)
     ORDER BY e.xid, e.id LIMIT 1)::text AS first
  FROM unnest($1::xid8[], $2::bigint[], $3::xid8[], $4::bigint[])
    WITH ORDINALITY AS p(xid, id, upto_xid, upto_id, n)
  ORDER BY p.n
)";

constexpr event_position end_of_log{UINT64_MAX, INT64_MAX, 0};

std::chrono::milliseconds grace_of(const log_retention& keep) {
  return std::min(grace_max, keep.age / 2);
}

std::chrono::milliseconds sample_period_of(const log_retention& keep) {
  return std::clamp(keep.age / 10, sample_period_min, sample_period_max);
}

std::int64_t to_ms(wall_time time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

} // namespace

result<void> log_trim::prepare(const event_position& folded) {
  return guarded("read what was trimmed of the log", [&] {
    db_.prepare(slice_end, slice_end_sql);
    db_.prepare(remove_slice, remove_slice_sql);
    db_.prepare(count_events, count_events_sql);
    pqxx::read_transaction tx{db_};
    const auto trim = tx.exec1(read_trim_sql);
    trimmed_ = {trim["xid"].as<std::uint64_t>(), trim["id"].as<std::int64_t>(), 0};
    for (const auto& row : tx.exec(read_samples_sql))
      samples_.add({{row["xid"].as<std::uint64_t>(), row["id"].as<std::int64_t>(), 0},
                    wall_time{std::chrono::milliseconds{row["at"].as<std::int64_t>()}},
                    {row["events"].as<std::int64_t>(), row["bytes"].as<std::int64_t>()}});
    const auto from = samples_.newest() ? samples_.newest()->place : trimmed_;
    const auto row = tx.exec_params1(unsampled_sql, std::to_string(from.xid), from.id,
                                     std::to_string(folded.xid), folded.id);
    open_.events = row["events"].as<std::int64_t>();
    open_.bytes = row["bytes"].as<std::int64_t>() + open_.events * event_overhead_bytes;
  });
}

result<void> log_trim::observe(wall_time now, const event_position& folded, const log_weight& more,
                               const log_retention& keep) {
  open_ += more;
  return guarded("note where the log stands", [&] {
    pqxx::work tx{db_};
    const auto xmax = tx.exec1("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")[0];
    clock_.sample(now, xmax.as<std::uint64_t>());
    const auto* newest = samples_.newest();
    const bool moved = folded.id != 0 && (!newest || before(newest->place, folded));
    if (!moved || (newest && now - newest->at < sample_period_of(keep)))
      return;
    tx.exec_params(add_sample_sql, std::to_string(folded.xid), folded.id, to_ms(now), open_.events,
                   open_.bytes);
    tx.commit();
    samples_.add({folded, now, open_});
    open_ = {};
  });
}

bool log_trim::is_gone(const event_position& place) const {
  return trimmed_.id > 0 && !before(trimmed_, place);
}

event_position log_trim::bound(wall_time now, const log_retention& keep,
                               std::span<const site_table::entry> sites) const {
  // Samples are taken where the fold stands: none of these is beyond what the primary itself needs.
  auto needed = samples_.place_before(now - grace_of(keep)).value_or(event_position{});
  for (const auto& one : sites)
    if (!is_gone(one.last.place) && before(one.last.place, needed))
      needed = one.last.place;
  for (const auto& limit :
       {samples_.place_before(now - keep.age), samples_.place_within(keep.bytes, open_)})
    if (limit && before(needed, *limit))
      needed = *limit;
  return needed;
}

result<trimmed_slice> log_trim::trim(wall_time now, const log_retention& keep,
                                     std::span<const site_table::entry> sites, std::size_t limit) {
  const auto upto = bound(now, keep, sites);
  return guarded("trim the event log", [&]() -> trimmed_slice {
    pqxx::work tx{db_};
    const auto from_xid = std::to_string(trimmed_.xid);
    const auto found = tx.exec_prepared(slice_end, from_xid, trimmed_.id, std::to_string(upto.xid),
                                        upto.id, limit);
    if (found.empty())
      return {};
    const event_position end{found[0]["xid"].as<std::uint64_t>(), found[0]["id"].as<std::int64_t>(),
                             0};
    const auto end_xid = std::to_string(end.xid);
    trimmed_slice slice;
    slice.events =
        tx.exec_prepared(remove_slice, from_xid, trimmed_.id, end_xid, end.id).affected_rows();
    tx.exec_params0(move_trim_sql, end_xid, end.id);
    tx.exec_params0(drop_samples_sql, end_xid, end.id);
    tx.commit();
    slice.more = slice.events == limit;
    for (const auto& one : sites)
      if (!is_gone(one.last.place) && !before(end, one.last.place))
        slice.cut_off.push_back(one.last.name);
    trimmed_ = end;
    samples_.drop_before(end);
    return slice;
  });
}

result<std::vector<site_standing>> log_trim::standing(wall_time now,
                                                      std::span<const site_table::entry> sites) {
  return guarded("count how far the sites are behind", [&] {
    const auto counted = count_behind(sites);
    std::vector<site_standing> out;
    for (std::size_t i = 0; i < sites.size(); ++i) {
      const auto& place = sites[i].last.place;
      site_standing one;
      one.last = sites[i].last;
      one.first_seen = sites[i].first_seen;
      one.cut_off = is_gone(place);
      one.lag_events = counted[i].events;
      one.lag = 0ms;
      if (one.lag_events > 0) {
        const auto* sample = samples_.behind(place);
        one.held_bytes = samples_.weight_behind(place).bytes + open_.bytes;
        // What was folded within this sample's minute was committed before its end.
        auto since = clock_.horizon(counted[i].first_xid);
        if (!since && sample)
          since = sample->at;
        one.lag.reset();
        if (since)
          one.lag =
              std::max(0ms, std::chrono::duration_cast<std::chrono::milliseconds>(now - *since));
      }
      out.push_back(one);
    }
    const auto further = [](const site_standing& a, const site_standing& b) {
      const auto idle = [](const site_standing& one) { return one.cut_off || one.lag_events == 0; };
      return idle(a) != idle(b) ? idle(b) : before(a.last.place, b.last.place);
    };
    if (const auto slowest = std::ranges::min_element(out, further); slowest != out.end())
      slowest->slowest = !slowest->cut_off && slowest->lag_events > 0;
    return out;
  });
}

std::vector<log_trim::behind> log_trim::count_behind(std::span<const site_table::entry> sites) {
  std::vector<std::uint64_t> xids;
  std::vector<std::int64_t> ids;
  std::vector<std::uint64_t> upto_xids;
  std::vector<std::int64_t> upto_ids;
  const auto ask = [&](const event_position& from, const event_position& upto) {
    xids.push_back(from.xid);
    ids.push_back(from.id);
    upto_xids.push_back(upto.xid);
    upto_ids.push_back(upto.id);
  };
  // Counted are the ends of what the samples know: from each place to the next sample, and what is
  // behind the newest one.
  for (const auto& one : sites) {
    const auto* sample = samples_.behind(one.last.place);
    ask(one.last.place, sample ? sample->place : end_of_log);
  }
  ask(samples_.newest() ? samples_.newest()->place : end_of_log, end_of_log);
  pqxx::nontransaction tx{db_};
  const auto counted =
      tx.exec_prepared(count_events, array_literal(xids), array_literal(ids),
                       array_literal(upto_xids), array_literal(upto_ids), counted_max);
  const auto open = counted.back()["events"].as<std::int64_t>();
  std::vector<behind> out;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const auto row = counted[static_cast<int>(i)];
    auto& one = out.emplace_back();
    one.events = row["events"].as<std::int64_t>();
    one.first_xid = row["first"].as<std::uint64_t>(0);
    if (const auto* sample = samples_.behind(sites[i].last.place))
      one.events += samples_.weight_behind(sample->place).events + open;
  }
  return out;
}

} // namespace farshore
