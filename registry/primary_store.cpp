#include "registry/primary_store.hpp"

#include "registry/checksum_jobs.hpp"
#include "registry/checksum_table.hpp"
#include "registry/database.hpp"
#include "registry/installed_type.hpp"
#include "registry/log_fold.hpp"
#include "registry/log_trim.hpp"
#include "registry/migrations.hpp"
#include "registry/model_columns.hpp"
#include "registry/model_sql.hpp"
#include "registry/scan_table.hpp"
#include "registry/site_table.hpp"
#include "registry/state_seed.hpp"
#include "registry/type_installer.hpp"

#include <optional>

namespace farshore {

namespace {

// Small sets against large tables, always: the planner's other ideas read a million rows for ten.
// Compiling a statement would take longer than running it.
constexpr auto session_sql = R"(
  SET jit = off;
  SET enable_seqscan = off;
  SET enable_bitmapscan = off;
  SET enable_hashjoin = off;
  SET enable_mergejoin = off;
  SET plan_cache_mode = force_custom_plan
)";

/// So many rows of the application's are held at once, for some milliseconds.
constexpr std::size_t columns_rows = 500;

constexpr auto counts_sql = R"(
  SELECT t.name, coalesce(c.records, 0) AS records, coalesce(c.checksummed, 0) AS checksummed,
    coalesce(c.checksum_failed, 0) AS checksum_failed, coalesce(c.pending, 0) AS pending,
    coalesce(c.missing, 0) AS missing, coalesce(c.disabled, 0) AS disabled
  FROM farshore.replicable_type t LEFT JOIN farshore.state_counts c ON c.type_id = t.type_id
  WHERE t.name = ANY ($1::text[])
  ORDER BY array_position($1::text[], t.name)
)";

class pg_primary_store final : public primary_store {
public:
  explicit pg_primary_store(std::unique_ptr<pqxx::connection> db)
      : db_{std::move(db)},
        installer_{*db_},
        fold_{*db_},
        seed_{*db_},
        sites_{*db_},
        trim_{*db_},
        scans_{*db_},
        checksums_{*db_},
        jobs_{*db_},
        columns_{*db_} {}

  result<void> prepare() {
    if (auto ok = migrate(*db_, primary_migrations()); !ok)
      return ok;
    if (auto ok =
            guarded("set up the session", [&] { pqxx::nontransaction{*db_}.exec(session_sql); });
        !ok)
      return ok;
    if (auto ok = fold_.prepare(); !ok)
      return ok;
    if (auto ok = sites_.prepare(); !ok)
      return ok;
    if (auto ok = checksums_.prepare(); !ok)
      return ok;
    return trim_.prepare(fold_.place());
  }

  result<void> lock_out_others(std::chrono::milliseconds patience) override {
    return be_the_only_node(*db_, patience);
  }

  result<std::vector<type_status>> install(std::span<const replicable_type> types) override {
    if (auto made = scans_.make(types); !made)
      return fail(std::move(made).error());
    declared_.clear();
    for (const auto& type : types)
      declared_.push_back(type.name);
    auto installed = installer_.install(types);
    if (installed)
      if (auto noted = jobs_.declare(types); !noted)
        return fail(std::move(noted).error());
    return installed;
  }

  result<std::size_t> fold(std::size_t limit) override { return fold_.fold(limit); }
  result<bool> seed(std::size_t limit) override { return seed_.seed(limit); }

  result<revision> publish(const std::string& type, const std::string& key, operation op) override;
  [[nodiscard]] result<std::vector<primary_counts>> counts() override;

  result<std::vector<std::string>> note_sites(std::span<const site_note> notes) override {
    return sites_.note(notes);
  }
  result<std::vector<site_standing>> sites(wall_time now) override {
    return trim_.standing(now, sites_.rows());
  }
  result<bool> forget_site(const std::string& name) override { return sites_.forget(name); }
  result<void> observe_log(wall_time now, const log_retention& keep) override {
    return trim_.observe(now, fold_.place(), fold_.take_weight(), keep);
  }
  result<trimmed_slice> trim(wall_time now, const log_retention& keep, std::size_t limit) override {
    return trim_.trim(now, keep, sites_.rows(), limit);
  }

  result<scanned_page> scanned(const std::string& type, const std::string& after,
                               const std::string& until, std::size_t limit) override {
    return scans_.page(type, after, until, limit);
  }
  result<std::vector<scanned_place>> scanned_at(const std::string& type,
                                                std::span<const std::string> paths) override {
    return scans_.places(type, paths);
  }
  result<void> keep_scan(const std::string& type, const scan_differences& differences) override {
    return scans_.apply(type, differences);
  }

