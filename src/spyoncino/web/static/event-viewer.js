// One event in large: its clip, or its picture while there is no clip yet, facts, and files to keep.

import { get, news } from "./api.js";
import { make } from "./dom.js";
import { go, leave, onRoute } from "./route.js";
import { faceWords, factsOf, fileNameOf, isGoingOn, sizeOf, titleOf } from "./words.js";

/** What is offered to keep; the WebP is the GIF again, for this page. */
const FILES = { clip: "clip", snapshot: "picture", gif: "preview" };

export class EventViewer extends HTMLElement {
  connectedCallback() {
    /** @type {any} */
    this.event = null;
    this.heading = make("h2", { id: "viewer-title" });
    this.stage = make("div", { class: "stage" });
    this.facts = make("div", { class: "facts" });
    this.newer = make("button", { type: "button", click: () => this.step(-1) }, "Newer");
    this.earlier = make("button", { type: "button", click: () => this.step(1) }, "Older");
    this.dialog = make(
      "dialog",
      {
        "aria-labelledby": "viewer-title",
        close: () => this.onClose(),
        click: (event) => event.target === this.dialog && this.dialog.close(),
        keydown: (event) => this.onKey(event),
      },
      make(
        "div",
        { class: "head" },
        this.heading,
        make("div", { class: "buttons" }, this.newer, this.earlier, make("button", { type: "button", autofocus: true, click: () => this.dialog.close() }, "Close")),
      ),
      this.stage,
      this.facts,
    );
    this.append(this.dialog);
    news.on("media", ({ event_id: id, media }) => this.event?.event_id === id && this.take(this.event, [media]));
    news.on("event", ({ event }) => this.event?.event_id === event.event_id && this.take(event, []));
    this.list.addEventListener("settled", () => this.event?.camera && this.offerNeighbours());
    onRoute(({ kind, id }) => (kind === "event" ? this.open(id) : this.dialog.close()));
  }

  get list() {
    return /** @type {any} */ (document.querySelector("event-list"));
  }

  /** @param {string} id */
  async open(id) {
    if (this.event?.event_id === id) return;
    this.event = { event_id: id };
    this.media = {};
    this.shown = "";
    this.heading.textContent = "Event";
    this.stage.replaceChildren(make("p", { class: "notice" }, "Asking for the event …"));
    this.facts.replaceChildren();
    const row = this.list?.find?.(id);
    if (row) this.take(row.event, Object.values(row.media));
    if (!this.dialog.open) this.dialog.showModal();
    if (row) return;
    try {
      const found = await get(`/api/v1/events/${encodeURIComponent(id)}`);
      if (this.event?.event_id === id) this.take(found.event, found.media);
    } catch (error) {
      if (this.event?.event_id === id) this.stage.replaceChildren(make("p", { class: "notice" }, error.message));
    }
  }

  /** @param {any} event @param {any[]} files */
  take(event, files) {
    this.event = event;
    for (const file of files) this.media[file.kind] = file;
    this.heading.textContent = titleOf(event);
    this.offerNeighbours();
    this.show();
    this.tell();
  }

  /** Not `disabled`: a button that has the focus would swallow the keys. */
  offerNeighbours() {
    for (const [button, step] of [[this.newer, -1], [this.earlier, 1]]) {
      button.setAttribute("aria-disabled", String(!this.list.neighbour(this.event.event_id, step)));
    }
  }

  /** The clip or the picture; what plays already is left alone. */
  show() {
    const file = this.media.clip ?? this.media.snapshot;
    const shown = file?.url ?? "nothing";
    if (this.shown === shown) return;
    this.shown = shown;
    if (this.media.clip) this.stage.replaceChildren(this.clip());
    else if (file) this.stage.replaceChildren(this.picture());
    else this.stage.replaceChildren(make("p", { class: "notice" }, isGoingOn(this.event) ? "Picture and clip are being made." : "There is neither picture nor clip of it."));
  }

  clip() {
    return make("video", {
      src: this.media.clip.url,
      poster: this.media.snapshot?.url,
      controls: true,
      autoplay: true,
      muted: true,
      playsinline: true,
      "aria-label": `Clip: ${titleOf(this.event)}`,
      error: () => this.giveUp(),
    });
  }

  picture() {
    return make("img", { src: this.media.snapshot.url, alt: `Picture: ${titleOf(this.event)}` });
  }

  giveUp() {
    this.stage.replaceChildren(
      ...(this.media.snapshot ? [this.picture()] : []),
      make("p", { class: "notice" }, "This browser cannot play the clip. Save it to watch it in another player."),
    );
  }

  tell() {
    const facts = factsOf(this.event).map(([name, words]) => [make("dt", {}, name), make("dd", {}, words)]);
    facts.splice(this.event.story ? 1 : 0, 0, this.faces());
    const notes = new Set(Object.values(this.media).flatMap((file) => file.notes ?? []));
    const links = Object.entries(FILES).filter(([kind]) => this.media[kind]).map(([kind, words]) => {
      const file = this.media[kind];
      return make("a", { href: file.url, download: fileNameOf(this.event, file) }, `Save ${words} (${sizeOf(file.size_bytes)})`);
    });
    if (!this.media.clip && isGoingOn(this.event)) links.push(make("span", { class: "quiet" }, "The clip follows when it is over."));
    this.facts.replaceChildren(
      make("dl", {}, ...facts.flat()),
      ...[...notes].map((note) => make("p", { class: "quiet" }, note)),
      make("p", { class: "files" }, ...links),
    );
  }

  /** Each face with the verdict and why, so that a person can judge it. */
  faces() {
    const told = this.event.identities.map((face) => {
      const tone = face.decision === "blocked" ? "face bad" : "face";
      return make("li", {}, make("span", { class: tone }, faceWords(face)), make("span", { class: "why" }, face.reason));
    });
    return told.length ? [make("dt", {}, told.length > 1 ? "Faces" : "Face"), make("dd", {}, make("ul", { class: "faces" }, ...told))] : [];
  }

  /** @param {number} step */
  step(step) {
    const row = this.list.neighbour(this.event.event_id, step);
    if (row) go("event", row.event.event_id, true);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (/** @type {Element} */ (event.target).tagName === "VIDEO") return; // there the arrows seek
    if (event.key === "ArrowLeft") this.step(-1);
    if (event.key === "ArrowRight") this.step(1);
  }

  onClose() {
    const id = this.event?.event_id;
    this.event = null;
    this.stage.replaceChildren();
    leave("event");
    this.list.find(id)?.element.querySelector("button").focus({ preventScroll: true });
  }
}

customElements.define("event-viewer", EventViewer);
