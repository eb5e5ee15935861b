#include <lossy/harness/capture/key_log.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace lossy {
namespace {

using Kind = KeyLogError::Kind;

bool is_label(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool is_hexadecimal(std::string_view word) {
  constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
  return !word.empty() && word.size() % 2 == 0 &&
         word.find_first_not_of(kDigits) == std::string_view::npos;
}

// Cuts off the first word and the space behind it.
std::string_view take_word(std::string_view& line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

bool is_secret(std::string_view line) {
  const std::string_view label = take_word(line);
  const std::string_view random = take_word(line);
  return is_label(label) && is_hexadecimal(random) && is_hexadecimal(line);
}

std::variant<std::string, KeyLogError> refuse(int error) {
  return KeyLogError{error == ENOENT ? Kind::kMissing : Kind::kOther, std::strerror(error)};
}

std::variant<std::string, KeyLogError> read(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return refuse(errno);
  if (S_ISDIR(status.st_mode)) return refuse(EISDIR);
  if (!S_ISREG(status.st_mode)) return KeyLogError{Kind::kOther, "is no file"};
  std::string text(kKeyLogBytesMax + 1, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ::ssize_t got = ::read(descriptor, text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return parse_key_log(std::move(text));
}

}  // namespace

std::variant<std::string, KeyLogError> parse_key_log(std::string text) {
  if (text.size() > kKeyLogBytesMax) {
    return KeyLogError{Kind::kOther, fmt::format("has more than {} bytes", kKeyLogBytesMax)};
  }
  std::size_t lines = 0;
  std::size_t secrets = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = text.find('\n', at);
    std::string_view line(text.data() + at, std::min(end, text.size()) - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++lines;
    if (!line.empty() && !line.starts_with('#')) {
      if (is_secret(line)) {
        ++secrets;
      } else if (end == std::string::npos && secrets > 0) {
        text.resize(at);
        break;
      } else {
        return KeyLogError{Kind::kOther,
                           fmt::format("is no key log: line {} is no label with the client's "
                                       "random and a secret",
                                       lines)};
      }
    }
    at = std::min(end, text.size() - 1) + 1;
  }
  if (secrets == 0) return KeyLogError{Kind::kEmpty, "has no secrets in it"};
  return text;
}

// Opening a pipe would wait for who writes it.
std::variant<std::string, KeyLogError> read_key_log(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return refuse(errno);
  auto log = read(descriptor);
  ::close(descriptor);
  return log;
}

}  // namespace lossy
