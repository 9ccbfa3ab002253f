--- Drawings of networks: a row for each map, as long as it is, with total stride and receptive field.
local html = require "moonbow.page"

local drawing = {}

local WIDTH, ROW, TOP = 360, 22, 24
local MAP, STRIDE, SEES, LONGEST = 190, 310, WIDTH, 78

local function shape_of(options)
  return ("%d@%d%s"):format(options.filters, options.kernel, options.stride > 1 and " / " .. options.stride or "")
end

local function pooling(kind)
  return function(options) return ("%s-pool %d / %d"):format(kind, options.size, options.stride) end
end

-- "block 2 x 100@5 / 2, norm": the first convolution of the main branch, which alone has the stride.
local function block(_, part)
  local first, count, is_normed = nil, 0, false
  for _, inner in ipairs(part.layers[1].layers) do
    if inner.type == "Conv1d" then first, count = first or inner, count + 1 end
    is_normed = is_normed or inner.type == "BatchNorm1d"
  end
  return ("block %d x %s%s"):format(count, shape_of(first.options), is_normed and ", norm" or "")
end

local labels = {
  Conv1d = function(options) return "conv " .. shape_of(options) end,
  MaxPool1d = pooling "max", AvgPool1d = pooling "mean",
  Dense = function(options) return ("dense %d"):format(options.units) end,
  Dropout = function(options) return ("dropout %g"):format(options.rate) end,
  Residual = block,
}

-- What is said of a layer in the row of the one before it.
local additions = { BatchNorm1d = ", norm", Activation = "", Flatten = "" }

local function label_of(part)
  local label = labels[part.type]
  if label then return label(part.options, part) end
  return not additions[part.type] and part.type or nil
end

local function activation_of(part)
  local name = part.options.activation
  local is_shown = part.type ~= "Residual" and type(name) == "string" and name ~= "linear"
  return is_shown and ", " .. name:gsub("_relu$", ""):gsub("relu", "ReLU") or ""
end

-- The rows: { label, output (shape without the batch), stride, sees }. A window that is larger than the spectrum sees
-- all of it.
local function rows_of(model, shape)
  local rows, outputs = {}, {}
  for _, step in ipairs(model:trace(shape)) do
    if not step.path:find "%." and step.path ~= "" then outputs[step.path] = step.output end
  end
  for i, part in ipairs(model.layers) do
    local label, output = label_of(part), outputs[tostring(i)]
    if label then
      local reach = #output == 3 and model:first(i):reach(shape)
      rows[#rows + 1] = { label = label .. activation_of(part), output = { table.unpack(output, 2) },
        stride = reach and reach.stride, sees = reach and math.min(reach.field, shape[1]) }
    elseif rows[#rows] then
      rows[#rows].label = rows[#rows].label .. additions[part.type] .. activation_of(part)
    end
  end
  return rows
end

local function text(x, y, content, more)
  return ('<text x="%.1f" y="%.1f"%s>%s</text>'):format(x, y, more or "", html.escape(content))
end

local END = ' text-anchor="end"'

local function row_marks(row, y, length)
  local parts = { text(0, y + 5, row.label) }
  if row.sees then
    local width = math.max(3, LONGEST * math.log(row.output[1] + 1) / math.log(length + 1))
    parts[2] = ('<rect x="%.1f" y="%.1f" width="%.1f" height="16" style="fill:#cfe3f2"/>'):format(MAP, y - 8, width)
    parts[3] = text(STRIDE, y + 5, tostring(row.stride), END)
    parts[4] = text(SEES, y + 5, tostring(row.sees), END)
  end
  parts[#parts + 1] = text(MAP + 3, y + 5, table.concat(row.output, " x "))
  return table.concat(parts)
end

--- A drawing as SVG.
-- @param model a Sequential
-- @param shape { L, C }
-- @param label for those who do not see it
function drawing.draw(model, shape, label)
  local rows = rows_of(model, shape)
  local bold = ' class="group"'
  local names = {}
  for i, row in ipairs(rows) do names[i] = row.label end
  local parts = { ('<svg xmlns="http://www.w3.org/2000/svg" class="network" viewBox="0 0 %d %d" role="img" '
    .. 'aria-label="%s">'):format(WIDTH, TOP + #rows * ROW + 4, html.escape(label .. ": "
    .. table.concat(names, "; "))), text(0, 14, "layer", bold), text(MAP, 14, "map", bold), text(STRIDE, 14, "stride",
      bold .. END),
    text(SEES, 14, "sees", bold .. END) }
  for i, row in ipairs(rows) do parts[#parts + 1] = row_marks(row, TOP + (i - 0.5) * ROW, shape[1]) end
  return table.concat(parts, "\n") .. "</svg>"
end

return drawing
