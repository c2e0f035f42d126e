// One camera: its state in words and its live pictures, taken only while the tile can be seen.

import { Line } from "./api.js";
import { make } from "./dom.js";
import { cameraState } from "./words.js";

export class CameraTile extends HTMLElement {
  connectedCallback() {
    if (!this.canvas) this.build();
    this.seen = false;
    this.watcher = new IntersectionObserver((entries) => {
      this.seen = entries[entries.length - 1].isIntersecting;
      this.decide();
    });
    this.watcher.observe(this);
    this.onVisibility = () => this.decide();
    document.addEventListener("visibilitychange", this.onVisibility);
  }

  disconnectedCallback() {
    this.watcher.disconnect();
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.seen = false;
    this.decide();
  }

  build() {
    this.canvas = make("canvas", { width: 640, height: 360, role: "img" });
    this.state = make("span", { class: "state" });
    this.detail = make("span", { class: "detail" });
    this.heading = make("h3");
    this.append(
      this.canvas,
      make("div", { class: "about" }, this.heading, this.state, this.detail),
    );
  }

  /** @param {any} camera */
  show(camera) {
    if (!this.canvas) this.build();
    const [tone, words] = cameraState(camera.state);
    this.camera = camera.camera;
    this.heading.textContent = camera.camera;
    this.state.className = `state ${tone}`;
    this.state.textContent = words;
    this.detail.textContent = camera.detail;
    this.canvas.setAttribute("aria-label", `Live picture of ${camera.camera}: ${words}`);
    this.dataset.state = camera.state;
    this.decide();
  }

  /** Watch while somebody looks; the server makes pictures only then. */
  decide() {
    const wanted = Boolean(this.camera) && this.seen && document.visibilityState === "visible";
    if (wanted && !this.line) {
      const path = `/api/v1/cameras/${encodeURIComponent(this.camera)}/live`;
      this.line = new Line(path, (blob) => this.draw(blob));
    } else if (!wanted && this.line) {
      this.line.close();
      this.line = null;
    }
  }

  /** @param {Blob} blob */
  async draw(blob) {
    if (this.drawing) return; // a slow phone skips pictures instead of falling behind
    this.drawing = true;
    try {
      const picture = await createImageBitmap(blob);
      if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
        this.canvas.width = picture.width;
        this.canvas.height = picture.height;
      }
      this.canvas.getContext("2d").drawImage(picture, 0, 0);
      picture.close();
      this.dataset.pictures = String(Number(this.dataset.pictures ?? 0) + 1);
    } catch {
      // A picture that cannot be read is followed by the next one.
    } finally {
      this.drawing = false;
    }
  }
}

customElements.define("camera-tile", CameraTile);
