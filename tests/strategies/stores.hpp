// One store in two shapes, so that a suite of behaviours runs on both: real folders (resolved by
// the kernel, or component by component) and the double.

#pragma once

#include "strategies/linux_files.hpp"
#include "tests/support/fake_files.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace farshore::test {

/// A folder that goes with the test.
class temporary_folder {
public:
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "farshore-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      std::abort();
    path_ = name;
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

template <path_walk How, link_policy Links = link_policy::refused>
struct real_store {
  temporary_folder outside;
  std::filesystem::path root = outside.path() / "store";
  std::shared_ptr<store_files> files = std::make_shared<linux_files>(root, How, Links);

  void put(const std::string& path, const std::string& bytes) const {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream{root / path, std::ios::binary} << bytes;
  }
  void put_folder(const std::string& path) const {
    std::filesystem::create_directories(root / path);
  }
  void put_link(const std::string& path) const { put_link(path, outside.path().string()); }
  void put_link(const std::string& path, const std::string& target) const {
    std::filesystem::create_directories((root / path).parent_path());
    std::filesystem::create_symlink(target, root / path);
  }
  void put_pipe(const std::string& path) const { ::mkfifo((root / path).c_str(), 0600); }
  [[nodiscard]] std::optional<std::string> content(const std::string& path) const {
    std::ifstream in{root / path, std::ios::binary};
    if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(root / path)) || !in)
      return std::nullopt;
    return std::string{std::istreambuf_iterator<char>{in}, {}};
  }
  [[nodiscard]] bool is_folder(const std::string& path) const {
    return std::filesystem::is_directory(std::filesystem::symlink_status(root / path));
  }
  [[nodiscard]] bool is_link(const std::string& path) const {
    return std::filesystem::is_symlink(std::filesystem::symlink_status(root / path));
  }
};

using kernel_store = real_store<path_walk::by_kernel>;
using walked_store = real_store<path_walk::by_component>;

template <link_policy Links>
struct faked_store {
  std::shared_ptr<fake_volume> volume = std::make_shared<fake_volume>();
  std::shared_ptr<store_files> files = volume->mount(Links);

  void put(const std::string& path, const std::string& bytes) const { volume->put(path, bytes); }
  void put_folder(const std::string& path) const { volume->put_folder(path); }
  void put_link(const std::string& path) const { volume->put_link(path); }
  void put_link(const std::string& path, const std::string& target) const {
    volume->put_link(path, target);
  }
  void put_pipe(const std::string& path) const { volume->put_pipe(path); }
  [[nodiscard]] std::optional<std::string> content(const std::string& path) const {
    return volume->content(path);
  }
  [[nodiscard]] bool is_folder(const std::string& path) const { return volume->is_folder(path); }
  [[nodiscard]] bool is_link(const std::string& path) const {
    return volume->link(path).has_value();
  }
};
using fake_store = faked_store<link_policy::refused>;

/// The same, of a scanned type.
using kernel_link_store = real_store<path_walk::by_kernel, link_policy::kept>;
using walked_link_store = real_store<path_walk::by_component, link_policy::kept>;
using fake_link_store = faked_store<link_policy::kept>;

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

} // namespace farshore::test
