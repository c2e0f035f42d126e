// All cameras, in the order of the configuration; one of them in large when the address says so.

import { news } from "./api.js";
import { make } from "./dom.js";
import { LargeCamera } from "./large-camera.js";
import { go, onRoute, where } from "./route.js";
import { cameraState } from "./words.js";
import "./camera-tile.js";

const SEVERAL = 3; // on a phone two in a row, so that the events are not far away
const MANY = 5;

export class CameraWall extends HTMLElement {
  connectedCallback() {
    /** @type {Map<string, {tile: any, open: HTMLElement, trouble: HTMLElement, camera: any}>} */
    this.places = new Map();
    this.note = make("p", { class: "quiet" }, "Asking for the cameras …");
    this.append(this.note);
    this.large = new LargeCamera((step) => this.step(step));
    news.on("hello", (hello) => this.showAll(hello.cameras));
    news.on("camera", ({ camera }) => this.show(camera));
    news.on("line", (isOpen) => isOpen || this.loseAll());
    onRoute(() => this.enlarge());
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
    this.places.set(name, { tile, open, trouble, camera: null });
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

customElements.define("camera-wall", CameraWall);
