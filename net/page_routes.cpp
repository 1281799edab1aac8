#include "net/page_routes.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace farshore {

using boost::asio::awaitable;

namespace {

/// Nothing from elsewhere, nothing inline, in nobody's frame.
constexpr const char* content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether one of the parts of a header's list ("a, b;q=1") is `wanted`.
bool names(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto one = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    const auto from = one.find_first_not_of(" \t");
    if (from == std::string_view::npos)
      continue;
    one.remove_prefix(from);
    if (one.substr(0, one.find_first_of(" \t;")) == wanted)
      return true;
  }
  return false;
}

http_answer answer_with(const page_file& file, const http_request& request) {
  http_answer answer{200, {}, std::string{file.content_type}};
  answer.fields = {
      {"ETag", std::string{file.etag}},
      {"Cache-Control", file.lasting ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Vary", "Accept-Encoding"},
      {"Content-Security-Policy", content_policy},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Referrer-Policy", "no-referrer"},
  };
  if (names(request.browser.if_none_match, file.etag)) {
    answer.status = 304;
    return answer;
  }
  if (!file.packed.empty() && names(request.browser.accept_encoding, "gzip")) {
    answer.fields.emplace_back("Content-Encoding", "gzip");
    answer.body = file.packed;
  } else {
    answer.body = file.plain;
  }
  return answer;
}

} // namespace

void add_page_routes(router& routes, std::span<const page_file> files) {
  for (const auto& file : files)
    routes.add(
        "GET", file.url,
        [&file](const http_request& request) -> awaitable<result<http_answer>> {
          co_return answer_with(file, request);
        },
        route_access::anyone);
  if (files.empty())
    routes.add(
        "GET", "/",
        [](const http_request&) -> awaitable<result<http_answer>> {
          co_return http_answer{200,
                                "This Farshore node was built without its page; farshore status, "
                                "at the site, tells how it stands.\n",
                                "text/plain; charset=utf-8"};
        },
        route_access::anyone);
}

} // namespace farshore
