// Which mode the house is in, and a way to change it.

import { get, news, put } from "./api.js";
import { make } from "./dom.js";

const MODES = { home: "At home", away: "Away", night: "Night", privacy: "Privacy" };

export class ModeChoice extends HTMLElement {
  connectedCallback() {
    const options = Object.entries(MODES).map(([value, words]) => make("option", { value }, words));
    this.select = make("select", { "aria-label": "Mode of the house", disabled: true }, ...options);
    this.trouble = make("span", { class: "state bad", role: "alert" });
    this.replaceChildren(this.select, this.trouble);
    this.select.addEventListener("change", () => this.ask(put("/api/v1/mode", { mode: this.select.value })));
    news.on("line", (isOpen) => (isOpen ? this.ask(get("/api/v1/mode")) : (this.select.disabled = true)));
    news.on("mode", ({ mode }) => this.show(mode));
  }

  /** @param {Promise<{mode: string}>} answer */
  async ask(answer) {
    try {
      this.show((await answer).mode);
      this.trouble.textContent = "";
    } catch (error) {
      this.trouble.textContent = error.message;
      if (this.mode) this.select.value = this.mode;
    }
  }

  /** @param {string} mode */
  show(mode) {
    this.mode = mode;
    this.select.value = mode;
    this.select.disabled = false;
  }
}

customElements.define("mode-choice", ModeChoice);
