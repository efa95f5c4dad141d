// Eases what works without it: instant search, the cart drawer, fresh figures, trying the API.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);
  const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Parses a fragment that our own server rendered and escaped.
  const fragment = (text) => document.importNode(new DOMParser().parseFromString(text, "text/html").body, true);

  // Instant search: results under the box while typing; arrows move, Escape closes.
  for (const form of findAll("[data-instant]")) {
    const input = find("input", form);
    const panel = find(".instant", form);
    let timer = 0;
    let latest = 0;
    const close = () => { panel.hidden = true; };
    const look = async () => {
      const words = input.value.trim();
      const mine = ++latest;
      if (words.length < 2) return close();
      try {
        const reply = await fetch(`/search?fragment=1&q=${encodeURIComponent(words)}`);
        if (!reply.ok || mine !== latest) return;
        panel.replaceChildren(...fragment(await reply.text()).childNodes);
        panel.hidden = false;
      } catch { close(); }
    };
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 110); });
    form.addEventListener("keydown", (event) => {
      const links = findAll("a", panel);
      const at = links.indexOf(document.activeElement);
      if (event.key === "Escape") { close(); input.focus(); }
      if (panel.hidden || !links.length) return;
      if (event.key === "ArrowDown") { event.preventDefault(); links[Math.min(at + 1, links.length - 1)].focus(); }
      if (event.key === "ArrowUp") { event.preventDefault(); (at <= 0 ? input : links[at - 1]).focus(); }
    });
    form.addEventListener("focusout", (event) => { if (!form.contains(event.relatedTarget)) setTimeout(close, 150); });
  }

  // The cart: forms are sent in the background, the drawer shows what came of it.
  const drawer = find("[data-drawer]");
  const live = find("[data-live]");

  const fill = (text, opens) => {
    const body = find("[data-count]", fragment(text));
    if (!body) return;
    for (const badge of findAll("[data-cart-count]")) badge.textContent = body.dataset.count;
    live.textContent = body.dataset.announce || "";
    const page = find("[data-cart-page]");
    if (page) return page.replaceChildren(...body.childNodes);
    const head = document.createElement("div");
    head.className = "drawer-head";
    const title = document.createElement("h2");
    title.textContent = "Cart";
    const button = document.createElement("button");
    button.className = "step";
    button.textContent = "×";
    button.setAttribute("aria-label", "Close the cart");
    button.addEventListener("click", () => drawer.close());
    head.append(title, button);
    drawer.replaceChildren(head, ...body.childNodes);
    if (opens && !drawer.open) drawer.showModal();
  };

  const headers = { "X-Fragment": "1" };
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-cart]") || !drawer || !drawer.showModal) return;
    event.preventDefault();
    const focus = document.activeElement && document.activeElement.getAttribute("aria-label");
    try {
      const reply = await fetch(form.action, { method: "POST", headers, body: new URLSearchParams(new FormData(form)) });
      if (!reply.ok) throw new Error(reply.status);
      fill(await reply.text(), true);
      const again = focus && findAll("button").find((button) => button.getAttribute("aria-label") === focus && button.offsetParent);
      if (again) again.focus();
    } catch { form.submit(); }
  });

  document.addEventListener("click", async (event) => {
    if (event.target === drawer) return drawer.close();
    const link = event.target.closest("[data-cart-link]");
    if (!link || event.metaKey || event.ctrlKey || find("[data-cart-page]") || !drawer.showModal) return;
    event.preventDefault();
    try {
      const reply = await fetch("/cart", { headers });
      if (!reply.ok) throw new Error(reply.status);
      fill(await reply.text(), true);
    } catch { location.href = link.href; }
  });

  // The dashboard: fresh figures every few seconds while somebody looks.
  const fresh = find("[data-refresh]");
  if (fresh) {
    setInterval(async () => {
      if (document.hidden || fresh.contains(document.activeElement)) return;
      try {
        const reply = await fetch(location.href);
        const next = reply.ok && find("[data-refresh]", fragment(await reply.text()));
        if (next) fresh.replaceChildren(...next.childNodes);
      } catch { /* the next try may work */ }
    }, Number(fresh.dataset.refresh) * 1000);
  }

  // The API page: send a request and show the answer.
  const attempt = find("[data-try]");
  if (attempt) {
    const examples = {
      "/v1/recommend": { placement: "cart", cart: ["85123A", "22423"], count: 3 },
      "/v1/events": [{ event_name: "view_item", session_id: "try", items: [{ item_id: "85123A" }] }],
      "/v1/recommend:batch": { requests: [{ placement: "pdp", item_ids: ["85123A"] }, { placement: "home" }] },
    };
    attempt.route.addEventListener("change", () => { attempt.body.value = JSON.stringify(examples[attempt.route.value], null, 2); });
    attempt.addEventListener("submit", async (event) => {
      event.preventDefault();
      const out = find(".answer", attempt);
      const headers = { "Content-Type": "application/json" };
      if (attempt.key.value) headers["X-API-Key"] = attempt.key.value;
      const reply = await fetch(attempt.route.value, { method: "POST", headers, body: attempt.body.value });
      const text = await reply.text();
      out.hidden = false;
      try { out.textContent = `${reply.status}\n${JSON.stringify(JSON.parse(text), null, 2)}`; } catch { out.textContent = text; }
    });
  }
})();
