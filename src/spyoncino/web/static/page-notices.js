// The newest sentences about the system, until somebody has read them. The server keeps a few; what
// was dismissed stays away as long as this page is open.

import { news } from "./api.js";
import { make } from "./dom.js";
import { timeWords } from "./words.js";

const MOST_SHOWN = 5;
const MOST_REMEMBERED = 100;
const TONES = { info: ["calm", "For your information"], warning: ["warn", "Warning"], error: ["bad", "Error"] };

export class PageNotices extends HTMLElement {
  connectedCallback() {
    this.shown = [];
    /** @type {Set<string>} */
    this.dismissed = new Set();
    news.on("hello", ({ notices }) => {
      this.shown = notices.filter((notice) => !this.dismissed.has(notice.notice_id));
      this.render();
    });
    news.on("notice", ({ notice }) => this.add(notice));
    this.render();
  }

  /** Repeats take the place of the former; a part that is well again takes its older ones down. @param {any} notice */
  add(notice) {
    const isReplaced = (other) => other.component === notice.component && (notice.is_over || other.message === notice.message);
    this.shown = [notice, ...this.shown.filter((other) => !isReplaced(other))].slice(0, MOST_SHOWN);
    this.render();
  }

  /** @param {any[]} notices */
  dismiss(notices) {
    for (const { notice_id } of notices) this.dismissed.add(notice_id);
    for (const id of [...this.dismissed].slice(0, -MOST_REMEMBERED)) this.dismissed.delete(id);
    const at = this.shown.indexOf(notices[0]);
    this.shown = this.shown.filter((notice) => !notices.includes(notice));
    this.render();
    const buttons = this.querySelectorAll("li button");
    /** @type {HTMLElement | undefined} */ (buttons[Math.min(at, buttons.length - 1)])?.focus();
  }

  render() {
    this.hidden = this.shown.length === 0;
    const rows = this.shown.map((notice) => this.row(notice));
    const all = make("button", { class: "all", click: () => this.dismiss(this.shown) }, "Dismiss all");
    this.replaceChildren(make("ul", {}, ...rows), ...(rows.length > 1 ? [all] : []));
  }

  /** @param {any} notice */
  row(notice) {
    const [tone, words] = notice.is_over ? ["good", "Over"] : (TONES[notice.severity] ?? ["calm", notice.severity]);
    const often = notice.count > 1 ? `, ${notice.count} times` : "";
    return make(
      "li",
      { "data-notice": notice.notice_id },
      make("span", { class: `state ${tone}` }, words),
      make("span", { class: "sentence" }, notice.message, " ", make("span", { class: "quiet" }, `${notice.component}, ${timeWords(notice.told_at)}${often}`)),
      make("button", { "aria-label": `Dismiss: ${notice.message}`, click: () => this.dismiss([notice]) }, "Dismiss"),
    );
  }
}

customElements.define("page-notices", PageNotices);
