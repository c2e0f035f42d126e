// All cameras, in the order of the configuration; one of them in large when the address says so.

import { news } from "./api.js";
import { make } from "./dom.js";
import { LargeCamera } from "./large-camera.js";
import { go, onRoute, where } from "./route.js";
import { cameraState } from "./words.js";
import "./camera-tile.js";

const SEVERAL = 3; // on a phone two in a row, so that the events are not far away
const MANY = 5;
const LOOK_MS = 1000;
const LATE_S = 4;
const LATE_PICTURES = 3; // of a camera that shows only one in a few seconds

export class CameraWall extends HTMLElement {
  connectedCallback() {
    /** @type {Map<string, any>} name to the tile, what lies over its picture, and what was last heard and seen */
    this.places = new Map();
    this.note = make("p", { class: "quiet" }, "Asking for the cameras …");
    this.append(this.note);
    this.large = new LargeCamera((step) => this.step(step));
    news.on("hello", (hello) => this.showAll(hello.cameras));
    news.on("camera", ({ camera }) => this.show(camera));
    news.on("line", (isOpen) => isOpen || this.loseAll());
    onRoute(() => this.enlarge());
    setInterval(() => this.lookForLate(), LOOK_MS);
  }

  /** @param {any[]} cameras */
  showAll(cameras) {
    for (const [name, place] of this.places) {
      if (!cameras.some((camera) => camera.camera === name)) {
        place.tile.remove();
        this.places.delete(name);
      }
    }
    for (const camera of cameras) {
      if (!this.places.has(camera.camera)) this.add(camera.camera);
      this.show(camera);
    }
    this.classList.toggle("several", cameras.length >= SEVERAL);
    this.classList.toggle("many", cameras.length >= MANY);
    this.note.hidden = cameras.length > 0;
    this.note.textContent = "There is no camera yet. Add one to the configuration, then start again.";
    this.enlarge();
  }

  /** @param {string} name */
  add(name) {
    const trouble = make("span", { "aria-hidden": "true" });
    const waiting = make("span", { class: "waiting", "aria-hidden": "true" }, "Waiting for a picture …");
    const open = make(
      "button",
      { class: "open", type: "button", "aria-label": `Show ${name} in large`, click: () => go("camera", name) },
      trouble,
      waiting,
    );
    const tile = make("camera-tile");
    this.places.set(name, { tile, open, trouble, waiting, camera: null, count: undefined, since: 0 });
    this.append(tile);
  }

  /** @param {any} camera */
  show(camera) {
    const place = this.places.get(camera.camera);
    if (!place) return;
    place.camera = camera;
    place.tile.show(camera);
    if (!place.open.isConnected) place.tile.append(place.open);
    place.trouble.textContent = camera.state === "live" ? "" : cameraState(camera.state)[1];
  }

  /** What stands there is old; nobody may take it for live. */
  loseAll() {
    for (const { camera } of this.places.values()) {
      if (camera) this.show({ ...camera, state: "away", detail: "" });
    }
  }

  /** A picture that stands still is not live, whatever the camera says. */
  lookForLate() {
    const now = performance.now();
    for (const place of this.places.values()) {
      const { tile, camera, waiting } = place;
      const count = tile.dataset.pictures;
      const isWatched = document.visibilityState === "visible" && camera?.state === "live" && isInView(tile);
      if (count !== place.count || !isWatched) {
        place.count = count;
        place.since = now;
      }
      const age_s = (now - place.since) / 1000;
      const isLate = age_s >= Math.max(LATE_S, LATE_PICTURES / (camera?.analysis_fps || 1));
      tile.toggleAttribute("data-late", isLate);
      waiting.textContent = count && isLate ? `No new picture for ${Math.round(age_s)} s` : "Waiting for a picture …";
    }
  }

  enlarge() {
    const { kind, id } = where();
    const place = kind === "camera" ? this.places.get(id) : undefined;
    if (place) this.large.show(place.tile, id, this.places.size > 1);
    else this.large.hide();
  }

  /** To the next camera or the one before. @param {number} step */
  step(step) {
    const names = [...this.places.keys()];
    const at = names.indexOf(where().id);
    go("camera", names[(at + step + names.length) % names.length], true);
  }
}

/** @param {Element} element */
function isInView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

customElements.define("camera-wall", CameraWall);
