// Service worker: shows one notification for each event, in place of its former state. Knows no page.

const TOLD = "told";
const MOST_REMEMBERED = 100;

/** A bitmap: Chrome decodes no SVG for notifications (Chromium issue 478654). */
const ICON = "/static/icon-192.png";

/** One after the other: two revisions at once could both believe to be the first. */
let queue = Promise.resolve();

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  queue = queue.catch(() => {}).then(() => show(noteOf(event.data)));
  event.waitUntil(queue);
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.address ?? "/"));
});

// The push service gives the browser another address: keep on being told.
self.addEventListener("pushsubscriptionchange", (event) => {
  event.waitUntil(subscribeAgain(event.oldSubscription, event.newSubscription));
});

/** @param {PushMessageData | null} data a browser must show something for each message */
function noteOf(data) {
  try {
    return data.json();
  } catch {
    return { title: "Spyoncino", text: "", event: "", tag: "unknown", revision: 1, loud: 1, time: Date.now(), picture: "" };
  }
}

/**
 * Push services keep no order: an older state never takes a newer one's place.
 *
 * The Notifications Standard (2.1, "create a notification"; notifications.spec.whatwg.org) refuses `renotify` without a
 * tag, and with it the whole notification: what bears no tag stands alone and makes a sound each time.
 * @param {any} note
 */
async function show(note) {
  const tag = note.tag || "";
  const [shown] = tag ? await self.registration.getNotifications({ tag }) : [];
  const isOlder = shown?.data?.note && shown.data.note.revision > note.revision;
  const newest = isOlder ? shown.data.note : note;
  const isLoud = !tag || (await isNews(tag, newest.loud ?? 1));
  const options = {
    body: newest.text,
    tag,
    renotify: isLoud && tag !== "", // other states replace it without a sound
    silent: !isLoud,
    timestamp: newest.time,
    icon: newest.picture || ICON,
    data: { note: newest, address: newest.event ? `/#event/${encodeURIComponent(newest.event)}` : "/" },
  };
  if (newest.picture) options.image = newest.picture;
  await self.registration.showNotification(newest.title, options);
}

/**
 * @param {string} tag
 * @param {number} loud the revision that is to be heard
 * @returns {Promise<boolean>} whether it was not heard yet, even if the notification was closed since
 */
async function isNews(tag, loud) {
  const told = await self.caches.open(TOLD);
  const key = `/told/${encodeURIComponent(tag)}`;
  const heard = await told.match(key);
  if (heard && (Number(await heard.text()) || 1) >= loud) return false;
  await told.put(key, new Response(String(loud)));
  for (const old of (await told.keys()).slice(0, -MOST_REMEMBERED)) await told.delete(old);
  return true;
}

/** @param {string} address */
async function open(address) {
  const pages = await self.clients.matchAll({ type: "window" });
  if (!pages.length) return self.clients.openWindow(address);
  const page = await pages[0].navigate(address);
  return page?.focus();
}

/** @param {PushSubscription | null} before @param {PushSubscription | null} given */
async function subscribeAgain(before, given) {
  const subscription = given ?? (before && (await self.registration.pushManager.subscribe(before.options)));
  if (!subscription) return;
  await fetch("/api/v1/push/browsers", {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(subscription.toJSON()),
  });
}
