#include "config/read_scope.hpp"

#include "config/values.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace farshore {

namespace {

constexpr std::size_t predicates_max = 100;

int line_of(const toml::node& node) {
  return static_cast<int>(node.source().begin.line);
}

int line_of(const toml::key& key) {
  return static_cast<int>(key.source().begin.line);
}

/// A text of the table, once `check` found it good; else the mistake is told.
std::string read_text(const toml::table& table, const std::string& title, std::string_view key,
                      complaint (*check)(std::string_view), const mistake_taker& mistake) {
  const auto* node = table.get(key);
  if (node == nullptr) {
    mistake(line_of(static_cast<const toml::node&>(table)),
            fmt::format("{} \"{}\" is missing", title, key));
    return {};
  }
  const auto text = node->value_exact<std::string>();
  if (!text) {
    mistake(line_of(*node), fmt::format("{} {}: write a text in double quotes", title, key));
    return {};
  }
  if (text->find_first_not_of(" \t\r\n") == std::string::npos) {
    mistake(line_of(*node), fmt::format("{} {} is empty", title, key));
    return {};
  }
  if (auto wrong = check(*text); !wrong.empty()) {
    mistake(line_of(*node), fmt::format("{} {} = \"{}\": {}", title, key, *text, wrong));
    return {};
  }
  return *text;
}

complaint check_select_type(std::string_view text) {
  return text == "integer" || text == "text" ? "" : "write \"integer\" or \"text\"";
}

void read_select(const toml::node& node, const std::string& title, model_declaration* into,
                 const mistake_taker& mistake) {
  const auto* table = node.as_table();
  if (table == nullptr)
    return mistake(line_of(node), title + " select: write select = { column = \"project_id\", "
                                          "type = \"integer\" }");
  for (const auto& [key, value] : *table)
    if (key != "column" && key != "type")
      mistake(line_of(key), fmt::format("{} select: \"{}\" is not known here; it has column and "
                                        "type",
                                        title, key.str()));
  const auto of = title + " select:";
  auto column = read_text(*table, of, "column", check_column, mistake);
  const auto type = read_text(*table, of, "type", check_select_type, mistake);
  if (into == nullptr || column.empty() || type.empty())
    return;
  into->select_column = std::move(column);
  into->select_text = type == "text";
}

void read_predicates(const toml::node& node, const std::string& title, model_declaration* into,
                     const mistake_taker& mistake) {
  const auto of = title + " [replicable.predicates]";
  const auto* table = node.as_table();
  if (table == nullptr)
    return mistake(line_of(node),
                   title + " predicates is a table; write [replicable.predicates] beneath");
  if (table->size() > predicates_max)
    mistake(line_of(node), fmt::format("{} has {} predicates; {} are the most", of, table->size(),
                                       predicates_max));
  for (const auto& [key, _] : *table) {
    const std::string name{key.str()};
    if (auto wrong = check_type_name(name); !wrong.empty()) {
      mistake(line_of(key), fmt::format("{} \"{}\": {}", of, name, wrong));
      continue;
    }
    auto condition = read_text(*table, of, name, check_sql_expression, mistake);
    if (into != nullptr && !condition.empty())
      into->predicates.emplace(name, std::move(condition));
  }
}

/// A value of a column, as scopes write it. Nothing, and the mistake is told, where it is none.
std::optional<std::string> read_value(const toml::node& node, const std::string& title,
                                      const mistake_taker& mistake) {
  if (const auto number = node.value_exact<std::int64_t>())
    return std::to_string(*number);
  const auto text = node.value_exact<std::string>();
  if (!text) {
    mistake(line_of(node), title + ": write whole numbers, ranges such as \"10-20\", or texts");
    return std::nullopt;
  }
  if (auto wrong = check_scope_value(*text); !wrong.empty()) {
    mistake(line_of(node), fmt::format("{}: \"{}\": {}", title, text->substr(0, 80), wrong));
    return std::nullopt;
  }
  return text;
}

void read_column(const toml::key& key, const toml::node& node, site_scope& scope,
                 const mistake_taker& mistake) {
  const std::string column{key.str()};
  const auto title = "[selective_sync] " + column;
  if (auto wrong = check_column(column); !wrong.empty())
    return mistake(line_of(key), fmt::format("[selective_sync] \"{}\": {}", column, wrong));
  const auto* list = node.as_array();
  if (list == nullptr)
    return mistake(line_of(node), title + ": write a list of the values that this site wants: "
                                          "[1, 2, \"10-20\"]");
  if (list->empty())
    return mistake(line_of(node), title + ": the list is empty, and would select nothing; leave "
                                          "the line away to have all records, or write enabled = "
                                          "false into a type to have none");
  auto& values = scope.columns[column];
  for (const auto& one : *list)
    if (auto value = read_value(one, title, mistake))
      values.push_back(std::move(*value));
    else
      return;
}

} // namespace

void read_selection(const toml::table& type, const std::string& title, site_role role,
                    replicable_type& into, const mistake_taker& mistake) {
  const auto* select = type.get("select");
  const auto* predicates = type.get("predicates");
  auto* model = into.model ? &*into.model : nullptr;
  for (const auto* node : {select, predicates})
    if (node != nullptr && type.contains("scan"))
      mistake(line_of(*node),
              fmt::format("{} {} is for types with [replicable.model]: the files of "
                          "a scanned folder have no columns",
                          title, node == select ? "select" : "predicates"));
  if (select != nullptr)
    read_select(*select, title, model, mistake);
  if (predicates != nullptr)
    read_predicates(*predicates, title, model, mistake);
  if (const auto* predicate = type.get("predicate"); predicate && role == site_role::primary)
    mistake(line_of(*predicate), title +
                                     " predicate is for secondaries, which name one of the "
                                     "primary's; to define some, write [replicable.predicates]");
}

void read_scope(const toml::table& root, config& settings, const mistake_taker& mistake) {
  auto& scope = settings.scope;
  const auto* node = root.get("selective_sync");
  if (const auto* table = node == nullptr ? nullptr : node->as_table()) {
    if (settings.role == site_role::primary)
      return mistake(line_of(*node),
                     "table [selective_sync] is for secondaries, which say what they "
                     "want; on a primary write select = { … } into a type");
    for (const auto& [key, value] : *table)
      read_column(key, value, scope, mistake);
  }
  for (const auto& type : settings.types)
    if (!type.predicate.empty())
      scope.predicates[type.name] = type.predicate;
  make_canonical(scope);
  const bool all_read =
      std::ranges::none_of(scope.columns, [](const auto& column) { return column.second.empty(); });
  if (node == nullptr || !all_read)
    return;
  if (auto wrong = check_scope({scope.columns, {}}); !wrong.empty())
    mistake(line_of(*node), "[selective_sync] " + wrong);
}

} // namespace farshore
