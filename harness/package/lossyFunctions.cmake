# What a project of one protocol needs of lossy: the command for it, and a fuzz target. Its sources
# define, in whatever file,
#
#   const lossy::Protocol& lossy_protocol();          // <lossy/core/protocol.hpp>
#
# lossy_add_command(NAME SOURCE...)
#   makes the program NAME, which is lossy's command for that protocol: NAME simulate, loopback,
#   golden, replay and so on.
#
# lossy_add_fuzzer(NAME SOURCE... [CORPUS FOLDER...])
#   makes NAME, which runs the inputs of files and folders, one after the other; and the test NAME of
#   that on the corpora, if there are any. With clang, and unless -DLOSSY_LIBFUZZER=OFF, NAME is a
#   libFuzzer program, and NAME_replay the other.

# Adds to the program the file `content`, and the libraries that it needs.
function(lossy_complete_program name content library)
  set(file ${CMAKE_CURRENT_BINARY_DIR}/${name}_lossy.cpp)
  file(CONFIGURE OUTPUT ${file} CONTENT "${content}" @ONLY)
  target_sources(${name} PRIVATE ${file})
  target_link_libraries(${name} PRIVATE lossy::${library})
endfunction()

function(lossy_add_command name)
  if(NOT TARGET lossy::command)
    message(FATAL_ERROR "lossy_add_command needs lossy::command: ask for the component command, or "
      "build lossy with -DLOSSY_COMMAND=ON")
  endif()
  add_executable(${name} ${ARGN})
  lossy_complete_program(${name} [[
#include <lossy/harness/cli/command.hpp>

const lossy::Protocol& lossy_protocol();

int main(int argc, char** argv) {
  return lossy::run_command(argc, argv, {"@name@", lossy_protocol().sentence, {&lossy_protocol()}});
}
]] command)
endfunction()

option(LOSSY_LIBFUZZER "Link fuzz targets with libFuzzer, where the compiler has it" ON)

function(lossy_add_fuzzer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "CORPUS")
  set(target [[
#include <lossy/fuzz/protocol_target.hpp>

const lossy::Protocol& lossy_protocol();

const lossy::fuzz::ProtocolTarget& protocol_target() {
  static const lossy::fuzz::ProtocolTarget target(lossy_protocol());
  return target;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  protocol_target().run(std::as_bytes(std::span(data, size)));
  return 0;
}
]])
  # Beside this file where it is installed; else in a folder of the sources.
  set(folder ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  if(NOT EXISTS ${folder}/replay_main.cpp)
    set(folder ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../../fuzz)
  endif()
  set(replay ${name})
  if(LOSSY_LIBFUZZER AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    set(replay ${name}_replay)
    add_executable(${name} ${arg_UNPARSED_ARGUMENTS} ${folder}/protocol_hooks.cpp)
    lossy_complete_program(${name} "${target}" sim)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endif()
  # The same program as lossy's own corpora are run by.
  add_executable(${replay} ${arg_UNPARSED_ARGUMENTS} ${folder}/replay_main.cpp)
  lossy_complete_program(${replay} "${target}" sim)
  if(arg_CORPUS)
    list(TRANSFORM arg_CORPUS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ REGEX "^[^/]")
    add_test(NAME ${name} COMMAND ${replay} ${arg_CORPUS})
  endif()
endfunction()
