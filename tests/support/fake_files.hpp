// The double of a store's file operations: an in-memory file system that forgets what was not
// flushed, in all the ways a real one may.
//
// Every name in a folder has a history since its last flush, and every file has the bytes that were
// flushed beside those that are there now. A power cut leaves each name at any point of its
// history, independently of all others (so renames come reordered, and even by halves), and
// unflushed bytes old, new, cut off or zeroed. A flush that fails loses what it should have
// written: a later one succeeds and writes nothing, as on Linux. The same seed gives the same run.
// One thread.

#pragma once

#include "config/clock.hpp"
#include "strategies/store_files.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farshore::test {

/// A store's file system; it outlives the processes that use it.
class fake_volume : public std::enable_shared_from_this<fake_volume> {
public:
  explicit fake_volume(std::uint64_t seed = 1);
  ~fake_volume();
  fake_volume(const fake_volume&) = delete;
  fake_volume& operator=(const fake_volume&) = delete;

  /// A process's view of it, until that process is killed. The volume must be in a shared_ptr.
  std::shared_ptr<store_files> mount(link_policy links = link_policy::refused);
  /// Ends every process that uses the volume: its views and open files only fail from now on.
  /// Nothing is lost.
  void kill();
  /// The same for the whole machine: what was not flushed may be lost.
  void power_cut();

  // -- faults ----------------------------------------------------------------------------------

  /// Calls made so far, over all views: every operation of store_files and open_file is one.
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  /// The n-th call from now (1 is the next) fails with this errno and does nothing (but a flush,
  /// that loses what it should have written); with `for_good` all later ones, too.
  void fail_at(std::uint64_t n, int error_number, bool for_good = false);
  /// kill() just before the n-th call from now takes effect.
  void kill_at(std::uint64_t n);
  /// The n-th call from now, if it reads or writes, moves only a part.
  void shorten_at(std::uint64_t n);
  void clear_faults();

  /// What space() says.
  void set_space(const disk_space& space) { space_ = space; }
  /// Another file system lies there from now on, or the former one again; empty at first. What is
  /// open stays open where it was.
  void mount_over(std::uint64_t device);

  // -- the world outside, durable at once ------------------------------------------------------

  /// A new file in place of whatever is there; makes the folders on the way.
  void put(const std::string& path, std::string bytes, const file_attributes& attributes = {});
  /// Other bytes in the same file, which must be there.
  void rewrite(const std::string& path, std::string bytes);
  void put_folder(const std::string& path);
  void put_link(const std::string& path, std::string target = "outside");
  void put_pipe(const std::string& path);
  /// With everything beneath.
  void erase(const std::string& path);

  /// Of a regular file, as a process would see it now.
  [[nodiscard]] std::optional<std::string> content(const std::string& path) const;
  /// What the link there leads to.
  [[nodiscard]] std::optional<std::string> link(const std::string& path) const;
  [[nodiscard]] std::optional<file_attributes> attributes(const std::string& path) const;
  [[nodiscard]] bool is_folder(const std::string& path) const;
  /// All regular files but those in .farshore, with their bytes.
  [[nodiscard]] std::map<std::string, std::string> files() const;
  /// Names in .farshore/tmp.
  [[nodiscard]] std::vector<std::string> temps() const;

private:
  friend class fake_view;
  friend class fake_file;
  struct node;
  using node_ptr = std::shared_ptr<node>;
  /// Where a path leads, or an errno.
  using found = tl::expected<node_ptr, int>;

  /// Counts a call of that process; the errno that it fails with, or 0.
  int call(std::uint64_t process);
  /// How many of `wanted` bytes the present call moves.
  std::size_t share_of(std::size_t wanted);
  node_ptr make(file_kind kind);
  [[nodiscard]] found find(const std::string& path) const;
  /// The same, but a link at the end is found.
  [[nodiscard]] found find_entry(const std::string& path) const;
  /// Makes what is missing; for the outside world, durably.
  found find_folder(const std::string& path, bool make, bool durably);
  void set_name(node& folder, const std::string& name, node_ptr to);
  void place(const std::string& path, node_ptr what);
  void touch(node& changed);
  void flush_bytes(node& file);
  void flush_everything(node& folder, bool failing);
  void lose(node& folder);
  void collect(const node& folder, const std::string& prefix,
               std::map<std::string, std::string>& into) const;

  random_source random_;
  disk_space space_{std::uint64_t{1} << 40, std::uint64_t{1} << 40};
  node_ptr root_;
  std::uint64_t device_ = 1;
  /// Roots of the file systems that are not there now.
  std::map<std::uint64_t, node_ptr> unmounted_;
  std::uint64_t process_ = 1;
  std::uint64_t calls_ = 0;
  std::uint64_t nodes_ = 0;
  std::int64_t ticks_ = 0;
  std::uint64_t fail_from_ = 0;
  int error_ = 0;
  bool for_good_ = false;
  std::uint64_t kill_ = 0;
  std::uint64_t shorten_ = 0;
};

} // namespace farshore::test
