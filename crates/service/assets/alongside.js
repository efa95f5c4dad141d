// Eases what works without it: instant search, the cart drawer, fresh figures, trying the API.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);
  const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Parses a fragment that our own server rendered and escaped.
  const fragment = (text) => document.importNode(new DOMParser().parseFromString(text, "text/html").body, true);

  // Says something to those who do not see it: within the drawer while it is open, since a modal
  // dialog hides the rest of the page. Emptied first, so that the same words count as news.
  const drawer = find("[data-drawer]");
  const announce = (words) => {
    if (!drawer) return;
    const place = findAll("[data-live]").find((region) => drawer.contains(region) === drawer.open);
    if (!place) return;
    place.textContent = "";
    setTimeout(() => { place.textContent = words; }, 80);
  };

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
        const n = findAll("a", panel).length;
        announce(n ? `${n} products shown. The down arrow leads to them.` : "Nothing matches.");
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

  // The cart: forms are sent in the background, the drawer or the cart page shows what came of it.
  const cartPage = find("[data-cart-page]");
  const region = cartPage || find("[data-drawer-body]");
  const heading = cartPage ? find("#cart-title") : find("#drawer-title");

  // Puts what the server rendered in place; the words to say about it.
  const fill = (text) => {
    const body = find("[data-count]", fragment(text));
    if (!body) throw new Error("no cart in the answer");
    for (const badge of findAll("[data-cart-count]")) badge.textContent = body.dataset.count;
    region.replaceChildren(...body.childNodes);
    watch(region);
    return body.dataset.announce || "";
  };

  // Where a pressed button stands, to come back there after its list was drawn anew.
  const placeOf = (button) => {
    const row = button.closest("li");
    if (!row || !region.contains(row)) return null;
    const list = row.parentElement;
    return { label: button.getAttribute("aria-label"), list: `.${list.classList[0]}`, at: [...list.children].indexOf(row) };
  };

  // The same button if it is still there, else the one that took its place in the list, else the
  // one before it, else the heading: never nowhere.
  const comeBack = (place) => {
    const same = findAll("button", region).find((button) => button.getAttribute("aria-label") === place.label);
    const rows = findAll(`${place.list} > li`, region);
    const row = rows[Math.min(place.at, rows.length - 1)];
    const next = row && findAll("button", row).pop();
    (same || next || heading).focus();
  };

  const open = () => {
    if (cartPage || drawer.open) return;
    drawer.showModal();
    drawer.scrollTop = 0;
    heading.focus();
  };

  // Offers: which stand on the page, and which were in view: half of one for a second (MRC/IAB).
  // Each is told once; what is told when the page is left still arrives.
  const told = new Set();
  const tell = (what, offers) => {
    const news = offers.filter((offer) => !told.has(`${what} ${offer.dataset.offer} ${offer.dataset.item}`));
    for (const from of new Set(news.map((offer) => offer.dataset.offer))) {
      const items = news.filter((offer) => offer.dataset.offer === from).map((offer) => offer.dataset.item);
      for (const item of items) told.add(`${what} ${from} ${item}`);
      const form = new URLSearchParams([["what", what], ["from", from], ...items.map((item) => ["item", item])]);
      fetch("/seen", { method: "POST", body: form, keepalive: true }).catch(() => {});
    }
  };
  const timers = new Map();
  const eye = "IntersectionObserver" in window && new IntersectionObserver((entries) => {
    for (const { target, intersectionRatio } of entries) {
      clearTimeout(timers.get(target));
      timers.delete(target);
      if (intersectionRatio < 0.5) continue;
      timers.set(target, setTimeout(() => {
        timers.delete(target);
        // In the background nobody looks; the time begins anew when the page is in front again.
        if (document.hidden) return;
        eye.unobserve(target);
        tell("seen", [target]);
      }, 1000));
    }
  }, { threshold: 0.5 });
  const watch = (root) => {
    const offers = findAll("[data-offer]", root);
    tell("shown", offers);
    if (eye) for (const offer of offers) eye.observe(offer);
  };
  document.addEventListener("visibilitychange", () => {
    for (const timer of timers.values()) clearTimeout(timer);
    timers.clear();
    // Observed anew, each tells at once whether it is in view.
    if (eye) for (const offer of findAll("[data-offer]")) {
      eye.unobserve(offer);
      if (!document.hidden && !told.has(`seen ${offer.dataset.offer} ${offer.dataset.item}`)) eye.observe(offer);
    }
  });
  watch(document);

  const headers = { "X-Fragment": "1" };
  // One after the other: answers of quick presses must not overtake each other.
  let turn = Promise.resolve();
  const send = async (form, place) => {
    form.setAttribute("aria-busy", "true");
    try {
      const reply = await fetch(form.action, { method: "POST", headers, body: new URLSearchParams(new FormData(form)) });
      if (!reply.ok) throw new Error(reply.status);
      const words = fill(await reply.text());
      open();
      if (place) comeBack(place);
      announce(words);
    } catch {
      if (form.isConnected) form.submit();
      else location.href = "/cart";
    }
    form.removeAttribute("aria-busy");
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-cart]") || !drawer || !drawer.showModal) return;
    event.preventDefault();
    // The place is noted now: when its turn comes, the form may have been drawn anew.
    const place = event.submitter && placeOf(event.submitter);
    turn = turn.then(() => send(form, place));
  });

  document.addEventListener("click", async (event) => {
    if (!drawer || !drawer.showModal) return;
    if (event.target.closest("[data-drawer-close]")) return drawer.close();
    const link = event.target.closest("[data-cart-link]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || cartPage) return;
    event.preventDefault();
    try {
      const reply = await fetch("/cart", { headers });
      if (!reply.ok) throw new Error(reply.status);
      fill(await reply.text());
      open();
    } catch { location.href = link.href; }
  });

  // A press that begins beside the drawer closes it; one within its margins does not.
  if (drawer) drawer.addEventListener("pointerdown", (event) => {
    if (event.target === drawer && event.clientX < drawer.getBoundingClientRect().left) drawer.close();
  });

  // The dashboard: fresh figures every few seconds while somebody looks.
  const fresh = find("[data-refresh]");
  if (fresh) {
    setInterval(async () => {
      const selection = getSelection();
      const isReading = fresh.contains(document.activeElement) || (!selection.isCollapsed && fresh.contains(selection.anchorNode));
      if (document.hidden || isReading) return;
      try {
        const reply = await fetch(location.href);
        const next = reply.ok && find("[data-refresh]", fragment(await reply.text()));
        if (!next) return;
        for (const details of findAll("details[open]", fresh)) {
          const same = find(`#${details.id}`, next);
          if (same) same.open = true;
        }
        fresh.replaceChildren(...next.childNodes);
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
      out.hidden = false;
      try {
        const reply = await fetch(attempt.route.value, { method: "POST", headers, body: attempt.body.value });
        const text = await reply.text();
        let shown = text;
        try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* shown as it came */ }
        out.textContent = `${reply.status} ${reply.statusText}\n${shown}`;
      } catch { out.textContent = "The server did not answer."; }
    });
  }
})();
