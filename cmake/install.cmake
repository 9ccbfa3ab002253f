# Lua 5.4 looks in PREFIX/share/lua/5.4 and PREFIX/lib/lua/5.4 (not in lib/<triplet>) for PREFIX /usr/local.
set(MOONBOW_LUADIR share/lua/5.4 CACHE STRING "where Lua files go, below the prefix or absolute")
set(MOONBOW_LIBDIR lib/lua/5.4 CACHE STRING "where the Lua module goes, below the prefix or absolute")

install(DIRECTORY lua/ DESTINATION ${MOONBOW_LUADIR} FILES_MATCHING PATTERN "*.lua")
install(PROGRAMS bin/moonbow DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS core DESTINATION ${MOONBOW_LIBDIR}/moonbow)
if(TARGET hdf5_module)
  install(TARGETS hdf5_module DESTINATION ${MOONBOW_LIBDIR}/moonbow)
endif()
if(TARGET crystal_module)
  install(TARGETS crystal_module DESTINATION ${MOONBOW_LIBDIR}/moonbow)
endif()
if(MOONBOW_C_LIBRARY)
  install(TARGETS moonbow moonbow_static PUBLIC_HEADER DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  configure_file(cmake/moonbow.pc.in moonbow.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/moonbow.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
