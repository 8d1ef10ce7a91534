"use strict";
// Draws the map of a report. Nothing is loaded: all data are in the element `content`.
(() => {
  const data = JSON.parse(document.getElementById("content").textContent);
  const at = (id) => document.getElementById(id);
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const count = data.items;
  const raw = new DataView(bytes(data.positions).buffer);
  const [xs, ys] = [new Float32Array(count), new Float32Array(count)];
  for (let i = 0; i < count; i++) {
    xs[i] = raw.getUint16(4 * i, true) / 65535;
    ys[i] = raw.getUint16(4 * i + 2, true) / 65535;
  }
  const categories = bytes(data.categories);
  const tiles = new DataView(bytes(data.pictures).buffer);
  const tileOf = (i) => tiles.getUint32(4 * i, true);
  const NONE = 0xffffffff;
  const finest = new DataView(bytes(data.group_of).buffer);
  // The clusters of an item, the finest first.
  function groupsOf(i) {
    const found = [];
    for (let g = finest.getUint32(4 * i, true); data.groups[g]; g = data.groups[g].parent) found.push(g);
    return found;
  }
  const number = (n) => n.toLocaleString("en");
  const folded = (text) => text.toLowerCase();

  const map = at("map"), pen = map.getContext("2d");
  const hidden = new Set();
  let width = 1, height = 1, ratio = 1;
  // `scale`: points on the screen for the whole width of the map; `middle`: what is in the middle of the screen.
  let scale = 1, middle = [data.extent[0] / 2, data.extent[1] / 2];
  let matches = null, isMatch = null, current = -1, hovered = -1, pinned = -1;
  let showPictures = true, showNames = true, dark = true, waiting = false, gliding = 0;

  const pages = data.pages.map((address) => {
    const page = new Image();
    page.onload = () => {
      draw();
      if (!at("card").hidden) card(hovered >= 0 ? hovered : pinned);
    };
    page.src = address;
    return page;
  });

  const screenX = (x) => (x - middle[0]) * scale + width / 2;
  const screenY = (y) => (y - middle[1]) * scale + height / 2;
  const colour = (name) => getComputedStyle(document.body).getPropertyValue("--" + name).trim();
  const entryColour = (entry) => (dark ? entry.dark : entry.light);
  const isShown = (i) => !hidden.has(categories[i]);

  // Points in squares, to find those near a place.
  const SIDE = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(count / 4))));
  const squares = new Map();
  const square = (x, y) => Math.min(SIDE - 1, Math.floor(x * SIDE)) + SIDE * Math.min(SIDE - 1, Math.floor(y * SIDE));
  for (let i = 0; i < count; i++) {
    const key = square(xs[i], ys[i]);
    if (!squares.has(key)) squares.set(key, []);
    squares.get(key).push(i);
  }
  function* within(left, top, right, bottom) {
    const cut = (v) => Math.max(0, Math.min(SIDE - 1, Math.floor(v * SIDE)));
    for (let row = cut(top); row <= cut(bottom); row++) {
      for (let column = cut(left); column <= cut(right); column++) yield* squares.get(column + SIDE * row) || [];
    }
  }
  const view = (margin) => {
    const [w, h] = [(width / 2 + margin) / scale, (height / 2 + margin) / scale];
    return [middle[0] - w, middle[1] - h, middle[0] + w, middle[1] + h];
  };

  function fit() {
    const [w, h] = data.extent.map((side) => Math.max(side, 0.001));
    // The panel on the left covers no points of a wide window.
    const left = width > 900 ? 312 : 0;
    scale = Math.max(50, Math.min((width - left - 64) / w, (height - 96) / h));
    middle = [w / 2 - left / 2 / scale, h / 2];
    draw();
  }

  function zoom(factor, x = width / 2, y = height / 2) {
    const before = [(x - width / 2) / scale, (y - height / 2) / scale];
    scale = Math.max(50, Math.min(2e6, scale * factor));
    middle = [0, 1].map((i) => middle[i] + before[i] - [x - width / 2, y - height / 2][i] / scale);
    draw();
  }

  function fly(x, y, least) {
    const from = [middle[0], middle[1], Math.log(scale)];
    const to = [x, y, Math.log(Math.max(scale, least))];
    const start = performance.now(), mine = ++gliding;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const step = (now) => {
      if (mine !== gliding) return;
      const part = still ? 1 : Math.min(1, (now - start) / 250), eased = 1 - (1 - part) ** 3;
      const mixed = from.map((v, i) => v + (to[i] - v) * eased);
      middle = [mixed[0], mixed[1]];
      scale = Math.exp(mixed[2]);
      draw();
      if (part < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  function draw() {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(paint);
    }
  }

  function paint() {
    waiting = false;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = colour("ground");
    pen.fillRect(0, 0, width, height);
    const radius = Math.max(1.2, Math.min(5, (0.16 * Math.min(width, height)) / Math.sqrt(count + 1))) * Math.min(2, Math.max(1, scale / 2000));
    const visible = [...within(...view(150))].filter(isShown);
    const drawn = drawPoints(visible, radius);
    const tile = showPictures ? drawTiles(visible) : 0;
    if (showNames) drawNames(showPictures && tile === 0);
    for (const i of [hovered, pinned]) if (i >= 0) ring(i, radius + 3);
    Object.assign(document.body.dataset, { points: drawn, tiles: tile, items: count, drawn: "yes" });
  }

  function drawPoints(visible, radius) {
    const groups = data.legend.map(() => []), hits = [];
    for (const i of visible) (isMatch && isMatch[i] ? hits : groups[categories[i]] || (groups[categories[i]] = [])).push(i);
    const fill = (points, style, size, opacity) => {
      pen.globalAlpha = opacity;
      pen.fillStyle = style;
      const square = points.length > 20000 && size < 3;
      for (const i of points) {
        if (square) {
          pen.fillRect(screenX(xs[i]) - size, screenY(ys[i]) - size, 2 * size, 2 * size);
          continue;
        }
        pen.beginPath();
        pen.arc(screenX(xs[i]), screenY(ys[i]), size, 0, 2 * Math.PI);
        pen.fill();
      }
    };
    const faint = isMatch ? 0.15 : count > 20000 ? 0.6 : 0.8;
    groups.forEach((points, g) => fill(points, entryColour(data.legend[g] || data.legend[0]), radius, faint));
    fill(hits, colour("hit"), radius + 1, 1);
    pen.globalAlpha = 1;
    return visible.length;
  }

  // Pictures where there is room for them: those that come first, on a grid.
  function drawTiles(visible) {
    const near = visible.filter((i) => tileOf(i) !== NONE && (!isMatch || isMatch[i])).sort((a, b) => a - b);
    const side = Math.max(32, Math.min(data.cell, 96)), taken = new Map();
    if (near.length === 0 || (scale < 2600 && near.length > 400)) return 0;
    for (const i of near) {
      const [x, y] = [screenX(xs[i]), screenY(ys[i])];
      const [column, row] = [Math.round(x / (side + 4)), Math.round(y / (side + 4))];
      const touches = (other) => other && Math.abs(other[0] - x) < side + 3 && Math.abs(other[1] - y) < side + 3;
      const around = [-1, 0, 1].flatMap((a) => [-1, 0, 1].map((b) => taken.get(column + a + "," + (row + b))));
      if (around.some(touches) || !picture(pen, i, x - side / 2, y - side / 2, side)) continue;
      taken.set(column + "," + row, [x, y]);
      pen.strokeStyle = entryColour(data.legend[categories[i]] || data.legend[0]);
      pen.lineWidth = 1.5;
      pen.strokeRect(x - side / 2, y - side / 2, side, side);
    }
    return taken.size;
  }

  function picture(on, i, x, y, side) {
    const tile = tileOf(i), page = tile === NONE ? null : pages[Math.floor(tile / data.per_page)];
    if (!page || !page.complete || !page.naturalWidth) return false;
    const place = tile % data.per_page;
    const [sx, sy] = [(place % data.columns) * data.cell, Math.floor(place / data.columns) * data.cell];
    on.drawImage(page, sx, sy, data.cell, data.cell, x, y, side, side);
    return true;
  }

  function drawNames(withPictures) {
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    const [ground, text] = [colour("ground"), colour("text1")];
    data.clusters.forEach((cluster, c) => {
      const rising = cluster.from > 0 ? (scale / cluster.from - 1) / 0.07 : 1;
      const falling = cluster.until === null ? 1 : (cluster.until / scale - 1) / 0.07;
      const opacity = Math.max(0, Math.min(1, rising, falling)) * (isMatch ? 0.5 : 1);
      const [x, y] = [screenX(cluster.x), screenY(cluster.y)];
      if (opacity === 0 || x < -200 || y < -100 || x > width + 200 || y > height + 100) return;
      const side = 46, item = data.cluster_pictures[c];
      pen.globalAlpha = opacity;
      const above = withPictures && item !== null && isShown(item) && picture(pen, item, x - side / 2, y - side / 2 - 10, side);
      if (above) {
        pen.strokeStyle = entryColour(data.legend[categories[item]] || data.legend[0]);
        pen.lineWidth = 2;
        pen.strokeRect(x - side / 2, y - side / 2 - 10, side, side);
      }
      pen.font = "600 " + cluster.size + "px Inter, system-ui, sans-serif";
      pen.lineWidth = 4;
      pen.strokeStyle = ground;
      pen.fillStyle = text;
      pen.strokeText(cluster.name, x, y + (above ? side / 2 : 0));
      pen.fillText(cluster.name, x, y + (above ? side / 2 : 0));
    });
    pen.globalAlpha = 1;
  }

  function ring(i, radius) {
    pen.strokeStyle = colour("text1");
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(screenX(xs[i]), screenY(ys[i]), radius, 0, 2 * Math.PI);
    pen.stroke();
  }

  function nearest(x, y) {
    const [mx, my, reach] = [(x - width / 2) / scale + middle[0], (y - height / 2) / scale + middle[1], 14 / scale];
    let best = -1, closest = reach * reach;
    for (const i of within(mx - reach, my - reach, mx + reach, my + reach)) {
      const distance = (xs[i] - mx) ** 2 + (ys[i] - my) ** 2;
      if (distance < closest && isShown(i)) [best, closest] = [i, distance];
    }
    return best;
  }

  function card(i) {
    at("card").hidden = i < 0;
    if (i < 0) return;
    const canvas = at("picture"), has = tileOf(i) !== NONE;
    canvas.hidden = !has;
    canvas.width = canvas.height = data.cell;
    if (has) picture(canvas.getContext("2d"), i, 0, 0, data.cell);
    at("name").textContent = data.names[i];
    const groups = groupsOf(i).map((g) => data.groups[g].name).filter((name) => name);
    at("category").textContent = groups.join(" · ") || (data.legend[categories[i]] || {}).name || "";
    at("note").textContent = data.notes[i] || "";
    at("path").textContent = data.paths ? data.paths[i] : "";
    const box = at("card").getBoundingClientRect(), [x, y] = [screenX(xs[i]), screenY(ys[i])];
    const left = x + 16 + box.width < width ? x + 16 : x - 16 - box.width;
    at("card").style.transform = "translate(" + Math.max(8, left) + "px," + Math.max(8, Math.min(y - 20, height - box.height - 8)) + "px)";
  }

  // The search.
  const groupTexts = data.groups.map((group) => folded(group.name));
  const texts = data.names.map((name, i) => {
    const groups = groupsOf(i).map((g) => groupTexts[g]);
    return folded(name + " " + (data.notes[i] || "") + " " + (data.paths ? data.paths[i] : "")) + " " + groups.join(" ");
  });
  function result(text, isGroup, act) {
    const [line, button] = [document.createElement("li"), document.createElement("button")];
    const words = isGroup ? document.createElement("b") : button;
    words.textContent = text;
    if (isGroup) button.append(words);
    button.addEventListener("click", act);
    line.append(button);
    return line;
  }
  function search(typed) {
    const words = folded(typed).split(/\s+/).filter((word) => word);
    matches = words.length ? [...texts.keys()].filter((i) => words.every((word) => texts[i].includes(word))) : null;
    isMatch = matches && new Uint8Array(count);
    if (matches) for (const i of matches) isMatch[i] = 1;
    current = -1;
    at("found").textContent = matches ? (matches.length ? number(matches.length) + (matches.length === 1 ? " match" : " matches") : "No matches") : "";
    const found = (text) => words.length > 0 && words.every((word) => text.includes(word));
    const clusters = data.clusters.filter((cluster) => found(folded(cluster.name))).slice(0, 8);
    if (matches) {
      // Those with the words in their names come first.
      const named = matches.map((i) => found(folded(data.names[i])));
      matches = [...matches.filter((_, n) => named[n]), ...matches.filter((_, n) => !named[n])];
    }
    at("results").replaceChildren(
      ...clusters.map((cluster) => result(cluster.name + " · " + number(cluster.count), true, () => flyTo(cluster))),
      ...(matches || []).slice(0, 100).map((i) => result(data.names[i], false, () => show(i))),
    );
    document.body.dataset.matches = matches ? matches.length : "";
    draw();
  }
  function flyTo(cluster) {
    pinned = -1;
    card(-1);
    fly(cluster.x, cluster.y, Math.max(cluster.from * 1.2, Math.min(3 * cluster.from, 4000), 900));
  }
  function show(i) {
    hovered = -1;
    pinned = i;
    fly(xs[i], ys[i], 4000);
    setTimeout(() => pinned === i && card(i), 300);
  }
  at("search").addEventListener("input", (event) => search(event.target.value));
  at("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && matches && matches.length) {
      current = (current + (event.shiftKey ? matches.length - 1 : 1)) % matches.length;
      show(matches[current]);
    }
    if (event.key === "Escape") search((event.target.value = ""));
  });
  // An address may end in `#search=words`.
  function searchAddress() {
    const asked = new URLSearchParams(location.hash.slice(1)).get("search");
    if (asked !== null) search((at("search").value = asked));
  }
  addEventListener("hashchange", searchAddress);

  // The legend.
  data.legend.forEach((entry, g) => {
    const button = document.createElement("button"), dot = document.createElement("canvas");
    dot.width = dot.height = 1;
    const [name, size] = [document.createElement("span"), document.createElement("span")];
    name.textContent = entry.name;
    size.textContent = number(entry.count);
    button.append(dot, name, size);
    button.title = "Click to show or hide; double-click to show only this";
    button.addEventListener("click", () => toggle(g));
    button.addEventListener("dblclick", () => alone(g));
    at("legend").append(button);
  });
  function toggle(g) {
    hidden.has(g) ? hidden.delete(g) : hidden.add(g);
    legend();
  }
  function alone(g) {
    const others = [...data.legend.keys()].filter((other) => other !== g);
    const wasAlone = !hidden.has(g) && hidden.size === data.legend.length - 1;
    hidden.clear();
    if (!wasAlone) for (const other of others) hidden.add(other);
    legend();
  }
  function legend() {
    [...at("legend").children].forEach((button, g) => {
      button.setAttribute("aria-pressed", String(!hidden.has(g)));
      const dot = button.firstChild.getContext("2d");
      dot.fillStyle = entryColour(data.legend[g]);
      dot.fillRect(0, 0, 1, 1);
    });
    draw();
  }

  // Mouse, fingers and keys.
  const fingers = new Map();
  let moved = 0;
  map.addEventListener("pointerdown", (event) => {
    gliding++;
    moved = 0;
    map.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  map.addEventListener("pointermove", (event) => {
    const [x, y] = [event.clientX, event.clientY], before = fingers.get(event.pointerId);
    if (!before) {
      const found = nearest(x, y);
      if (found !== hovered) {
        hovered = found;
        card(found >= 0 ? found : pinned);
        draw();
      }
      return;
    }
    const others = [...fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    if (others.length) {
      const span = (place) => Math.hypot(place[0] - others[0][0], place[1] - others[0][1]);
      zoom(span([x, y]) / Math.max(1, span(before)), (x + others[0][0]) / 2, (y + others[0][1]) / 2);
    }
    middle = [middle[0] - (x - before[0]) / scale / (others.length + 1), middle[1] - (y - before[1]) / scale / (others.length + 1)];
    moved += Math.abs(x - before[0]) + Math.abs(y - before[1]);
    fingers.set(event.pointerId, [x, y]);
    at("card").hidden = true;
    draw();
  });
  const lifted = (event) => {
    if (fingers.delete(event.pointerId) && moved < 5) {
      pinned = nearest(event.clientX, event.clientY);
      card(pinned);
      draw();
    }
  };
  map.addEventListener("pointerup", lifted);
  map.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  map.addEventListener("pointerleave", () => {
    hovered = -1;
    card(pinned);
    draw();
  });
  map.addEventListener("dblclick", (event) => zoom(2, event.clientX, event.clientY));
  map.addEventListener("wheel", (event) => {
    event.preventDefault();
    gliding++;
    at("card").hidden = true;
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.clientX, event.clientY);
  }, { passive: false });
  const keys = {
    "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: fit,
    ArrowLeft: () => move(-1, 0), ArrowRight: () => move(1, 0), ArrowUp: () => move(0, -1), ArrowDown: () => move(0, 1),
  };
  function move(x, y) {
    middle = [middle[0] + (x * 80) / scale, middle[1] + (y * 80) / scale];
    draw();
  }
  addEventListener("keydown", (event) => {
    if (event.target === at("search") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      event.preventDefault();
      at("search").focus();
    } else if (event.key === "Escape") {
      pinned = -1;
      card(-1);
      draw();
    } else if (keys[event.key]) keys[event.key]();
  });
  at("closer").addEventListener("click", () => zoom(1.4));
  at("further").addEventListener("click", () => zoom(1 / 1.4));
  at("all").addEventListener("click", fit);
  const pressed = (id, on) => at(id).setAttribute("aria-pressed", String(on));
  at("pictures").addEventListener("click", () => { pressed("pictures", (showPictures = !showPictures)); draw(); });
  at("names").addEventListener("click", () => { pressed("names", (showNames = !showNames)); draw(); });
  at("theme").addEventListener("click", () => setTheme(!dark));
  function setTheme(on) {
    dark = on;
    document.body.className = dark ? "dark" : "light";
    legend();
  }

  function resize() {
    ratio = devicePixelRatio || 1;
    [width, height] = [innerWidth, innerHeight];
    map.width = Math.round(width * ratio);
    map.height = Math.round(height * ratio);
    draw();
  }
  addEventListener("resize", resize);
  at("count").textContent = number(count) + (count === 1 ? " item" : " items");
  at("pictures").hidden = data.pages.length === 0;
  at("names").hidden = data.clusters.length === 0;
  setTheme(!matchMedia("(prefers-color-scheme: light)").matches);
  resize();
  fit();
  searchAddress();
})();
