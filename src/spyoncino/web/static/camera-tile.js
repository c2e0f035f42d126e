// One camera: its state in words and its live view, taken only while the tile can be seen.
// The view is video where the browser can play it, else single pictures. The canvas below the video
// keeps the last picture, so that nothing jumps when one stream ends and another begins.

import { Line } from "./api.js";
import { make } from "./dom.js";
import { LivePlayer, canPlayLive } from "./live-player.js";
import { cameraState } from "./words.js";

const MAX_FAILURES = 2; // then single pictures, until the camera comes back or the page is loaded again
const PLAYS_WELL_MS = 60_000;

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
    this.failures = 0;
    this.canvas = make("canvas", { width: 640, height: 360 });
    this.video = make("video", { playsinline: true, autoplay: true, tabindex: -1 });
    this.video.muted = true; // the attribute alone does not mute what a script makes
    this.view = make("div", { class: "view", role: "img" }, this.canvas, this.video);
    this.state = make("span", { class: "state" });
    this.detail = make("span", { class: "detail" });
    this.heading = make("h3");
    this.append(
      this.view,
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
    this.view.setAttribute("aria-label", `Live picture of ${camera.camera}: ${words}`);
    const isBack = camera.state === "live" && this.dataset.state === "connecting";
    this.dataset.state = camera.state;
    if (isBack && this.failures) this.again(0); // it may send something else now
    else this.decide();
  }

  /** Watch while somebody looks; the server makes something only then. */
  decide() {
    const wanted = Boolean(this.camera) && this.seen && document.visibilityState === "visible";
    if (wanted && !this.line) this.watch();
    else if (!wanted && this.line) this.leave();
  }

  watch() {
    const path = `/api/v1/cameras/${encodeURIComponent(this.camera)}/live`;
    if (canPlayLive() && this.failures < MAX_FAILURES) {
      this.dataset.live = "mse";
      this.playedAt = Infinity;
      this.player = new LivePlayer(this.video, {
        onFirst: () => this.onFirst(),
        onPicture: () => this.onPicture(),
        onEnd: () => this.keepPicture(),
        onFail: (isFinal) => this.again(isFinal ? MAX_FAILURES : this.failures + 1),
      });
      this.line = new Line(`${path}?format=mp4`, (data) => this.onVideo(data), undefined, "arraybuffer");
    } else {
      this.dataset.live = "jpeg";
      this.line = new Line(path, (blob) => this.draw(blob));
    }
  }

  leave() {
    this.line?.close();
    this.line = null;
    this.player?.close();
    this.player = null;
  }

  /** Begin anew. @param {number} failures so many up to now */
  again(failures) {
    this.failures = failures;
    this.leave();
    this.decide();
  }

  /** @param {string | ArrayBuffer} data */
  onVideo(data) {
    if (typeof data !== "string") {
      this.player?.take(data);
      return;
    }
    const said = JSON.parse(data);
    if (said.kind === "init") this.player?.begin(said.mime);
    else if (said.state === "unavailable") this.again(MAX_FAILURES);
  }

  onFirst() {
    this.playedAt = performance.now();
    this.video.classList.add("on");
  }

  onPicture() {
    this.dataset.pictures = String(Number(this.dataset.pictures ?? 0) + 1);
    if (performance.now() - this.playedAt > PLAYS_WELL_MS) this.failures = 0;
  }

  /** The last picture of a video stays until there is a newer one. */
  keepPicture() {
    if (this.video.classList.contains("on")) this.paint(this.video, this.video.videoWidth, this.video.videoHeight);
    this.video.classList.remove("on");
  }

  /** @param {Blob} blob */
  async draw(blob) {
    if (this.drawing) return; // a slow phone skips pictures instead of falling behind
    this.drawing = true;
    try {
      const picture = await createImageBitmap(blob);
      this.paint(picture, picture.width, picture.height);
      picture.close();
      this.onPicture();
    } catch {
      // A picture that cannot be read is followed by the next one.
    } finally {
      this.drawing = false;
    }
  }

  /** @param {CanvasImageSource} picture @param {number} width @param {number} height */
  paint(picture, width, height) {
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.canvas.getContext("2d").drawImage(picture, 0, 0);
  }
}

customElements.define("camera-tile", CameraTile);
