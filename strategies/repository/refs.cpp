#include "strategies/repository/refs.hpp"

#include "strategies/file_errors.hpp"
#include "strategies/sha256.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>

namespace farshore {

namespace {

constexpr std::size_t loose_bytes_max = 8 * 1024;
constexpr std::size_t config_bytes_max = 1024 * 1024;
constexpr std::size_t packed_bytes_max = 1024 * 1024 * 1024;
constexpr int folders_deep_max = 128;
/// As many as git follows.
constexpr int symbolic_steps_max = 5;
constexpr std::string_view symbolic_prefix = "ref:";

/// Of the ref or file with this name.
tl::unexpected<error> unreadable(std::string_view name, std::string_view why) {
  return fail(ec::unreadable_on_primary,
              fmt::format("\"{}\" {}; run `git fsck` in the repository", name, why));
}

tl::unexpected<error> trouble(int error_number, std::string_view verb, std::string_view name) {
  auto why = file_error(error_number, fmt::format("{} \"{}\"", verb, name));
  const bool in_the_way = error_number == ELOOP || error_number == ENOTDIR;
  return fail(in_the_way ? ec::bad_locator : ec::unreadable_on_primary, std::move(why.message));
}

/// The whole file. ENOENT where it is none (any more), as an empty optional.
result<std::optional<std::string>> read_file(int folder, const std::string& path,
                                             std::size_t bytes_max, std::string_view name) {
  // Without waiting: a pipe lies there perhaps.
  auto fd = open_beneath(folder, path, O_RDONLY | O_NONBLOCK, path_walk::by_kernel);
  if (!fd && fd.error() == ENOENT)
    return std::nullopt;
  if (!fd)
    return trouble(fd.error(), "read", name);
  struct stat there {};
  if (::fstat(fd->get(), &there) != 0)
    return trouble(errno, "examine", name);
  if (!S_ISREG(there.st_mode))
    return unreadable(name, "is no regular file");
  std::string text;
  const auto expected = static_cast<std::size_t>(std::max<off_t>(there.st_size, 0));
  for (;;) {
    const auto had = text.size();
    if (had > bytes_max)
      return unreadable(name, fmt::format("is larger than {} bytes", bytes_max));
    text.resize(std::max(expected + 1, had + 1024));
    const auto n = ::read(fd->get(), text.data() + had, text.size() - had);
    if (n < 0 && errno != EINTR)
      return trouble(errno, "read", name);
    text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n == 0)
      return text;
  }
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// Takes the first line, without its end, from the text.
std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// One "section.key" of a git configuration, the last that is said; follows no include. Subsections
/// and continued lines are of no matter for the keys that we ask for.
std::string config_value(std::string_view text, std::string_view section, std::string_view key) {
  std::string found;
  std::string current;
  while (!text.empty()) {
    auto line = trimmed(take_line(text));
    if (line.starts_with('[')) {
      const auto end = line.find(']');
      if (end == std::string_view::npos)
        continue;
      current = lower(trimmed(line.substr(1, end - 1)));
      line = trimmed(line.substr(end + 1));
    }
    const auto equals = line.find('=');
    if (current != section || equals == std::string_view::npos ||
        lower(trimmed(line.substr(0, equals))) != key)
      continue;
    auto value = line.substr(equals + 1);
    value = trimmed(value.substr(0, value.find_first_of("#;")));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    found = lower(value);
  }
  return found;
}

result<object_format> read_format(int repository) {
  auto config = read_file(repository, "config", config_bytes_max, "config");
  if (!config)
    return fail(std::move(config).error());
  const std::string_view text = *config ? std::string_view{**config} : std::string_view{};
  const auto storage = config_value(text, "extensions", "refstorage");
  if (!storage.empty() && storage != "files")
    return fail(ec::unreadable_on_primary,
                fmt::format("its refs are stored as \"{}\", which Farshore can't read; "
                            "`git refs migrate --ref-format=files` changes that",
                            storage));
  object_format format = object_format::sha1;
  const auto named = config_value(text, "extensions", "objectformat");
  if (!named.empty() && !parse(named, format))
    return fail(ec::unreadable_on_primary,
                fmt::format("its object format \"{}\" is none that git has", named));
  return format;
}

/// What a ref says of itself: an object's name, or "ref: <name>".
using ref_texts = std::map<std::string, std::string>;

class ref_reader {
public:
  ref_reader(int repository, object_format format) : repository_{repository}, format_{format} {}

