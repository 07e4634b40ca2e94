// Shows what the emulator does, as it happens. Whatever a client sent is text here, never markup.

const state = { snapshots: [], images: [], builds: [], sandboxes: [], requests: [], faults: [] };
const totals = {}; // Of lists of which only the newest part comes here.
const logs = new Map(); // A build's number, and the nodes of its lines.
const find = (selector) => document.querySelector(selector);
const wide = matchMedia("(min-width: 70rem)");

function element(tag, classes, ...children) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  made.append(...children);
  return made;
}

const row = (name, status, ...details) => element(
  "div", "row",
  named(name),
  element("span", `state ${word(status)}`, String(status)),
  ...details.filter(Boolean).map((detail) => element("span", "detail", visible(detail))),
);
function named(name) {
  const made = element("span", "name", visible(name));
  made.title = visible(name); // A long one is cut off after some lines.
  return made;
}
const word = (text) => (/^[a-z]+$/.test(text) ? text : "");
const short = (hash) => String(hash).slice(0, 12);
const time = (text) => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? String(text) : date.toLocaleTimeString([], { hourCycle: "h23" });
};
// Characters that show nothing, or turn the direction of what stands beside them, are written out.
const visible = (text) => String(text).replace(
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
  (character) => `\\u{${character.codePointAt(0).toString(16)}}`,
);

// Records

const lists = {
  snapshots: {
    key: (record) => record.id,
    words: (record) => [record.name, record.status, record.content_hash],
    node: (record) => element("li", "", row(
      record.name, record.status, short(record.content_hash), time(record.created_at),
      record.status === "ready" && !record.checkpoint_id && "its checkpoint was deleted",
    )),
  },
  images: {
    key: (record) => record.id,
    words: (record) => [record.status, record.content_hash, ...namesOf(record.content_hash)],
    drawnBy: (record) => namesOf(record.content_hash),
    node: (record) => element("li", "", row(
      short(record.content_hash), record.status, namesOf(record.content_hash).slice(0, 5).join(", "), time(record.created_at),
    )),
  },
  sandboxes: {
    key: (sandbox) => sandbox.sandboxID,
    words: (sandbox) => [sandbox.sandboxID, sandbox.status, sandbox.templateID],
    node: (sandbox) => {
      const made = element("li", "", row(sandbox.sandboxID, sandbox.status, sandbox.templateID, time(sandbox.startedAt)));
      made.querySelector(".state").classList.add("sandbox");
      return made;
    },
  },
  requests: {
    key: (request) => request.number,
    words: (request) => [request.method, request.path, String(request.status)],
    node: (request) => {
      const status = request.status ?? "no answer yet";
      const made = element("li", "", row(`${request.method} ${request.path}`, status));
      made.querySelector(".name").classList.add("mono");
      const kind = request.status === null ? "running" : request.status >= 400 ? "failed" : "ready";
      made.querySelector(".state").classList.add(kind);
      return made;
    },
  },
  faults: {
    key: (fault) => fault.place,
    words: (fault) => [JSON.stringify(fault)],
    node: ({ place, met, applied, kind, ...rest }) => element("li", "", row(
      kind, "on", `met ${met}, applied ${applied}`, Object.keys(rest).length > 0 && JSON.stringify(rest),
    )),
  },
  builds: {
    key: (build) => build.number,
    words: (build) => [build.outcome, build.contentHash, build.title, logOf(build.number).textContent],
    node: buildNode,
  },
};

const namesOf = (hash) => state.snapshots.filter((one) => one.content_hash.startsWith(hash)).map((one) => one.name);

function buildNode(build, old) {
  const made = element("li", "");
  const seconds = build.seconds === null ? "" : `${build.seconds} s`;
  const details = element("details", "", element("summary", "", row(
    build.title || short(build.contentHash), build.outcome, build.title && short(build.contentHash), time(build.startedAt), seconds,
  )), logOf(build.number));
  // What was open stays open; a build opens while it runs, and stays open if it fails.
  details.open = old ? old.querySelector("details").open : build.outcome === "running" || build.outcome === "failed";
  made.append(details);
  return made;
}

function logOf(number) {
  if (!logs.has(number)) logs.set(number, element("pre", "log"));
  return logs.get(number);
}

function addLines({ build, lines }) {
  const log = logOf(build);
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  log.append(...lines.map((line) => {
    const parts = line.message.split("\n").map(visible);
    return element("div", word(line.type), parts.join("\n"));
  }));
  if (atEnd) log.scrollTop = log.scrollHeight;
}

// Drawing

function draw(name) {
  const { key, words, node, drawnBy = () => "" } = lists[name];
  const list = find(`#list-${name} ul`);
  const wanted = find("#search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const drawn = state[name].map((item) => {
    const said = JSON.stringify([item, drawnBy(item)]);
    const known = old.get(String(key(item)));
    if (known?.said === said) return known;
    const made = node(item, known);
    made.dataset.key = key(item);
    made.said = said;
    return made;
  });
  let shown = 0;
  drawn.forEach((child, index) => {
    const text = words(state[name][index]).join(" ").toLowerCase();
    child.hidden = !wanted.every((part) => text.includes(part));
    shown += !child.hidden;
  });
  // Nodes that stay where they are keep their focus, their selection and where they are scrolled to.
  drawn.forEach((child, index) => {
    if (list.children[index] !== child) list.insertBefore(child, list.children[index] ?? null);
  });
  while (list.children.length > drawn.length) list.lastElementChild.remove();
  const total = Math.max(totals[name] ?? 0, drawn.length);
  const more = find(`#list-${name} .more`);
  more.hidden = total === drawn.length;
  more.textContent = `These are the newest ${drawn.length}.`;
  for (const count of document.querySelectorAll(`[data-count=${name}]`)) {
    count.textContent = wanted.length ? `${shown} of ${drawn.length}` : total;
  }
  find(`#list-${name} .empty`).hidden = drawn.length > 0;
}

