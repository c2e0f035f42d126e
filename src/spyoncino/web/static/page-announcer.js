// Says what happens to those who do not see the page: new events and cameras that change.

import { news } from "./api.js";
import { cameraState, titleOf } from "./words.js";

export class PageAnnouncer extends HTMLElement {
  connectedCallback() {
    /** @type {Map<string, string>} */
    this.states = new Map();
    news.on("event", ({ event }) => {
      if (event.state === "created") this.say(titleOf(event));
    });
    news.on("notice", ({ notice }) => this.say(notice.message));
    news.on("hello", ({ cameras }) => {
      for (const camera of cameras) this.states.set(camera.camera, camera.state);
    });
    news.on("camera", ({ camera }) => {
      if (this.states.get(camera.camera) === camera.state) return;
      this.states.set(camera.camera, camera.state);
      this.say(`Camera ${camera.camera}: ${cameraState(camera.state)[1]}`);
    });
  }

  /** Only the latest: who is told everything hears nothing. @param {string} sentence */
  say(sentence) {
    this.textContent = sentence;
  }
}

customElements.define("page-announcer", PageAnnouncer);
