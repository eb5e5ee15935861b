// Whether the tests are built with sanitizers, which need descriptors of their own at any moment: a
// test that takes all of them away cannot run beside one.
#pragma once

namespace lossy {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

}  // namespace lossy
