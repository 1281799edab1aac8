#include "net/openapi.hpp"

#include "config/version.hpp"

#include <string>

#include <boost/json.hpp>

namespace farshore {

namespace json = boost::json;

namespace {

json::value reference(std::string_view object) {
  return {{"$ref", "#/components/schemas/" + std::string{object}}};
}

json::value plain_schema(std::string_view type) {
  if (type == "text")
    return {{"type", "string"}};
  if (type == "time")
    return {{"type", "string"}, {"format", "date-time"}};
  if (type == "integer" || type == "number")
    return {{"type", type}};
  if (type == "flag")
    return {{"type", "boolean"}};
  if (type == "any")
    return json::object{};
  if (type.find('|') == std::string_view::npos)
    return reference(type);
  json::array texts;
  for (std::size_t from = 0; from <= type.size();) {
    const auto to = std::min(type.find('|', from), type.size());
    texts.emplace_back(type.substr(from, to - from));
    from = to + 1;
  }
  return {{"type", "string"}, {"enum", std::move(texts)}};
}

json::object described(json::value schema, std::string_view meaning) {
  auto out = schema.as_object();
  if (!meaning.empty())
    out["description"] = meaning;
  return out;
}

bool optional(const api_field& field) {
  return field.name.ends_with('?');
}
std::string_view name_of(const api_field& field) {
  return field.name.substr(0, field.name.size() - (optional(field) ? 1 : 0));
}

json::value object_schema(const api_object& object) {
  json::object properties;
  json::array required;
  json::value further = true;
  for (const auto& field : object.fields) {
    if (field.name == "*") {
      further = described(schema_of(field.type), field.meaning);
      continue;
    }
    properties[name_of(field)] = described(schema_of(field.type), field.meaning);
    if (!optional(field))
      required.emplace_back(field.name);
  }
  json::object out{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty())
    out["required"] = std::move(required);
  if (further.is_object())
    out["additionalProperties"] = std::move(further);
  return out;
}

json::object content_of(std::string_view type, json::value schema) {
  return {{type, {{"schema", std::move(schema)}}}};
}

json::array parameters_of(const api_endpoint& endpoint) {
  json::array out;
  for (auto open = endpoint.path.find('{'); open != std::string_view::npos;
       open = endpoint.path.find('{', open + 1)) {
    const auto close = endpoint.path.find('}', open);
    out.push_back({{"name", endpoint.path.substr(open + 1, close - open - 1)},
                   {"in", "path"},
                   {"required", true},
                   {"schema", {{"type", "string"}}}});
  }
  for (const auto& field : endpoint.parameters)
    out.push_back({{"name", name_of(field)},
                   {"in", "query"},
                   {"required", !optional(field)},
                   {"description", field.meaning},
                   {"schema", schema_of(field.type)}});
  return out;
}

json::value operation_of(const api_endpoint& endpoint) {
  const bool acts = endpoint.access == route_access::operating;
  json::object answer{{"description", "Done."}};
  if (!endpoint.answer.empty())
    answer["content"] = content_of(endpoint.content_type, schema_of(endpoint.answer));
  json::object out{
      {"summary", endpoint.summary},
      {"parameters", parameters_of(endpoint)},
      {"security", {{{acts ? "operator" : "viewer", json::array{}}}}},
      {"responses",
       {{std::to_string(endpoint.status), std::move(answer)},
        {"default", {{"$ref", "#/components/responses/problem"}}}}},
  };
  if (!endpoint.body.empty())
    out["requestBody"] = {{"required", true},
                          {"content", content_of("application/json", reference(endpoint.body))}};
  return out;
}

std::string lower(std::string_view method) {
  std::string out{method};
  for (auto& c : out)
    c = static_cast<char>(c | 0x20);
  return out;
}

json::object bearer(std::string_view command) {
  return {{"type", "http"},
          {"scheme", "bearer"},
          {"bearerFormat", "JWT"},
          {"description", "A token from `farshore token " + std::string{command} + "`."}};
}

} // namespace

json::value schema_of(std::string_view type) {
  if (type.starts_with("[]"))
    return {{"type", "array"}, {"items", schema_of(type.substr(2))}};
  if (!type.ends_with('?'))
    return plain_schema(type);
  json::value nothing{{"type", "null"}};
  return {{"anyOf", {plain_schema(type.substr(0, type.size() - 1)), std::move(nothing)}}};
}

json::value openapi_document(api_role role) {
  json::object paths;
  for (const auto& endpoint : api_endpoints()) {
    if (endpoint.role != api_role::any && endpoint.role != role)
      continue;
    auto& path = paths[endpoint.path];
    if (!path.is_object())
      path = json::object{};
    path.as_object()[lower(endpoint.method)] = operation_of(endpoint);
  }
  json::object schemas;
  for (const auto& object : api_objects())
    schemas[object.name] = object_schema(object);
  return {
      {"openapi", "3.1.0"},
      {"info", {{"title", "Farshore"}, {"version", program_version()}}},
      {"paths", std::move(paths)},
      {"components",
       {{"schemas", std::move(schemas)},
        {"responses",
         {{"problem",
           {{"description", "It could not be done (RFC 9457)."},
            {"content", content_of("application/problem+json", reference("problem"))}}}}},
        {"securitySchemes",
         {{"viewer", bearer("--viewer (or --operator)")}, {"operator", bearer("--operator")}}}}},
  };
}

} // namespace farshore
