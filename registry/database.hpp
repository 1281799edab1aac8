// The only place where libpqxx's exceptions are caught, and the helpers that every query file uses.

#pragma once

#include "config/error.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <pqxx/pqxx>

namespace farshore {

/// Runs `body` (which returns a value, a `result`, or nothing) and turns what libpqxx throws into
/// an error whose message begins with `what`, the statement's name.
template <class Body>
auto guarded(std::string_view what, Body&& body) {
  using returned = std::invoke_result_t<Body>;
  constexpr bool is_void = std::is_void_v<returned>;
  constexpr bool is_result = requires(returned r) {
    r.error().code;
  };
  using wanted =
      std::conditional_t<is_result, returned, result<std::conditional_t<is_void, void, returned>>>;
  auto failed = [what](ec code, const std::exception& e) -> wanted {
    std::string text = e.what();
    while (!text.empty() && text.back() == '\n')
      text.pop_back();
    return fail(code, "database: " + std::string{what} + ": " + text);
  };
  try {
    if constexpr (is_void) {
      body();
      return wanted{};
    } else {
      return wanted{body()};
    }
  } catch (const pqxx::in_doubt_error& e) {
    return failed(ec::database_in_doubt, e);
  } catch (const pqxx::statement_completion_unknown& e) {
    return failed(ec::database_in_doubt, e);
  } catch (const pqxx::broken_connection& e) {
    return failed(ec::database_unavailable, e);
  } catch (const pqxx::transaction_rollback& e) { // deadlock, serialization
    return failed(ec::database_unavailable, e);
  } catch (const pqxx::sql_error& e) {
    // Class 57P: the server is shutting down, starting up, or ended the session.
    return failed(
        e.sqlstate().starts_with("57P") ? ec::database_unavailable : ec::database_rejected, e);
  } catch (const pqxx::failure& e) {
    return failed(ec::database_rejected, e);
  } catch (const pqxx::conversion_error& e) {
    return failed(ec::database_rejected, e);
  } // usage_error, argument_error: our bug, let it end the actor
}

/// A statement that the database refused, by its own words.
struct sql_refusal {
  std::string sqlstate;
  /// The message's first line, without the severity.
  std::string message;

  /// A lock was not to be had in time, or two waited for each other: later it may go.
  [[nodiscard]] bool locked() const { return sqlstate == "55P03" || sqlstate == "40P01"; }
  /// It says nothing of the statement itself: a lock, a time-out, a server short of something.
  [[nodiscard]] bool passing() const {
    return locked() || sqlstate == "57014" || sqlstate.starts_with("53");
  }
};

/// Runs `body` and returns the database's refusal, for callers that react to what it was.
/// Everything else, a lost server above all, still throws: call it within guarded().
template <class Body>
std::optional<sql_refusal> refused(Body&& body) {
  try {
    body();
    return std::nullopt;
  } catch (const pqxx::deadlock_detected&) {
    return sql_refusal{"40P01", "deadlock detected"};
  } catch (const pqxx::sql_error& e) {
    auto state = e.sqlstate();
    if (dynamic_cast<const pqxx::insufficient_privilege*>(&e) != nullptr)
      state = "42501"; // libpqxx leaves it out
    if (state.empty() || state.starts_with("57P"))
      throw;
    std::string_view text = e.what();
    text = text.substr(0, text.find('\n'));
    if (const auto severity = text.find(":  "); severity != std::string_view::npos)
      text.remove_prefix(severity + 3);
    return sql_refusal{std::move(state), std::string{text}};
  }
}

/// Opens a connection with our settings (application_name "farshore <purpose>", no statement may
/// wait for ever: `statement_timeout` 5 min, UTC, UTF-8, search_path farshore only).
result<std::unique_ptr<pqxx::connection>> connect(const std::string& url, std::string_view purpose);

/// Refuses with ec::invalid_config where another node works on the database and goes on doing so
/// for `patience` (a node that was killed may leave a session for a moment). Holds as long as the
/// connection.
result<void> be_the_only_node(pqxx::connection_base& db, std::chrono::milliseconds patience);

/// A field's value, or nothing for a null.
template <class T>
std::optional<T> optional_of(const pqxx::field& field) {
  return field.is_null() ? std::nullopt : std::optional<T>{field.as<T>()};
}

/// Array literal for `$n::bigint[]`; libpqxx 6 has no array parameters.
template <class Numbers>
std::string array_literal(const Numbers& numbers) {
  std::string text = "{";
  for (const auto number : numbers) {
    if (text.size() > 1)
      text += ',';
    text += std::to_string(number);
  }
  return text += '}';
}

/// Array literal for `$n::text[]`, every element quoted.
template <class Texts>
std::string text_array_literal(const Texts& texts) {
  std::string out = "{";
  for (const std::string_view text : texts) {
    if (out.size() > 1)
      out += ',';
    out += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\')
        out += '\\';
      out += c;
    }
    out += '"';
  }
  return out += '}';
}

} // namespace farshore
