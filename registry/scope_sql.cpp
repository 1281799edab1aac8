#include "registry/scope_sql.hpp"

#include "registry/model_sql.hpp"
#include "registry/sql_array.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace farshore {

namespace {

complaint check_column_values(const std::string& column, const std::vector<std::string>& values,
                              std::span<const replicable_type> types) {
  bool is_known = false;
  std::set<std::string> others;
  for (const auto& type : types) {
    if (!type.model || type.model->select_column.empty())
      continue;
    others.insert(type.model->select_column);
    if (type.model->select_column != column)
      continue;
    is_known = true;
    std::string bad;
    if (!type.model->select_text && !ranges_of(values, bad))
      return fmt::format("{}: \"{}\" is neither a whole number nor a range such as \"10-20\", and "
                         "type {} selects by whole numbers",
                         column, bad, type.name);
  }
  if (is_known)
    return {};
  return fmt::format("no type of the primary selects by \"{}\"{}", column,
                     others.empty() ? ""
                                    : fmt::format("; they select by: {}", fmt::join(others, ", ")));
}

complaint check_predicate(const std::string& name, const replicable_type& type) {
  if (!type.model || type.model->predicates.empty())
    return fmt::format("type {} has no predicates on the primary", type.name);
  if (type.model->predicates.contains(name))
    return {};
  std::vector<std::string> others;
  for (const auto& [other, _] : type.model->predicates)
    others.push_back(other);
  return fmt::format("type {} has no predicate \"{}\" on the primary; it has: {}", type.name, name,
                     fmt::join(others, ", "));
}

/// The row's value lies in one of the ranges: the last that begins at or below it is found by
/// halving, so that ten thousand of them cost a row little more than one.
std::string in_ranges(const std::string& column, std::span<const value_range> ranges,
                      std::size_t first_parameter, std::vector<std::string>& parameters) {
  parameters.push_back(sql_array(ranges, [](const auto& range) { return range.first; }));
  parameters.push_back(sql_array(ranges, [](const auto& range) { return range.last; }));
  return fmt::format("{0}::bigint <= (${2}::bigint[])[width_bucket({0}::bigint, ${1}::bigint[])]",
                     column, first_parameter, first_parameter + 1);
}

} // namespace

complaint check_scope(const site_scope& scope, std::span<const replicable_type> types) {
  if (auto wrong = check_scope(scope); !wrong.empty())
    return wrong;
  for (const auto& [column, values] : scope.columns)
    if (auto wrong = check_column_values(column, values, types); !wrong.empty())
      return wrong;
  for (const auto& [name, predicate] : scope.predicates) {
    // A type that is not there is not served at all, and the site is told so.
    const auto type = std::ranges::find(types, name, &replicable_type::name);
    if (type == types.end())
      continue;
    if (auto wrong = check_predicate(predicate, *type); !wrong.empty())
      return wrong;
  }
  return {};
}

row_filter filter_of(const site_scope& scope, const replicable_type& type,
                     std::size_t first_parameter) {
  row_filter filter;
  if (!type.model)
    return filter;
  const auto& model = *type.model;
  const auto demand = [&filter](const std::string& condition) {
    filter.condition += (filter.condition.empty() ? "" : " AND ") + condition;
  };
  if (const auto named = scope.predicates.find(type.name); named != scope.predicates.end()) {
    const auto predicate = model.predicates.find(named->second);
    demand(predicate == model.predicates.end() ? "false" : enclosed(predicate->second));
  }
  const auto wanted = scope.columns.find(model.select_column);
  if (model.select_column.empty() || wanted == scope.columns.end())
    return filter;
  const auto column =
      identifier(split_table(model.table).table) + "." + identifier(model.select_column);
  std::string bad;
  if (model.select_text) {
    filter.parameters.push_back(sql_array(wanted->second, [](const auto& text) { return text; }));
    demand(fmt::format("{}::text COLLATE \"C\" = ANY (${}::text[])", column, first_parameter));
  } else if (const auto ranges = ranges_of(wanted->second, bad)) {
    demand(in_ranges(column, *ranges, first_parameter, filter.parameters));
  } else {
    demand("false");
  }
  return filter;
}

} // namespace farshore
