// A libpcap that can listen to D-Bus wants that library linked, too, which is not there where
// targets of ClusterFuzzLite run. No target opens an interface, so these stand in for what libpcap
// would ask about D-Bus: there is none.
extern "C" int dbus_findalldevs(void* devices, char* error);
extern "C" void* dbus_create(const char* device, char* error, int* is_ours);

int dbus_findalldevs(void*, char*) {
  return 0;
}

void* dbus_create(const char*, char*, int* is_ours) {
  *is_ours = 0;
  return nullptr;
}
