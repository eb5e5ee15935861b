// Numbers and bytes as text that a page decodes quickly (see page/README.md): little room for what
// repeats itself or grows slowly, as times and numbers of datagrams do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lossy {

// RFC 4648 section 4, with padding.
std::string base64(std::span<const std::byte> bytes);

// Base64 of the differences between one number and the next, the first from 0: each twice itself,
// or one less than minus twice itself below zero, in groups of seven bits, the lowest first, all
// but the last with the eighth bit set.
class PageColumn {
 public:
  void add(std::int64_t number);
  std::string text() const { return base64(bytes_); }

 private:
  std::vector<std::byte> bytes_;
  std::int64_t last_ = 0;
};

}  // namespace lossy
