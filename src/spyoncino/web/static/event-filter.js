// Which events are shown: of one camera, of one type. Fires `change`.

import { news } from "./api.js";
import { make } from "./dom.js";
import { EVENT_TYPES, typeWords } from "./words.js";

export class EventFilter extends HTMLElement {
  connectedCallback() {
    this.camera = make("select", { "aria-label": "Events of which camera" });
    this.type = make(
      "select",
      { "aria-label": "Events of which kind" },
      make("option", { value: "" }, "Everything"),
    );
    for (const type of Object.keys(EVENT_TYPES)) this.learn(type);
    this.append(this.camera, this.type);
    this.offer([]);
    news.on("hello", ({ cameras }) => this.offer(cameras.map((camera) => camera.camera)));
  }

  /** @param {string[]} names */
  offer(names) {
    const chosen = this.camera.value;
    this.camera.replaceChildren(
      make("option", { value: "" }, "All cameras"),
      ...names.map((name) => make("option", { value: name }, name)),
    );
    this.camera.value = names.includes(chosen) ? chosen : "";
    this.camera.hidden = names.length < 2;
    if (this.camera.value !== chosen) this.camera.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** Offer a type; object detectors know more than are listed. @param {string} type */
  learn(type) {
    if ([...this.type.options].some((option) => option.value === type)) return;
    this.type.append(make("option", { value: type }, typeWords(type)));
  }

  /** As the server asks for it. @returns {Record<string, string>} */
  get query() {
    return {
      ...(this.camera.value ? { camera: this.camera.value } : {}),
      ...(this.type.value ? { type: this.type.value } : {}),
    };
  }

  /** @param {any} event */
  lets(event) {
    return (
      (!this.camera.value || this.camera.value === event.camera) &&
      (!this.type.value || this.type.value === event.type)
    );
  }
}

customElements.define("event-filter", EventFilter);
