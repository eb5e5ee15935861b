#include <lossy/harness/report/line_style.hpp>

#include <clocale>
#include <cwchar>

#include <locale.h>

namespace lossy {
namespace {

// How wide a character is, and that bytes are UTF-8, the C library knows in any locale for UTF-8.
class Utf8Here {
 public:
  Utf8Here() : before_(uselocale(utf8())) {}
  ~Utf8Here() { uselocale(before_); }
  Utf8Here(const Utf8Here&) = delete;
  Utf8Here& operator=(const Utf8Here&) = delete;

 private:
  static locale_t utf8() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;  // Without one the locale stays as it is.
  }
  locale_t before_;
};

// The end of the longest beginning that is at most `columns` wide, and how wide that is.
struct Beginning {
  std::size_t bytes = 0;
  std::size_t width = 0;
};
Beginning beginning(const std::string& text, std::size_t columns) {
  const Utf8Here utf8;
  Beginning taken;
  std::mbstate_t state{};
  while (taken.bytes < text.size()) {
    wchar_t character = 0;
    std::size_t bytes =
        std::mbrtowc(&character, text.data() + taken.bytes, text.size() - taken.bytes, &state);
    int width = 1;
    if (bytes == 0 || bytes > text.size()) {  // What is no character takes a column a byte.
      bytes = 1;
      state = {};
    } else if (width = wcwidth(character); width < 0) {
      width = 1;
    }
    if (taken.width + static_cast<std::size_t>(width) > columns) break;
    taken.bytes += bytes;
    taken.width += static_cast<std::size_t>(width);
  }
  return taken;
}

constexpr const char* kColours[] = {"", "\033[32m", "\033[33m", "\033[31m"};  // By LineMood.

}  // namespace

std::size_t display_width(const std::string& text) {
  return beginning(text, static_cast<std::size_t>(-1)).width;
}

std::string cut_to_width(const std::string& text, std::size_t columns) {
  if (beginning(text, columns).bytes == text.size()) return text;
  if (columns == 0) return {};
  return text.substr(0, beginning(text, columns - 1).bytes) + "…";
}

std::string LineStyle::apply(const std::string& line, LineMood mood) const {
  const std::string shown = columns == 0 ? line : cut_to_width(line, columns);
  if (!colour || mood == LineMood::kPlain) return shown;
  return kColours[static_cast<std::size_t>(mood)] + shown + "\033[0m";
}

}  // namespace lossy
