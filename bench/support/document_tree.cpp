#include "bench/support/document_tree.hpp"

#include <algorithm>
#include <utility>

#include <pqxx/stream_to>

namespace farshore::bench {

namespace fs = std::filesystem;

namespace {

/// Paths that are text in any locale; a table's text column holds no others.
bool is_plain(const std::string& path) {
  return std::ranges::all_of(path, [](char c) { return c >= ' ' && c <= '~'; });
}

} // namespace

void tree_options::declare(CLI::App& app) {
  app.add_option("--tree", tree, "Whose files are copied")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  app.add_option("--files", files, "At most so many")->check(CLI::PositiveNumber);
}

std::vector<file> copy_tree(const tree_options& wanted, const fs::path& to) {
  std::vector<file> all;
  for (const auto& entry :
       fs::recursive_directory_iterator{wanted.tree, fs::directory_options::skip_permission_denied})
    if (entry.is_regular_file() && !entry.is_symlink())
      if (auto path = entry.path().lexically_relative(wanted.tree).string(); is_plain(path))
        all.push_back({std::move(path), 0});
  std::ranges::sort(all, {}, &file::path);
  std::vector<file> chosen;
  const auto count = std::min(wanted.files, all.size());
  for (std::size_t i = 0; i < count; ++i) {
    auto one = all[i * all.size() / count];
    fs::create_directories((to / one.path).parent_path());
    fs::copy_file(wanted.tree / one.path, to / one.path);
    one.bytes = static_cast<std::int64_t>(fs::file_size(to / one.path));
    chosen.push_back(std::move(one));
  }
  return chosen;
}

void add_rows(pqxx::connection& db, const std::vector<file>& files) {
  pqxx::work tx{db};
  tx.exec("CREATE TABLE documents (id bigserial PRIMARY KEY, path text NOT NULL UNIQUE, "
          "bytes bigint)");
  pqxx::stream_to rows{tx, "documents", std::vector<std::string>{"path", "bytes"}};
  for (const auto& one : files)
    rows << std::make_tuple(one.path, one.bytes);
  rows.complete();
  tx.commit();
}

} // namespace farshore::bench
