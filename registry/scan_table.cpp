#include "registry/scan_table.hpp"

#include "registry/database.hpp"
#include "registry/model_sql.hpp"
#include "registry/sql_array.hpp"

#include <string_view>
#include <utility>

namespace farshore {

namespace {

/// A path may be longer than an index entry: the index knows its beginning, and tells longer ones
/// apart by a hash.
#define PATH_HEAD(path) "substring(" path " from 1 for 2000)"

constexpr auto page_sql =
    "SELECT id, path, kind, size, mtime_ns, ctime_ns, inode, mode, settled FROM {} AS s"
    " WHERE (" PATH_HEAD("path") ", path) > (" PATH_HEAD(
        "$1::bytea") ", $1::bytea)"
                     " AND " PATH_HEAD("path") " <= " PATH_HEAD(
                         "$2::bytea") " AND path < $2::bytea"
                                      " ORDER BY " PATH_HEAD("path") ", path LIMIT $3";

constexpr auto places_sql =
    "SELECT s.id, p.path, s.kind, s.size, s.mtime_ns, s.ctime_ns, s.inode, s.mode, s.settled,"
    "  EXISTS (SELECT FROM {} AS b"
    "    WHERE " PATH_HEAD("b.path") " >= " PATH_HEAD(
        "p.path || '\\x2f'::bytea") "    AND " PATH_HEAD("b.path") " <= " PATH_HEAD("p.path || "
                                                                                    "'\\x30'::"
                                                                                    "bytea") "    "
                                                                                             "AND "
                                                                                             "b."
                                                                                             "path "
                                                                                             "> "
                                                                                             "p."
                                                                                             "path "
                                                                                             "|| "
                                                                                             "'\\x2"
                                                                                             "f'::"
                                                                                             "bytea"
                                                                                             " AND "
                                                                                             "b."
                                                                                             "path "
                                                                                             "< "
                                                                                             "p."
                                                                                             "path "
                                                                                             "|| "
                                                                                             "'\\x3"
                                                                                             "0'::"
                                                                                             "bytea"
                                                                                             ")"
                                                                                             "  AS "
                                                                                             "has_"
                                                                                             "benea"
                                                                                             "th"
                                                                                             " FROM"
                                                                                             " unne"
                                                                                             "st($"
                                                                                             "1::"
                                                                                             "bytea"
                                                                                             "[]) "
                                                                                             "WITH "
                                                                                             "ORDIN"
                                                                                             "ALITY"
                                                                                             " AS "
                                                                                             "p("
                                                                                             "path,"
                                                                                             " n)"
                                                                                             " LEFT"
                                                                                             " JOIN"
                                                                                             " {} "
                                                                                             "AS s "
                                                                                             "ON"
                                                                                             " " PATH_HEAD("s.path") " = " PATH_HEAD(
                                                                                                 "p"
                                                                                                 "."
                                                                                                 "p"
                                                                                                 "a"
                                                                                                 "t"
                                                                                                 "h") " AND s.path = p.path"
                                                                                                      " ORDER BY p.n";

#undef PATH_HEAD

constexpr auto create_sql =
    "INSERT INTO {} (path, kind, size, mtime_ns, ctime_ns, inode, mode, settled)"
    " SELECT * FROM unnest($1::bytea[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[],"
    "   $6::bigint[], $7::integer[], $8::boolean[])"
    " ON CONFLICT DO NOTHING";

constexpr auto change_sql =
    "UPDATE {} AS s SET kind = d.kind, size = d.size, mtime_ns = d.mtime_ns,"
    "  ctime_ns = d.ctime_ns, inode = d.inode, mode = d.mode, settled = d.settled"
    " FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[],"
    "   $6::bigint[], $7::integer[], $8::boolean[])"
    "   AS d(id, kind, size, mtime_ns, ctime_ns, inode, mode, settled)"
    " WHERE s.id = d.id";

constexpr auto remove_sql = "DELETE FROM {} WHERE id = ANY ($1::bigint[])";

std::string table_of(const std::string& type) {
  return identifier(split_table(scanned_table(type)));
}

/// The statement for one type's table.
std::string of_type(std::string_view sql, const std::string& type) {
  std::string out{sql};
  for (auto at = out.find("{}"); at != std::string::npos; at = out.find("{}", at))
    out.replace(at, 2, table_of(type));
  return out;
}

std::string bytea(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\\x";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

scanned_row read_row(const pqxx::row& row) {
  scanned_row out;
  out.file.path = pqxx::binarystring{row["path"]}.str();
  if (row["id"].is_null())
    return out;
  out.id = row["id"].as<std::int64_t>();
  out.file.kind = static_cast<scanned_kind>(row["kind"].as<int>());
  out.file.size = static_cast<std::uint64_t>(row["size"].as<std::int64_t>());
  out.file.mtime_ns = row["mtime_ns"].as<std::int64_t>();
  out.file.ctime_ns = row["ctime_ns"].as<std::int64_t>();
  out.file.inode = static_cast<std::uint64_t>(row["inode"].as<std::int64_t>());
  out.file.mode = static_cast<std::uint32_t>(row["mode"].as<std::int32_t>());
  out.file.settled = row["settled"].as<bool>();
  return out;
}

const scanned_file& file_of(const scanned_file& file) {
  return file;
}
const scanned_file& file_of(const scanned_row& row) {
  return row.file;
}

/// A statement with `first` for $1, and what all rows have for $2 to $8.
template <class Rows>
void execute(pqxx::work& tx, const std::string& sql, const std::string& first, const Rows& rows) {
  const auto column = [&rows](auto value_of) {
    return sql_array(rows, [&](const auto& row) { return value_of(file_of(row)); });
  };
  tx.exec_params(sql, first, column([](const scanned_file& f) {
                   return std::int64_t{static_cast<int>(f.kind)};
                 }),
                 column([](const scanned_file& f) { return number(f.size); }),
                 column([](const scanned_file& f) { return f.mtime_ns; }),
                 column([](const scanned_file& f) { return f.ctime_ns; }),
                 column([](const scanned_file& f) { return number(f.inode); }),
                 column([](const scanned_file& f) { return std::int64_t{f.mode}; }),
                 column([](const scanned_file& f) { return f.settled; }));
}

} // namespace

std::string path_after_all() {
  return std::string(4096, '\xff');
}

std::string scanned_table(const std::string& type) {
  return "farshore.scanned_" + type;
}

model_declaration scanned_model(const replicable_type& type) {
  model_declaration model;
  model.table = scanned_table(type.name);
  model.primary_key = "id";
  model.locator = "path";
  if (type.strategy == "blob") // of a repository nobody knows it
    model.size = "size";
  return model;
}

result<void> scan_table::make(std::span<const replicable_type> types) {
  for (const auto& type : types) {
    if (!type.scanned() || made_.contains(type.name))
      continue;
    auto made = guarded("make the table of " + type.name, [&] {
      pqxx::work tx{db_};
      tx.exec0("SET LOCAL client_min_messages = warning");
      tx.exec0("CREATE TABLE IF NOT EXISTS " + table_of(type.name) +
               " (LIKE farshore.scanned_template INCLUDING ALL)");
      tx.commit();
    });
    if (!made)
      return made;
    made_.insert(type.name);
  }
  return {};
}

result<scanned_page> scan_table::page(const std::string& type, const std::string& after,
                                      const std::string& until, std::size_t limit) {
  return guarded("read what was scanned of " + type, [&] {
    pqxx::read_transaction tx{db_};
    scanned_page out;
    for (const auto& row :
         tx.exec_params(of_type(page_sql, type), bytea(after), bytea(until), limit))
      out.rows.push_back(read_row(row));
    out.last = out.rows.size() < limit;
    return out;
  });
}

result<std::vector<scanned_place>> scan_table::places(const std::string& type,
                                                      std::span<const std::string> paths) {
  return guarded("look up what was scanned of " + type, [&] {
    pqxx::read_transaction tx{db_};
    std::vector<scanned_place> out;
    const auto asked = sql_array(paths, [](const std::string& path) { return bytea(path); });
    for (const auto& row : tx.exec_params(of_type(places_sql, type), asked))
      out.push_back({read_row(row), row["has_beneath"].as<bool>()});
    return out;
  });
}

result<void> scan_table::apply(const std::string& type, const scan_differences& differences) {
  return guarded("keep what was scanned of " + type, [&] {
    pqxx::work tx{db_};
    const auto& [created, changed, gone] = differences;
    // What is gone first: a file may lie where a folder was.
    if (!gone.empty())
      tx.exec_params(of_type(remove_sql, type), array_literal(gone));
    if (!changed.empty())
      execute(tx, of_type(change_sql, type),
              sql_array(changed, [](const scanned_row& row) { return row.id; }), changed);
    if (!created.empty())
      execute(tx, of_type(create_sql, type),
              sql_array(created, [](const scanned_file& file) { return bytea(file.path); }),
              created);
    tx.commit();
  });
}

} // namespace farshore
