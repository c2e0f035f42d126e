// How facts are said. Text only: nothing here ever becomes HTML.

const CAMERA_STATES = {
  live: ["good", "Live"],
  connecting: ["warn", "Connecting"],
  stalled: ["bad", "No new pictures"],
  retrying: ["bad", "Not reachable, trying again"],
  ended: ["calm", "Ended"],
  off: ["calm", "Off"],
  away: ["warn", "Connection to the server lost"],
};

export const EVENT_TYPES = {
  person: "Somebody",
  doorbell: "Doorbell",
  car: "Car",
  bicycle: "Bicycle",
  motorcycle: "Motorcycle",
  truck: "Truck",
  cat: "Cat",
  dog: "Dog",
  bird: "Bird",
  motion: "Motion",
};

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86400;

/** @param {string} state @returns {[string, string]} class and words */
export function cameraState(state) {
  return CAMERA_STATES[state] ?? ["calm", state];
}

/** @param {string} type a label that an object detector knows, doorbell or motion */
export function typeWords(type) {
  return EVENT_TYPES[type] ?? capital(type);
}

/** As messages are titled, too. @param {any} event */
export function titleOf(event) {
  const who = whoOf(event);
  if (event.presses.length) return `${who || "Somebody"} rang at ${event.camera}`;
  return `${who || typeWords(event.type)} at ${event.camera}`;
}

/** Who was there: the named, then strangers, then unknown people, among whom are all unsure ones. @param {any} event */
export function whoOf(event) {
  const faces = event.identities;
  const named = faces.filter((face) => face.name).map((face) => nameOf(face));
  const strangers = faces.filter((face) => !face.name && face.stranger != null).map((face) => nameOf(face));
  const isSomebodyUnknown = faces.some((face) => !face.name && face.stranger == null);
  const all = [...new Set([...named, ...strangers])];
  if (!all.length) return isSomebodyUnknown ? "Unknown person" : "";
  return capital(listed([...all, ...(isSomebodyUnknown ? ["an unknown person"] : [])]));
}

/** What is said of one face beside its reason; only here it is told whom an unsure one resembles. @param {any} face */
export function faceWords(face) {
  const isGuess = face.decision === "unsure" && face.resembles;
  return capital(nameOf(face)) + (isGuess ? `, may be ${face.resembles}` : "");
}

/** How often it was rung, or nothing. @param {any} event */
export function rangWords(event) {
  const rang = event.presses.length;
  return rang ? `rang ${rang === 1 ? "once" : `${rang} times`}` : "";
}

/** The sentence of a card: what happened, where somebody was there or rang; of things, where they were. @param {any} event */
export function tellingOf(event) {
  const isAboutPeople = event.presses.length || event.identities.length || event.labels.includes("person");
  return isAboutPeople && event.story ? event.story : whatOf(event);
}

/** @param {any} event */
export function isGoingOn(event) {
  return event.state === "created" || event.state === "processing";
}

/** The time of day at which it began. @param {any} event */
export function timeOf(event) {
  return clock(new Date(event.started_at), { hour: "numeric", minute: "2-digit" });
}

/** @param {string} when a time as the server writes it */
export function timeWords(when) {
  return clock(new Date(when), { hour: "numeric", minute: "2-digit" });
}

/** Day and time to the second. @param {any} event */
export function fullTimeOf(event) {
  const begun = new Date(event.started_at);
  return `${dayOf(begun)}, ${clock(begun, { hour: "numeric", minute: "2-digit", second: "2-digit" })}`;
}

/** Today, Yesterday, or the date. @param {Date} date */
export function dayOf(date) {
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  if (date >= midnight) return "Today";
  midnight.setDate(midnight.getDate() - 1);
  if (date >= midnight) return "Yesterday";
  const isThisYear = date.getFullYear() === midnight.getFullYear();
  return date.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", ...(isThisYear ? {} : { year: "numeric" }) });
}

/** How long ago, while that says more than the time; else nothing. @param {any} event */
export function agoOf(event) {
  const age_s = Math.max(0, (Date.now() - Date.parse(event.started_at)) / 1000);
  if (age_s < MINUTE_S) return "just now";
  if (age_s < HOUR_S) return RELATIVE.format(-Math.floor(age_s / MINUTE_S), "minute");
  return age_s < DAY_S / 2 ? RELATIVE.format(-Math.floor(age_s / HOUR_S), "hour") : "";
}

/** @param {any} event */
export function lastedOf(event) {
  const seconds = Math.max(1, Math.round(event.end_s - event.start_s));
  if (seconds < MINUTE_S) return `${seconds} s`;
  return `${Math.floor(seconds / MINUTE_S)} min ${seconds % MINUTE_S} s`;
}

/** Name and words of what is known about an event. @param {any} event @returns {[string, string][]} */
export function factsOf(event) {
  const ago = agoOf(event);
  /** @type {[string, string][]} */
  const facts = [
    ["What happened", event.story],
    ["When", `${fullTimeOf(event)}${ago ? ` (${ago})` : ""}`],
    ["How long", isGoingOn(event) ? `${lastedOf(event)} so far, going on` : lastedOf(event)],
    ["Seen", event.labels.join(", ")],
    ["Details", whatOf({ ...event, labels: [], presses: event.story ? [] : event.presses })],
    [event.state === "failed" ? "Not finished" : "Ended because", isGoingOn(event) ? "" : event.reason],
  ];
  return facts.filter(([, words]) => words);
}

/** A name under which a file is found again. @param {any} event @param {any} file */
export function fileNameOf(event, file) {
  const begun = new Date(event.started_at);
  const local = new Date(begun.getTime() - begun.getTimezoneOffset() * MINUTE_S * 1000);
  const stamp = local.toISOString().slice(0, 19).replace("T", "_").replaceAll(":", "-");
  const ending = file.url.split("?")[0].split(".").pop();
  return `${event.camera}_${stamp}_${file.kind}.${ending}`;
}

/** What the title does not say. @param {any} event */
export function whatOf(event) {
  const zones = [...new Set(event.tracks.flatMap((track) => track.zones))];
  return [
    event.labels.filter((label) => label !== event.type).join(", "),
    rangWords(event),
    zones.length ? `in ${zones.join(", ")}` : "",
  ].filter(Boolean).join(" · ");
}

/** @param {number} bytes */
export function sizeOf(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** In the reader's own way, 12 or 24 hours. @param {Date} date @param {any} parts */
function clock(date, parts) {
  return date.toLocaleTimeString(undefined, parts);
}

/** @param {any} face */
function nameOf(face) {
  if (face.name) return face.decision === "blocked" ? `${face.name} (blocked)` : face.name;
  return face.stranger == null ? "unknown person" : `stranger ${face.stranger}`;
}

/** @param {string} words */
function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** @param {string[]} words */
function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
