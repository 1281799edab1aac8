#include "strategies/repository/refs_header.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

namespace farshore {

namespace {

constexpr std::string_view title = "farshore-repository 1";
constexpr std::string_view format_field = "object-format ";
constexpr std::string_view sum_field = "sum ";
constexpr std::string_view head_field = "HEAD ";
constexpr std::string_view symbolic = "ref: ";

tl::unexpected<error> broken(std::string_view what) {
  return fail(ec::protocol,
              fmt::format("the primary's list of refs is broken: {}", what.substr(0, 300)));
}

/// Takes lines from the front of a text.
class line_source {
public:
  explicit line_source(std::string_view text) : rest_{text} {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  std::string_view next() {
    const auto end = std::min(rest_.find('\n'), rest_.size());
    const auto line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }
  /// What follows `field` on the next line; false where that is another.
  bool take(std::string_view field, std::string_view& value) {
    const auto line = next();
    if (!line.starts_with(field))
      return false;
    value = line.substr(field.size());
    return true;
  }

private:
  std::string_view rest_;
};

bool is_head(std::string_view text, object_format format) {
  return text.starts_with(symbolic) ? is_ref_name(text.substr(symbolic.size()))
                                    : is_oid(text, format);
}

/// A ref that is a folder of others. Empty where there is none.
std::string_view name_in_the_way(const std::vector<ref>& refs) {
  std::unordered_set<std::string_view> names;
  for (const auto& one : refs)
    names.insert(one.name);
  for (const auto& one : refs)
    for (auto at = one.name.find('/'); at != std::string::npos; at = one.name.find('/', at + 1))
      if (const auto above = std::string_view{one.name}.substr(0, at); names.contains(above))
        return above;
  return {};
}

} // namespace

std::string to_refs_header(const repository_refs& refs) {
  std::string text =
      fmt::format("{}\n{}{}\n{}{}\n{}{}\n", title, format_field, to_string(refs.format), sum_field,
                  to_hex(refs_checksum(refs)), head_field, refs.head);
  for (const auto& one : refs.refs)
    text.append(one.oid).append(1, ' ').append(one.name).append(1, '\n');
  return text += '\n';
}

result<repository_refs> parse_refs_header(std::string_view text) {
  if (!text.ends_with(refs_header_end))
    return broken("it has no end");
  line_source lines{text.substr(0, text.size() - 1)};
  repository_refs refs;
  std::string_view value;
  checksum sum;
  if (lines.next() != title)
    return broken("it is of another kind");
  if (!lines.take(format_field, value) || !parse(value, refs.format))
    return broken("it names no object format");
  if (!lines.take(sum_field, value) || !from_hex(value, sum))
    return broken("it has no checksum");
  if (!lines.take(head_field, value) || !is_head(value, refs.format))
    return broken("it has no HEAD");
  refs.head = value;
  const auto digits = oid_digits(refs.format);
  while (!lines.at_end()) {
    const auto line = lines.next();
    if (line.size() <= digits || line[digits] != ' ' ||
        !is_oid(line.substr(0, digits), refs.format))
      return broken(fmt::format("the line \"{}\"", line));
    const auto name = line.substr(digits + 1);
    if (!is_ref_name(name))
      return broken(fmt::format("\"{}\" is no name that git takes for a ref", name));
    if (!refs.refs.empty() && refs.refs.back().name >= name)
      return broken(fmt::format("\"{}\" is out of order", name));
    refs.refs.push_back({std::string{name}, std::string{line.substr(0, digits)}});
  }
  if (const auto above = name_in_the_way(refs.refs); !above.empty())
    return broken(fmt::format("\"{}\" is a ref, and others lie beneath it", above));
  if (refs_checksum(refs) != sum)
    return broken("its checksum is another");
  return refs;
}

} // namespace farshore
