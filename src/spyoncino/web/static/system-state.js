// One line about the whole: connected or not, well or not, and what is wrong.

import { news } from "./api.js";
import { make } from "./dom.js";

const TONES = {
  ok: ["good", "Everything works"],
  degraded: ["warn", "Something is not well"],
  failed: ["bad", "Something is broken"],
  stopped: ["calm", "Stopped"],
};

export class SystemState extends HTMLElement {
  connectedCallback() {
    this.connected = false;
    this.health = null;
    this.render();
    news.on("line", (isOpen) => {
      this.connected = isOpen;
      this.render();
    });
    news.on("health", (health) => {
      this.health = health;
      this.render();
    });
    this.ask();
  }

  async ask() {
    try {
      const answer = await fetch("/health");
      const { summary } = await answer.json();
      if (summary && !this.health) this.health = summary;
    } catch {
      // The line says that the server is away.
    }
    this.render();
  }

  render() {
    if (!this.connected) {
      this.replaceChildren(make("span", { class: "state warn" }, "Connecting to the server …"));
      return;
    }
    const [tone, words] = this.health ? (TONES[this.health.state] ?? ["calm", this.health.state]) : ["good", "Connected"];
    this.replaceChildren(make("span", { class: `state ${tone}` }, words));
    if (this.health?.detail) this.append(" ", make("span", {}, this.health.detail));
  }
}

customElements.define("system-state", SystemState);
