// The events, newest first, under the days on which they began; older ones come while scrolling.

import { get, news } from "./api.js";
import { make } from "./dom.js";
import { EventRow } from "./event-row.js";
import { dayOf } from "./words.js";
import "./event-filter.js";

const PAGE = 20;
const MOST = 400;
const TICK_MS = 20_000;
const EARLY = "600px";

export class EventList extends HTMLElement {
  connectedCallback() {
    /** @type {EventRow[]} newest first */
    this.rows = [];
    this.next = null;
    this.turn = 0;
    this.filter = make("event-filter", { hidden: true, change: () => this.restart() });
    this.days = make("div", { class: "days" });
    this.note = make("p", { class: "quiet", role: "status" }, "Asking for the events …");
    this.more = make("button", { class: "more", type: "button", hidden: true, click: () => this.older() }, "Show earlier events");
    this.append(this.filter, this.note, this.days, this.more);
    this.watcher = new IntersectionObserver((seen) => seen.at(-1).isIntersecting && this.older(), { rootMargin: EARLY });
    news.on("event", ({ event }) => this.takeNews(event));
    news.on("media", ({ event_id: id, media }) => this.find(id)?.takeMedia(media));
    news.on("hello", () => this.refresh());
    news.on("resync", () => this.refresh());
    setInterval(() => this.tick(), TICK_MS);
  }

  /** @param {string} id @returns {EventRow | undefined} */
  find(id) {
    return this.rows.find((row) => row.event.event_id === id);
  }

  /** The row before (-1) or after (1) another. @param {string} id @param {number} step */
  neighbour(id, step) {
    const at = this.rows.findIndex((row) => row.event.event_id === id);
    return at < 0 ? undefined : this.rows[at + step];
  }

  restart() {
    this.forget();
    this.refresh();
  }

  forget() {
    this.rows = [];
    this.next = null;
    this.days.replaceChildren();
  }

  /** The newest, first of all and whenever something may have been missed. */
  async refresh() {
    const page = await this.ask(null);
    if (!page) return;
    const meets = page.events.some(({ event }) => this.find(event.event_id));
    if (!meets) {
      this.forget(); // more happened meanwhile than a page holds: no hole in the list
      this.next = page.next;
    }
    for (const found of page.events) this.take(found);
    this.settle();
  }

  async older() {
    if (!this.next || this.asking) return;
    const page = await this.ask(this.next);
    if (!page) return;
    this.next = page.next;
    for (const found of page.events) this.take(found);
    this.settle();
  }

  /** @param {string | null} before @returns {Promise<any>} null when it failed or is no longer wanted */
  async ask(before) {
    const turn = ++this.turn;
    this.asking = true;
    this.watcher.unobserve(this.more);
    try {
      const query = new URLSearchParams({ limit: String(PAGE), ...this.filter.query, ...(before ? { before } : {}) });
      const page = await get(`/api/v1/events?${query}`);
      return turn === this.turn ? page : null;
    } catch (error) {
      if (turn === this.turn) this.say(`Events cannot be shown: ${error.message}`);
      return null;
    } finally {
      if (turn === this.turn) this.asking = false;
    }
  }

  settle() {
    const isFiltered = Object.keys(this.filter.query).length > 0;
    const none = isFiltered ? "No such events." : "No events yet. They appear here by themselves.";
    this.say(this.rows.length ? "" : none);
    this.filter.hidden = !this.rows.length && !isFiltered;
    this.more.hidden = !this.next;
    if (this.next) this.watcher.observe(this.more);
    this.dispatchEvent(new Event("settled"));
  }

  /** @param {string} words */
  say(words) {
    this.note.textContent = words;
    this.note.hidden = !words;
  }

  /** @param {any} event */
  takeNews(event) {
    const known = this.find(event.event_id);
    if (known && !this.filter.lets(event)) this.remove(known); // its type became another
    else if (known) known.take({ event });
    else if (this.filter.lets(event) && this.isNewEnough(event)) this.take({ event });
    else return;
    while (this.rows.length > MOST) {
      this.remove(this.rows[this.rows.length - 1]);
      this.next = this.rows[this.rows.length - 1].event.event_id;
    }
    this.settle();
  }

  /** Older ones come with their page. @param {any} event */
  isNewEnough(event) {
    const last = this.rows[this.rows.length - 1];
    return !this.next || !last || last.begun <= new Date(event.started_at);
  }

  /** @param {any} found */
  take(found) {
    const known = this.find(found.event.event_id);
    if (known) {
      known.take(found);
      return;
    }
    this.filter.learn(found.event.type);
    const row = new EventRow(found.event);
    row.take(found);
    let at = this.rows.findIndex((other) => other.begun <= row.begun);
    if (at < 0) at = this.rows.length;
    this.rows.splice(at, 0, row);
    this.place(row, this.rows[at + 1]);
  }

  /** @param {EventRow} row @param {EventRow | undefined} following */
  place(row, following) {
    const day = row.begun.toDateString();
    const isSameDay = following?.begun.toDateString() === day;
    let group = this.days.querySelector(`section[data-day="${day}"]`);
    if (!group) {
      group = make("section", { "data-day": day }, make("h3", {}, dayOf(row.begun)), make("ol"));
      this.days.insertBefore(group, following?.element.closest("section") ?? null);
    }
    group.querySelector("ol").insertBefore(row.element, isSameDay ? following.element : null);
  }

  /** @param {EventRow} row */
  remove(row) {
    this.rows.splice(this.rows.indexOf(row), 1);
    const group = row.element.closest("section");
    row.element.remove();
    if (!group.querySelector("li")) group.remove();
  }

  /** Minutes and days pass. */
  tick() {
    for (const row of this.rows) row.tick();
    for (const group of this.days.children) {
      group.querySelector("h3").textContent = dayOf(new Date(group.dataset.day));
    }
  }
}

customElements.define("event-list", EventList);
