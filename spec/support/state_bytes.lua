--- Returns all parameters and buffers of a model as one string: equal if the models are equal bit for bit.
return function(model)
  local parts = {}
  for _, list in ipairs { model:parameters(), model:buffers() } do
    for _, entry in ipairs(list) do parts[#parts + 1] = entry.value:tobytes() end
  end
  return table.concat(parts)
end
