// Whether a JSON value is what a schema of the OpenAPI document says: of JSON Schema what that
// document uses, and a failure for all else.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

namespace farshore::test {

class schema_check {
public:
  explicit schema_check(boost::json::value document) : document_(std::move(document)) {}

  /// What is wrong with the value, one line each; empty: nothing.
  std::vector<std::string> operator()(const boost::json::value& schema,
                                      const boost::json::value& value) {
    wrong_.clear();
    check(schema, value, "");
    return wrong_;
  }

  [[nodiscard]] const boost::json::value& document() const { return document_; }
  [[nodiscard]] const boost::json::value& object(std::string_view name) const {
    return document_.at("components").at("schemas").at(name);
  }

private:
  void check(const boost::json::value& schema, const boost::json::value& value,
             const std::string& at) {
    for (const auto& [key, rule] : schema.as_object())
      check_rule(key, rule, schema.as_object(), value, at);
  }

  void check_rule(std::string_view key, const boost::json::value& rule,
                  const boost::json::object& schema, const boost::json::value& value,
                  const std::string& at) {
    if (key == "$ref") {
      check(object(std::string_view{rule.as_string()}.substr(sizeof "#/components/schemas/" - 1)),
            value, at);
    } else if (key == "type") {
      if (!is_of(rule.as_string(), value))
        wrong_.push_back(at + " is no " + std::string{rule.as_string()});
    } else if (key == "enum") {
      bool among = false;
      for (const auto& one : rule.as_array())
        among = among || one == value;
      if (!among)
        wrong_.push_back(at + " is none of " + boost::json::serialize(rule));
    } else if (key == "anyOf") {
      check_any(rule.as_array(), value, at);
    } else if (key == "required") {
      for (const auto& name : rule.as_array())
        if (!value.is_object() || !value.as_object().contains(name.as_string()))
          wrong_.push_back(at + " has no " + std::string{name.as_string()});
    } else if (key == "properties") {
      check_members(rule.as_object(), schema, value, at);
    } else if (key == "items") {
      if (value.is_array())
        for (const auto& one : value.as_array())
          check(rule, one, at + "[]");
    } else if (key != "description" && key != "format" && key != "additionalProperties") {
      wrong_.push_back("a rule that is not known: " + std::string{key});
    }
  }

  /// What the schema does not name must not be there, unless it says so.
  void check_members(const boost::json::object& known, const boost::json::object& schema,
                     const boost::json::value& value, const std::string& at) {
    if (!value.is_object())
      return;
    const auto* further = schema.if_contains("additionalProperties");
    for (const auto& [name, member] : value.as_object()) {
      const auto path = at + "/" + std::string{name};
      if (const auto* rule = known.if_contains(name))
        check(*rule, member, path);
      else if (further)
        check(*further, member, path);
      else
        wrong_.push_back(path + " is not in the schema");
    }
  }

  void check_any(const boost::json::array& rules, const boost::json::value& value,
                 const std::string& at) {
    std::vector<std::string> all;
    for (const auto& rule : rules) {
      schema_check one{document_};
      const auto wrong = one(rule, value);
      if (wrong.empty())
        return;
      all.insert(all.end(), wrong.begin(), wrong.end());
    }
    wrong_.push_back(at + " fits nothing: " + (all.empty() ? "" : all.front()));
  }

  static bool is_of(std::string_view type, const boost::json::value& value) {
    if (type == "string")
      return value.is_string();
    if (type == "integer")
      return value.is_int64() || value.is_uint64();
    if (type == "number")
      return value.is_number();
    if (type == "boolean")
      return value.is_bool();
    if (type == "null")
      return value.is_null();
    if (type == "array")
      return value.is_array();
    return type == "object" && value.is_object();
  }

  boost::json::value document_;
  std::vector<std::string> wrong_;
};

} // namespace farshore::test
