--- Cells as metric tensors, and the strains of a cell that keep its symmetry.
local lattice = {}

local PAIRS = { { 1, 1 }, { 2, 2 }, { 3, 3 }, { 2, 3 }, { 1, 3 }, { 1, 2 } }
local OPERATOR = 12 -- numbers of each: a rotation by rows, a translation
local SAME = 1e-3 -- of a length: edges that differ by less are alike
local METRIC_TOLERANCE = 0.01 -- of a length squared, as for files: cells of measured structures are rounded
local LEAST_VOLUME = 1e-3 -- of the product of the lengths

--- The metric tensor of a cell, a flat list by rows, in square angstrom.
function lattice.metric(cell)
  local a, b, c = cell[1], cell[2], cell[3]
  local ca, cb, cg = math.cos(math.rad(cell[4])), math.cos(math.rad(cell[5])), math.cos(math.rad(cell[6]))
  return { a * a, a * b * cg, a * c * cb, a * b * cg, b * b, b * c * ca, a * c * cb, b * c * ca, c * c }
end

local function angle(dot, p, q) return math.deg(math.acos(math.max(-1, math.min(1, dot / (p * q))))) end

--- The cell of a metric tensor.
function lattice.cell(metric)
  local a, b, c = math.sqrt(metric[1]), math.sqrt(metric[5]), math.sqrt(metric[9])
  return { a, b, c, angle(metric[6], b, c), angle(metric[3], a, c), angle(metric[2], a, b) }
end

--- The volume of a cell in cubic angstrom.
function lattice.volume(cell)
  local a, b, c = cell[1], cell[2], cell[3]
  local ca, cb, cg = math.cos(math.rad(cell[4])), math.cos(math.rad(cell[5])), math.cos(math.rad(cell[6]))
  return a * b * c * math.sqrt(1 - ca * ca - cb * cb - cg * cg + 2 * ca * cb * cg)
end

--- True if there is a cell with these lengths and angles: if it has a volume.
function lattice.is_cell(cell)
  local volume = lattice.volume(cell)
  return volume == volume and volume > LEAST_VOLUME * cell[1] * cell[2] * cell[3]
end

-- R' M R of a rotation, both flat.
local function rotated(rotation, matrix)
  local half, result = {}, {}
  for i = 1, 3 do
    for j = 1, 3 do
      half[3 * i - 3 + j] = rotation[i] * matrix[j] + rotation[3 + i] * matrix[3 + j] + rotation[6 + i] * matrix[6 + j]
    end
  end
  for i = 1, 9, 3 do
    for j = 1, 3 do
      result[i - 1 + j] = half[i] * rotation[j] + half[i + 1] * rotation[3 + j] + half[i + 2] * rotation[6 + j]
    end
  end
  return result
end

local function dot(p, q)
  local sum = 0
  for i = 1, 9 do sum = sum + p[i] * q[i] end
  return sum
end

local function scaled(matrix, factor)
  local result = {}
  for i = 1, 9 do result[i] = matrix[i] * factor end
  return result
end

