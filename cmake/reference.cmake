# Makes the reference from the doc comments: annotations for editors, and an HTML page. This runs the module, so it is
# left out if the module cannot run: for another machine, under a sanitizer, or without its Lua libraries.
set(reference ${CMAKE_BINARY_DIR}/reference)
execute_process(COMMAND ${LUA_INTERPRETER} -e "for name in ('lfs luv zlib argparse'):gmatch '%w+' do require(name) end"
  RESULT_VARIABLE lua_libraries_missing OUTPUT_QUIET ERROR_QUIET)
if(CMAKE_CROSSCOMPILING OR MOONBOW_SANITIZE OR lua_libraries_missing)
  message(STATUS "The reference is not made: the module cannot run here")
  return()
endif()

file(GLOB_RECURSE reference_sources CONFIGURE_DEPENDS lua/*.lua tools/*.lua)
add_custom_command(OUTPUT ${reference}/index.html ${reference}/luacats/moonbow.lua
  COMMAND ${CMAKE_BINARY_DIR}/lua ${CMAKE_SOURCE_DIR}/tools/reference.lua ${reference}
  DEPENDS core ${reference_sources} COMMENT "Reference from the doc comments" VERBATIM)
add_custom_target(reference ALL DEPENDS ${reference}/index.html)
install(FILES ${reference}/luacats/moonbow.lua DESTINATION ${CMAKE_INSTALL_DATADIR}/moonbow/luacats)
install(FILES ${reference}/index.html DESTINATION ${CMAKE_INSTALL_DOCDIR})
