// One event of the list: picture, moving preview while pointed at or focused, facts in words.

import { bell } from "./bell-mark.js";
import { make } from "./dom.js";
import { go } from "./route.js";
import { agoOf, isGoingOn, lastedOf, rangWords, tellingOf, timeOf, titleOf, fullTimeOf } from "./words.js";

export class EventRow {
  /** @param {any} event */
  constructor(event) {
    this.event = event;
    /** @type {Record<string, any>} kind to file */
    this.media = {};
    this.moving = false;
    this.picture = make("img", { class: "picture", alt: "", width: 132, height: 88, loading: "lazy" });
    this.blank = make("span", { class: "picture blank" });
    this.lasted = make("span", { class: "lasted" });
    this.rang = make("span", { class: "rang" });
    this.title = make("span", { class: "title" });
    this.time = make("time");
    this.what = make("span", { class: "line" });
    const button = make(
      "button",
      {
        class: "event",
        type: "button",
        "data-event": event.event_id,
        click: () => go("event", this.event.event_id),
        pointerenter: () => this.move(true),
        pointerleave: () => this.move(false),
        focus: () => this.move(true),
        blur: () => this.move(false),
      },
      make("span", { class: "frame" }, this.picture, this.blank, this.rang, this.lasted),
      make("span", { class: "text" }, this.title, make("span", { class: "line" }, this.time), this.what),
    );
    this.element = make("li", {}, button);
    this.fill();
  }

  get begun() {
    return new Date(this.event.started_at);
  }

  /** @param {any} found an event with its files, as the server tells it */
  take(found) {
    this.event = found.event;
    for (const file of found.media ?? []) this.media[file.kind] = file;
    this.fill();
  }

  /** @param {any} file */
  takeMedia(file) {
    this.media[file.kind] = file;
    this.fill();
  }

  fill() {
    this.title.textContent = titleOf(this.event);
    this.what.textContent = tellingOf(this.event);
    this.tellPresses();
    this.lasted.textContent = isGoingOn(this.event) ? "now" : lastedOf(this.event);
    this.lasted.classList.toggle("now", isGoingOn(this.event));
    this.time.dateTime = this.event.started_at;
    this.time.title = fullTimeOf(this.event);
    this.tick();
    this.show();
  }

  /** A bell on the picture, with a number where it was rung several times. */
  tellPresses() {
    const count = this.event.presses.length;
    this.rang.hidden = !count;
    const often = make("span", { class: "often", "aria-hidden": "true" }, count > 1 ? String(count) : "");
    this.rang.replaceChildren(...(count ? [bell(), often, make("span", { class: "unseen" }, rangWords(this.event))] : []));
  }

  /** Time goes on. */
  tick() {
    const since = isGoingOn(this.event) ? "going on" : agoOf(this.event);
    const text = [timeOf(this.event), since].filter(Boolean).join(" · ");
    if (this.time.textContent !== text) this.time.textContent = text;
  }

  /** @param {boolean} isMoving */
  move(isMoving) {
    this.moving = isMoving;
    this.show();
  }

  /** The still picture, or the moving preview. */
  show() {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const preview = this.media.webp ?? this.media.gif;
    const file = this.moving && !calm && preview ? preview : this.media.snapshot;
    this.picture.hidden = !file;
    this.blank.hidden = Boolean(file);
    this.blank.textContent = isGoingOn(this.event) ? "…" : "No picture";
    if (file && this.picture.getAttribute("src") !== file.url) this.picture.setAttribute("src", file.url);
  }
}
