// How facts are said. Text only: nothing here ever becomes HTML.

const CAMERA_STATES = {
  live: ["good", "Live"],
  connecting: ["warn", "Connecting"],
  stalled: ["bad", "No new pictures"],
  retrying: ["bad", "Not reachable, trying again"],
  ended: ["calm", "Ended"],
  off: ["calm", "Off"],
};

const TYPES = {
  person: "Somebody",
  doorbell: "Doorbell",
  vehicle: "Vehicle",
  animal: "Animal",
  motion: "Motion",
};

const EVENT_STATES = {
  created: "just begun",
  processing: "going on",
  completed: "",
  failed: "not finished",
};

/** @param {string} state @returns {[string, string]} class and words */
export function cameraState(state) {
  return CAMERA_STATES[state] ?? ["calm", state];
}

/** @param {any} event */
export function titleOf(event) {
  const what = TYPES[event.type] ?? capital(event.type);
  const rang = event.presses.length && event.type !== "doorbell" ? " rang" : "";
  return `${what}${rang} at ${event.camera}`;
}

/** @param {any} event */
export function whenOf(event) {
  const begun = new Date(event.started_at);
  const isToday = begun.toDateString() === new Date().toDateString();
  const day = isToday ? "Today" : begun.toLocaleDateString(undefined, { weekday: "short", day: "numeric", month: "short" });
  const time = begun.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const lasted = Math.max(1, Math.round(event.end_s - event.start_s));
  const state = EVENT_STATES[event.state] ?? event.state;
  return [`${day} ${time}`, `${lasted} s`, state].filter(Boolean).join(" · ");
}

/** @param {any} event */
export function whatOf(event) {
  const zones = [...new Set(event.tracks.flatMap((track) => track.zones))];
  const rang = event.presses.length;
  return [
    event.labels.join(", "),
    rang ? `rang ${rang === 1 ? "once" : `${rang} times`}` : "",
    zones.length ? `in ${zones.join(", ")}` : "",
  ].filter(Boolean).join(" · ");
}

/** @param {number} bytes */
export function sizeOf(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function capital(word) {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
