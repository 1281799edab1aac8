#include "net/feed_json.hpp"

#include "net/json_fields.hpp"

namespace farshore {

namespace {

constexpr std::size_t rows_max = 100'000;
constexpr std::size_t types_max = 10'000;
constexpr std::size_t identity_bytes_max = 256;
constexpr std::size_t waiting_bytes_max = 8'000;

std::int64_t to_ns(wall_time t) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count();
}

wall_time from_ns(std::int64_t ns) {
  return wall_time{std::chrono::duration_cast<wall_time::duration>(std::chrono::nanoseconds{ns})};
}

json::object position_json(const event_position& at) {
  return {{"xid", at.xid}, {"id", at.id}, {"token", at.token}};
}

event_position position_of(const json::value& from) {
  return {number<std::uint64_t>(from, "xid"), number<std::int64_t>(from, "id"),
          number<std::int32_t>(from, "token")};
}

void put_content(json::object& to, const std::optional<std::uint64_t>& size,
                 const std::optional<checksum>& sum) {
  if (size)
    to["size"] = *size;
  if (sum)
    to["sum"] = to_hex(*sum);
}

void put_horizon(json::object& to, const std::optional<wall_time>& horizon) {
  if (horizon)
    to["horizon_ns"] = to_ns(*horizon);
}

std::optional<wall_time> horizon_of(const json::value& from) {
  if (!has(from, "horizon_ns"))
    return std::nullopt;
  return from_ns(number<std::int64_t>(from, "horizon_ns"));
}

void put_pool(json::object& to, const std::string& pool) {
  if (!pool.empty())
    to["pool"] = pool;
}

std::string pool_of(const json::value& from) {
  return has(from, "pool") ? encoded_locator(from, "pool") : std::string{};
}

json::object event_json(const served_event& event) {
  json::object to{{"id", event.id},
                  {"type", event.type},
                  {"record", event.record},
                  {"op", to_string(event.op)}};
  if (event.outside) {
    to["outside"] = true;
    return to;
  }
  to["key"] = event.key;
  if (event.present) {
    to["present"] = true;
    to["locator"] = event.locator;
    put_pool(to, event.pool);
  }
  put_content(to, event.size, event.sum);
  return to;
}

served_event event_of(const json::value& from) {
  served_event event;
  event.id = number<revision>(from, "id");
  event.type = type_name(from, "type");
  event.record = number<record_id>(from, "record");
  event.outside = has(from, "outside") && flag(from, "outside");
  if (!event.outside)
    event.key = text(from, "key", key_bytes_max);
  if (!parse(text(from, "op", 40), event.op))
    throw broken_json{"op"};
  event.present = has(from, "present") && flag(from, "present");
  if (event.outside && event.present)
    throw broken_json{"outside"};
  if (event.present) {
    event.locator = encoded_locator(from, "locator");
    event.pool = pool_of(from);
  }
  event.size = optional_number<std::uint64_t>(from, "size");
  event.sum = optional_checksum(from, "sum");
  return event;
}

void put_scope(json::object& to, const scope_digest& scope) {
  if (!scope.empty())
    to["scope"] = scope;
}

scope_digest scope_of(const json::value& from) {
  if (!has(from, "scope"))
    return {};
  const auto digest = text(from, "scope", 64);
  if (!is_scope_digest(digest))
    throw broken_json{"scope"};
  return scope_digest{digest};
}

json::array rows_json(const std::vector<catalogue_row>& rows) {
  json::array to;
  to.reserve(rows.size());
  for (const auto& row : rows) {
    json::object one{
        {"record", row.record}, {"key", row.key}, {"locator", row.locator}, {"rev", row.rev}};
    put_pool(one, row.pool);
    put_content(one, row.size, row.sum);
    to.push_back(std::move(one));
  }
  return to;
}

std::vector<catalogue_row> rows_of(const json::value& from) {
  std::vector<catalogue_row> rows;
  for (const auto& row : array(from, "rows", rows_max)) {
    auto& to = rows.emplace_back();
    to.record = number<record_id>(row, "record");
    to.key = text(row, "key", key_bytes_max);
    to.locator = encoded_locator(row, "locator");
    to.pool = pool_of(row);
    to.size = optional_number<std::uint64_t>(row, "size");
    to.rev = number<revision>(row, "rev");
    to.sum = optional_checksum(row, "sum");
  }
  return rows;
}

const json::array& elements(const json::value& found, std::string_view name, std::size_t count) {
  if (!found.is_array() || found.as_array().size() != count)
    throw broken_json{name};
  return found.as_array();
}

std::vector<record_id> ascending_ids(const json::value& from, std::string_view name) {
  std::vector<record_id> ids;
  for (const auto& id : array(from, name, records_asked_max)) {
    const auto record = whole_number<record_id>(id, name);
    if (!ids.empty() && record <= ids.back())
      throw broken_json{name};
    ids.push_back(record);
  }
  return ids;
}

} // namespace

