// What the pages gain where a script runs: local times and countdowns, live updates, and an Approve
// button that is armed only once it has been in view for a moment. Without it everything still works.
"use strict";

const ARM_MS = 700;
const SOON_MS = 120000;
const RETRY_MS = 5000;
const announce = (text) => { document.getElementById("announce").textContent = text; };

// Times ---------------------------------------------------------------------------------------
const formats = {
  clock: new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  day: new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" }),
};
const two = (n) => String(n).padStart(2, "0");

function span(ms) {
  const s = Math.floor(ms / 1000);
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d`;
}

function ago(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return "just now";
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return null;
}

let overdue = false;
function tick() {
  const now = Date.now();
  let ran_out = false;
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = Date.parse(time.dateTime);
    let text;
    if ("countdown" in time.dataset) {
      const left = at - now;
      text = left > 0 ? `${span(left)} left` : "time is up";
      time.classList.toggle("soon", left < SOON_MS);
      if (left <= 0) ran_out = true;
    } else if ("ago" in time.dataset) {
      text = ago(now - at) ?? formats.day.format(at);
    } else {
      text = formats["day" in time.dataset ? "day" : "clock"].format(at);
    }
    if (time.textContent !== text) time.textContent = text;
    time.title ||= new Date(at).toString();
  }
  if (ran_out && !overdue) setTimeout(refresh, 1500);
  overdue = ran_out;
}

// Approve is armed late, so that nobody presses what has only just appeared under the thumb -------
function arm(form) {
  const button = form.querySelector("button");
  let timer = 0;
  const disarm = () => {
    clearTimeout(timer);
    timer = 0;
    button.setAttribute("aria-disabled", "true");
    button.classList.remove("arming");
  };
  const start = () => {
    if (timer || document.hidden) return;
    button.classList.add("arming");
    timer = setTimeout(() => {
      button.removeAttribute("aria-disabled");
      button.classList.remove("arming");
    }, ARM_MS);
  };
  let seen = false;
  disarm();
  new IntersectionObserver((entries) => {
    seen = entries[entries.length - 1].intersectionRatio >= 0.99;
    if (seen) start(); else disarm();
  }, { threshold: [0, 0.99] }).observe(button);
  document.addEventListener("visibilitychange", () => { disarm(); if (seen) start(); });
  form.addEventListener("submit", (event) => {
    if (button.getAttribute("aria-disabled") === "true") event.preventDefault();
    else if (form.dataset.sent) event.preventDefault();
    else form.dataset.sent = "1";
  });
}

// A copy button beside what is to be copied --------------------------------------------------------
function copyable(block) {
  if (!navigator.clipboard) return;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button quiet", textContent: "Copy" });
  const wrap = Object.assign(document.createElement("div"), { className: "copy" });
  block.replaceWith(wrap);
  wrap.append(block, button);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.textContent.trim());
    button.textContent = "Copied";
    announce("Copied");
  });
}

// Live: a change is a reason to fetch this page again; only its own origin is ever asked ----------
let busy = false;
let again = false;
async function refresh() {
  const here = document.querySelector("[data-refresh]");
  if (!here) return;
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-refresh]");
    if (answer.ok && fresh) swap(here, fresh);
    else if (answer.status < 500) location.reload(); // signed out, or not there any more: it says so
  } catch {
    // Offline: the next event, or the reader, tries again.
  } finally {
    busy = false;
    if (again) { again = false; refresh(); }
  }
}

function swap(here, fresh) {
  const count = (node) => node.querySelectorAll(".row").length;
  const title = fresh.ownerDocument.title;
  if (here.id !== "request") {
    const grew = count(fresh) - count(here);
    const focused = here.contains(document.activeElement) && document.activeElement.getAttribute("href");
    here.replaceChildren(...fresh.childNodes);
    if (focused) here.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    if (grew > 0) announce(grew === 1 ? "A new request is waiting" : `${grew} new requests are waiting`);
  } else {
    const mine = here.querySelector('input[name="csrf"]')?.value;
    const same = here.dataset.version === fresh.dataset.version && mine === fresh.querySelector('input[name="csrf"]')?.value;
    if (same) return;
    const typing = here.querySelector(".decline[open]");
    const form = fresh.querySelector(".decline");
    if (typing && form && here.dataset.revision === fresh.dataset.revision) {
      // Somebody is writing a reason: keep it, and bring only the rest up to date.
      here.dataset.version = fresh.dataset.version;
      here.querySelector(".meta").replaceWith(fresh.querySelector(".meta"));
    } else {
      const revised = here.dataset.revision !== fresh.dataset.revision;
      here.replaceWith(fresh);
      if (revised) {
        fresh.querySelector(".content").prepend(Object.assign(document.createElement("p"), {
          className: "changed", textContent: "This request has changed since you opened it. Read it again.",
        }));
        scrollTo(0, 0);
      }
      document.title = title;
      enliven(fresh);
      announce(revised ? "This request has changed. Read it again." : fresh.querySelector(".chips .badge").textContent.trim());
    }
  }
  tick();
}

function enliven(root) {
  for (const form of root.querySelectorAll("form[data-arm]")) arm(form);
  for (const block of root.querySelectorAll("[data-copy]")) copyable(block);
}

enliven(document);
tick();
setInterval(tick, 1000);
if (document.body.dataset.live && document.querySelector("[data-refresh]")) {
  // A hidden page holds no connection: a browser has only six for each host.
  const shown = document.querySelector("[data-request]")?.dataset.request;
  let live = null;
  let retry = 0;
  const connect = () => {
    live = new EventSource(document.body.dataset.live);
    live.addEventListener("change", (event) => { if (!shown || !event.data || event.data === shown) refresh(); });
    // Whatever changed between the page and this connection was told to nobody.
    live.addEventListener("open", refresh);
    // Refused, not merely interrupted: a browser does not try again by itself then.
    live.addEventListener("error", () => {
      if (live.readyState !== EventSource.CLOSED) return;
      refresh();
      retry = setTimeout(connect, RETRY_MS);
    });
  };
  connect();
  document.addEventListener("visibilitychange", () => {
    live.close();
    clearTimeout(retry);
    if (!document.hidden) connect();
  });
}
