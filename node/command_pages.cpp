#include "node/command_pages.hpp"

#include "config/version.hpp"

#include <string_view>

#include <fmt/format.h>

namespace farshore {

namespace {

/// As it stands, in a manual page.
std::string verbatim(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\''))
      out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_begins = c == '\n';
  }
  return out;
}

std::string in_single_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text)
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  return out + "'";
}

/// zsh's own marks within a description.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\' || c == '(' || c == ')')
      out += '\\';
    out += c;
  }
  return out;
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const auto& word : words)
    out += (out.empty() ? "" : std::string{between}) + word;
  return out;
}

bool takes_file(const option_description& option) {
  return option.value == "FILE";
}

std::string zsh_value(const option_description& option) {
  if (option.value.empty())
    return {};
  const auto what = takes_file(option)       ? std::string{"_files"}
                    : option.choices.empty() ? std::string{" "}
                                             : "(" + joined(option.choices, " ") + ")";
  return ":" + zsh_text(option.value) + ":" + what;
}

} // namespace

std::string manual_page(const std::vector<command_description>& commands) {
  std::string out = fmt::format(
      ".TH FARSHORE 1 \"\" \"farshore {}\" \"User Commands\"\n"
      ".SH NAME\nfarshore \\- keeps an application's files at a second place, and proves it\n"
      ".SH SYNOPSIS\n.B farshore\n.I COMMAND\n[\\-c \\fIFILE\\fR] [\\fIOPTION\\fR ...]\n"
      ".SH DESCRIPTION\nOne node of Farshore runs at each site. At the primary it notices what an "
      "application commits and\nwrites; at a secondary it fetches what changed, verifies it, and "
      "keeps account of every record.\nThe commands below set up a site, run its node, and speak "
      "with it.\n.SH COMMANDS\n",
      program_version());
  for (const auto& command : commands)
    out += ".SS farshore " + verbatim(command.name) + "\n.nf\n" + verbatim(command.help) + ".fi\n";
  out += ".SH ENVIRONMENT\n.TP\n.B FARSHORE_CONFIG\nThe configuration of commands that are given "
         "none with \\-c.\n.TP\n.BR NOTIFY_SOCKET \", \" WATCHDOG_USEC\nSet by systemd: where the "
         "node tells that it is ready and alive.\n"
         ".SH FILES\n.TP\n.I /etc/farshore/farshore.toml\nThe configuration that the service "
         "farshore.service reads.\n.TP\n.I /etc/farshore/secret\nThe secret that all sites share.\n"
         ".SH SEE ALSO\n.BR psql (1),\n.BR systemctl (1)\n.br\nThe reference and guides in "
         "/usr/share/doc/farshore.\n";
  return out;
}

std::string bash_completion(const std::vector<command_description>& commands) {
  std::string names;
  std::string values;
  std::string words;
  for (const auto& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    std::vector<std::string> offered;
    for (const auto& option : command.options) {
      for (const auto& name : option.names) {
        offered.push_back(name);
        const auto at = "  " + in_single_quotes(command.name + " " + name) + ") ";
        if (takes_file(option))
          values += at + "compopt -o filenames 2>/dev/null; "
                         "COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n";
        else if (!option.choices.empty())
          values += at + "COMPREPLY=($(compgen -W " +
                    in_single_quotes(joined(option.choices, " ")) +
                    " -- \"$current\")); return ;;\n";
        else if (!option.value.empty())
          values += at + "return ;;\n";
      }
      if (option.names.empty())
        offered.insert(offered.end(), option.choices.begin(), option.choices.end());
    }
    words += "  " + command.name + ") words=" + in_single_quotes(joined(offered, " ")) + " ;;\n";
  }
  return "# bash completion of farshore; written from the program's own description.\n"
         "_farshore() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n"
         "  COMPREPLY=()\n"
         "  if ((COMP_CWORD == 1)); then\n"
         "    COMPREPLY=($(compgen -W " +
         in_single_quotes(names + " --help --version") +
         " -- \"$current\"))\n"
         "    return\n"
         "  fi\n"
         "  case \"${COMP_WORDS[1]} $before\" in\n" +
         values + "  esac\n  case \"${COMP_WORDS[1]}\" in\n" + words +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -F _farshore farshore\n";
}

std::string zsh_completion(const std::vector<command_description>& commands) {
  std::string names;
  std::string cases;
  for (const auto& command : commands) {
    names += "    " + in_single_quotes(zsh_text(command.name) + ":" + command.sentence) + "\n";
    cases += "  " + command.name + ")\n    _arguments";
    for (const auto& option : command.options) {
      const auto text = "[" + zsh_text(option.meaning) + "]" + zsh_value(option);
      for (const auto& name : option.names)
        cases += " \\\n      " +
                 in_single_quotes((option.names.size() > 1 ? "(" + joined(option.names, " ") + ")"
                                                           : std::string{}) +
                                  name + text);
      if (option.names.empty())
        cases += " \\\n      " + in_single_quotes(":" + zsh_text(option.meaning) + ":" +
                                                  (option.choices.empty()
                                                       ? std::string{" "}
                                                       : "(" + joined(option.choices, " ") + ")"));
    }
    cases += "\n    ;;\n";
  }
  return "#compdef farshore\n"
         "# zsh completion of farshore; written from the program's own description.\n"
         "_farshore() {\n"
         "  local -a commands=(\n" +
         names +
         "  )\n"
         "  if ((CURRENT == 2)); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words; ((CURRENT--))\n"
         "  case $command in\n" +
         cases +
         "  esac\n"
         "}\n"
         "_farshore \"$@\"\n";
}

std::string fish_completion(const std::vector<command_description>& commands) {
  std::string out = "# fish completion of farshore; written from the program's own description.\n"
                    "complete -c farshore -f\n";
  for (const auto& command : commands)
    out += "complete -c farshore -n __fish_use_subcommand -a " + command.name + " -d " +
           in_single_quotes(command.sentence) + "\n";
  for (const auto& command : commands)
    for (const auto& option : command.options) {
      out += "complete -c farshore -n '__fish_seen_subcommand_from " + command.name + "'";
      for (const auto& name : option.names)
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (!option.choices.empty())
        out += std::string{option.names.empty() ? "" : " -x"} + " -a " +
               in_single_quotes(joined(option.choices, " "));
      else if (takes_file(option))
        out += " -r -F";
      else if (!option.value.empty() && !option.names.empty())
        out += " -x";
      else if (option.names.empty())
        out += " -a ''";
      out += " -d " + in_single_quotes(option.meaning) + "\n";
    }
  return out;
}

} // namespace farshore
