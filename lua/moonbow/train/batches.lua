--- The rows of each batch of a training.
local batches = {}

--- Returns the least number of rows of a training batch, for inputs of a shape without batch: 2 if a batch norm of the
-- model has one value of each channel per row, 1 otherwise.
function batches.least_rows(model, shape)
  for _, step in ipairs(model:trace(shape)) do
    local values = 1
    for i = 1, #step.input - 1 do values = values * step.input[i] end
    if step.layer.type == "BatchNorm1d" and values == 1 then return 2 end
  end
  return 1
end

--- Returns the number of batches of a size in n rows, and a function that gives the first row and the number of rows of
-- batch i. If fewer rows than least are left over at the end, they join the batch before, if there is one.
function batches.split(n, size, least)
  local count = (n + size - 1) // size
  if count > 1 and n - (count - 1) * size < least then count = count - 1 end
  return count, function(i)
    local first = (i - 1) * size + 1
    return first, i == count and n - first + 1 or size
  end
end

return batches
