// What the pages gain where a script runs: local times and countdowns, live updates, and an Approve
// button that is armed only once it has been in view for a moment. Without it everything still works.
"use strict";

const ARM_MS = 700;
const SOON_MS = 120000;
const RETRY_MS = 5000;
const PING_MS = 3000;
const POLL_MS = 30000;
const announce = (text) => { document.getElementById("announce").textContent = text; };

// Times ---------------------------------------------------------------------------------------
// In the zone and language that are configured for the reader, else in the browser's own.
function format(shape) {
  const { zone, language } = document.body.dataset;
  try {
    return new Intl.DateTimeFormat(language || undefined, { ...shape, timeZone: zone || undefined });
  } catch {
    return new Intl.DateTimeFormat(undefined, shape); // a zone that this browser does not know yet
  }
}
const formats = {
  clock: format({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  day: format({ day: "numeric", month: "short", year: "numeric" }),
  whole: format({ dateStyle: "full", timeStyle: "long" }),
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
    time.title ||= formats.whole.format(at);
  }
  if (ran_out && !overdue) setTimeout(refresh, 1500);
  overdue = ran_out;
}

// A service that does not answer: it is said, and nothing can be approved until it is back --------
let lost = false;
function connection(up) {
  if (lost !== up) return;
  lost = !up;
  document.getElementById("lost").hidden = up;
  for (const form of document.querySelectorAll("form[data-arm]")) form.dispatchEvent(new Event("connection"));
  if (up) refresh();
}
async function ping() {
  let up = false;
  try {
    up = (await fetch("/healthz", { cache: "no-store" })).status < 500; // 502: of a proxy before it
  } catch {
    up = false;
  }
  connection(up);
  if (!up) setTimeout(ping, PING_MS);
}

// Approve is armed late, so that nobody presses what has only just appeared under the thumb -------
function arm(form) {
  const button = form.querySelector(".go") ?? form.querySelector("button");
  let timer = 0;
  const disarm = () => {
    clearTimeout(timer);
    timer = 0;
    button.setAttribute("aria-disabled", "true");
    button.classList.remove("arming");
  };
  const start = () => {
    if (timer || document.hidden || lost) return;
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
  const anew = () => { disarm(); if (seen) start(); };
  document.addEventListener("visibilitychange", anew);
  form.addEventListener("connection", anew);
  form.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter !== button) return;
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
  const regions = [...document.querySelectorAll("[data-refresh]")];
  if (!regions.length) return;
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = regions.map((here) => page.getElementById(here.id));
    if (answer.ok && fresh.every(Boolean)) {
      regions.forEach((here, at) => swap(here, fresh[at]));
      if (!document.getElementById("request")) document.title = page.title;
      dot();
      tick();
    } else if (answer.status < 500) location.reload(); // signed out, or not there any more: it says so
  } catch {
    ping();
  } finally {
    busy = false;
    if (again) { again = false; refresh(); }
  }
}

