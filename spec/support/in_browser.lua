-- Opens an HTML text in a browser without a window. Returns the document as the browser understood it, with the lines
-- of its log, where CONSOLE marks complaints; or nil where there is no browser.
return function(html)
  local chromium = io.popen "command -v chromium chromium-browser google-chrome 2>/dev/null":read "l"
  if not chromium then return nil end
  local path = os.tmpname()
  local file <close> = assert(io.open(path .. ".html", "w"))
  file:write(html)
  file:flush()
  -- A browser does not start under the sanitizer's runtime.
  local pipe <close> = io.popen(("env -u LD_PRELOAD timeout 60 %s --headless --no-sandbox --disable-gpu --no-first-run "
    .. "--dump-dom --disable-background-networking --disable-component-update --user-data-dir=%s.profile "
    .. "--enable-logging=stderr file://%s.html 2>&1"):format(chromium, path, path))
  local printed = pipe:read "a"
  os.execute(("rm -rf %s %s.html %s.profile"):format(path, path, path))
  return printed
end
