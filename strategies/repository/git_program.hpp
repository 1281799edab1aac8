// A run of the program git in one repository, with what it reads and writes.
//
// Safe among many threads: nothing is forked by hand, no handler runs in the child, and it inherits
// its three streams alone. It gets an environment of its own: no configuration of the machine or of
// a user, no hook, no prompt, no network, whatever the repository's own configuration says. A run
// that says and takes nothing for `silence` is killed, with all that it has started. Used by one
// thread at a time; blocks.

#pragma once

#include "config/error.hpp"
#include "strategies/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace farshore {

struct git_command {
  /// Behind "git".
  std::vector<std::string> arguments;
  /// The repository's open folder: where it runs, and its GIT_DIR. Need not stay open.
  int folder = -1;
  /// Further "NAME=value".
  std::vector<std::string> environment = {};
  /// Asked several times a second; true: it is killed, and the call fails with ec::stopping.
  std::function<bool()> cancelled = {};
  std::chrono::milliseconds silence = std::chrono::minutes{5};
};

class git_program {
public:
  /// Fails with ec::disk where there is no such program.
  static result<std::unique_ptr<git_program>> start(const git_command& what);
  git_program(const git_program&) = delete;
  git_program& operator=(const git_program&) = delete;
  /// Kills what still runs.
  ~git_program();

  // All of these fail with ec::no_progress after `silence`, and with ec::stopping.

  /// Gives it all of `bytes`, and takes in what it writes meanwhile. Fails with ec::protocol, and
  /// its own words, where it reads no more.
  result<void> write(std::span<const std::byte> bytes);
  result<void> write(std::string_view text) { return write(std::as_bytes(std::span{text})); }
  /// It reads the end of its input.
  void end_input() { input_ = {}; }
  /// Whether read() has something to say at once; waits for that up to `wait`.
  result<bool> has_output(std::chrono::milliseconds wait);
  /// Some of its output; 0 at the end. Not with finish().
  result<std::size_t> read(std::span<std::byte> bytes);
  /// Ends the input, and waits until it has ended, and with which code (128 and more: a signal).
  result<int> finish();

  /// What it wrote before finish() returned; at most output_bytes_max.
  [[nodiscard]] const std::string& output() const { return output_; }
  /// What it said on its standard error, without progress, at most complaint_bytes_max.
  [[nodiscard]] std::string complaints() const;
  /// `ec::no_space` where it complains of a full disk, else `code`; with its first words.
  [[nodiscard]] error failure(ec code, std::string_view what) const;

  static constexpr std::size_t output_bytes_max = 16u << 20;
  static constexpr std::size_t complaint_bytes_max = 256u << 10;

private:
  git_program() = default;

  struct ready {
    bool input = false;
    bool output = false;
  };
  /// Waits for what is asked for, `wait` long at most; takes in complaints.
  result<ready> await(bool input, bool output, std::chrono::milliseconds wait);
  void take_complaints();
  /// Output that nobody asks for yet.
  result<void> take_output();
  void kill_all();

  std::string name_;
  std::function<bool()> cancelled_;
  std::chrono::milliseconds silence_{0};
  std::chrono::milliseconds silent_{0};
  pid_t pid_ = -1;
  int code_ = -1;
  unique_fd input_;
  unique_fd output_from_;
  unique_fd complaints_from_;
  std::string output_;
  std::string complaints_;
};

/// Runs it to its end with `input`: its code, and what it wrote. Fails as the calls above do.
struct git_answer {
  int code = 0;
  std::string output;
  std::string complaints;
};
result<git_answer> run_git(const git_command& what, std::string_view input = {});

} // namespace farshore