std::string to_json(const events_page& page) {
  json::object to;
  auto& events = to["events"].emplace_array();
  events.reserve(page.events.size());
  for (const auto& event : page.events)
    events.push_back(event_json(event));
  to["upto"] = position_json(page.upto);
  to["more"] = page.more;
  to["covered_xid"] = page.covered_xid;
  put_horizon(to, page.horizon);
  to["identity"] = page.identity;
  auto& types = to["types"].emplace_array();
  for (const auto& type : page.types) {
    json::object one{{"name", type.name},
                     {"generation", type.generation},
                     {"waiting", type.waiting},
                     {"verifies", type.verifies}};
    if (type.records)
      one["records"] = *type.records;
    types.push_back(std::move(one));
  }
  if (page.blocker)
    to["blocker"] = {{"pid", page.blocker->pid}, {"age_s", page.blocker->age.count()}};
  put_scope(to, page.scope);
  return json::serialize(to);
}

result<events_page> parse_events_page(std::string_view input) {
  return parse_json<events_page>("events", input, [](const json::value& from) {
    events_page page;
    for (const auto& event : array(from, "events", rows_max))
      page.events.push_back(event_of(event));
    page.upto = position_of(field(from, "upto"));
    page.more = flag(from, "more");
    page.covered_xid = number<std::uint64_t>(from, "covered_xid");
    page.horizon = horizon_of(from);
    page.identity = text(from, "identity", identity_bytes_max);
    for (const auto& type : array(from, "types", types_max))
      page.types.push_back({type_name(type, "name"), number<std::int64_t>(type, "generation"),
                            std::string{text(type, "waiting", waiting_bytes_max)},
                            // A primary that does not say has no checksums.
                            has(type, "verifies") && flag(type, "verifies"),
                            optional_number<std::int64_t>(type, "records")});
    if (has(from, "blocker")) {
      const auto& blocker = field(from, "blocker");
      page.blocker = horizon_blocker{number<std::int32_t>(blocker, "pid"),
                                     std::chrono::seconds{number<std::int32_t>(blocker, "age_s")}};
    }
    page.scope = scope_of(from);
    return page;
  });
}

std::string to_json(const catalogue_page& page) {
  json::object to{{"type", page.type},
                  {"generation", page.generation},
                  {"rows", rows_json(page.rows)},
                  {"next_after", page.next_after},
                  {"last", page.last}};
  put_scope(to, page.scope);
  return json::serialize(to);
}

result<catalogue_page> parse_catalogue_page(std::string_view input) {
  return parse_json<catalogue_page>("catalogue", input, [](const json::value& from) {
    catalogue_page page;
    page.type = type_name(from, "type");
    page.generation = number<std::int64_t>(from, "generation");
    page.rows = rows_of(from);
    page.next_after = number<record_id>(from, "next_after");
    page.last = flag(from, "last");
    page.scope = scope_of(from);
    return page;
  });
}

std::string to_json(const records_page& page) {
  json::object to{
      {"type", page.type}, {"generation", page.generation}, {"rows", rows_json(page.rows)}};
  if (!page.outside.empty())
    to["outside"] = json::array(page.outside.begin(), page.outside.end());
  put_scope(to, page.scope);
  return json::serialize(to);
}

result<records_page> parse_records_page(std::string_view input) {
  return parse_json<records_page>("records", input, [](const json::value& from) {
    records_page page;
    page.type = type_name(from, "type");
    page.generation = number<std::int64_t>(from, "generation");
    page.rows = rows_of(from);
    if (has(from, "outside"))
      page.outside = ascending_ids(from, "outside");
    page.scope = scope_of(from);
    return page;
  });
}

