--- The reference as one self-contained HTML page: an index, a search by words, and an entry for each public name.
local text = require "moonbow.help.text"
local topics = require "moonbow.help.topics"

local html = {}

local style = [[
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d7dce2; --page: #fff; --code: #f3f5f7;
  --link: #0a58a8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --soft: #9aa4af; --line: #38404a; --page: #14171a; --code: #20252b; --link: #7db8f5; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; color: var(--ink); background: var(--page); font: 16px/1.5 system-ui, sans-serif; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
code, pre, .name { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .9em; }
pre { background: var(--code); padding: .7rem .9rem; border-radius: 6px; overflow-x: auto; line-height: 1.4; }
nav { position: fixed; top: 0; bottom: 0; left: 0; width: 19rem; padding: 1rem; overflow-y: auto;
  border-right: 1px solid var(--line); }
main { margin-left: 19rem; padding: 1rem 2rem 4rem; max-width: 62rem; }
nav input { width: 100%; padding: .5rem .6rem; font: inherit; color: inherit; background: var(--code);
  border: 1px solid var(--line); border-radius: 6px; }
nav details { margin: .4rem 0; } nav summary { font-weight: 600; cursor: pointer; padding: .15rem 0; }
nav ul { list-style: none; margin: 0; padding: 0 0 0 .9rem; }
nav li a { display: block; padding: .1rem 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
h1 { font-size: 1.6rem; margin: .2rem 0; } h2 { font-size: 1.3rem; margin: 3rem 0 .5rem; }
section { border-top: 1px solid var(--line); padding: 1rem 0 .4rem; }
h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; } h3 a { color: inherit; }
section:target h3 { color: var(--link); }
h4 { margin: 1rem 0 .2rem; font-size: .85rem; color: var(--soft); text-transform: uppercase; letter-spacing: .04em; }
.kind, .soft { color: var(--soft); font-size: .85rem; font-weight: normal; }
dl { margin: 0; display: grid; grid-template-columns: minmax(8rem, 15rem) 1fr; gap: .4rem 1rem; }
dt { overflow-wrap: anywhere; } dt .kind { display: inline-block; } dd { margin: 0; } p { margin: .5rem 0; }
[hidden] { display: none !important; }
@media (max-width: 52rem) {
  nav { position: static; width: auto; border: 0; border-bottom: 1px solid var(--line); }
  main { margin: 0; padding: 1rem; }
  nav li a { padding: .35rem 0; } .searching nav details { display: none; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin: 0 0 .5rem 1rem; }
}
@media print { nav { display: none; } main { margin: 0; max-width: none; } section { break-inside: avoid; } }
]]

-- Hides entries that do not have all typed words; entries that have them in their name come first in the list.
local script = [[
const input = document.querySelector("input"), count = document.querySelector("#count");
const sections = [...document.querySelectorAll("section")], main = document.querySelector("main");
const words_of = s => s.toLowerCase().replace(/[_-]/g, " ");
const pages = sections.map(s => ({ s, link: document.querySelector(`nav a[href="#${CSS.escape(s.id)}"]`).parentNode,
  name: words_of(s.dataset.name), text: words_of(s.textContent), topic: s.parentNode, place: s.nextElementSibling }));
const groups = [...document.querySelectorAll("nav details")], heads = [...document.querySelectorAll("main > div")];
const found = document.querySelector("#found");
function search() {
  const words = words_of(input.value).split(/[^\p{L}\p{N}]+/u).filter(w => w);
  const starts = words.map(w => new RegExp("(^|[^\\p{L}\\p{N}])" + w, "u"));
  const hits = [];
  for (const p of pages) {
    const rank = starts.every(w => w.test(p.name)) ? 2 : starts.every(w => w.test(p.text)) ? 1 : 0;
    p.s.hidden = p.link.hidden = words.length > 0 && rank == 0;
    if (words.length > 0 && rank > 0)
      hits.push([rank * 10 + (p.text.includes(words.join(" ")) ? 5 : 0) - p.name.length / 100, p]);
  }
  for (const g of groups) {
    g.open = words.length > 0; g.hidden = words.length > 0 && ![...g.querySelectorAll("li")].some(l => !l.hidden);
  }
  document.body.classList.toggle("searching", words.length > 0);
  for (const h of heads) if (h !== found) h.hidden = words.length > 0;
  found.replaceChildren(); found.hidden = words.length == 0;
  hits.sort((a, b) => b[0] - a[0]);
  for (const [, p] of hits) {
    const copy = p.s.cloneNode(true); copy.removeAttribute("id"); copy.hidden = false; found.append(copy);
  }
  count.textContent = words.length == 0 ? "" : hits.length + " found";
}
input.addEventListener("input", search);
window.addEventListener("hashchange", () => {
  if (!input.value) return;
  input.value = ""; search();
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
});
]]