  result<std::vector<checksum_claim>> claim_checksums(const checksum_request& asked) override {
    return checksums_.claim(asked);
  }
  result<std::size_t> finish_checksums(const checksum_report& report) override {
    return checksums_.finish(report);
  }
  result<void> release_checksums(const checksum_release& what) override {
    return checksums_.release(what);
  }
  result<std::int64_t> reverify(const std::string& type, const record_selection& which) override {
    return jobs_.reverify(type, which);
  }
  result<void> sweep(const std::string& type) override { return jobs_.sweep(type); }
  result<bool> tend(std::size_t limit) override {
    auto more = jobs_.tend(limit);
    if (!more)
      return more;
    return columns_.write(columns_rows).map([&](bool left) { return left || *more; });
  }

private:
  std::unique_ptr<pqxx::connection> db_;
  type_installer installer_;
  log_fold fold_;
  state_seed seed_;
  site_table sites_;
  log_trim trim_;
  scan_table scans_;
  checksum_table checksums_;
  checksum_jobs jobs_;
  model_columns columns_;
  std::vector<std::string> declared_;
};

result<revision> pg_primary_store::publish(const std::string& type, const std::string& key,
                                           operation op) {
  if (op == operation::truncated)
    return fail(ec::not_found, "publish " + type + "/" + key +
                                   ": truncated is of a table, not of a record; truncate the "
                                   "table, or publish created, updated or deleted");
  return guarded("publish " + type + "/" + key, [&]() -> result<revision> {
    std::optional<installed_type> found;
    std::optional<revision> published;
    const auto refusal = refused([&] {
      pqxx::work tx{*db_};
      tx.exec0("SET LOCAL lock_timeout = '1s'");
      const auto rows =
          tx.exec_params(std::string{installed_types_sql} + "WHERE t.name = $1", type);
      if (rows.empty())
        return;
      found = read_installed(rows[0]);
      // Under the row's lock, as the triggers draw theirs: else this id could be above one whose
      // change nobody sees yet, and that change would be taken for an old one.
      const auto row = tx.exec_params("SELECT m." + found->key + "::text FROM " + found->table +
                                          " AS m WHERE m." + found->key + " = ($1::text)" +
                                          found->cast() + " FOR SHARE",
                                      key);
      if (row.empty())
        return;
      const auto logged = row[0][0].as<std::string>(); // as the triggers write it
      published = tx.exec_params1("INSERT INTO farshore.event_log"
                                  " (type_id, operation, record_id, key)"
                                  " VALUES ($1, $2, $3, $4) RETURNING id",
                                  found->type_id, static_cast<int>(op),
                                  found->numbered() ? std::nullopt : std::optional{logged},
                                  found->numbered() ? std::optional{logged} : std::nullopt)[0]
                      .as<revision>();
      tx.commit();
    });
    const auto what = "publish " + type + "/" + key + ": ";
    if (refusal && refusal->locked())
      return fail(ec::overloaded,
                  what + "the application holds the row's lock; try again when it is done");
    if (refusal && refusal->sqlstate.starts_with("22"))
      return fail(ec::not_found, what + "no such key: " + refusal->message);
    if (refusal)
      return fail(ec::type_waiting, what + refusal->message);
    if (!found)
      return fail(ec::not_found, what + "no such type, or its table is not being watched");
    if (!published)
      return fail(ec::not_found, what + "table " + found->table +
                                     " has no such row (deleted rows need no publishing: the "
                                     "triggers have done it)");
    return *published;
  });
}

result<std::vector<primary_counts>> pg_primary_store::counts() {
  return guarded("read counts", [&] {
    pqxx::read_transaction tx{*db_};
    std::vector<primary_counts> out;
    for (const auto& row : tx.exec_params(counts_sql, text_array_literal(declared_)))
      out.push_back({row["name"].as<std::string>(), row["records"].as<std::int64_t>(),
                     row["checksummed"].as<std::int64_t>(),
                     row["checksum_failed"].as<std::int64_t>(), row["pending"].as<std::int64_t>(),
                     row["missing"].as<std::int64_t>(), row["disabled"].as<std::int64_t>()});
    for (auto& one : out)
      if (const auto found = columns_.troubles().find(one.type); found != columns_.troubles().end())
        one.columns_trouble = found->second;
    return out;
  });
}

} // namespace

result<std::unique_ptr<primary_store>> primary_store::open(const std::string& url) {
  auto db = connect(url, "primary store");
  if (!db)
    return fail(std::move(db).error());
  auto store = std::make_unique<pg_primary_store>(std::move(*db));
  if (auto ok = store->prepare(); !ok)
    return fail(std::move(ok).error());
  return store;
}

} // namespace farshore