std::string to_json(const records_request& request) {
  return json::serialize(
      json::object{{"type", request.type},
                   {"ids", json::array(request.records.begin(), request.records.end())}});
}

result<records_request> parse_records_request(std::string_view input) {
  return parse_json<records_request>("records request", input, [](const json::value& from) {
    records_request request;
    request.type = type_name(from, "type");
    request.records = ascending_ids(from, "ids");
    return request;
  });
}

std::string to_json(const digest_request& request) {
  json::array ranges;
  for (const auto& range : request.ranges)
    ranges.push_back(json::array{range.after, range.upto});
  return json::serialize(json::object{
      {"type", request.type}, {"slice", request.slice_records}, {"ranges", std::move(ranges)}});
}

result<digest_request> parse_digest_request(std::string_view input) {
  return parse_json<digest_request>("digests request", input, [](const json::value& from) {
    digest_request request;
    request.type = type_name(from, "type");
    request.slice_records = number<std::size_t>(from, "slice");
    if (request.slice_records == 0 || request.slice_records > slice_records_max)
      throw broken_json{"slice"};
    auto before = record_id_before_all;
    for (const auto& range : array(from, "ranges", digest_ranges_max)) {
      const auto& bounds = elements(range, "ranges", 2);
      const record_range one{whole_number<record_id>(bounds[0], "ranges"),
                             whole_number<record_id>(bounds[1], "ranges")};
      if (one.after < before || one.upto <= one.after)
        throw broken_json{"ranges"};
      before = one.upto;
      request.ranges.push_back(one);
    }
    if (request.ranges.empty())
      throw broken_json{"ranges"};
    return request;
  });
}

std::string to_json(const digest_page& page) {
  json::array ranges;
  for (const auto& slices : page.ranges) {
    auto& range = ranges.emplace_back(json::array{}).as_array();
    for (const auto& [upto, digest] : slices)
      range.push_back(digest.records == 0 ? json::array{upto}
                                          : json::array{upto, digest.records, sum_text(digest)});
  }
  json::object to{
      {"type", page.type}, {"generation", page.generation}, {"ranges", std::move(ranges)}};
  put_scope(to, page.scope);
  return json::serialize(to);
}

result<digest_page> parse_digest_page(std::string_view input) {
  return parse_json<digest_page>("digests", input, [](const json::value& from) {
    digest_page page;
    page.type = type_name(from, "type");
    page.generation = number<std::int64_t>(from, "generation");
    page.scope = scope_of(from);
    for (const auto& slices : array(from, "ranges", digest_ranges_max)) {
      auto& range = page.ranges.emplace_back();
      if (!slices.is_array() || slices.as_array().size() > rows_max)
        throw broken_json{"ranges"};
      for (const auto& slice : slices.as_array()) {
        auto& to = range.emplace_back();
        if (slice.is_array() && slice.as_array().size() == 1) {
          to.upto = whole_number<record_id>(slice.as_array()[0], "ranges");
          continue;
        }
        const auto& parts = elements(slice, "ranges", 3);
        to.upto = whole_number<record_id>(parts[0], "ranges");
        to.digest.records = whole_number<std::int64_t>(parts[1], "ranges");
        if (to.digest.records <= 0 || !parts[2].is_string() ||
            !parse_sum({parts[2].as_string().data(), parts[2].as_string().size()}, to.digest))
          throw broken_json{"ranges"};
      }
    }
    return page;
  });
}

std::string to_json(const primary_position& position) {
  json::object to{{"identity", position.identity},
                  {"place", position_json(position.place)},
                  {"mark_xid", position.mark_xid}};
  put_horizon(to, position.horizon);
  return json::serialize(to);
}

result<primary_position> parse_primary_position(std::string_view input) {
  return parse_json<primary_position>("position", input, [](const json::value& from) {
    primary_position position;
    position.identity = text(from, "identity", identity_bytes_max);
    position.place = position_of(field(from, "place"));
    position.mark_xid = number<std::uint64_t>(from, "mark_xid");
    position.horizon = horizon_of(from);
    return position;
  });
}

} // namespace farshore
