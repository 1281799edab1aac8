#include "strategies/repository/fsck.hpp"

#include "strategies/repository/git_program.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace farshore {

namespace {

constexpr std::size_t findings_shown_max = 20;
constexpr std::size_t damage_bytes_max = 400;
/// Of git fsck's exit code: something is wrong with an object, or with one in a pack. Both may be
/// findings; a pack that can't be read is told of besides.
constexpr int object_bits = 1 | 4;

bool starts_with_any(std::string_view line, const auto& beginnings) {
  return std::ranges::any_of(beginnings,
                             [&](std::string_view one) { return line.starts_with(one); });
}

bool is_finding(std::string_view line) {
  constexpr std::array beginnings{std::string_view{"error in "}, std::string_view{"warning in "}};
  return starts_with_any(line, beginnings);
}

bool is_harmless(std::string_view line) {
  constexpr std::array beginnings{std::string_view{"dangling "}, std::string_view{"unreachable "},
                                  std::string_view{"notice: "},  std::string_view{"Checking "},
                                  std::string_view{"warning: "}, std::string_view{"hint: "}};
  return starts_with_any(line, beginnings);
}

} // namespace

fsck_report read_fsck(int code, std::string_view output, std::string_view complaints) {
  fsck_report report;
  for (auto text : {complaints, output})
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      const auto line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.empty() || is_harmless(line))
        continue;
      if (is_finding(line)) {
        ++report.findings_count;
        if (report.findings.size() < findings_shown_max)
          report.findings.emplace_back(line);
      } else if (report.damage.size() < damage_bytes_max) {
        report.damage.append(report.damage.empty() ? "" : "; ").append(line);
      }
    }
  if (code == 0 ||
      ((code & ~object_bits) == 0 && report.findings_count > 0 && report.damage.empty()))
    report.damage.clear();
  else if (report.damage.empty())
    report.damage = fmt::format("git fsck ends with code {}", code);
  return report;
}

std::string to_text(const fsck_report& report) {
  std::string text;
  for (const auto& one : report.findings)
    text += "git fsck: " + one + '\n';
  if (report.findings_count > report.findings.size())
    text += fmt::format("git fsck: {} findings in all\n", report.findings_count);
  if (!text.empty())
    text.pop_back();
  return text;
}

result<fsck_report> fsck(int repository, const std::atomic<bool>* cancelled) {
  git_command command;
  command.arguments = {"fsck", "--full", "--no-dangling", "--progress"};
  command.folder = repository;
  command.cancelled = [cancelled] { return cancelled != nullptr && *cancelled; };
  const auto answer = run_git(command);
  if (!answer)
    return fail(answer.error());
  return read_fsck(answer->code, answer->output, answer->complaints);
}

} // namespace farshore
