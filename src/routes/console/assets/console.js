// Keeps the parts of a page that are marked `data-live` as things are: asks for the same page again, and puts
// its parts in the place of these. Without it, or when it cannot, the page is as it was when it was loaded.
"use strict";
(() => {
  const every = Number(document.body.dataset.liveEvery) * 1000;
  if (!every) return;

  const LONGEST = 60000;
  const stale = document.getElementById("stale");
  let pause = every;
  let timer = 0;
  let asking = false;

  // Nobody loses what they are reading with the keyboard or have marked.
  const isInUse = (part) => {
    const marked = document.getSelection();
    const isMarked = marked && !marked.isCollapsed && part.contains(marked.anchorNode);
    return part.contains(document.activeElement) || isMarked || part.querySelector("details[open]");
  };

  const put = (fresh) => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(part.id);
      if (!now || isInUse(part) || now.innerHTML === part.innerHTML) continue;
      part.replaceChildren(...document.importNode(now, true).childNodes);
    }
    const next = Number(fresh.body.dataset.liveEvery) * 1000;
    return next || 0;
  };

  const look = async () => {
    timer = 0;
    if (document.hidden || asking) return;
    asking = true;
    try {
      const answer = await fetch(location.href, {
        credentials: "same-origin",
        cache: "no-store",
        redirect: "manual",
        headers: { accept: "text/html" },
      });
      // Signed out meanwhile: the server says where to go.
      if (answer.type === "opaqueredirect") return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      pause = put(new DOMParser().parseFromString(await answer.text(), "text/html"));
      if (stale) stale.hidden = true;
    } catch {
      pause = Math.min(Math.max(pause, every) * 2, LONGEST);
      if (stale) stale.hidden = false;
    } finally {
      asking = false;
    }
    if (pause) timer = setTimeout(look, pause);
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !pause) return;
    clearTimeout(timer);
    look();
  });
  timer = setTimeout(look, every);
})();
