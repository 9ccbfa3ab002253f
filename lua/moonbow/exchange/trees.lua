--- Forests as one node of ONNX-ML, the part of ONNX for models without gradients.
local core = require "moonbow.core"

local trees = {}

--- The domain of the operator, and the version of its operators that belongs to opset 17.
trees.domain, trees.opset = "ai.onnx.ml", 3

-- Appends the nodes of tree number t, whose entries of node and share begin behind those of the trees before.
local function append_tree(a, t, node, share, nodes)
  for i = 1, nodes do
    local feature, threshold, left, shares = table.unpack(node[a.nodes + i])
    local is_leaf, at = left == 0, #a.nodes_treeids + 1
    a.nodes_treeids[at], a.nodes_nodeids[at] = t - 1, i - 1
    a.nodes_modes[at] = is_leaf and "LEAF" or "BRANCH_LEQ"
    a.nodes_featureids[at] = is_leaf and 0 or feature // 1 - 1 | 0
    a.nodes_values[at] = threshold
    a.nodes_truenodeids[at] = is_leaf and 0 or left // 1 - 1 | 0
    a.nodes_falsenodeids[at] = is_leaf and 0 or left // 1 | 0
    for s = a.shares + 1, a.shares + shares // 1 do
      local entry = #a.target_ids + 1
      a.target_treeids[entry], a.target_nodeids[entry] = t - 1, i - 1
      a.target_ids[entry], a.target_weights[entry] = share[s][1] // 1 - 1 | 0, share[s][2]
    end
    a.shares = a.shares + shares // 1 | 0
  end
  a.nodes = a.nodes + nodes
end

local lists = { "nodes_treeids", "nodes_nodeids", "nodes_modes", "nodes_featureids", "nodes_values",
  "nodes_truenodeids", "nodes_falsenodeids", "target_treeids", "target_nodeids", "target_ids", "target_weights" }

--- The attributes of the node. A tree goes left if a value is at most the threshold; its leaves have the shares of the
-- classes, whose mean over the trees is the result.
function trees.attributes(forest)
  local state = forest:state()
  local node, share, a = core.totable(state.node), core.totable(state.share), { nodes = 0, shares = 0 }
  for _, name in ipairs(lists) do a[name] = {} end
  for t, size in ipairs(core.totable(state.tree)) do append_tree(a, t, node, share, size[1] // 1 | 0) end
  a.nodes, a.shares = nil, nil
  a.n_targets, a.aggregate_function, a.post_transform = forest.classes, "AVERAGE", "NONE"
  return a
end

return trees