  /// "ref: <name>" or an oid; empty optional where there is nothing.
  result<std::optional<std::string>> read_loose(const std::string& name) {
    auto text = read_file(repository_, name, loose_bytes_max, name);
    if (!text && text.error().code == ec::bad_locator)
      if (auto linked = read_symbolic_link(name))
        return *linked;
    if (!text || !*text)
      return text;
    auto said = trimmed(**text);
    if (said.starts_with(symbolic_prefix)) {
      const auto target = trimmed(said.substr(symbolic_prefix.size()));
      if (!is_ref_name(target))
        return unreadable(name, "is a symbolic ref to no ref's name");
      return "ref: " + std::string{target};
    }
    if (!is_oid(said, format_))
      return unreadable(name, "holds no object's name");
    return std::string{said};
  }

  /// All loose refs beneath the folder.
  result<void> read_folder(const std::string& path, int deep = 0) {
    if (deep > folders_deep_max)
      return unreadable(path, "lies too deep");
    auto names = list(path);
    if (!names)
      return fail(std::move(names).error());
    for (const auto& [leaf, is_folder] : *names) {
      // As git does: others' locks and hidden files are no refs.
      if (leaf.starts_with('.') || leaf.ends_with(".lock"))
        continue;
      const auto name = path + '/' + leaf;
      if (is_folder) {
        if (auto read = read_folder(name, deep + 1); !read)
          return read;
        continue;
      }
      if (!is_ref_name(name))
        return unreadable(name, "is no name that git takes for a ref");
      auto text = read_loose(name);
      if (!text)
        return fail(std::move(text).error());
      if (*text)
        texts_.emplace(name, std::move(**text));
    }
    return {};
  }

  result<void> read_packed() {
    auto file = read_file(repository_, "packed-refs", packed_bytes_max, "packed-refs");
    if (!file || !*file)
      return file ? result<void>{} : fail(std::move(file).error());
    std::string_view text = **file;
    if (!text.empty() && text.back() != '\n')
      return unreadable("packed-refs", "ends in the middle of a line");
    const auto digits = oid_digits(format_);
    while (!text.empty()) {
      const auto line = take_line(text);
      if (line.starts_with('#') || line.starts_with('^'))
        continue;
      if (line.size() <= digits + 1 || line[digits] != ' ' ||
          !is_oid(line.substr(0, digits), format_))
        return unreadable("packed-refs", fmt::format("has the line \"{}\"", line.substr(0, 200)));
      const auto name = line.substr(digits + 1);
      if (!is_ref_name(name))
        return unreadable(name, "(in packed-refs) is no name that git takes for a ref");
      texts_.emplace(name, line.substr(0, digits)); // a loose one wins
    }
    return {};
  }

