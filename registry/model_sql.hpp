// The SQL that a declaration means: everything that is built from names and expressions of a
// model's declaration is built here. Pure functions.
//
// Names are always quoted. Expressions stand in a subquery over the model's table alone, so that
// they can name nothing but its columns.

#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace farshore {

/// How a model's key becomes a record id: as it is, or by a number from `record_keys`.
enum class key_kind { integer, uuid, text };

/// Of PostgreSQL's type number; nothing where no key can be of that type.
std::optional<key_kind> key_kind_of(std::uint32_t type_oid);
std::string_view to_string(key_kind kind);
std::optional<key_kind> parse_key_kind(std::string_view text);
/// PostgreSQL's name for the type: "bigint", "uuid" or "text".
std::string_view sql_type(key_kind kind);

/// `name` as an identifier that means exactly that.
std::string identifier(std::string_view name);
/// `text` as a string constant.
std::string literal(std::string_view text);

/// An expression of a declaration, in brackets, on lines of its own: nothing in it reaches what
/// follows.
std::string enclosed(std::string_view expression);

struct table_name {
  std::string schema;
  std::string table;
};
/// "table" lies in schema "public".
table_name split_table(std::string_view declared);
std::string identifier(const table_name& name);

/// What makes two declarations differ, in one text.
std::string declaration_text(const model_declaration& model);

/// A query that touches no row and fails where a name, a type or an expression is wrong. Without
/// the others where `only` is one of them.
enum class model_part { all, locator, available, size, pool, select, predicates };
std::string check_sql(const model_declaration& model, model_part only = model_part::all);

/// The rows behind `$1::<kind>[]` (keys) and `$2::bigint[]` (their record ids), `$3` the type's
/// number: columns n (from 1), locator, size, pool, revision, sum. A row that is gone, not
/// available or has no locator has a null locator. `in_scope`, a condition over the model's row,
/// makes a column of that name (null counts as false); empty: it is true.
std::string evaluation_sql(const model_declaration& model, key_kind kind,
                           std::string_view in_scope = {});

/// The available row whose locator is `$1`, of type bytea (`bytes`) or text, at most one: column
/// key (text). `scanned`: of a table that Farshore made, whose index knows the path's beginning.
std::string key_at_sql(const model_declaration& model, bool bytes, bool scanned);

/// Integer keys above `$1`, at most `$2`, in order: column key.
std::string key_page_sql(const model_declaration& model);

} // namespace farshore
