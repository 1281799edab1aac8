#include "config/config.hpp"

#include "config/certificate.hpp"
#include "config/clock.hpp"
#include "config/read_scope.hpp"
#include "config/secret.hpp"
#include "config/settings.hpp"
#include "config/small_file.hpp"
#include "config/toml_guard.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include <fmt/format.h>

namespace farshore {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t config_bytes_max = 1u << 20;

constexpr std::string_view table_names[] = {"site",   "primary", "selective_sync", "events",
                                            "limits", "log",     "replicable"};

/// How a value was written, for messages: `"text"`, `10`, `true`, or what kind of thing it is.
std::string shown(const toml::node& node) {
  if (auto text = node.value_exact<std::string>())
    return "\"" + *text + "\"";
  if (auto number = node.value_exact<std::int64_t>())
    return std::to_string(*number);
  if (auto flag = node.value_exact<bool>())
    return *flag ? "true" : "false";
  return node.is_table() ? "a table" : node.is_array() ? "a list" : "a value of another type";
}

/// A database's URL may hold a password, and where the path of a secret belongs, somebody may have
/// written the secret.
bool is_confidential(std::string_view key) {
  constexpr std::string_view keys[] = {"database", "secret_file", "key_file",
                                       "previous_secret_file", "tls_key"};
  return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

int line_of(const toml::source_region& place) {
  return static_cast<int>(place.begin.line);
}

/// Two spellings of one folder compare equal as text.
fs::path normal(const fs::path& path) {
  auto plain = path.lexically_normal();
  return plain.has_filename() || plain == plain.root_path() ? plain : plain.parent_path();
}

/// With links followed, as far as the path is there.
fs::path real(const fs::path& path) {
  std::error_code error;
  auto resolved = fs::weakly_canonical(path, error);
  return normal(error ? path : resolved);
}

bool lies_in(const fs::path& inner, const fs::path& outer) {
  auto [end, rest] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return end == outer.end();
}

/// One rate, or a list of them.
complaint read_bandwidth(const toml::node& node, bandwidth_plan& place) {
  const complaint how =
      "write a text such as \"20 MB/s\", or a list of such texts, each perhaps "
      "with days and a time of day: [\"20 MB/s\", \"Mon-Fri 08:00-18:00 5 MB/s\"]";
  bandwidth_plan plan;
  auto read_one = [&](const toml::node& entry) -> complaint {
    auto text = entry.value_exact<std::string>();
    if (!text)
      return how;
    auto window = parse_bandwidth(*text);
    if (!window)
      return window.error();
    plan.windows.push_back(*window);
    return {};
  };
  if (auto list = node.as_array()) {
    if (list->empty())
      return "the list is empty; leave the line away, or " + how;
    for (const auto& entry : *list)
      if (auto wrong = read_one(entry); !wrong.empty())
        return wrong;
  } else if (auto wrong = read_one(node); !wrong.empty()) {
    return wrong;
  }
  place = std::move(plan);
  return {};
}

/// Reads one file, and notes every mistake on its way.
class reader {
public:
  reader(loaded_config& out, std::string file) : out_{out}, file_{std::move(file)} {}

  void read(const toml::table& root);
  void mistake(int line, std::string message) {
    out_.mistakes.push_back({file_, line, std::move(message)});
  }

private:
  mistake_taker taker() {
    return [this](int line, std::string message) { mistake(line, std::move(message)); };
  }

  struct seen_type {
    const toml::table* table;
    std::string title;
  };

  void read_tables(const toml::table& root);
  void read_replicables(const toml::table& root);
  void read_replicable(const toml::table& table);
  void read_model(const toml::table& owner, const std::string& title, replicable_type& type);
  void read_refs_check(const toml::table& table, const std::string& title, replicable_type& type);

  template <class Owner>
  void read_settings(const toml::table& table, const std::string& title,
                     std::span<const setting<Owner>> settings, Owner& into,
                     std::span<const std::string_view> also_known = {});
  template <class Owner>
  complaint read_value(const toml::node& node, const setting<Owner>& s, Owner& into);
  void unknown_key(const toml::key& key, const std::string& title,
                   std::vector<std::string_view> known);

  void check_site(const toml::table& root);
  void check_primary(const toml::table& root);
  void check_limits(const toml::table& root);
  void check_secrets(const toml::table& site);
  void check_certificate(const toml::table& site);
  void check_names();
  void check_stores(const toml::table* site);

  /// The line of `key` in `table`, or of the table itself.
  static int line_in(const toml::table* table, std::string_view key) {
    if (table == nullptr)
      return 0;
    auto node = table->get(key);
    return line_of(node != nullptr ? node->source() : table->source());
  }

  loaded_config& out_;
  std::string file_;
  /// Of out_.settings.types, in the same order.
  std::vector<seen_type> types_;
};

void reader::read(const toml::table& root) {
  read_tables(root);
  read_replicables(root);
  read_scope(root, out_.settings, taker());
  check_site(root);
  check_primary(root);
  check_limits(root);
  check_names();
  check_stores(root["site"].as_table());
}

void reader::read_tables(const toml::table& root) {
  for (const auto& [key, node] : root) {
    if (std::find(std::begin(table_names), std::end(table_names), key.str()) ==
        std::end(table_names)) {
      auto guess = nearest(key.str(), table_names);
      std::string hint =
          guess.empty()
              ? "the tables are [site], [primary], [limits], [events], [log], [selective_sync] and "
                "[[replicable]]"
              : fmt::format("did you mean {}?", guess == "replicable"
                                                    ? "[[replicable]]"
                                                    : "[" + std::string{guess} + "]");
      mistake(line_of(key.source()),
              fmt::format("{} \"{}\" is not known here; {}", node.is_table() ? "table" : "setting",
                          key.str(), hint));
    } else if (key != "replicable" && !node.is_table()) {
      mistake(line_of(key.source()),
              fmt::format("\"{0}\" is a table; write [{0}] on a line of its own", key.str()));
    }
  }
  auto& settings = out_.settings;
  if (auto table = root["site"].as_table())
    read_settings(*table, "[site]", site_settings(), settings);
  if (auto table = root["primary"].as_table())
    read_settings(*table, "[primary]", primary_settings(), settings);
  if (auto table = root["events"].as_table())
    read_settings(*table, "[events]", events_settings(), settings.events);
  if (auto table = root["limits"].as_table())
    read_settings(*table, "[limits]", limits_settings(), settings);
  if (auto table = root["log"].as_table())
    read_settings(*table, "[log]", log_settings(), settings);
}

void reader::read_replicables(const toml::table& root) {
  auto node = root.get("replicable");
  if (node == nullptr)
    return;
  auto array = node->as_array();
  if (array == nullptr) {
    mistake(line_of(node->source()),
            "[replicable] stands for one of several types; write [[replicable]]");
    return;
  }
  for (const auto& element : *array)
    if (auto table = element.as_table())
      read_replicable(*table);
    else
      mistake(line_of(element.source()), "each replicable is a table; write [[replicable]]");
}

void reader::read_replicable(const toml::table& table) {
  static constexpr std::string_view also[] = {"model", "select", "predicates"};
  replicable_type type;
  auto name = table["name"].value_exact<std::string>();
  auto title = name ? fmt::format("[[replicable]] \"{}\":", *name) : "[[replicable]]";
  read_settings(table, title, replicable_settings(), type, also);
  if (type.plural.empty() && !type.name.empty())
    type.plural = type.name + "s";
  read_model(table, title, type);
  if (type.scanned() && type.verification == verification_place::columns)
    mistake(line_in(&table, "verification"),
            title + " verification = \"columns\" needs a model table, and a scanned type has none "
                    "of the application's; write \"state_table\"");
  read_refs_check(table, title, type);
  read_selection(table, title, out_.settings.role, type, taker());
  out_.settings.types.push_back(std::move(type));
  types_.push_back({&table, title});
}

void reader::read_refs_check(const toml::table& table, const std::string& title,
                             replicable_type& type) {
  constexpr std::chrono::minutes by_default{1};
  const bool given = table.contains("refs_check");
  if (type.strategy != "repository" || type.scanned()) {
    if (given && !type.strategy.empty())
      mistake(line_in(&table, "refs_check"),
              title + (type.scanned()
                           ? " each scan looks at the refs of all that is there; remove "
                             "refs_check, or make scan shorter"
                           : " refs_check is for strategy = \"repository\": a blob has no "
                             "refs; remove the line"));
    type.refs_check = {};
  } else if (!given) {
    type.refs_check = by_default;
  }
}

void reader::read_model(const toml::table& owner, const std::string& title, replicable_type& type) {
  auto node = owner.get("model");
  if (node == nullptr) {
    if (out_.settings.role == site_role::primary && !owner.contains("scan"))
      mistake(line_of(owner.source()),
              title + " [replicable.model] is missing; on a primary it says which table's rows own "
                      "the data. Where no table does, write scan = \"30s\": the folder is the "
                      "model");
    return;
  }
  if (owner.contains("scan"))
    mistake(line_in(&owner, "scan"),
            title + " scan and [replicable.model] exclude each other; keep scan where every file "
                    "of the store is a record, [replicable.model] where rows own the files");
  const auto* table = node->as_table();
  if (table == nullptr)
    return mistake(line_of(node->source()),
                   title + " model is a table; write [replicable.model] beneath");
  read_settings(*table, title + " [replicable.model]", model_settings(), type.model.emplace());
  if (!type.model->pool.empty() && type.strategy == "blob")
    mistake(line_in(table, "pool"), title + " [replicable.model] pool is for strategy = "
                                            "\"repository\": a blob shares nothing; remove the "
                                            "line");
}

template <class Owner>
void reader::read_settings(const toml::table& table, const std::string& title,
                           std::span<const setting<Owner>> settings, Owner& into,
                           std::span<const std::string_view> also_known) {
  std::vector<std::string_view> known{also_known.begin(), also_known.end()};
  for (const auto& s : settings)
    known.push_back(s.key);
  for (const auto& [key, node] : table)
    if (std::find(known.begin(), known.end(), key.str()) == known.end())
      unknown_key(key, title, known);

  for (const auto& s : settings) {
    auto node = table.get(s.key);
    if (node == nullptr) {
      if (s.needed == presence::required)
        mistake(line_of(table.source()),
                fmt::format("{} \"{}\" is missing ({}): {}", title, s.key, s.type, s.meaning));
      continue;
    }
    if (auto wrong = read_value(*node, s, into); !wrong.empty()) {
      auto value = is_confidential(s.key) ? "…" : shown(*node);
      mistake(line_of(node->source()), fmt::format("{} {} = {}: {}", title, s.key, value, wrong));
    }
  }
}

template <class Owner>
complaint reader::read_value(const toml::node& node, const setting<Owner>& s, Owner& into) {
  auto text = node.value_exact<std::string>();
  auto expect_text = fmt::format("write a text in double quotes ({})", s.type);
  auto within = [&](std::uint64_t value) { return value >= s.min && value <= s.max; };

  auto read_text = [&](std::string& place) -> complaint {
    if (!text)
      return expect_text;
    if (text->find('\0') != std::string::npos)
      return "a NUL byte is not allowed";
    if (text->find_first_not_of(" \t\r\n") == std::string::npos)
      return s.needed == presence::required ? "it is empty" : "it is empty; leave the line away";
    if (auto wrong = s.check == nullptr ? "" : s.check(*text); !wrong.empty())
      return wrong;
    place = *text;
    return {};
  };
  auto read_path = [&](fs::path& place) -> complaint {
    if (!text)
      return expect_text;
    if (!text->starts_with('/'))
      return "a relative path would depend on where the node is started; write an absolute one";
    if (std::any_of(text->begin(), text->end(), [](char c) { return c >= 0 && c < ' '; }))
      return "control characters are not allowed in a path";
    place = normal(*text);
    return {};
  };
  auto read_count = [&](std::uint64_t& place) -> complaint {
    std::optional<std::uint64_t> value;
    if (auto number = node.value_exact<std::int64_t>(); number && *number >= 0)
      value = static_cast<std::uint64_t>(*number);
    else if (text && s.type == "bytes")
      value = parse_bytes(*text);
    if (!value)
      return s.type == "bytes" ? "write a whole number of bytes, or a text such as \"1 MiB\""
                               : fmt::format("write a whole number ({})", s.type);
    if (!within(*value))
      return s.type == "bytes" ? fmt::format("write {} to {}", show_bytes(s.min), show_bytes(s.max))
                               : fmt::format("write {} to {}", s.min, s.max);
    place = *value;
    return {};
  };
  auto read_duration = [&]<class Duration>(Duration& place) -> complaint {
    auto value = text ? parse_duration(*text) : std::nullopt;
    if (!value)
      return "write a text with a whole number and its unit: \"500ms\", \"10s\", \"5min\", \"1h\" "
             "or \"7 days\"";
    if (!within(static_cast<std::uint64_t>(value->count())))
      return fmt::format("write {} to {}", show_duration(std::chrono::milliseconds{s.min}),
                         show_duration(std::chrono::milliseconds{s.max}));
    place = std::chrono::duration_cast<Duration>(*value);
    return place == *value ? "" : "write whole seconds";
  };

  return std::visit(
      [&]<class T>(T Owner::*place) -> complaint {
        auto& target = into.*place;
        if constexpr (std::is_same_v<T, std::string>) {
          return read_text(target);
        } else if constexpr (std::is_same_v<T, fs::path>) {
          return read_path(target);
        } else if constexpr (std::is_same_v<T, bool>) {
          auto flag = node.value_exact<bool>();
          if (flag)
            target = *flag;
          if constexpr (std::is_same_v<Owner, replicable_type>) {
            if (s.key == "enabled" && text == "verify") {
              target = false;
              into.verify_only = true;
              return {};
            }
            if (s.key == "enabled" && !flag)
              return "write true or false, without quotes, or \"verify\"";
          }
          return flag ? "" : "write true or false, without quotes";
        } else if constexpr (std::is_same_v<T, std::uint64_t>) {
          return read_count(target);
        } else if constexpr (std::is_same_v<T, std::uint32_t>) {
          auto mode = text ? parse_mode(*text) : std::nullopt;
          if (!mode || (*mode & 0400) == 0)
            return "write permission bits in octal as a text, e.g. \"0644\"; the owner at least "
                   "must be able to read";
          target = *mode;
          return {};
        } else if constexpr (std::is_same_v<T, site_role>) {
          if (text != "primary" && text != "secondary")
            return "write \"primary\" or \"secondary\"";
          target = text == "primary" ? site_role::primary : site_role::secondary;
          return {};
        } else if constexpr (std::is_same_v<T, verification_place>) {
          for (auto one : {verification_place::state_table, verification_place::columns,
                           verification_place::off})
            if (text == to_string(one)) {
              target = one;
              return {};
            }
          return "write \"state_table\", \"columns\" or \"off\"";
        } else if constexpr (std::is_same_v<T, bandwidth_plan>) {
          return read_bandwidth(node, target);
        } else if constexpr (std::is_same_v<T, free_mark>) {
          auto number = node.value_exact<std::int64_t>();
          auto mark = parse_free_mark(text ? *text : number ? std::to_string(*number) : "");
          if (!mark)
            return "write bytes, such as \"1 GiB\", or a share of the file system, \"0 %\" to "
                   "\"90 %\"";
          target = *mark;
          return {};
        } else {
          return read_duration(target);
        }
      },
      s.place);
}

void reader::unknown_key(const toml::key& key, const std::string& title,
                         std::vector<std::string_view> known) {
  auto has = [&](auto settings) {
    return std::any_of(settings.begin(), settings.end(),
                       [&](const auto& s) { return s.key == key.str(); });
  };
  auto hint = [&]() -> std::string {
    if (auto guess = nearest(key.str(), known); !guess.empty())
      return fmt::format("did you mean \"{}\"?", guess);
    if (has(site_settings()))
      return "it belongs to [site]";
    if (has(events_settings()))
      return "it belongs to [events]";
    if (has(limits_settings()))
      return "it belongs to [limits]";
    if (has(log_settings()))
      return "it belongs to [log]";
    if (has(replicable_settings()))
      return "it belongs to [[replicable]]";
    if (has(model_settings()))
      return "it belongs to [replicable.model]";
    std::sort(known.begin(), known.end());
    return fmt::format("known here: {}", fmt::join(known, ", "));
  }();
  mistake(line_of(key.source()),
          fmt::format("{} setting \"{}\" is not known here; {}", title, key.str(), hint));
}

void reader::check_site(const toml::table& root) {
  auto site = root["site"].as_table();
  if (site == nullptr) {
    if (!root.contains("site"))
      mistake(0, "table [site] is missing; it needs name, role, data and secret_file");
    return;
  }
  const auto& settings = out_.settings;
  if (!settings.data.empty()) {
    std::error_code error;
    auto there = fs::status(settings.data, error);
    auto at = line_in(site, "data");
    if (there.type() == fs::file_type::not_found) {
      if (!fs::is_directory(settings.data.parent_path(), error))
        mistake(at,
                fmt::format("[site] data = \"{}\": neither it nor the folder above it is there; "
                            "make the folder \"{}\"",
                            settings.data.string(), settings.data.parent_path().string()));
    } else if (!fs::is_directory(there)) {
      mistake(at, fmt::format("[site] data = \"{}\": it is not a folder that this user can reach; "
                              "write the path of a folder",
                              settings.data.string()));
    }
  }
  check_secrets(*site);
  check_certificate(*site);
}

void reader::check_secrets(const toml::table& site) {
  const auto& settings = out_.settings;
  const bool has_secret = site.contains("secret_file");
  const bool has_key = site.contains("key_file");
  const bool is_primary = site["role"] == "primary";
  if (!has_secret && !has_key)
    mistake(
        line_of(site.source()),
        "[site] \"secret_file\" is missing (absolute path): file with the secret that the sites "
        "share" +
            std::string{is_primary ? "" : "; or on a secondary \"key_file\", with its own key"});
  else if (has_key && is_primary)
    mistake(line_in(&site, "key_file"),
            "[site] key_file is for secondaries: a primary checks the requests of all sites, and "
            "needs the secret itself; write secret_file");
  else if (has_secret && has_key)
    mistake(line_in(&site, "key_file"),
            "[site] key_file stands instead of secret_file; remove one of them");
  auto check = [&](const char* key, const fs::path& file, auto load) {
    if (file.empty())
      return;
    if (auto loaded = load(); !loaded)
      mistake(line_in(&site, key), fmt::format("[site] {}: {}", key, loaded.error().message));
  };
  check("secret_file", settings.secret_file, [&] { return load_secret(settings.secret_file); });
  check("key_file", is_primary ? fs::path{} : settings.key_file,
        [&] { return load_site_key(settings.key_file, settings.site_name); });
  check("previous_secret_file", settings.previous_secret_file,
        [&] { return load_previous_secret(settings); });
}

void reader::check_certificate(const toml::table& site) {
  const auto& settings = out_.settings;
  const bool has_certificate = site.contains("tls_certificate");
  if (has_certificate != site.contains("tls_key"))
    mistake(line_in(&site, has_certificate ? "tls_certificate" : "tls_key"),
            fmt::format("[site] {} is missing; for TLS write both, for plain HTTP neither",
                        has_certificate ? "tls_key" : "tls_certificate"));
  if (settings.tls_certificate.empty() || settings.tls_key.empty())
    return;
  if (auto pair =
          load_tls_identity(settings.tls_certificate, settings.tls_key, system_time().wall());
      !pair)
    mistake(line_in(&site, "tls_certificate"),
            "[site] tls_certificate, tls_key: " + pair.error().message);
}

void reader::check_primary(const toml::table& root) {
  auto site = root["site"].as_table();
  // Where the role itself is a mistake, nothing follows from it.
  if (site == nullptr || !site->contains("role") ||
      ((*site)["role"] != "primary" && (*site)["role"] != "secondary"))
    return;
  auto table = root.get("primary");
  if (out_.settings.role == site_role::secondary && table == nullptr)
    mistake(line_in(site, "role"), "table [primary] is missing; a secondary finds its primary by "
                                   "[primary] url = \"http://host:port\"");
  if (out_.settings.role == site_role::primary && table != nullptr)
    mistake(line_of(table->source()),
            "table [primary] is for secondaries; remove it, or write role "
            "= \"secondary\" in [site]");
  if (auto events = root.get("events");
      out_.settings.role == site_role::secondary && events != nullptr)
    mistake(line_of(events->source()),
            "table [events] is for the primary, which keeps the event log; move it there");
  const auto& ca = out_.settings.primary_tls_ca;
  if (ca.empty())
    return;
  const auto at = line_in(root["primary"].as_table(), "tls_ca");
  if (out_.settings.primary_url.starts_with("http://"))
    mistake(at, "[primary] tls_ca is for an address that begins with https://; write such a one "
                "into url, or remove tls_ca");
  if (auto bundle = load_tls_ca(ca, system_time().wall()); !bundle)
    mistake(at, "[primary] tls_ca: " + bundle.error().message);
}

void reader::check_limits(const toml::table& root) {
  const auto& settings = out_.settings;
  if (settings.retry_cap < settings.retry_base) {
    auto limits = root["limits"].as_table();
    auto key = limits != nullptr && limits->contains("retry_cap") ? "retry_cap" : "retry_base";
    mistake(line_in(limits, key),
            fmt::format("[limits] retry_cap ({}) is shorter than retry_base ({}); make it longer",
                        show_duration(settings.retry_cap), show_duration(settings.retry_base)));
  }
}

void reader::check_names() {
  const auto& types = out_.settings.types;
  for (std::size_t i = 0; i < types.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      auto first = line_in(types_[j].table, "name");
      if (!types[i].name.empty() && types[i].name == types[j].name)
        mistake(line_in(types_[i].table, "name"),
                fmt::format("{} the name is taken by the type of line {}; give each type its own",
                            types_[i].title, first));
      else if (!types[i].plural.empty() && types[i].plural == types[j].plural)
        mistake(line_in(types_[i].table, "plural"),
                fmt::format("{} the plural \"{}\" is taken by the type of line {}; write another "
                            "plural = \"…\"",
                            types_[i].title, types[i].plural, first));
    }
}

void reader::check_stores(const toml::table* site) {
  const auto& types = out_.settings.types;
  const auto& data = out_.settings.data;
  const bool makes_store = out_.settings.role == site_role::secondary;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto& store = types[i].store;
    if (store.empty())
      continue;
    auto refuse = [&](const std::string& why) {
      mistake(line_in(types_[i].table, "store"),
              fmt::format("{} store = \"{}\": {}", types_[i].title, store.string(), why));
    };
    const auto is_away = [&](const std::string& why) {
      refuse(why);
      out_.mistakes.back().of_store = true;
    };
    std::error_code error;
    auto there = fs::status(store, error);
    if (there.type() == fs::file_type::not_found) {
      if (!makes_store)
        is_away("there is no such folder; on a primary it must be there");
      else if (!fs::is_directory(store.parent_path(), error))
        is_away(fmt::format("neither it nor the folder above it is there; make the folder \"{}\"",
                            store.parent_path().string()));
    } else if (!fs::is_directory(there)) {
      is_away("it is not a folder that this user can reach; write the path of a folder");
    }
    if (store == store.root_path()) {
      refuse("the root folder can't be a store; write a folder of the application's own");
      continue;
    }
    if (!data.empty() && real(store) == real(data))
      refuse("it is the node's own data folder; the application's files need another one");
    else if (!data.empty() && lies_in(real(store), real(data)))
      refuse(fmt::format("it lies inside the node's own data folder (\"{}\", line {}); move one of "
                         "them",
                         data.string(), line_in(site, "data")));
    else if (!data.empty() && lies_in(real(data), real(store)))
      refuse(fmt::format("the node's own data folder (\"{}\", line {}) lies inside it; move one of "
                         "them",
                         data.string(), line_in(site, "data")));
    for (std::size_t j = 0; j < i; ++j) {
      const auto& other = types[j].store;
      if (!other.empty() && other == store && (types[i].scanned() || types[j].scanned()))
        refuse(fmt::format("the type of line {} has this store, too, and a scanned type takes "
                           "every file for its own; give each a folder",
                           line_in(types_[j].table, "name")));
      if (other.empty() || other == store)
        continue;
      // One file would have two locators, in two stores, and each could remove it.
      if (lies_in(real(store), real(other)) || lies_in(real(other), real(store)))
        refuse(fmt::format("it overlaps with the store \"{}\" of line {}; two types share exactly "
                           "one folder, written the same way, or have folders apart",
                           other.string(), line_in(types_[j].table, "store")));
    }
  }
}

} // namespace

