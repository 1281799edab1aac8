#include "registry/site_table.hpp"

#include "registry/database.hpp"

#include <algorithm>

namespace farshore {

namespace {

constexpr auto read_sql = R"(
  SELECT name, xid::text AS xid, id, (extract(epoch FROM first_seen) * 1000)::bigint AS first_seen,
    (extract(epoch FROM last_seen) * 1000)::bigint AS last_seen, program, wire, address
  FROM farshore.site ORDER BY name COLLATE "C"
)";

constexpr auto note_sites = "note_sites";
constexpr auto note_sites_sql = R"(
  INSERT INTO farshore.site AS s
    (name, xid, id, first_seen, last_seen, program, wire, address)
  SELECT n.name, n.xid, n.id, to_timestamp(n.seen / 1000.0), to_timestamp(n.seen / 1000.0),
    n.program, n.wire, n.address
  FROM unnest($1::text[], $2::xid8[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
              $7::text[]) AS n(name, xid, id, seen, program, wire, address)
  ON CONFLICT (name) DO UPDATE SET
    xid = excluded.xid, id = excluded.id, last_seen = excluded.last_seen,
    program = excluded.program, wire = excluded.wire, address = excluded.address
)";

constexpr auto forget_sql = "DELETE FROM farshore.site WHERE name = $1";

wall_time from_ms(const pqxx::field& field) {
  return wall_time{std::chrono::milliseconds{field.as<std::int64_t>()}};
}

} // namespace

result<void> site_table::prepare() {
  return guarded("read the sites", [&] {
    db_.prepare(note_sites, note_sites_sql);
    pqxx::nontransaction tx{db_};
    for (const auto& row : tx.exec(read_sql))
      rows_.push_back({{row["name"].as<std::string>(),
                        {row["xid"].as<std::uint64_t>(), row["id"].as<std::int64_t>(), 0},
                        from_ms(row["last_seen"]),
                        row["program"].as<std::string>(),
                        row["wire"].as<std::string>(),
                        row["address"].as<std::string>()},
                       from_ms(row["first_seen"])});
  });
}

result<std::vector<std::string>> site_table::note(std::span<const site_note> notes) {
  return guarded("note where the sites stand", [&] {
    std::vector<std::string> names;
    std::vector<std::uint64_t> xids;
    std::vector<std::int64_t> ids;
    std::vector<std::int64_t> seen;
    std::vector<std::string> programs;
    std::vector<std::string> wires;
    std::vector<std::string> addresses;
    for (const auto& one : notes) {
      names.push_back(one.name);
      xids.push_back(one.place.xid);
      ids.push_back(one.place.id);
      seen.push_back(
          std::chrono::duration_cast<std::chrono::milliseconds>(one.seen.time_since_epoch())
              .count());
      programs.push_back(one.program);
      wires.push_back(one.wire);
      addresses.push_back(one.address);
    }
    pqxx::work tx{db_};
    tx.exec_prepared(note_sites, text_array_literal(names), array_literal(xids), array_literal(ids),
                     array_literal(seen), text_array_literal(programs), text_array_literal(wires),
                     text_array_literal(addresses));
    tx.commit();

    std::vector<std::string> fresh;
    for (const auto& one : notes) {
      const auto at = std::ranges::lower_bound(rows_, one.name, {},
                                               [](const entry& known) { return known.last.name; });
      if (at != rows_.end() && at->last.name == one.name) {
        at->last = one;
      } else {
        rows_.insert(at, {one, one.seen});
        fresh.push_back(one.name);
      }
    }
    return fresh;
  });
}

result<bool> site_table::forget(const std::string& name) {
  return guarded("forget site " + name, [&] {
    pqxx::work tx{db_};
    const bool was_there = tx.exec_params(forget_sql, name).affected_rows() > 0;
    tx.commit();
    std::erase_if(rows_, [&](const entry& known) { return known.last.name == name; });
    return was_there;
  });
}

} // namespace farshore
