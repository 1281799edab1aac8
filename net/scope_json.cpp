#include "net/scope_json.hpp"

#include "net/json_fields.hpp"

namespace farshore {

namespace {

constexpr std::size_t name_bytes_max = 100;

const json::object& object_of(const json::value& from, std::string_view name) {
  const auto& found = field(from, name).as_object();
  if (found.size() > scope_names_max)
    throw broken_json{name};
  return found;
}

std::string name_of(const json::string& text, std::string_view name) {
  if (text.size() > name_bytes_max)
    throw broken_json{name};
  return {text.data(), text.size()};
}

} // namespace

std::string to_json(const site_scope& scope) {
  json::object columns;
  for (const auto& [column, values] : scope.columns)
    columns[column] = json::array(values.begin(), values.end());
  json::object predicates;
  for (const auto& [type, predicate] : scope.predicates)
    predicates[type] = predicate;
  return json::serialize(
      json::object{{"columns", std::move(columns)}, {"predicates", std::move(predicates)}});
}

result<site_scope> parse_site_scope(std::string_view input) {
  return parse_json<site_scope>("scope", input, [](const json::value& from) {
    site_scope scope;
    for (const auto& [column, values] : object_of(from, "columns")) {
      auto& to = scope.columns[std::string{column.substr(0, name_bytes_max)}];
      if (values.as_array().size() > scope_values_max)
        throw broken_json{"columns"};
      for (const auto& value : values.as_array())
        to.emplace_back(value.as_string());
    }
    for (const auto& [type, predicate] : object_of(from, "predicates"))
      scope.predicates[std::string{type.substr(0, name_bytes_max)}] =
          name_of(predicate.as_string(), "predicates");
    make_canonical(scope);
    if (scope.whole() || !check_scope(scope).empty())
      throw broken_json{"columns"};
    return scope;
  });
}

std::string scope_answer(const scope_digest& digest) {
  return json::serialize(json::object{{"scope", digest}});
}

result<scope_digest> parse_scope_answer(std::string_view input) {
  return parse_json<scope_digest>("scope answer", input, [](const json::value& from) {
    const auto digest = text(from, "scope", 64);
    if (!is_scope_digest(digest))
      throw broken_json{"scope"};
    return scope_digest{digest};
  });
}

} // namespace farshore
