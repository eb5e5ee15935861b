#include <lossy/core/address.hpp>
#include <lossy/core/client.hpp>
int main() {}
