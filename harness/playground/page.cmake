# Puts the playground together, one page that needs nothing beside it:
#   cmake -DPAGE=harness/playground -DREPORT=harness/report/page -DD3=.../d3.min.js
#     -DWASM=playground.wasm -DOUT=playground.html -P page.cmake
include(${REPORT}/policy.cmake)

file(READ "${PAGE}/playground.html" page)
file(READ "${REPORT}/style.css" style)
file(READ "${PAGE}/playground.css" more)
string(APPEND style "${more}")
file(READ "${D3}" script)
foreach(module
    ${REPORT}/data ${REPORT}/tables ${REPORT}/ladder ${REPORT}/charts
    ${PAGE}/engine ${PAGE}/arguments ${PAGE}/controls ${PAGE}/lessons
    ${PAGE}/playground)
  file(READ "${module}.js" text)
  string(APPEND script "\n${text}")
endforeach()
execute_process(COMMAND gzip -9nc "${WASM}" COMMAND base64 -w0
  OUTPUT_VARIABLE wasm COMMAND_ERROR_IS_FATAL ANY)
policy_hash("${style}" style_hash)
policy_hash("${script}" script_hash)
foreach(part style_hash script_hash style wasm script)  # The script last: nothing in it is a placeholder.
  string(REPLACE "@${part}@" "${${part}}" page "${page}")
endforeach()
file(WRITE "${OUT}" "${page}")
