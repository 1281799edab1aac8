#include "registry/type_statements.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace farshore {

namespace {

struct fragment {
  std::string_view placeholder;
  std::string_view sql;
};

constexpr std::array fragments{
    // What the page brings (p) is just what is on the disk.
    fragment{"{on_disk}", R"((r.state = 2 AND r.wanted AND p.sum = r.verification_checksum
                              AND p.locator = r.locator))"},
    // stale_locators once the row lies at p.locator.
    fragment{"{relocated}", R"(CASE
        WHEN p.locator = r.locator OR r.locator = '' OR r.locator = ANY (r.stale_locators)
        THEN r.stale_locators ELSE r.stale_locators || r.locator END)"},
    // due_since of a change of which nothing is known when it was; as bulk work, unless the row is
    // due as a live change.
    fragment{"{untold}", "CASE WHEN NOT {never_synced} THEN farshore.at(0) END"},
    fragment{"{untold_unverified}", "CASE WHEN NOT {never_verified} THEN farshore.at(0) END"},
    // What is on the disk is what the primary has; to be ended with the time. What was marked to be
    // read stays so.
    fragment{"{confirm}", R"(unverified_since = NULL,
      verification_state = CASE WHEN r.verified_at IS NOT NULL AND r.verification_state <> 4
                                THEN r.verification_state ELSE 2 END,
      verified_at = CASE WHEN r.verified_at IS NOT NULL AND r.verification_state <> 4
                         THEN r.verified_at ELSE)"},
    fragment{"{is_live}", "(r.state = 0 AND r.retry_at IS NULL)"},
    // At the same revision not as the catalogue names it (p).
    fragment{"{named_otherwise}", R"((r.wanted AND r.target_revision = p.revision
        AND (r.locator <> p.locator
             OR (p.sum IS NOT NULL AND p.sum IS DISTINCT FROM r.primary_checksum))))"},
    // A row that was never synced lacks older content than any change that comes.
    fragment{"{never_synced}", "(r.synced_revision IS NULL AND r.due_since IS NULL)"},
    fragment{"{never_verified}", "(r.verified_at IS NULL AND r.unverified_since IS NULL)"},
    // LIMIT 1: a look by the key for each, whatever the planner believes of a growing table.
    fragment{"{each_still_that}", R"(CROSS JOIN LATERAL
        (SELECT r.ctid AS at FROM {table} AS r WHERE r.record_id = o.id AND {still_is} LIMIT 1)
        AS spot)"},
    // The row is what the verification claim o was made of.
    fragment{"{still_is}", R"((r.state = 2 AND r.synced_revision = o.synced
        AND r.verified_at IS NOT DISTINCT FROM farshore.at(o.verified) AND r.locator = o.place
        AND r.verification_checksum = decode(o.expected, 'hex')))"},
    fragment{"{can_be_marked}", "(r.state = 2 AND r.verified_at IS NOT NULL)"},
    fragment{"{same_as_primary}", "((r.primary_checksum = o.sum) IS TRUE)"},
    // A checksum alone does not let bulk work overtake live changes.
    fragment{"{keeps_place}", "(p.brings_sum AND p.present AND r.state IN (0, 1))"},
    // What came while the transfer ran may have brought nothing but the very content that landed.
    fragment{"{settled}", R"((r.wanted AND NOT o.outdated
        AND (r.target_revision = o.reached
             OR (r.primary_checksum = o.sum AND r.locator = o.place
                 AND cardinality(r.stale_locators) <= o.settled))) IS TRUE)"},
    // What is left of stale_locators.
    fragment{"{unsettled}", "r.stale_locators[o.settled + 1:]"},
    fragment{"{resync}",
             "UPDATE {table} AS r SET state = 0, retry_at = {bulk_due}, retry_count = 0"},
    // What is due, or under way, keeps its place.
    fragment{"{resync_changes}",
             "(r.state <> 1 AND (r.state <> 0 OR r.retry_at > farshore.at($1)))"},
    // bulk_due() of row_rules.hpp for a row's `size` and `record_id`, at the time $1.
    fragment{"{bulk_due}", R"(farshore.at($1::bigint / 600000000 * 600000000 - 3600000000
        + 600000000::bigint * width_bucket(
            coalesce(size, 1048576),
            '{65537,1048577,16777217,268435457,4294967297}'::bigint[])
        - least(greatest(record_id, 0), 599999999)))"},
    fragment{"{late_bulk_due}", R"(farshore.at($1::bigint / 600000000 * 600000000
        - least(greatest(record_id, 0), 599999999)))"},
    // Of the common table expressions `raised`, `changed` and `inserted`.
    fragment{"{effect}", R"(
      SELECT (SELECT count(*) FROM raised) AS raised,
             (SELECT count(*) FROM changed) + (SELECT count(*) FROM inserted) AS due)"},
};

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

} // namespace

std::string partition_of(const std::string& type) {
  return type + "_registry";
}

std::string statement_of(const char* statement, type_number type) {
  return statement + (" " + std::to_string(type));
}

std::string expanded(std::string text) {
  for (const auto& [placeholder, sql] : fragments)
    text = replaced(std::move(text), placeholder, sql);
  return text;
}

void prepare_for_type(pqxx::connection_base& db, type_number type, const std::string& name,
                      const char* statement, std::string text) {
  text = replaced(expanded(std::move(text)), "{table}",
                  "farshore." + db.quote_name(partition_of(name)));
  db.prepare(statement_of(statement, type),
             replaced(std::move(text), "{type}", std::to_string(type)));
}

} // namespace farshore