local function escape(given)
  return (tostring(given):gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function id_of(path) return (path:gsub('[ "]+', "-"):gsub("%-$", "")) end

-- ---- texts, with links to what they name ----

local function link_names(given, ids)
  return (escape(given):gsub("%f[%w]mb%.([%w_.]*[%w_])", function(path)
    return ids[path] and ('<a href="#%s">mb.%s</a>'):format(id_of(path), path)
  end))
end

local function paragraphs(given, ids)
  local shown = {}
  for paragraph in (given .. "\n\n"):gmatch "(.-)\n\n+" do
    if paragraph:find "^    " then
      shown[#shown + 1] = ("<pre>%s</pre>"):format(escape(paragraph:gsub("^    ", ""):gsub("\n    ", "\n")))
    elseif paragraph:find "^%- " then
      shown[#shown + 1] = "<ul><li>" .. link_names(paragraph:sub(3), ids):gsub("\n%- ", "</li><li>") .. "</li></ul>"
    elseif paragraph ~= "" then
      shown[#shown + 1] = ("<p>%s</p>"):format(link_names(paragraph, ids))
    end
  end
  return table.concat(shown, "\n")
end

local function list(title, rows, ids)
  if #rows == 0 then return "" end
  local shown = { ("<h4>%s</h4><dl>"):format(title) }
  for _, row in ipairs(rows) do
    shown[#shown + 1] = ('<dt><span class="name">%s</span> <span class="kind">%s</span></dt><dd>%s</dd>'):format(
      escape(row[1]), escape(row[2]), link_names(row[3], ids))
  end
  return table.concat(shown, "\n") .. "</dl>"
end

-- ---- an entry ----

local function see(entry, ids)
  local links = {}
  for i, path in ipairs(entry.see) do
    links[i] = ids[path] and ('<a href="#%s">%s</a>'):format(id_of(path), escape(path)) or escape(path)
  end
  return #links > 0 and ("<p>See %s.</p>"):format(table.concat(links, ", ")) or ""
end

local function show_entry(entry, ids)
  local id = id_of(entry.path)
  return table.concat({
    ('<section id="%s" data-name="%s">'):format(id, escape(entry.path)),
    ('<h3><a class="name" href="#%s">%s</a> <span class="kind">%s</span></h3>'):format(id, escape(text.title(entry)),
      escape(entry.kind)),
    paragraphs(entry.text, ids), list("Arguments", text.rows(entry.parameters), ids),
    list("Options", text.option_rows(entry.options), ids), list("Fields", text.rows(entry.fields), ids),
    list("Returns", text.rows(entry.returns), ids),
    entry.usage and ("<h4>Example</h4><pre>%s</pre>"):format(escape(entry.usage)) or "", see(entry, ids), "</section>",
  }, "\n")
end

local function add_topic(links, pages, title, entries, ids)
  links[#links + 1] = ("<details><summary>%s</summary><ul>"):format(escape(title))
  pages[#pages + 1] = ("<div><h2>%s</h2>"):format(escape(title))
  for _, entry in ipairs(entries) do
    if entry.topic == title then
      links[#links + 1] = ('<li><a class="name" href="#%s">%s</a></li>'):format(id_of(entry.path), escape(entry.path))
      pages[#pages + 1] = show_entry(entry, ids)
    end
  end
  links[#links + 1], pages[#pages + 1] = "</ul></details>", "</div>"
end

--- Returns the page for all entries of moonbow.help.entries.
function html.page(entries, version)
  local links, pages, ids = {}, {}, {}
  for _, entry in ipairs(entries) do ids[entry.path] = true end
  for _, title in ipairs(topics.titles) do add_topic(links, pages, title, entries, ids) end
  return table.concat({
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>moonbow: reference</title>',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    "<style>" .. style .. "</style></head><body>",
    '<nav><input type="search" placeholder="Search: early stopping" aria-label="Search">',
    '<p class="soft" id="count" aria-live="polite"></p>', table.concat(links, "\n"), "</nav>",
    ("<main><h1>moonbow: reference</h1><p class=\"soft\">Version %s. The same text at the prompt: "
      .. "<code>mb.help \"fit\"</code>.</p>"):format(escape(version)),
    '<div id="found" hidden></div>', table.concat(pages, "\n"), "</main>", "<script>" .. script .. "</script>",
    "</body></html>\n",
  }, "\n")
end

return html
