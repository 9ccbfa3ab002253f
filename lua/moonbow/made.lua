--- What scripts gave the makers of functions, by the function that was made: mb.operation and nn.class.
return setmetatable({}, { __mode = "k" })
