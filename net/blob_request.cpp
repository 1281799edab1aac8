#include "net/blob_request.hpp"

#include "net/json_fields.hpp"

namespace farshore {

namespace {

/// The name of a git object.
bool is_object_name(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::vector<std::string> objects(const json::value& from, std::string_view name) {
  std::vector<std::string> read;
  for (const auto& one : array(from, name, have_in_request_max)) {
    const auto& text = one.as_string();
    if (!is_object_name({text.data(), text.size()}))
      throw broken_json{name};
    read.emplace_back(text.data(), text.size());
  }
  return read;
}

} // namespace

std::string to_json(const blob_request& request) {
  json::object to{{"type", request.type}};
  auto& blobs = to["blobs"].emplace_array();
  blobs.reserve(request.blobs.size());
  for (const auto& blob : request.blobs) {
    json::object one{{"id", blob.record}, {"locator", blob.locator}};
    if (blob.offer) {
      one["size"] = blob.offer->size;
      one["sum"] = to_hex(blob.offer->sum);
      // Of one that is asked for alone: among others it is only compared.
      if (!blob.offer->have.empty() && request.blobs.size() == 1)
        one["have"] = json::array(blob.offer->have.begin(), blob.offer->have.end());
    }
    blobs.push_back(std::move(one));
  }
  return json::serialize(to);
}

result<blob_request> parse_blob_request(std::string_view input) {
  return parse_json<blob_request>("blobs", input, [](const json::value& from) {
    blob_request request;
    request.type = type_name(from, "type");
    for (const auto& blob : array(from, "blobs", blobs_in_request_max)) {
      auto& to = request.blobs.emplace_back();
      to.record = number<record_id>(blob, "id");
      to.locator = encoded_locator(blob, "locator");
      const auto size = optional_number<std::uint64_t>(blob, "size");
      const auto sum = optional_checksum(blob, "sum");
      if (size.has_value() != sum.has_value())
        throw broken_json{"size and sum"};
      if (size)
        to.offer = content_offer{*size, *sum};
      if (has(blob, "have")) {
        if (!to.offer)
          throw broken_json{"have"};
        to.offer->have = objects(blob, "have");
      }
    }
    if (request.blobs.empty())
      throw broken_json{"blobs"};
    return request;
  });
}

} // namespace farshore