// What is new for the reader: the title counts it, the icon has a dot, and who pressed the button is told
function dot() {
  const icon = document.querySelector('link[rel="icon"]');
  const wanted = /^\(\d/.test(document.title) ? icon.dataset.dot : icon.dataset.plain;
  if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
}
const told = "countersign-notify";
const notifies = () => "Notification" in window && Notification.permission === "granted" && localStorage.getItem(told) === "on";
function notify(row) {
  const link = row.querySelector("a");
  const note = new Notification(link.textContent, { body: `${row.dataset.risk} · Countersign`, tag: row.dataset.mine });
  note.addEventListener("click", () => { window.focus(); location.assign(link.href); });
}
function offer(button) {
  if (!("Notification" in window) || Notification.permission === "denied") return;
  const say = () => { button.textContent = notifies() ? "Stop notifying me" : "Notify me of new requests"; };
  button.closest("[hidden]").hidden = false;
  say();
  button.addEventListener("click", async () => {
    if (notifies()) localStorage.setItem(told, "off");
    else if (await Notification.requestPermission() === "granted") localStorage.setItem(told, "on");
    say();
    announce(notifies() ? "You will be notified while this page is open." : "You are not notified.");
  });
}

function swap(here, fresh) {
  const title = fresh.ownerDocument.title;
  if (here.id !== "request") {
    const known = new Set([...here.querySelectorAll("[data-mine]")].map((row) => row.dataset.mine));
    const focused = here.contains(document.activeElement) && document.activeElement.getAttribute("href");
    here.replaceChildren(...fresh.childNodes);
    if (here.className !== fresh.className) here.className = fresh.className;
    if (focused) here.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    const added = [...here.querySelectorAll("[data-mine]")].filter((row) => !known.has(row.dataset.mine));
    if (added.length) announce(added.length === 1 ? "A new request is waiting" : `${added.length} new requests are waiting`);
    if (document.hidden && notifies()) added.slice(0, 3).forEach(notify);
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
}

// Deciding several together: a fold brings the page of its request, and then it can be ticked -------
function lookable(fold) {
  fold.addEventListener("toggle", async () => {
    if (!fold.open || fold.dataset.there) return;
    const row = fold.closest("[data-row]");
    const box = row.querySelector('input[type="checkbox"]');
    try {
      const answer = await fetch(fold.dataset.look, { headers: { accept: "text/html" }, cache: "no-store" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const whole = page.getElementById("request");
      if (!answer.ok || whole?.dataset.digest !== box.value) { location.reload(); return; }
      const shown = Object.assign(document.createElement("div"), { className: "looked", tabIndex: 0 });
      shown.append(...whole.querySelectorAll(".content > .card"));
      for (const node of shown.querySelectorAll("h1, form, .button")) node.remove(); // they are for its own page
      for (const node of shown.querySelectorAll("[id], [aria-labelledby]")) {
        node.removeAttribute("id");
        node.removeAttribute("aria-labelledby");
      }
      for (const block of shown.querySelectorAll("pre:not([aria-label])")) block.removeAttribute("tabindex");
      shown.setAttribute("role", "group");
      shown.setAttribute("aria-label", "The whole request");
      fold.querySelector("p").replaceWith(shown);
      fold.dataset.there = "1";
      box.disabled = false;
      row.querySelector(".tick span").firstChild.textContent = "Include it";
      tick();
    } catch {
      ping();
    }
  });
}

function enliven(root) {
  for (const form of root.querySelectorAll("form[data-arm]")) arm(form);
  for (const block of root.querySelectorAll("[data-copy]")) copyable(block);
}

enliven(document);
for (const fold of document.querySelectorAll("[data-look]")) lookable(fold);
for (const button of document.querySelectorAll("[data-notify]")) offer(button);
tick();
dot();
setInterval(tick, 1000);
addEventListener("offline", () => connection(false));
addEventListener("online", ping);
if (document.body.dataset.live && document.querySelector("[data-refresh]")) {
  const shown = document.querySelector("[data-request]")?.dataset.request;
  // The list goes on hearing in the background, so that its title can count and it can notify.
  const stays = Boolean(document.getElementById("list"));
  let live = null;
  let retry = 0;
  let poll = 0;
  const connect = () => {
    clearInterval(poll);
    clearTimeout(retry);
    live = new EventSource(document.body.dataset.live);
    live.addEventListener("change", (event) => { if (!shown || !event.data || event.data === shown) refresh(); });
    // Whatever changed between the page and this connection was told to nobody.
    live.addEventListener("open", () => { connection(true); refresh(); });
    // There are too many pages of this session: the one opened first asks now and then instead.
    live.addEventListener("enough", () => {
      live.close();
      poll = setInterval(refresh, POLL_MS);
    });
    live.addEventListener("error", () => {
      ping();
      // Refused, not merely interrupted: a browser does not try again by itself then.
      if (live.readyState !== EventSource.CLOSED) return;
      refresh();
      retry = setTimeout(connect, RETRY_MS);
    });
  };
  connect();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && !stays) {
      live.close();
      clearTimeout(retry);
      clearInterval(poll);
    } else if (!document.hidden && live.readyState === EventSource.CLOSED) connect();
  });
} else if (document.querySelector("form[data-arm]")) {
  setInterval(ping, PING_MS * 5);
}
