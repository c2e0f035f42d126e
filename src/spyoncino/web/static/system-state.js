// One line about the whole: connected or not, well or not, and what is wrong.

import { news } from "./api.js";
import { make } from "./dom.js";

const TONES = {
  ok: ["good", "Everything works"],
  degraded: ["warn", "Something is not well"],
  failed: ["bad", "Something is broken"],
  stopped: ["calm", "Stopped"],
};

const UNAUTHORIZED = 401;

export class SystemState extends HTMLElement {
  connectedCallback() {
    this.connected = false;
    this.wasConnected = false;
    this.needsToken = false;
    this.health = null;
    this.render();
    news.on("line", (isOpen) => {
      this.connected = isOpen;
      this.wasConnected ||= isOpen;
      this.ask();
    });
    news.on("health", (health) => {
      this.health = health;
      this.render();
    });
  }

  async ask() {
    this.render();
    try {
      const answer = await fetch("/health");
      this.needsToken = answer.status === UNAUTHORIZED;
      if (answer.ok) this.health = (await answer.json()).summary ?? this.health;
    } catch {
      this.needsToken = false; // the server is away; the line says so
    }
    this.render();
  }

  render() {
    if (this.connected) this.replaceChildren(...this.wellness());
    else if (this.needsToken) {
      this.replaceChildren(
        make("span", { class: "state bad" }, "The access token is not valid any more"),
        " ",
        make("a", { href: "/" }, "Enter it again"),
      );
    } else {
      const words = this.wasConnected ? "Connection to the server lost, trying again …" : "Connecting to the server …";
      this.replaceChildren(make("span", { class: "state warn" }, words));
    }
  }

  wellness() {
    const [tone, words] = this.health ? (TONES[this.health.state] ?? ["calm", this.health.state]) : ["good", "Connected"];
    const state = make("span", { class: `state ${tone}` }, words);
    if (!this.health?.detail) return [state];
    const reasons = this.health.detail.split("; ").map((reason) => make("li", {}, reason));
    const isOpen = this.querySelector("details")?.open;
    return [make("details", { open: isOpen }, make("summary", {}, state, " ", make("u", {}, "Why?")), make("ul", {}, ...reasons))];
  }
}

customElements.define("system-state", SystemState);