const drawAll = () => Object.keys(lists).forEach(draw);

function choose() {
  const asked = location.hash.slice(1);
  const chosen = asked in lists && !(wide.matches && asked === "builds") ? asked : "snapshots";
  for (const name of Object.keys(lists)) {
    find(`#list-${name}`).classList.toggle("chosen", name === chosen);
    const link = find(`nav a[href="#${name}"]`);
    if (name === chosen) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

// What comes in

const taken = {
  about: ({ version, edge }) => {
    find("#version").textContent = `version ${version}${edge ? ", with the public edge" : ""} ·`;
  },
  records: (records) => {
    state.snapshots = records.filter((record) => record.name !== null);
    state.images = records.filter((record) => record.name === null);
    ["snapshots", "images"].forEach(draw);
  },
  builds: (builds) => {
    state.builds = builds.reverse();
    const kept = new Set(builds.map((build) => build.number));
    [...logs.keys()].filter((number) => !kept.has(number)).forEach((number) => logs.delete(number));
    draw("builds");
  },
  sandboxes: (sandboxes) => { state.sandboxes = sandboxes; draw("sandboxes"); },
  requests: (requests) => { state.requests = requests.reverse(); draw("requests"); },
  faults: (faults) => { state.faults = faults.map((fault, place) => ({ place, ...fault })); draw("faults"); },
  totals: addTotals,
  storedTotals: addTotals,
  log: addLines,
};

function addTotals(told) {
  Object.assign(totals, told);
  Object.keys(told).forEach(draw);
}

async function follow(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/s.exec(block) ?? [];
      if (name in taken) taken[name](JSON.parse(data));
    }
  }
}

function show(text, kind) {
  find("#connection").textContent = text;
  find("#connection").className = kind;
}

let key = "";
const headers = () => (key ? { "X-API-Key": key } : {});

// EventSource can't send the key, which a page on another machine needs.
async function stayConnected() {
  for (;;) {
    try {
      const answer = await fetch("/_emulator/events", { headers: headers() });
      if (answer.status === 401) {
        show("the key is needed", "gone");
        const text = "The emulator runs on another machine than this page.";
        const given = await askKey("The emulator's key", text, "Show", async () => {
          const tried = await fetch("/_emulator/faults", { headers: headers() });
          return tried.ok;
        });
        if (given) continue;
        show("the key is needed: load the page again", "gone");
        return;
      }
      logs.forEach((log) => log.replaceChildren());
      show("live", "on");
      await follow(answer.body);
    } catch (error) {
      if (!(error instanceof TypeError)) console.error(error);
    }
    show("not connected; trying again …", "gone");
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }
}

// The key

function askKey(title, text, action, attempt) {
  const dialog = find("#ask-key");
  find("#ask-title").textContent = title;
  find("#ask-text").textContent = text;
  find("#confirm").textContent = action;
  find("#ask-error").textContent = "";
  find("#key").value = key;
  dialog.showModal();
  find("#key").focus();
  return new Promise((resolve) => {
    const end = (value) => { dialog.close(); resolve(value); };
    find("#cancel").onclick = () => end(false);
    dialog.oncancel = () => end(false);
    find("#ask-key form").onsubmit = async (event) => {
      event.preventDefault();
      key = find("#key").value;
      try {
        if (await attempt()) end(true);
        else find("#ask-error").textContent = "The emulator does not accept this key.";
      } catch {
        find("#ask-error").textContent = "The emulator can't be reached, or the key has a character that none has.";
      }
    };
  });
}

function reset() {
  const text = "All snapshots, images, builds, sandboxes and requests are forgotten; what it was started with is there again.";
  return askKey("Reset the emulator?", text, "Reset", async () => {
    const answer = await fetch("/_emulator/reset", { method: "POST", headers: headers() });
    return answer.ok;
  });
}

// Colours

const themes = { "": ["◐", "as the system has them"], light: ["☀", "light"], dark: ["☾", "dark"] };

function paint(theme) {
  document.documentElement.dataset.theme = theme;
  const [sign, words] = themes[theme];
  find("#theme").textContent = sign;
  find("#theme").setAttribute("aria-label", `Colours: ${words}`);
  find("#theme").title = `Colours: ${words}`;
}

function nextTheme() {
  const names = Object.keys(themes);
  const next = names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length];
  paint(next);
  localStorage.setItem("theme", next);
}

const stored = localStorage.getItem("theme");
paint(stored in themes ? stored : "");
find("#exports").textContent = `export OPENCOMPUTER_API_URL=${location.origin} OPENCOMPUTER_API_KEY=…`;
find("#theme").onclick = nextTheme;
find("#reset").onclick = reset;
find("#search").oninput = drawAll;
addEventListener("hashchange", () => { choose(); scrollTo(0, 0); });
wide.addEventListener("change", choose);
Object.keys(lists).forEach((name) => find(`#list-${name}`).append(element("p", "detail more")));
choose();
drawAll();
stayConnected();
