"use strict";
// What a report does: it opens a host's page of what is packed in it, and draws its picture. Text of hosts only ever
// becomes text nodes.
(function () {
  const byId = (id) => document.getElementById(id);
  const fleet = byId("fleet"), page = byId("page");
  const HIDDEN = new Set(["port", "filter"]);
  const IMPACT = { none: "guests notice nothing", brief: "guests notice a moment", disruptive: "guests notice" };
  let picture = null, current = null;

  function make(tag, attributes, ...inner) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...inner.flat(Infinity).filter((one) => one !== null && one !== undefined));
    return element;
  }
  // a name may be written from right to left
  const named = (text) => make("bdi", {}, String(text));
  const words = (value) => value === null || value === undefined ? "nothing"
    : typeof value === "string" ? value : JSON.stringify(value);
  const table = (caption, heads, rows) => make("table", {}, make("caption", { class: "dim" }, caption),
    make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, rows));

  async function unpack(element) {
    const bytes = Uint8Array.from(atob(element.textContent.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  function tags(vlan) { return vlan ? vlan.tags.map((tag) => tag.id).join(", ") : ""; }

  function qos(limits) {
    return ["inbound", "outbound"].filter((way) => limits && limits[way])
      .map((way) => way + " " + (limits[way].average || limits[way].floor) + " kB/s").join(", ");
  }

  function spell(value) {
    if (Array.isArray(value)) return value.map(words).join(", ");
    if (value && value.tags) return tags(value);
    if (value && (value.inbound || value.outbound)) return qos(value);
    if (value && typeof value === "object") {
      return Object.entries(value).map(([name, inner]) => name + ": " + spell(inner)).join("; ");
    }
    return words(value);
  }

  // --- the fleet

  const HITS = 5;
  const every = (selector) => [...document.querySelectorAll(selector)].map((row) => ({
    row, text: row.textContent.toLowerCase(), lines: (row.dataset.has || "").split("\n").filter(Boolean) }));
  const hosts = every("#fleet tr[data-state]"), findings = every("#findings tbody tr");

  // VLAN 20 is not VLAN 200
  function matcher(text) {
    const wanted = text.trim().toLowerCase();
    const whole = /^vlan \d+$/.test(wanted) && new RegExp(wanted + "(?!\\d)");
    return whole ? (said) => whole.test(said.toLowerCase()) : (said) => said.toLowerCase().includes(wanted);
  }

  function shown(rows, what) {
    const count = rows.filter(({ row }) => !row.hidden).length;
    return count + " " + what + (count === 1 ? "" : "s");
  }

  function filterFleet() {
    const text = byId("find-host").value, state = byId("find-state").value, matches = matcher(text);
    for (const { row, text: said, lines } of hosts) {
      const hits = text.trim() ? lines.filter(matches) : [];
      row.hidden = !((matches(said) || hits.length) && (!state || row.dataset.state === state));
      const list = row.querySelector(".hits");
      list.hidden = !hits.length;
      list.replaceChildren(...hits.slice(0, HITS).map((hit) => make("li", {}, named(hit))),
        ...(hits.length > HITS ? [make("li", {}, "and " + (hits.length - HITS) + " more")] : []));
    }
    for (const { row, text: said } of findings) row.hidden = !matches(said);
    byId("found-hosts").textContent = shown(hosts, "host") + (findings.length ? ", " + shown(findings, "finding")
      + " across hosts" : "");
  }

  // --- a host

  function drift(host) {
    if (!host.objects.length) return [make("p", {}, host.counts.objects ? "Nothing differs." : "Nothing was compared.")];
    return host.objects.map((one) => make("section", { class: "object" },
      make("h3", {}, one.kind + " ", named(one.name), " ", make("span", { class: "state " + one.state }, one.state)),
      one.steps.length ? make("p", {}, "Applying would: " + one.steps.join("; ") + " (" + IMPACT[one.impact] + ")") : null,
      make("div", { class: "pair" },
        fields(one.fields.filter((field) => field.path || !one.steps.length)),
        make("pre", { tabindex: "0", "aria-label": "stated" }, one.stated || "(not stated by name)"))));
  }

  // of what is not there at all, or does not run, the steps say all there is
  function fields(differing) {
    if (!differing.length) return make("p", {}, "It is not there, or does not run.");
    return table("What differs", ["field", "layer", "is", "stated", ""], differing.map((field) => make("tr", {},
          make("td", {}, named(field.path || "all of it")), make("td", { class: "short" }, field.layer),
          make("td", {}, named(words(field.current))), make("td", {}, named(words(field.desired))),
          make("td", {}, field.waits ? "waits for a restart" : ""))));
  }

  // What frames go by from a node on, down to the cables: "br0 → bond0 → ens1, ens2"
  function waysOut(graph) {
    const nodes = new Map(graph.nodes.map((node) => [node.id, node])), next = new Map();
    for (const edge of graph.edges) {
      const [start, end] = edge.kind === "member" ? [edge.to, edge.from] : [edge.from, edge.to];
      const goes = ["member", "uses", "belongs", "tags"].includes(edge.kind) && nodes.get(edge.from).kind !== "port";
      if (goes && nodes.get(end).kind !== "interface") next.set(start, (next.get(start) || new Set()).add(end));
    }
    function way(id, passed) {
      const ends = [...next.get(id) || []].filter((end) => !passed.includes(end));
      return ends.map((end) => {
        const after = way(end, [...passed, end]), name = nodes.get(end).kind === "network" ? "" : nodes.get(end).name;
        return [name, after].filter(Boolean).join(" → ");
      }).filter(Boolean).sort().join(", ");
    }
    return (id) => way(id, [id]);
  }

  const ROUTED = ["nat", "route", "open"];

  function leavesBy(nodes, way, end) {
    const network = end.kind === "portgroup" ? nodes.get("network/" + end.network) : end;
    const routed = network && ROUTED.includes(network.mode) ? "routes of the host" : "";
    return [way(end.id), routed].filter(Boolean).join(" → ") || (end.kind === "network" ? "" : end.name);
  }

  function networks(graph, way) {
    const nodes = new Map(graph.nodes.map((node) => [node.id, node])), users = new Map(), mtus = new Map();
    const put = (map, key, value) => map.set(key, (map.get(key) || new Set()).add(value));
    for (const edge of graph.edges) {
      const start = nodes.get(edge.from), end = nodes.get(edge.to);
      if (edge.kind === "uses" && end.mtu) put(mtus, edge.from, end.mtu);
      if (edge.kind === "connects") put(users, end.kind === "portgroup" ? "network/" + end.network : edge.to, start.guest);
    }
    const list = (map, node) => [...map.get(node.id) || []].sort().join(", ");
    const rows = graph.nodes.filter((node) => node.kind === "network").map((node) => make("tr", {},
      make("th", { scope: "row" }, make("button", { type: "button", click: () => select(node.id) }, named(node.name))),
      make("td", {}, node.state), make("td", {}, node.layers.includes("boot") ? "starts" : "no"),
      make("td", {}, node.mode || ""), make("td", {}, named(way(node.id))), make("td", {}, spell(node.subnets || [])),
      make("td", {}, list(mtus, node) || node.mtu || ""),
      make("td", {}, tags(node.vlan)), make("td", {}, qos(node.qos)), make("td", {}, named(list(users, node)))));
    return table("All networks of the host",
      ["network", "state", "at boot", "mode", "bridge or card", "addresses", "MTU", "VLAN", "QoS", "guests"], rows);
  }

  function connections(graph, way) {
    const nodes = new Map(graph.nodes.map((node) => [node.id, node])), filters = new Map();
    for (const edge of graph.edges) if (edge.kind === "filtered") filters.set(edge.from, nodes.get(edge.to).name);
    const rows = graph.edges.filter((edge) => edge.kind === "connects").map((edge) => {
      const card = nodes.get(edge.from), end = nodes.get(edge.to);
      return make("tr", {},
        make("th", { scope: "row" }, named(card.guest)),
        make("td", {}, make("button", { type: "button", click: () => select(card.id) }, card.mac || card.name)),
        make("td", {}, spell(card.addresses || {}) || make("span", { class: "dim" }, "none known")),
        make("td", {}, end.kind + " ", named(end.name), end.kind === "portgroup" ? [" of ", named(end.network)] : ""),
        make("td", {}, named(leavesBy(nodes, way, end))),
        make("td", {}, tags(edge.vlan)), make("td", {}, qos(edge.qos)), make("td", {}, named(filters.get(card.id) || "")),
        make("td", {}, card.state), make("td", {}, edge.layers.join(", ")));
    });
    return table("All that the picture shows of guests, as text",
      ["guest", "interface", "addresses", "connected to", "leaves by", "VLAN", "QoS", "filter", "state", "layers"],
      rows);
  }

  function checks(legend, names, hidden, change) {
    return make("fieldset", {}, make("legend", {}, legend), names.map((name) => make("label", {},
      make("input", { type: "checkbox", "data-hides": name, checked: !hidden.has(name), change }), " " + name + " ")));
  }

  function hostPage(host) {
    const kinds = [...new Set(host.graph.nodes.map((node) => node.kind))].sort();
    const layers = ["config", "live", "saved", "kernel", "boot"], way = waysOut(host.graph);
    page.replaceChildren(
      make("nav", {}, make("a", { href: "#" }, "← all hosts")),
      make("h2", { tabindex: "-1" }, named(host.name), " ", make("span", { class: "state " + host.state.replace(" ", "-") }, host.state)),
      make("p", { class: "dim" }, "since " + host.since + (host.libvirt ? ", libvirt " + host.libvirt : "")),
      make("ul", {}, host.problems.map((one) => make("li", { class: "degraded" }, named(one))),
        host.restarts.map((one) => make("li", { class: "waiting" }, one.kind + " ", named(one.name), ": ", named(one.why))),
        host.warnings.map((one) => make("li", {}, named(one)))),
      make("h2", {}, "Who is connected to what"),
      make("div", { class: "tools", role: "group", "aria-label": "Picture" },
        make("label", {}, "Search ", make("input", { id: "find-node", type: "search", input: search })),
        make("span", { id: "found-nodes", role: "status" }),
        make("button", { type: "button", click: () => zoom(1.3) }, "Zoom in"),
        make("button", { type: "button", click: () => zoom(1 / 1.3) }, "Zoom out"),
        make("button", { type: "button", click: () => picture && picture.fit(picture.elements(":visible"), 20) }, "Whole picture"),
        checks("Kinds", kinds, HIDDEN, hide), checks("Layers", layers, new Set(), hide)),
      make("div", { class: "split" },
        make("div", { id: "picture", tabindex: "0", role: "application", keydown: keys,
          "aria-label": "Picture of who is connected to what. Arrow keys move it, plus and minus zoom, N and P go from"
            + " node to node. The table below says the same as text." }),
        make("div", { id: "details", role: "status", "aria-live": "polite" }, "Choose a node to see what it is.")),
      make("h2", {}, "Drift"), ...drift(host),
      make("h2", {}, "Networks"), networks(host.graph, way),
      make("h2", {}, "Connections"), connections(host.graph, way),
      make("h2", {}, "Stated"), make("pre", { tabindex: "0", "aria-label": "Stated YAML" }, host.stated || "(nothing is stated)"));
    draw(host.graph);
  }

  // --- the picture

  const COLOURS = __COLOURS__;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function look(isDark) {
    const back = isDark ? "#20252b" : "#fff", text = isDark ? "#e8eaed" : "#111", dim = isDark ? "#a3abb5" : "#555";
    return [
      { selector: "node", style: { label: "data(label)", shape: "round-rectangle", width: 170, height: 30,
        "background-color": back, "border-width": 2, "border-color": (node) => COLOURS[node.data("kind")] || "#666",
        "text-valign": "center", "text-halign": "center", "font-size": 14, "text-max-width": 162, "text-wrap": "ellipsis",
        color: text } },
      { selector: "edge", style: { width: 1.5, "line-color": "#8a929a", "curve-style": "straight", label: "data(label)",
        "font-size": 12, color: text, "text-background-color": back, "text-background-opacity": 1 } },
      { selector: "edge.bent", style: { "curve-style": "segments", "edge-distances": "node-position",
        "segment-weights": (edge) => edge.data("weights"), "segment-distances": (edge) => edge.data("distances") } },
      { selector: "node.dim", style: { "border-style": "dashed", color: dim } },
      { selector: "edge.dim", style: { "line-style": "dashed" } },
      { selector: "node.found", style: { "background-color": isDark ? "#5c4a12" : "#ffe9a8" } },
      { selector: "node:selected", style: { "border-width": 5, "background-color": isDark ? "#1f3b5c" : "#d6e8ff" } },
      { selector: ".hidden", style: { display: "none" } },
    ];
  }

  // what is printed is on white
  const restyle = (isDark) => { if (picture) picture.style(look(isDark)); };
  dark.addEventListener("change", () => restyle(dark.matches));
  addEventListener("beforeprint", () => {
    restyle(false);
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
  addEventListener("afterprint", () => restyle(dark.matches));

  // where points are as cytoscape has it: along the line between both ends, and beside it
  function bent(start, end, points) {
    const x = end.x - start.x, y = end.y - start.y, length = Math.hypot(x, y);
    const along = points.map(([px, py]) => ((px - start.x) * x + (py - start.y) * y) / length ** 2);
    const beside = points.map(([px, py]) => ((py - start.y) * x - (px - start.x) * y) / length);
    return { weights: along.join(" "), distances: beside.join(" ") };
  }

  function draw(graph) {
    const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
    if (picture) picture.destroy();
    const elements = graph.nodes.map((node) => ({ group: "nodes", data: Object.assign({}, node, { label: node.name }),
      position: { x: node.x, y: node.y }, classes: ["missing", "down", "unplugged", "off", "shut off"].includes(node.state) ? "dim" : "" }));
    graph.edges.forEach((edge, index) => elements.push({ group: "edges", data: {
      id: "e" + index, source: edge.from, target: edge.to, kind: edge.kind, layers: edge.layers, implied: Boolean(edge.implied),
      ...(edge.bends ? bent(nodes.get(edge.from), nodes.get(edge.to), edge.bends) : {}),
      label: [edge.vlan ? "VLAN " + tags(edge.vlan) : "", qos(edge.qos), edge.state === "down" ? "down" : ""].filter(Boolean).join("; "),
    }, classes: (edge.layers.some((layer) => layer === "live" || layer === "kernel") ? "" : "dim")
      + (edge.bends ? " bent" : "") }));
    picture = cytoscape({
      container: byId("picture"), elements, layout: { name: "preset", fit: true, padding: 20 }, minZoom: 0.02, maxZoom: 4,
      textureOnViewport: elements.length > 1500, hideEdgesOnViewport: elements.length > 3000,
      style: look(dark.matches),
    });
    picture.on("select", "node", (event) => details(event.target));
    window.virtnetPicture = picture;
    hide();
  }

  function hide() {
    const hidden = new Set([...page.querySelectorAll("[data-hides]")].filter((box) => !box.checked).map((box) => box.dataset.hides));
    picture.batch(() => {
      picture.nodes().forEach((node) => { node.toggleClass("hidden", hidden.has(node.data("kind"))
        || (node.data("layers").length > 0 && node.data("layers").every((layer) => hidden.has(layer)))); });
      picture.edges().forEach((edge) => { edge.toggleClass("hidden", edge.data("implied")
        || edge.data("layers").every((layer) => hidden.has(layer))); });
    });
    picture.fit(picture.elements(":visible"), 20);
  }

  function search() {
    const text = byId("find-node").value.toLowerCase();
    const found = picture.nodes().removeClass("found").filter((node) => text && JSON.stringify(node.data()).toLowerCase().includes(text));
    found.addClass("found");
    byId("found-nodes").textContent = text ? found.length + " found" : "";
    const seen = found.filter(":visible");
    if (seen.length) picture.fit(seen, 120);
    else if (!text) picture.fit(picture.elements(":visible"), 20);
  }

  function select(id) {
    const node = picture.getElementById(id);
    picture.nodes().unselect();
    node.select();
    if (node.visible()) picture.center(node);
    details(node);
  }

  function details(node) {
    const { id, label, x, y, ...said } = node.data();
    const others = node.connectedEdges().map((edge) => {
      const other = edge.source().id() === id ? edge.target() : edge.source();
      return make("li", {}, edge.data("kind") + (edge.source().id() === id ? " → " : " ← "),
        make("button", { type: "button", click: () => select(other.id()) }, other.data("kind") + " ", named(other.data("name"))),
        " " + edge.data("layers").join(", ") + (edge.data("label") ? "; " + edge.data("label") : ""));
    });
    byId("details").replaceChildren(make("h3", {}, said.kind + " ", named(said.name)),
      make("dl", {}, Object.entries(said).filter(([name]) => name !== "kind" && name !== "name").map(([name, value]) =>
        [make("dt", {}, name), make("dd", {}, named(spell(value) || "none"))])),
      make("ul", {}, others));
  }

  function zoom(by) {
    const box = byId("picture");
    picture.zoom({ level: picture.zoom() * by, renderedPosition: { x: box.clientWidth / 2, y: box.clientHeight / 2 } });
  }

  function step(by) {
    const ids = picture.nodes(":visible").map((node) => node.id());
    const at = ids.indexOf(picture.nodes(":selected").map((node) => node.id())[0]);
    if (ids.length) select(ids[at < 0 ? 0 : (at + by + ids.length) % ids.length]);
  }

  const KEYS = {
    ArrowLeft: () => picture.panBy({ x: 60, y: 0 }), ArrowRight: () => picture.panBy({ x: -60, y: 0 }),
    ArrowUp: () => picture.panBy({ x: 0, y: 60 }), ArrowDown: () => picture.panBy({ x: 0, y: -60 }),
    "+": () => zoom(1.3), "-": () => zoom(1 / 1.3), n: () => step(1), p: () => step(-1),
  };

  function keys(event) {
    const act = event.ctrlKey || event.metaKey || event.altKey ? null : KEYS[event.key];
    if (act) { act(); event.preventDefault(); }
  }

  async function route() {
    const found = /^#host-(\d+)$/.exec(location.hash), element = found && byId("data-" + found[1]);
    current = element;
    const host = element ? await unpack(element) : null;
    if (current !== element) return;
    fleet.hidden = Boolean(host);
    page.hidden = !host;
    if (!host) return;
    hostPage(host);
    page.querySelector("h2").focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  byId("find-host").addEventListener("input", filterFleet);
  byId("find-state").addEventListener("change", filterFleet);
  addEventListener("hashchange", route);
  route();
}());