const replicable_type* config::find_type(std::string_view name) const {
  auto found = std::find_if(types.begin(), types.end(),
                            [&](const replicable_type& type) { return type.name == name; });
  return found == types.end() ? nullptr : &*found;
}

std::string_view to_string(verification_place place) {
  switch (place) {
  case verification_place::state_table:
    return "state_table";
  case verification_place::columns:
    return "columns";
  case verification_place::off:
    return "off";
  }
  return "?";
}

std::string to_string(const config_mistake& mistake) {
  if (mistake.line == 0)
    return mistake.file + ": " + mistake.message;
  return fmt::format("{}:{}: {}", mistake.file, mistake.line, mistake.message);
}

loaded_config load_config(const fs::path& file) {
  loaded_config out;
  reader reading{out, file.string()};
  auto content = read_small_file(file, config_bytes_max);
  if (!content) {
    reading.mistake(0, content.error().message);
    return out;
  }
  if (auto line = line_of_stray_character(content->bytes)) {
    reading.mistake(*line, "not TOML: a character beyond ASCII stands outside quotes; write it in "
                           "quotes (behind a backslash as \\uXXXX)");
    return out;
  }
  try {
    reading.read(toml::parse(content->bytes, file.string()));
  } catch (const toml::parse_error& e) {
    reading.mistake(line_of(e.source()), fmt::format("not TOML: {}", e.description()));
  }
  std::stable_sort(out.mistakes.begin(), out.mistakes.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
  return out;
}

} // namespace farshore
