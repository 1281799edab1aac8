#include "registry/event_triggers.hpp"

#include "config/ids.hpp"

#include <array>

namespace farshore {

namespace {

constexpr std::string_view function_prefix = "log_";
constexpr std::array<std::string_view, 6> suffixes{"_ins", "_upd", "_del", "_row", "_tru", "_cut"};

std::string number(operation op) {
  return std::to_string(static_cast<int>(op));
}

/// Writes the bodies of one type's functions.
class writer {
public:
  writer(std::int32_t type_id, const traced_table& table)
      : type_id_{std::to_string(type_id)},
        key_text_{table.key_column},
        key_{identifier(table.key_column)},
        column_{table.kind == key_kind::integer ? "record_id" : "key"},
        as_logged_{table.kind == key_kind::integer ? "" : "::text"} {
    // By the catalogue, not by an exception block: that would be a subtransaction for each of the
    // application's statements.
    shape_ = "EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = TG_RELID"
             " AND a.attname = " +
             literal(table.key_column) + " AND a.atttypid = " + std::to_string(table.key_type_oid) +
             " AND NOT a.attisdropped)";
  }

  [[nodiscard]] std::string inserted() const { return each("farshore_new", operation::created); }
  [[nodiscard]] std::string deleted() const { return each("farshore_old", operation::deleted); }

  /// A key that is gone from the statement's rows was deleted, one that came up was created.
  [[nodiscard]] std::string updated() const {
    return unless_own(
        "INSERT INTO farshore.event_log (type_id, operation, " + column_ + ")\n    SELECT " +
        type_id_ + ", CASE WHEN o.k IS NULL THEN " + number(operation::created) +
        " WHEN n.k IS NULL THEN " + number(operation::deleted) + " ELSE " +
        number(operation::updated) + " END, coalesce(n.k, o.k)" + as_logged_ +
        "\n    FROM (SELECT r." + key_ + " AS k FROM farshore_old AS r WHERE r." + key_ +
        " IS NOT NULL) AS o\n    FULL JOIN (SELECT r." + key_ +
        " AS k FROM farshore_new AS r WHERE r." + key_ + " IS NOT NULL) AS n ON n.k = o.k;");
  }

  [[nodiscard]] std::string by_row() const {
    const auto add = [this](operation op, const std::string& row) {
      return "IF " + row + "." + key_ +
             " IS NOT NULL THEN\n"
             "        INSERT INTO farshore.event_log (type_id, operation, " +
             column_ + ")\n        VALUES (" + type_id_ + ", " + number(op) + ", " + row + "." +
             key_ + as_logged_ + ");\n      END IF;\n";
    };
    return unless_own("IF TG_OP = 'INSERT' THEN\n      " + add(operation::created, "NEW") +
                      "    ELSIF TG_OP = 'DELETE' THEN\n      " + add(operation::deleted, "OLD") +
                      "    ELSIF NEW." + key_ + " IS DISTINCT FROM OLD." + key_ + " THEN\n      " +
                      add(operation::deleted, "OLD") + "      " + add(operation::created, "NEW") +
                      "    ELSE\n      " + add(operation::updated, "NEW") + "    END IF;");
  }

  [[nodiscard]] std::string truncated() const {
    return "BEGIN\n  INSERT INTO farshore.event_log (type_id, operation) VALUES (" + type_id_ +
           ", " + number(operation::truncated) + ");\n  RETURN NULL;\nEND";
  }

  /// Before one partition is truncated: its rows go, the others' stay.
  [[nodiscard]] std::string cut() const {
    return guarded("IF pg_catalog.has_table_privilege(TG_RELID, 'SELECT') THEN\n"
                   "      EXECUTE pg_catalog.format(" +
                   literal("INSERT INTO farshore.event_log (type_id, operation, " + column_ +
                           ") SELECT " + type_id_ + ", " + number(operation::deleted) + ", r.%1$I" +
                           as_logged_ + " FROM ONLY %2$s AS r WHERE r.%1$I IS NOT NULL") +
                   ",\n        " + literal(key_text_) + ", TG_RELID::regclass);\n    END IF;");
  }

private:
  [[nodiscard]] std::string guarded(const std::string& statements) const {
    return "BEGIN\n  IF " + shape_ + " THEN\n    " + statements +
           "\n  ELSE\n    INSERT INTO farshore.event_log (type_id, operation) VALUES (" + type_id_ +
           ", " + std::to_string(unreadable_operation) + ");\n  END IF;\n  RETURN NULL;\nEND";
  }

  /// By the body, not by the trigger's WHEN: so it comes to a table that has its triggers already
  /// without a lock and without a new generation.
  [[nodiscard]] std::string unless_own(const std::string& statements) const {
    return "BEGIN\n  IF pg_catalog.current_setting(" + literal(own_write_setting) + ", true) = '" +
           type_id_ +
           "' AND pg_catalog.pg_trigger_depth() = 1 THEN\n    RETURN NULL;\n  END IF;\n" +
           guarded(statements).substr(std::string_view{"BEGIN\n"}.size());
  }

  [[nodiscard]] std::string each(const std::string& rows, operation op) const {
    return guarded("INSERT INTO farshore.event_log (type_id, operation, " + column_ +
                   ")\n    SELECT " + type_id_ + ", " + number(op) + ", r." + key_ + as_logged_ +
                   " FROM " + rows + " AS r WHERE r." + key_ + " IS NOT NULL;");
  }

  std::string type_id_;
  std::string key_text_;
  std::string key_;
  std::string column_;
  std::string as_logged_;
  std::string shape_;
};

} // namespace

trigger_set triggers_for(std::string_view type, std::int32_t type_id, const traced_table& table) {
  const writer write{type_id, table};
  const std::string name{type};
  trigger_set set;
  const auto add = [&](std::string_view suffix, std::string body, std::uint32_t oid,
                       std::string when, std::string how) {
    const auto function = std::string{function_prefix} + name + std::string{suffix};
    if (set.functions.empty() || set.functions.back().name != function)
      set.functions.push_back({function, std::move(body)});
    set.triggers.push_back(
        {"farshore_" + name + std::string{suffix}, function, oid, std::move(when), std::move(how)});
  };
  if (table.by_row) {
    add("_row", write.by_row(), table.oid, "AFTER INSERT OR UPDATE OR DELETE", "FOR EACH ROW");
  } else {
    add("_ins", write.inserted(), table.oid, "AFTER INSERT",
        "REFERENCING NEW TABLE AS farshore_new FOR EACH STATEMENT");
    add("_upd", write.updated(), table.oid, "AFTER UPDATE",
        "REFERENCING OLD TABLE AS farshore_old NEW TABLE AS farshore_new FOR EACH STATEMENT");
    add("_del", write.deleted(), table.oid, "AFTER DELETE",
        "REFERENCING OLD TABLE AS farshore_old FOR EACH STATEMENT");
  }
  add("_tru", write.truncated(), table.oid, "AFTER TRUNCATE", "FOR EACH STATEMENT");
  for (const auto leaf : table.leaves)
    add("_cut", write.cut(), leaf, "BEFORE TRUNCATE", "FOR EACH STATEMENT");
  return set;
}

std::string_view type_of_function(std::string_view function) {
  if (!function.starts_with(function_prefix))
    return {};
  function.remove_prefix(function_prefix.size());
  for (const auto suffix : suffixes)
    if (function.ends_with(suffix))
      return function.substr(0, function.size() - suffix.size());
  return {};
}

} // namespace farshore
