--- The tensor of a set of spectra, for functions that take tensors; any other value is returned as it is.
return function(x)
  local class = type(x) == "table" and getmetatable(x)
  return type(class) == "table" and rawget(class, "__name") == "spectra" and x.x or x
end
