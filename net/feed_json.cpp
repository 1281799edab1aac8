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

json::object event_json(const served_event& event) {
  json::object to{{"id", event.id},
                  {"type", event.type},
                  {"record", event.record},
                  {"key", event.key},
                  {"op", to_string(event.op)}};
  if (event.present) {
    to["present"] = true;
    to["locator"] = event.locator;
  }
  put_content(to, event.size, event.sum);
  return to;
}

served_event event_of(const json::value& from) {
  served_event event;
  event.id = number<revision>(from, "id");
  event.type = type_name(from, "type");
  event.record = number<record_id>(from, "record");
  event.key = text(from, "key", key_bytes_max);
  if (!parse(text(from, "op", 40), event.op))
    throw broken_json{"op"};
  event.present = has(from, "present") && flag(from, "present");
  if (event.present)
    event.locator = encoded_locator(from, "locator");
  event.size = optional_number<std::uint64_t>(from, "size");
  event.sum = optional_checksum(from, "sum");
  return event;
}

json::array rows_json(const std::vector<catalogue_row>& rows) {
  json::array to;
  to.reserve(rows.size());
  for (const auto& row : rows) {
    json::object one{
        {"record", row.record}, {"key", row.key}, {"locator", row.locator}, {"rev", row.rev}};
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
    to.size = optional_number<std::uint64_t>(row, "size");
    to.rev = number<revision>(row, "rev");
    to.sum = optional_checksum(row, "sum");
  }
  return rows;
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
  for (const auto& type : page.types)
    types.push_back(
        {{"name", type.name}, {"generation", type.generation}, {"waiting", type.waiting}});
  if (page.blocker)
    to["blocker"] = {{"pid", page.blocker->pid}, {"age_s", page.blocker->age.count()}};
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
                            std::string{text(type, "waiting", waiting_bytes_max)}});
    if (has(from, "blocker")) {
      const auto& blocker = field(from, "blocker");
      page.blocker = horizon_blocker{number<std::int32_t>(blocker, "pid"),
                                     std::chrono::seconds{number<std::int32_t>(blocker, "age_s")}};
    }
    return page;
  });
}

std::string to_json(const catalogue_page& page) {
  return json::serialize(json::object{{"type", page.type},
                                      {"generation", page.generation},
                                      {"rows", rows_json(page.rows)},
                                      {"next_after", page.next_after},
                                      {"last", page.last}});
}

result<catalogue_page> parse_catalogue_page(std::string_view input) {
  return parse_json<catalogue_page>("catalogue", input, [](const json::value& from) {
    catalogue_page page;
    page.type = type_name(from, "type");
    page.generation = number<std::int64_t>(from, "generation");
    page.rows = rows_of(from);
    page.next_after = number<record_id>(from, "next_after");
    page.last = flag(from, "last");
    return page;
  });
}

std::string to_json(const records_page& page) {
  return json::serialize(json::object{
      {"type", page.type}, {"generation", page.generation}, {"rows", rows_json(page.rows)}});
}

result<records_page> parse_records_page(std::string_view input) {
  return parse_json<records_page>("records", input, [](const json::value& from) {
    records_page page;
    page.type = type_name(from, "type");
    page.generation = number<std::int64_t>(from, "generation");
    page.rows = rows_of(from);
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
    for (const auto& id : array(from, "ids", records_asked_max)) {
      const auto record = whole_number<record_id>(id, "ids");
      if (!request.records.empty() && record <= request.records.back())
        throw broken_json{"ids"};
      request.records.push_back(record);
    }
    return request;
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
