#include <gtest/gtest.h>
#include "core/greeter.hpp"
#include "core/server.hpp"
namespace lossy {
TEST(Smoke, Compiles) {
  Server s;
  RandomStream r(1234567);
  EXPECT_EQ(r.at(1), 6457827717110365317u);
}
}  // namespace lossy
