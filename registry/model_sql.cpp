#include "registry/model_sql.hpp"

#include <array>

namespace farshore {

namespace {

std::string doubled(std::string_view text, char quote) {
  std::string out{quote};
  for (const char c : text) {
    if (c == quote)
      out += quote;
    out += c;
  }
  return out += quote;
}

std::string condition(const model_declaration& model) {
  return model.available.empty() ? "true" : enclosed(model.available);
}

std::string size_column(const model_declaration& model) {
  return model.size.empty() ? "NULL::bigint" : enclosed(model.size) + "::bigint";
}

std::string pool_column(const model_declaration& model) {
  return model.pool.empty() ? "NULL::text" : enclosed(model.pool);
}

std::string key_column(const model_declaration& model, const table_name& table) {
  return identifier(table.table) + "." + identifier(model.primary_key);
}

} // namespace

std::optional<key_kind> key_kind_of(std::uint32_t type_oid) {
  switch (type_oid) {
  case 20: // int8
  case 21: // int2
  case 23: // int4
    return key_kind::integer;
  case 2950:
    return key_kind::uuid;
  case 25:   // text
  case 1043: // varchar
    return key_kind::text;
  default:
    return std::nullopt;
  }
}

std::string_view to_string(key_kind kind) {
  constexpr std::array<std::string_view, 3> names{"integer", "uuid", "text"};
  return names[static_cast<std::size_t>(kind)];
}

std::optional<key_kind> parse_key_kind(std::string_view text) {
  for (auto kind : {key_kind::integer, key_kind::uuid, key_kind::text})
    if (to_string(kind) == text)
      return kind;
  return std::nullopt;
}

std::string_view sql_type(key_kind kind) {
  return kind == key_kind::integer ? "bigint" : to_string(kind);
}

std::string identifier(std::string_view name) {
  return doubled(name, '"');
}

std::string enclosed(std::string_view expression) {
  return "(\n" + std::string{expression} + "\n)";
}

std::string literal(std::string_view text) {
  // The E form reads backslashes alike whatever standard_conforming_strings says.
  std::string out = "E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\')
      out += c;
    out += c;
  }
  return out += '\'';
}

table_name split_table(std::string_view declared) {
  const auto dot = declared.find('.');
  if (dot == std::string_view::npos)
    return {"public", std::string{declared}};
  return {std::string{declared.substr(0, dot)}, std::string{declared.substr(dot + 1)}};
}

std::string identifier(const table_name& name) {
  return identifier(name.schema) + "." + identifier(name.table);
}

std::string declaration_text(const model_declaration& model) {
  std::string out;
  for (const auto* part :
       {&model.table, &model.primary_key, &model.locator, &model.available, &model.size})
    out += std::to_string(part->size()) + ":" + *part + "\n";
  // Only where they are there: who declares none is not installed anew by an upgrade.
  const auto add = [&out](std::string_view what, const std::string& part) {
    out += std::string{what} + " " + std::to_string(part.size()) + ":" + part + "\n";
  };
  if (!model.select_column.empty())
    add(model.select_text ? "select text" : "select integer", model.select_column);
  if (!model.pool.empty())
    add("pool", model.pool);
  for (const auto& [name, predicate] : model.predicates)
    add("predicate " + name, predicate);
  return out;
}

std::string check_sql(const model_declaration& model, model_part only) {
  const auto wanted = [only](model_part part) { return only == model_part::all || only == part; };
  const auto table = split_table(model.table);
  std::string select = "NULL";
  if (wanted(model_part::select) && !model.select_column.empty()) {
    select = identifier(table.table) + "." + identifier(model.select_column);
    // Of the numbers only whole ones have this operator.
    select += model.select_text ? "::text" : " # 0::bigint";
  }
  std::string conditions = wanted(model_part::available) ? condition(model) : "true";
  if (wanted(model_part::predicates))
    for (const auto& [_, predicate] : model.predicates)
      conditions += " AND " + enclosed(predicate);
  return "SELECT " + (wanted(model_part::locator) ? enclosed(model.locator) : "NULL") +
         " AS locator, " + (wanted(model_part::size) ? size_column(model) : "NULL") + " AS size, " +
         (wanted(model_part::pool) ? pool_column(model) : "NULL") + " AS pool, " + select +
         " AS selected FROM " + identifier(table) + " WHERE " + conditions + " LIMIT 0";
}

std::string evaluation_sql(const model_declaration& model, key_kind kind,
                           std::string_view in_scope) {
  const auto table = split_table(model.table);
  // Only rows that were asked for may meet the expressions: they can fail, or cost. LIMIT: each
  // look is one by the key, also while the planner takes a growing table for a small one and would
  // read all of it for each page.
  return "SELECT farshore_k.farshore_n AS n, farshore_m.locator, farshore_m.size, farshore_m.pool,"
         " coalesce(farshore_m.in_scope, false) AS in_scope,"
         " coalesce(farshore_s.revision, 0) AS revision, farshore_s.sum"
         " FROM unnest($1::" +
         std::string{sql_type(kind)} +
         "[], $2::bigint[]) WITH ORDINALITY AS farshore_k(farshore_key, farshore_record, "
         "farshore_n)"
         " LEFT JOIN LATERAL (SELECT " +
         enclosed(model.locator) + " AS locator, " + size_column(model) + " AS size, " +
         pool_column(model) + " AS pool, " + (in_scope.empty() ? "true" : enclosed(in_scope)) +
         " AS in_scope FROM " + identifier(table) + " WHERE " + key_column(model, table) +
         " = farshore_k.farshore_key AND " + condition(model) +
         " LIMIT 1) AS farshore_m ON true"
         " LEFT JOIN LATERAL (SELECT s.revision,"
         " CASE WHEN s.verification_state = 2 THEN s.verification_checksum END AS sum"
         " FROM farshore.state AS s WHERE s.type_id = $3"
         " AND s.record_id = farshore_k.farshore_record LIMIT 1) AS farshore_s ON true"
         " ORDER BY farshore_k.farshore_n";
}

std::string key_at_sql(const model_declaration& model, bool bytes, bool scanned) {
  const auto table = split_table(model.table);
  const std::string place = bytes ? "$1::bytea" : "$1::text";
  const std::string head =
      scanned ? "substring(path from 1 for 2000) = substring(" + place + " from 1 for 2000) AND "
              : "";
  return "SELECT " + key_column(model, table) + "::text AS key FROM " + identifier(table) +
         " WHERE " + head + enclosed(model.locator) + " = " + place + " AND " + condition(model) +
         " LIMIT 1";
}

std::string key_page_sql(const model_declaration& model) {
  const auto table = split_table(model.table);
  const auto key = key_column(model, table);
  return "SELECT " + key + " AS key FROM " + identifier(table) + " WHERE " + key +
         " > $1::bigint ORDER BY " + key + " LIMIT $2";
}

} // namespace farshore
