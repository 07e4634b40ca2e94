"""Faults on request: the emulator fails, waits or answers oddly when it is told to.

``--fault RULE`` switches one on at the start, ``POST /_emulator/faults`` with a rule or a list of rules while it runs,
``PUT`` replaces all rules; ``GET`` says how often each was met and applied; ``DELETE`` switches all off.
A rule is a JSON object, or the name of one of those at the end. All fields but ``kind`` may be left out.

Which requests, and how many
  method, path   the method, and a regular expression for the whole path as it is sent (any; those under /api/)
  nth, count     from which such request on, and how many of them (1, 1); "count": 0 for all that follow

What happens (kind)
  status         answers with "status" (500), "headers" and "body" ({"error": "a fault"})
  drop           breaks the connection off
  delay          waits for "seconds" and goes on
  hang           says nothing until the client goes away
  truncate       breaks off in the middle of the answer's last part
  malformed      answers with something that is not JSON
  stale          repeats the last answer that the path had
  record         changes fields of the records in the answer, in lists and in a stream's result as well:
                   "set": {"status": "archived", "id": 7}, "remove": ["checkpointId"],
                   "where": {"name": "daily"} chooses records by their fields (all)
  stream         changes a build's stream, on its way:
                   "bom": true puts a byte order mark in front
                   "unterminated": true leaves out the empty line at the end
                   "lines": [...] puts these in before the event number "event" (1): {"step", "type", "message"}
                     makes a build_log of it, a text goes out as it is
                   "repeat": how many times over (1)
                   "error": "…" ends the stream with an error event in place of the event number "event";
                   "error_bytes": n makes it n bytes long
  build          changes a simulated build. It goes by builds, not by requests: "contains" is a text that the
                 manifest must hold (none), and
                   "outcome": "fail" fails at the step number "step" (the last one) with "exit" (1) and "stderr"
                   "outcome": "blocked" is as if a client had gone away in mid-build: the content stays blocked
                   "seconds": how much longer each step takes
                   "output": [...] lines that the commands of the step write: events of the type "output"

When (status, drop, hang)
  when           "before" the server sees the request (this unless told), or "after" it has carried it out
  event          instead: at which event of a build's stream, and then
  cut              "before", "in" or "after" that event
  unseen           true: the build goes on, as if the client had not gone away
  byte           for drop: after so many bytes of the answer's body

Rules that have a name
  read-only-database   every DELETE of a snapshot: 404 with an SQL text, and nothing is deleted
  database-down        every request: 403 invalid API key
  no-cell              every request but GET: 503, as the edge answers
  edge-timeout         the next create: 524 after it was carried out
  too-large            every create: 413, as a proxy answers
  failing-builds, blocked-builds, slow-builds
"""
