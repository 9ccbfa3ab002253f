--- Loads a module that may be missing.
-- @param name of the module
-- @param missing what to say if it is not installed
-- @return the module; or nil and `missing`, or why it cannot be loaded: too little memory, a library that is not there
return function(name, missing)
  local ok, module = pcall(require, name)
  if ok then return module end
  local reason = tostring(module):gsub("%s+", " ")
  if reason:find(("module '%s' not found"):format(name), 1, true) then return nil, missing end
  return nil, ("%s cannot be loaded: %s"):format(name, reason)
end
