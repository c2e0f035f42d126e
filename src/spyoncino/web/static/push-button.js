// Lets this browser be told although the page is closed, or says in one sentence why it cannot be.

import { get, news, put, remove } from "./api.js";
import { make } from "./dom.js";

const WORKER = "/push-worker.js";
const NEEDS_HTTPS = "To be told on this device, open the page by an https address.";
const UNABLE = "This browser cannot be told. On an iPhone or iPad, add the page to the home screen first.";
const DENIED = "Notifications of this page are blocked in the settings of this browser.";

export class PushButton extends HTMLElement {
  connectedCallback() {
    /** @type {PushSubscription | null} */
    this.subscription = null;
    this.name = "";
    this.publicKey = "";
    this.button = make("button", { type: "button", click: () => this.change() });
    this.why = make("span", { class: "why", role: "status" });
    this.replaceChildren(this.button, " ", this.why);
    news.on("line", (isOpen) => isOpen && this.look());
  }

  /** Ask whether somebody can be told, and renew what the server knows of this browser. */
  async look() {
    try {
      const { public_key: key, reason } = await get("/api/v1/push");
      this.publicKey = key;
      this.hidden = !key && !reason;
      const problem = key ? this.problem() : reason;
      if (!problem) await this.renew();
      this.render(problem);
    } catch (error) {
      this.render(error.message);
    }
  }

  /** @returns {string} why this browser cannot be told; empty when it can */
  problem() {
    if (!isSecureContext) return NEEDS_HTTPS;
    if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return UNABLE;
    return Notification.permission === "denied" ? DENIED : "";
  }

  async renew() {
    const registration = await navigator.serviceWorker.getRegistration("/");
    this.subscription = (await registration?.pushManager.getSubscription()) ?? null;
    if (!this.subscription) return;
    if (this.isOfAnotherKey(this.subscription)) {
      await this.subscription.unsubscribe();
      this.subscription = null;
    } else await this.tellServer();
  }

  /** @param {PushSubscription} subscription */
  isOfAnotherKey(subscription) {
    const key = subscription.options.applicationServerKey;
    return key != null && base64url(key) !== this.publicKey;
  }

  async tellServer() {
    this.name = (await put("/api/v1/push/browsers", this.subscription.toJSON())).name;
  }

  async change() {
    this.button.disabled = true;
    try {
      if (this.subscription) await this.end();
      else await this.begin();
      this.render(this.problem());
    } catch (error) {
      this.render(this.problem(), `It did not work: ${error.message}`);
    }
  }

  async begin() {
    if ((await Notification.requestPermission()) !== "granted") return;
    await navigator.serviceWorker.register(WORKER, { scope: "/" });
    const registration = await navigator.serviceWorker.ready;
    this.subscription = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: this.publicKey,
    });
    await this.tellServer();
  }

  async end() {
    await remove(`/api/v1/push/browsers/${encodeURIComponent(this.name)}`);
    await this.subscription.unsubscribe();
    this.subscription = null;
  }

  /** @param {string} problem @param {string} [trouble] what went wrong just now */
  render(problem, trouble = "") {
    this.button.hidden = problem !== "";
    this.button.disabled = false;
    this.button.textContent = this.subscription ? "Stop telling this browser" : "Tell this browser";
    this.why.textContent = problem || trouble;
  }
}

/** @param {ArrayBuffer} bytes */
function base64url(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

customElements.define("push-button", PushButton);
