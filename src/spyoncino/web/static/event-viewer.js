// One event in large: its clip, or its picture while there is no clip yet, and the files to keep.

import { news } from "./api.js";
import { make } from "./dom.js";
import { sizeOf, titleOf, whatOf, whenOf } from "./words.js";

export class EventViewer extends HTMLElement {
  connectedCallback() {
    this.heading = make("h2", { id: "viewer-title" });
    this.stage = make("div");
    this.facts = make("div", { class: "facts" });
    this.dialog = make(
      "dialog",
      { "aria-labelledby": "viewer-title", close: () => this.clear(), click: (event) => this.onClick(event) },
      make("div", { class: "head" }, this.heading, make("button", { type: "button", click: () => this.dialog.close() }, "Close")),
      this.stage,
      this.facts,
    );
    this.append(this.dialog);
    news.on("media", ({ event_id: id, media }) => {
      if (this.entry?.event.event_id === id && media.kind === "clip") this.fill();
    });
  }

  /** @param {any} entry */
  show(entry) {
    this.entry = entry;
    this.fill();
    this.dialog.showModal();
  }

  fill() {
    const { event, media } = this.entry;
    this.heading.textContent = titleOf(event);
    this.stage.replaceChildren(this.picture(event, media));
    const links = Object.values(media).map((file) =>
      make("a", { href: file.url, download: `${event.camera}-${event.event_id.slice(0, 8)}-${file.kind}` }, `Save ${file.kind} (${sizeOf(file.size_bytes)})`),
    );
    this.facts.replaceChildren(
      make("p", {}, whenOf(event)),
      make("p", { class: "quiet" }, [whatOf(event), event.reason].filter(Boolean).join(" · ")),
      make("p", {}, ...links),
    );
  }

  /** @param {any} event @param {any} media */
  picture(event, media) {
    if (media.clip) {
      return make("video", {
        src: media.clip.url,
        poster: media.snapshot?.url,
        controls: true,
        autoplay: true,
        muted: true,
        playsinline: true,
        "aria-label": `Clip: ${titleOf(event)}`,
      });
    }
    if (media.snapshot) return make("img", { src: media.snapshot.url, alt: `Picture: ${titleOf(event)}` });
    return make("p", { class: "notice" }, "Picture and clip are being made.");
  }

  /** A click beside the dialog closes it. @param {any} event */
  onClick(event) {
    if (event.target === this.dialog) this.dialog.close();
  }

  clear() {
    this.entry = null;
    this.stage.replaceChildren();
  }
}

customElements.define("event-viewer", EventViewer);
