"""Faults: the emulator fails, waits or answers wrongly on request.

``--fault RULE`` activates a fault at the start. While the emulator runs, ``POST /_emulator/faults`` activates a rule or
a list of rules, ``PUT`` replaces all rules, ``GET`` shows how often each was met and applied, and ``DELETE`` removes
them. A rule is a JSON object, or one of the names at the end. Only ``kind`` is required; defaults are in parentheses.

Which requests, and how many
  method, path   regular expressions for the method and the whole path as sent (any method; paths under /api/)
  nth, count     the first matching request to change, and how many (1, 1); "count": 0 for all after that

What happens (kind)
  status         answers with "status" (500), "headers" and "body" ({"error": "a fault"})
  drop           breaks the connection
  delay          waits for "seconds", then continues
  hang           sends nothing until the client disconnects
  truncate       breaks the connection in the middle of the response's last part
  malformed      answers with something that is not JSON
  stale          repeats the previous response for the same path
  record         changes fields of the records in the response, also in lists and in a stream's result:
                   "set": {"status": "archived", "id": 7}, "remove": ["checkpointId"],
                   "where": {"name": "daily"} selects records by their fields (all)
  stream         changes a build's stream:
                   "bom": true begins it with a byte order mark
                   "unterminated": true leaves out the empty line at the end
                   "lines": [...] inserts lines before event number "event" (1): an object with "step", "type" and
                     "message" becomes a build_log event, a text is sent unchanged
                   "repeat": how often to insert them (1)
                   "error": "…" ends the stream with an error event in place of event number "event";
                   "error_bytes": n makes that event n bytes long
  build          changes a simulated build. "nth" and "count" then count builds, not requests, and "contains" is a text
                 that the manifest must contain (none):
                   "outcome": "fail" fails at step number "step" (the last one) with "exit" (1) and "stderr"
                   "outcome": "blocked" behaves as if a client had disconnected in the middle of a build: the content
                     stays blocked
                   "seconds": how much longer each step takes
                   "output": [...] lines that the commands of the step print: events of the type "output"

When (status, drop, hang)
  when           "before" the server gets the request (the default), or "after" it has handled it
  event          instead of "when": the number of the event of a build's stream at which it happens, with
  cut              "before", "in" or "after" that event
  unseen           true: the build continues, as if the client were still connected
  byte           for drop: after so many bytes of the response's body

Named rules
  read-only-database   every DELETE of a snapshot: 404 with an SQL error, and nothing is deleted
  database-down        every request: 403 invalid API key
  no-cell              every request except GET: 503, like the edge
  edge-timeout         the next create: 524 after it was handled
  too-large            every create: 413, like a proxy
  failing-builds, blocked-builds, slow-builds
"""
