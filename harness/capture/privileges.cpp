#include <lossy/harness/capture/privileges.hpp>

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), "cannot give up privileges: " + what);
}

// A number that sudo leaves in the environment, or nothing when it is none.
std::optional<unsigned> id_from(const char* variable) {
  const char* const value = std::getenv(variable);
  if (value == nullptr) return std::nullopt;
  const std::string_view text = value;
  unsigned id = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  // The largest would mean "unchanged" to the kernel.
  return whole && id != static_cast<unsigned>(-1) ? std::optional(id) : std::nullopt;
}

std::string name_of(::uid_t user) {
  const ::passwd* const entry = ::getpwuid(user);
  return entry != nullptr ? entry->pw_name : std::to_string(user);
}

// Only root may do this.
void take_groups_of(::uid_t user, ::gid_t group) {
  const ::passwd* const entry = ::getpwuid(user);
  const int outcome =
      entry != nullptr ? ::initgroups(entry->pw_name, group) : ::setgroups(0, nullptr);
  if (outcome != 0) refuse("setgroups");
}

// A user other than root.
void become(::uid_t user, ::gid_t group) {
  if (::setresgid(group, group, group) != 0) refuse("setresgid");
  if (::setresuid(user, user, user) != 0) refuse("setresuid");
}

// Becomes whom the process works for. Gives that user's name, or nothing when it was so before.
std::string become_rightful_user() {
  // Whoever is no root has started a program that is set to another user: the environment is
  // theirs, and says nothing. Their groups are those that it has.
  if (const ::uid_t user = ::getuid(); user != 0) {
    const bool same = ::geteuid() == user && ::getegid() == ::getgid();
    become(user, ::getgid());
    return same ? std::string() : name_of(user);
  }
  const auto user = id_from("SUDO_UID");
  const auto group = id_from("SUDO_GID");
  if (::geteuid() != 0 || !user || *user == 0 || !group) return {};
  take_groups_of(*user, *group);
  become(*user, *group);
  return name_of(*user);
}

void drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  // (The ambient capabilities go with the inheritable ones.)
  if (::syscall(SYS_capset, &header, sets.data()) != 0) refuse("capset");
  if (::syscall(SYS_capget, &header, sets.data()) != 0) refuse("capget");
  for (const auto& set : sets) {
    check((set.effective | set.permitted | set.inheritable) == 0,
          "give_up_privileges: a capability is left");
  }
  // Whoever stays root would get all of them back from the next program.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) refuse("PR_SET_NO_NEW_PRIVS");
}

}  // namespace

std::string give_up_privileges() {
  std::string became = become_rightful_user();
  drop_capabilities();
  // What was not refused before is refused now, or nothing was given up.
  constexpr auto kUnchanged = static_cast<::uid_t>(-1);
  check(::getuid() == 0 || (::setresuid(kUnchanged, 0, kUnchanged) != 0 &&
                            (::getgid() == 0 || ::setresgid(kUnchanged, 0, kUnchanged) != 0)),
        "give_up_privileges: root can be had back");
  return became;
}

}  // namespace lossy
