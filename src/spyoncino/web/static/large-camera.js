// One tile over the whole window. The tile stays where it is, so its pictures go on without a gap.

import { make } from "./dom.js";
import { leave } from "./route.js";

export class LargeCamera {
  /** @param {(step: number) => void} step to the next camera (1) or the one before (-1) */
  constructor(step) {
    this.tile = null;
    this.back = make("button", { type: "button", click: () => step(-1) }, "Previous");
    this.forth = make("button", { type: "button", click: () => step(1) }, "Next");
    this.full = make("button", { type: "button", click: () => this.fill() }, "Full screen");
    this.close = make("button", { type: "button", click: () => leave("camera") }, "Close");
    this.bar = make("div", { class: "bar" }, this.back, this.forth, this.full, this.close);
    this.full.hidden = !document.fullscreenEnabled;
    this.onKey = (event) => {
      if (event.key === "Escape" && !document.fullscreenElement) leave("camera");
      if (event.key === "ArrowLeft" && !this.back.hidden) step(-1);
      if (event.key === "ArrowRight" && !this.forth.hidden) step(1);
    };
  }

  /** @param {HTMLElement} tile @param {string} name @param {boolean} hasOthers */
  show(tile, name, hasOthers) {
    if (this.tile === tile) return;
    const kept = this.tile && this.bar.contains(document.activeElement) ? document.activeElement : null;
    if (this.tile) this.release();
    else document.addEventListener("keydown", this.onKey);
    this.tile = tile;
    this.back.hidden = this.forth.hidden = !hasOthers;
    tile.classList.add("large");
    tile.setAttribute("role", "dialog");
    tile.setAttribute("aria-modal", "true");
    tile.setAttribute("aria-label", `Camera ${name}`);
    tile.append(this.bar);
    tile.querySelector("button.open").tabIndex = -1; // it goes on telling what is wrong
    this.quieten(true);
    (kept ?? this.close).focus();
  }

  hide() {
    if (!this.tile) return;
    const tile = this.tile;
    this.release();
    this.tile = null;
    document.removeEventListener("keydown", this.onKey);
    tile.querySelector("button.open")?.focus();
  }

  release() {
    if (document.fullscreenElement === this.tile) document.exitFullscreen();
    this.quieten(false);
    this.bar.remove();
    this.tile.querySelector("button.open").tabIndex = 0;
    this.tile.classList.remove("large");
    for (const name of ["role", "aria-modal", "aria-label"]) this.tile.removeAttribute(name);
  }

  /** Everything beside the tile can be neither reached nor heard. @param {boolean} isQuiet */
  quieten(isQuiet) {
    document.body.classList.toggle("covered", isQuiet);
    for (let inner = this.tile; inner !== document.body; inner = inner.parentElement) {
      for (const other of inner.parentElement.children) {
        if (other !== inner && !other.ariaLive) other.inert = isQuiet;
      }
    }
  }

  fill() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.tile.requestFullscreen().catch(() => {}); // refused: it is large already
  }
}
