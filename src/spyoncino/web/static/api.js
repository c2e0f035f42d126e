// Talks to the server: facts by fetch, news and live pictures by WebSocket. Knows no page.

const NOT_FOUND = 404;
const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 15000;

/** @type {[EventTarget, string][]} when waiting any longer makes no sense: network or reader are back */
const WAKING = [
  [window, "online"],
  [document, "visibilitychange"],
];

/** @param {string} path @returns {Promise<any>} */
export function get(path) {
  return ask(path, { headers: { Accept: "application/json" } });
}

/** @param {string} path @param {object} facts @returns {Promise<any>} */
export function put(path, facts) {
  const headers = { Accept: "application/json", "Content-Type": "application/json" };
  return ask(path, { method: "PUT", headers, body: JSON.stringify(facts) });
}

/** What is not there any more is no trouble. @param {string} path */
export async function remove(path) {
  const answer = await fetch(path, { method: "DELETE" });
  if (!answer.ok && answer.status !== NOT_FOUND) throw new Error(await sentenceOf(answer));
}

/** @param {string} path @param {RequestInit} how @returns {Promise<any>} */
async function ask(path, how) {
  const answer = await fetch(path, how);
  if (!answer.ok) throw new Error(await sentenceOf(answer));
  return answer.json();
}

/** @param {Response} answer */
async function sentenceOf(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).detail ?? text;
  } catch {
    return text || `The server answered ${answer.status}.`;
  }
}

/**
 * A WebSocket that comes back by itself, with longer and longer pauses, until it is closed.
 */
export class Line {
  /**
   * @param {string} path
   * @param {(data: any) => void} onMessage text, or Blob or ArrayBuffer
   * @param {(isOpen: boolean) => void} [onChange]
   * @param {BinaryType} [binaryType] what a binary message comes as
   */
  constructor(path, onMessage, onChange = () => {}, binaryType = "blob") {
    this.path = path;
    this.onMessage = onMessage;
    this.onChange = onChange;
    this.binaryType = binaryType;
    this.pauseMs = RETRY_FIRST_MS;
    this.closed = false;
    this.timer = 0;
    this.hurry = () => this.timer && document.visibilityState === "visible" && this.open();
    for (const [target, name] of WAKING) target.addEventListener(name, this.hurry);
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    this.timer = 0;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.path}`);
    socket.binaryType = this.binaryType;
    this.socket = socket;
    socket.onopen = () => {
      this.pauseMs = RETRY_FIRST_MS;
      this.onChange(true);
    };
    socket.onmessage = (message) => !this.closed && this.onMessage(message.data);
    socket.onclose = () => {
      if (this.closed) return;
      this.onChange(false);
      this.timer = setTimeout(() => this.open(), this.pauseMs * (0.7 + 0.6 * Math.random()));
      this.pauseMs = Math.min(2 * this.pauseMs, RETRY_LAST_MS);
    };
  }

  close() {
    this.closed = true;
    for (const [target, name] of WAKING) target.removeEventListener(name, this.hurry);
    clearTimeout(this.timer);
    this.socket.close();
  }
}

/** What the server tells, for everybody on the page. Fires `event`, `media`, `camera`, … by kind. */
class News extends EventTarget {
  begin() {
    this.line = new Line(
      "/api/v1/updates",
      (text) => {
        const news = JSON.parse(text);
        this.dispatchEvent(new CustomEvent(news.kind, { detail: news }));
      },
      (isOpen) => this.dispatchEvent(new CustomEvent("line", { detail: isOpen })),
    );
  }

  /** @param {string} kind @param {(news: any) => void} handler */
  on(kind, handler) {
    this.addEventListener(kind, (event) => handler(/** @type {CustomEvent} */ (event).detail));
  }
}

export const news = new News();
