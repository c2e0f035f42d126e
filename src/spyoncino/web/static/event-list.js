// The events, newest first: picture, moving preview while pointed at or focused, clip on click.

import { get, news } from "./api.js";
import { make } from "./dom.js";
import { titleOf, whatOf, whenOf } from "./words.js";

const PAGE = 20;

export class EventList extends HTMLElement {
  connectedCallback() {
    /** @type {Map<string, any>} id to {event, media, row} */
    this.known = new Map();
    this.list = make("ol");
    this.note = make("p", { class: "quiet", role: "status" }, "Loading events …");
    this.more = make("button", { class: "more", type: "button", hidden: true, click: () => this.load(this.next) }, "Show earlier events");
    this.append(this.note, this.list, this.more);
    news.on("event", ({ event }) => this.take({ event }, true));
    news.on("media", (told) => this.takeMedia(told));
    news.on("hello", () => this.load(null));
    news.on("resync", () => this.load(null));
  }

  /** @param {string | null} before */
  async load(before) {
    try {
      const query = new URLSearchParams({ limit: String(PAGE), ...(before ? { before } : {}) });
      const page = await get(`/api/v1/events?${query}`);
      for (const found of page.events) this.take(found, false);
      if (before !== null || this.next === undefined) this.next = page.next;
      this.more.hidden = !this.next;
      this.note.textContent = this.known.size ? "" : "No events yet. They appear here by themselves.";
      this.note.hidden = this.known.size > 0;
    } catch (error) {
      this.note.hidden = false;
      this.note.textContent = `Events cannot be shown: ${error.message}`;
    }
  }

  /** @param {any} found @param {boolean} isNews */
  take(found, isNews) {
    const id = found.event.event_id;
    const entry = this.known.get(id) ?? { media: {}, row: null };
    entry.event = found.event;
    for (const file of found.media ?? []) entry.media[file.kind] = file;
    if (!entry.row) {
      this.known.set(id, entry);
      entry.row = this.rowFor(entry);
      this.place(entry);
      if (isNews) this.note.hidden = true;
    }
    this.fill(entry);
  }

  /** @param {any} told */
  takeMedia({ event_id: id, media }) {
    const entry = this.known.get(id);
    if (!entry) return;
    entry.media[media.kind] = media;
    this.fill(entry);
  }

  /** @param {any} entry */
  rowFor(entry) {
    entry.picture = make("img", { class: "picture", alt: "", width: 132, height: 88, loading: "lazy" });
    entry.picture.hidden = true;
    entry.blank = make("span", { class: "picture" });
    entry.title = make("span", { class: "title" });
    entry.when = make("span", { class: "line" });
    entry.what = make("span", { class: "line" });
    const button = make(
      "button",
      {
        class: "event",
        type: "button",
        "data-event": entry.event.event_id,
        click: () => document.querySelector("event-viewer").show(entry),
        pointerenter: () => this.move(entry, true),
        pointerleave: () => this.move(entry, false),
        focus: () => this.move(entry, true),
        blur: () => this.move(entry, false),
      },
      make("span", {}, entry.picture, entry.blank),
      make("span", { class: "text" }, entry.title, entry.when, entry.what),
    );
    return make("li", {}, button);
  }

  /** @param {any} entry */
  place(entry) {
    const later = [...this.known.values()].filter(
      (other) => other !== entry && other.row?.isConnected && other.event.started_at <= entry.event.started_at,
    );
    later.sort((one, two) => (one.event.started_at < two.event.started_at ? 1 : -1));
    this.list.insertBefore(entry.row, later[0]?.row ?? null);
  }

  /** @param {any} entry */
  fill(entry) {
    entry.title.textContent = titleOf(entry.event);
    entry.when.textContent = whenOf(entry.event);
    entry.what.textContent = whatOf(entry.event);
    this.move(entry, false);
  }

  /** Still picture, or the moving preview. @param {any} entry @param {boolean} isMoving */
  move(entry, isMoving) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const preview = entry.media.webp ?? entry.media.gif;
    const file = isMoving && !calm && preview ? preview : entry.media.snapshot;
    entry.picture.hidden = !file;
    entry.blank.hidden = Boolean(file);
    if (file && entry.picture.getAttribute("src") !== file.url) entry.picture.setAttribute("src", file.url);
  }
}

customElements.define("event-list", EventList);
