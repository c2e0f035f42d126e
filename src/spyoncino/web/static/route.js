// What is open, kept in the address: #event/ID or #camera/NAME. So links lead to it and Back closes it.

const KINDS = ["camera", "event"];

/** @type {((where: {kind: string, id: string}) => void)[]} */
const listeners = [];

/** @returns {{kind: string, id: string}} empty words when nothing is open */
export function where() {
  const [kind, ...rest] = location.hash.slice(1).split("/");
  if (!KINDS.includes(kind) || !rest.length) return { kind: "", id: "" };
  try {
    return { kind, id: decodeURIComponent(rest.join("/")) };
  } catch {
    return { kind: "", id: "" };
  }
}

/** Hears where we are now and whenever that changes. @param {(place: {kind: string, id: string}) => void} listener */
export function onRoute(listener) {
  listeners.push(listener);
  listener(where());
}

/**
 * @param {string} kind
 * @param {string} id
 * @param {boolean} [replaces] a neighbour instead of one step deeper: Back still closes
 */
export function go(kind, id, replaces = false) {
  const address = `#${kind}/${encodeURIComponent(id)}`;
  if (replaces) history.replaceState(history.state, "", address);
  else history.pushState({ opened: true }, "", address);
  tell();
}

/** Close what is open. @param {string} kind does nothing when something else is open */
export function leave(kind) {
  if (where().kind !== kind) return;
  if (history.state?.opened) {
    history.back();
    return;
  }
  history.replaceState(null, "", location.pathname + location.search);
  tell();
}

function tell() {
  for (const listener of listeners) listener(where());
}

addEventListener("popstate", tell);