-- The columns of whole numbers from -1 to 1 that are as long as an edge.
local function images_of_edge(metric, edge)
  local list, length = {}, metric[4 * edge - 3]
  for code = 0, 26 do
    local x, y, z = code // 9 - 1, code // 3 % 3 - 1, code % 3 - 1
    local square = x * x * metric[1] + y * y * metric[5] + z * z * metric[9]
      + 2 * (x * y * metric[2] + x * z * metric[3] + y * z * metric[6])
    if math.abs(square - length) <= 2 * SAME * length then list[#list + 1] = { x, y, z } end
  end
  return list
end

-- The rotations that leave a cell as it is: the point group of its lattice.
local function lattice_rotations(metric)
  local list, images = {}, {}
  for edge = 1, 3 do images[edge] = images_of_edge(metric, edge) end
  for _, a in ipairs(images[1]) do
    for _, b in ipairs(images[2]) do
      for _, c in ipairs(images[3]) do
        local rotation, is_kept = { a[1], b[1], c[1], a[2], b[2], c[2], a[3], b[3], c[3] }, true
        for i, value in ipairs(rotated(rotation, metric)) do
          local row, column = (i - 1) // 3 + 1, (i - 1) % 3 + 1
          local size = math.sqrt(metric[4 * row - 3] * metric[4 * column - 3])
          is_kept = is_kept and math.abs(value - metric[i]) <= 2 * SAME * size
        end
        if is_kept then list[#list + 1] = rotation end
      end
    end
  end
  return list
end

-- The rotations of a crystal. Files that list no symmetry (P 1, as many programs write) get that of their cell.
local function rotations_of(crystal)
  if #crystal.operators == OPERATOR then return lattice_rotations(lattice.metric(crystal.cell)) end
  local list = {}
  for at = 0, #crystal.operators - OPERATOR, OPERATOR do
    list[#list + 1] = table.move(crystal.operators, at + 1, at + 9, 1, {})
  end
  return list
end

--- True if lengths and angles of a cell are those of its images by the operators of a crystal.
function lattice.has_symmetry(cell, operators)
  local metric = lattice.metric(cell)
  for at = 0, #operators - OPERATOR, OPERATOR do
    local image = rotated(table.move(operators, at + 1, at + 9, 1, {}), metric)
    for i = 0, 8 do
      local size = math.sqrt(metric[4 * (i // 3) + 1] * metric[4 * (i % 3) + 1])
      if math.abs(image[i + 1] - metric[i + 1]) > METRIC_TOLERANCE * size then return false end
    end
  end
  return true
end

-- The mean of a symmetric matrix over rotations, which all of them keep.
local function invariant(rotations, matrix)
  local sum = { 0, 0, 0, 0, 0, 0, 0, 0, 0 }
  for _, rotation in ipairs(rotations) do
    for i, value in ipairs(rotated(rotation, matrix)) do sum[i] = sum[i] + value / #rotations end
  end
  return sum
end

-- What remains of a matrix beside orthogonal units.
local function rest_of(matrix, units)
  local rest = scaled(matrix, 1)
  for _, unit in ipairs(units) do
    local along = dot(rest, unit)
    for i = 1, 9 do rest[i] = rest[i] - along * unit[i] end
  end
  return rest
end

-- The change of the metric tensor by that of one edge, or of one angle.
local function change_of(metric, pair)
  local p, q = pair[1], pair[2]
  local matrix = { 0, 0, 0, 0, 0, 0, 0, 0, 0 }
  local size = math.sqrt(metric[4 * p - 3] * metric[4 * q - 3])
  matrix[3 * p - 3 + q], matrix[3 * q - 3 + p] = size, size
  return matrix
end

-- A change of the metric tensor by the lengths of the edges, so that all edges weigh alike.
local function as_shares(matrix, metric)
  local shares = {}
  for i = 1, 9 do
    local row, column = (i - 1) // 3 + 1, (i - 1) % 3 + 1
    shares[i] = matrix[i] / math.sqrt(metric[4 * row - 3] * metric[4 * column - 3])
  end
  return shares
end

--- The independent changes of a crystal's metric tensor that keep its symmetry: 1 for cubic cells, 2 for tetragonal,
-- hexagonal and trigonal ones, 3 orthorhombic, 4 monoclinic, 6 triclinic. The first one changes all lengths alike.
-- @return list of symmetric matrices, flat; lengths change by up to about the share s if s times one of them is added
function lattice.strains(crystal)
  local metric = lattice.metric(crystal.cell)
  local rotations, list, units = rotations_of(crystal), { scaled(metric, 2) }, {}
  local whole = as_shares(metric, metric)
  units[1] = scaled(whole, 1 / math.sqrt(dot(whole, whole)))
  for _, pair in ipairs(PAIRS) do
    local found = invariant(rotations, change_of(metric, pair))
    local shares, largest = as_shares(found, metric), 0
    for i = 1, 9 do largest = math.max(largest, math.abs(shares[i])) end
    local rest = rest_of(shares, units)
    local length = math.sqrt(dot(rest, rest))
    if length > SAME then
      units[#units + 1], list[#list + 1] = scaled(rest, 1 / length), scaled(found, 2 / largest)
    end
  end
  return list
end

--- The cell of a crystal with strains added to its metric tensor.
-- @param strains as lattice.strains gives them
-- @param amounts list of shares, one for each
function lattice.strained(crystal, strains, amounts)
  local metric = lattice.metric(crystal.cell)
  for k, strain in ipairs(strains) do
    for j = 1, 9 do metric[j] = metric[j] + amounts[k] * strain[j] end
  end
  return lattice.cell(metric)
end

return lattice
