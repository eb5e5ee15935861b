# The libraries of headers, for a build whose system library is another one: never all of
# /usr/include, which goes with this machine's.
set(headers ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${headers})
foreach(library CLI fmt nlohmann utf8cpp)
  file(CREATE_LINK /usr/include/${library} ${headers}/${library} SYMBOLIC)
endforeach()

add_library(utf8cpp INTERFACE)
target_include_directories(utf8cpp SYSTEM INTERFACE ${headers}/utf8cpp)