  [[nodiscard]] std::vector<ref> resolved() const {
    std::vector<ref> refs;
    refs.reserve(texts_.size());
    for (const auto& [name, text] : texts_) {
      auto at = &text;
      for (int steps = 0; at && at->starts_with(symbolic_prefix); ++steps) {
        const auto next = texts_.find(at->substr(symbolic_prefix.size() + 1));
        at = next == texts_.end() || steps == symbolic_steps_max ? nullptr : &next->second;
      }
      if (at)
        refs.push_back({name, *at});
    }
    return refs;
  }

private:
  /// Old repositories have links for symbolic refs.
  [[nodiscard]] std::optional<std::string> read_symbolic_link(const std::string& name) const {
    auto folder =
        open_beneath(repository_, parent_of(name), O_PATH | O_DIRECTORY, path_walk::by_kernel);
    std::array<char, 4096> target{};
    const auto n =
        folder ? ::readlinkat(folder->get(), leaf_of(name).c_str(), target.data(), target.size())
               : -1;
    const std::string_view text{target.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
    if (!is_ref_name(text))
      return std::nullopt;
    return "ref: " + std::string{text};
  }

  /// Names and whether they are folders.
  result<std::vector<std::pair<std::string, bool>>> list(const std::string& path) const {
    std::vector<std::pair<std::string, bool>> names;
    auto fd = open_beneath(repository_, path, O_RDONLY | O_DIRECTORY, path_walk::by_kernel);
    if (!fd && fd.error() == ENOENT)
      return names; // git removes folders that have become empty
    if (!fd)
      return trouble(fd.error(), "list", path);
    const int own = ::dup(fd->get());
    const std::unique_ptr<DIR, int (*)(DIR*)> folder{own < 0 ? nullptr : ::fdopendir(own),
                                                     ::closedir};
    if (!folder) {
      if (own >= 0)
        ::close(own);
      return trouble(errno, "list", path);
    }
    for (;;) {
      errno = 0;
      const auto* entry = ::readdir(folder.get());
      if (!entry)
        break;
      const std::string leaf = entry->d_name;
      if (leaf == "." || leaf == "..")
        continue;
      bool is_folder = entry->d_type == DT_DIR;
      struct stat there {};
      if (entry->d_type == DT_UNKNOWN)
        is_folder = ::fstatat(fd->get(), leaf.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISDIR(there.st_mode);
      names.emplace_back(leaf, is_folder);
    }
    if (errno != 0)
      return trouble(errno, "list", path);
    return names;
  }

  const int repository_;
  const object_format format_;
  ref_texts texts_;
};

using sha1_sum = std::array<std::uint8_t, 20>;

/// SHA-1 of lines, with one context for all of them.
class line_hash {
public:
  line_hash() : context_{EVP_MD_CTX_new(), EVP_MD_CTX_free} {}

  void add(std::string_view oid, std::string_view name) {
    line_.assign(oid);
    line_ += ' ';
    line_ += name;
    sha1_sum sum{};
    EVP_DigestInit_ex(context_.get(), EVP_sha1(), nullptr);
    EVP_DigestUpdate(context_.get(), line_.data(), line_.size());
    EVP_DigestFinal_ex(context_.get(), sum.data(), nullptr);
    for (std::size_t i = 0; i < sum.size(); ++i)
      all_[i] ^= sum[i];
  }
  [[nodiscard]] const sha1_sum& value() const { return all_; }

private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
  std::string line_;
  sha1_sum all_{};
};

std::optional<std::string_view> find(const std::vector<ref>& refs, std::string_view name) {
  const auto at = std::lower_bound(refs.begin(), refs.end(), name,
                                   [](const ref& a, std::string_view b) { return a.name < b; });
  if (at == refs.end() || at->name != name)
    return std::nullopt;
  return at->oid;
}

} // namespace

// -- names ----------------------------------------------------------------------------------------

std::string_view to_string(object_format format) {
  return format == object_format::sha1 ? "sha1" : "sha256";
}

bool parse(std::string_view text, object_format& out) {
  for (const auto format : {object_format::sha1, object_format::sha256})
    if (text == to_string(format)) {
      out = format;
      return true;
    }
  return false;
}

std::size_t oid_digits(object_format format) {
  return format == object_format::sha1 ? 40 : 64;
}

bool is_oid(std::string_view text, object_format format) {
  return text.size() == oid_digits(format) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
         text.find_first_not_of('0') != std::string_view::npos;
}

bool is_ref_name(std::string_view name) {
  constexpr std::string_view prefix = "refs/";
  if (!name.starts_with(prefix) || name.size() > 4096 || name.ends_with('/') || name.ends_with('.'))
    return false;
  if (name.find("..") != std::string_view::npos || name.find("@{") != std::string_view::npos)
    return false;
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f ||
        std::string_view{" ~^:?*[\\"}.find(c) != std::string_view::npos)
      return false;
  for (std::size_t begin = 0; begin < name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part.empty() || part.starts_with('.') || part.ends_with(".lock"))
      return false;
    begin = end + 1;
  }
  return true;
}

std::optional<std::string> repository_refs::head_oid() const {
  if (!head.starts_with(symbolic_prefix))
    return head;
  const auto oid = find(refs, trimmed(std::string_view{head}.substr(symbolic_prefix.size())));
  return oid ? std::optional{std::string{*oid}} : std::nullopt;
}

// -- reading --------------------------------------------------------------------------------------

result<unique_fd> open_repository(int store, const std::string& locator, path_walk how) {
  auto folder = open_beneath(store, locator, O_PATH | O_DIRECTORY, how);
  if (!folder && folder.error() == ENOENT)
    return fail(ec::missing_on_primary, "nothing lies there");
  if (!folder && folder.error() == ENOTDIR)
    return fail(ec::bad_locator, "a file lies there or on the way; a repository is a folder");
  if (!folder)
    return trouble(folder.error(), "open the repository", leaf_of(locator));
  const auto kind = [&](const char* name) -> mode_t {
    struct stat there {};
    if (::fstatat(folder->get(), name, &there, AT_SYMLINK_NOFOLLOW) == 0)
      return there.st_mode & S_IFMT;
    return errno == EACCES ? S_IFSOCK : 0;
  };
  const auto head = kind("HEAD");
  if (head == S_IFSOCK)
    return trouble(EACCES, "open the repository", leaf_of(locator));
  if (kind(".git") != 0 && head == 0)
    return fail(ec::bad_locator, "a checkout with a work tree lies there, no bare repository");
  if (kind("commondir") != 0)
    return fail(ec::bad_locator, "the folder of a linked work tree lies there, no bare repository");
  if ((head != S_IFREG && head != S_IFLNK) || kind("objects") != S_IFDIR || kind("refs") != S_IFDIR)
    return fail(ec::bad_locator, "what lies there is no bare repository (HEAD, objects and refs)");
  return std::move(*folder);
}

result<repository_refs> read_refs(int repository) {
  const auto format = read_format(repository);
  if (!format)
    return fail(format.error());
  repository_refs found;
  found.format = *format;
  ref_reader reader{repository, *format};
  auto head = reader.read_loose("HEAD");
  if (!head)
    return fail(std::move(head).error());
  if (!*head)
    return unreadable("HEAD", "is gone");
  found.head = std::move(**head);
  if (auto loose = reader.read_folder("refs"); !loose)
    return fail(std::move(loose).error());
  if (auto packed = reader.read_packed(); !packed)
    return fail(std::move(packed).error());
  found.refs = reader.resolved();
  return found;
}

checksum refs_checksum(const repository_refs& refs) {
  line_hash lines;
  sha256 all;
  const auto add = [&all](std::string_view text) { all.update(std::as_bytes(std::span{text})); };
  add(to_string(refs.format));
  add("\n");
  add(refs.head);
  add("\n");
  if (const auto oid = refs.head_oid())
    lines.add(*oid, "HEAD");
  for (const auto& one : refs.refs) {
    lines.add(one.oid, one.name);
    add(one.oid);
    add(" ");
    add(one.name);
    add("\n");
  }
  checksum sum{};
  std::copy_n(lines.value().begin(), 20, sum.begin());
  std::copy_n(all.value().begin(), 12, sum.begin() + 20);
  return sum;
}

} // namespace farshore
