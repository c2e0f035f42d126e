// Plays the live video of one camera: pieces of MP4 into a media source, close to the newest.

const Source = window.ManagedMediaSource ?? window.MediaSource;

const TARGET_MIN_S = 0.3; // behind the newest picture: what a home network's jitter needs
const TARGET_MAX_S = 1.2;
const JUMP_S = 1.5; // further behind it is not live: jump
const NUDGE_S = 0.25;
const KEEP_S = 4; // behind what is shown
const TRIM_S = 12;
const APPEND_BYTES = 2_000_000;
const QUEUE_BYTES = 24_000_000;
const FIRST_PICTURE_MS = 6000;

/** Whether this browser can play live video at all; which codecs shows with the stream. */
export function canPlayLive() {
  return Boolean(Source);
}

export class LivePlayer {
  /**
   * @param {HTMLVideoElement} video muted and inline
   * @param {{onFirst: () => void, onPicture: () => void, onEnd: () => void, onFail: (isFinal: boolean) => void}} told
   *   first picture of a stream, each picture, before a stream is left, and when it cannot be played
   */
  constructor(video, told) {
    this.video = video;
    this.told = told;
    this.onError = () => this.source && this.fail(false);
    video.addEventListener("error", this.onError);
  }

  /** A stream begins. @param {string} mime */
  begin(mime) {
    this.end();
    if (!Source.isTypeSupported(mime)) {
      this.fail(true);
      return;
    }
    const source = new Source();
    this.source = source;
    this.buffer = null;
    this.queue = [];
    this.queueBytes = 0;
    this.shown = false;
    this.taken = 0;
    this.heardAt = 0;
    this.gapMs = 0;
    this.video.disableRemotePlayback = true; // else there is no ManagedMediaSource
    const address = URL.createObjectURL(source);
    source.addEventListener("sourceopen", () => {
      URL.revokeObjectURL(address);
      if (this.source === source) this.open(source, mime);
    }, { once: true });
    this.video.src = address;
    this.video.play().catch((error) => {
      if (this.source === source && error.name !== "AbortError") this.fail(true);
    });
    this.count(source);
  }

  /** The initialization segment or a piece. @param {ArrayBuffer} data */
  take(data) {
    if (!this.source) return;
    const now = performance.now();
    if (this.heardAt) this.gapMs += 0.1 * (Math.min(now - this.heardAt, 1000) - this.gapMs);
    this.heardAt = now;
    this.taken += 1;
    if (this.taken === 2) this.timer = setTimeout(() => !this.shown && this.fail(false), FIRST_PICTURE_MS);
    this.queue.push(data);
    this.queueBytes += data.byteLength;
    if (this.queueBytes > QUEUE_BYTES) this.fail(false);
    else this.pump();
  }

  /** Let go of the stream. */
  end() {
    clearTimeout(this.timer);
    if (!this.source) return;
    this.told.onEnd();
    this.source = null;
    this.buffer = null;
    this.queue = [];
    this.video.removeAttribute("src");
    this.video.load();
  }

  close() {
    this.end();
    this.video.removeEventListener("error", this.onError);
  }

  /** @param {boolean} isFinal trying again would not help */
  fail(isFinal) {
    this.end();
    this.told.onFail(isFinal);
  }

  /** @param {MediaSource} source @param {string} mime */
  open(source, mime) {
    try {
      this.buffer = source.addSourceBuffer(mime);
    } catch {
      this.fail(true);
      return;
    }
    this.buffer.addEventListener("updateend", () => {
      if (this.source !== source) return;
      this.follow();
      this.pump();
    });
    this.pump();
  }

  /** Hand over what waits, when the buffer is free. */
  pump() {
    const buffer = this.buffer;
    if (!buffer || buffer.updating || !this.queue.length) return;
    try {
      if (this.trim(buffer, TRIM_S)) return; // updateend comes back here
      buffer.appendBuffer(this.next());
    } catch (error) {
      if (error.name !== "QuotaExceededError" || !this.trim(buffer, KEEP_S)) this.fail(false);
    }
  }

  /** The pieces that wait, as one; they stay in the queue until they are taken. */
  next() {
    let count = 1;
    let size = this.queue[0].byteLength;
    while (count < this.queue.length && size + this.queue[count].byteLength <= APPEND_BYTES) {
      size += this.queue[count].byteLength;
      count += 1;
    }
    const pieces = this.queue.splice(0, count);
    this.queueBytes -= size;
    if (count === 1) return pieces[0];
    const whole = new Uint8Array(size);
    let place = 0;
    for (const piece of pieces) {
      whole.set(new Uint8Array(piece), place);
      place += piece.byteLength;
    }
    return whole;
  }

  /** Forget what was shown long ago. @param {SourceBuffer} buffer @param {number} overS */
  trim(buffer, overS) {
    const { buffered } = buffer;
    const until = this.video.currentTime - KEEP_S;
    if (!buffered.length || this.video.currentTime - buffered.start(0) <= overS) return false;
    if (until <= buffered.start(0)) return false;
    buffer.remove(0, until);
    return true;
  }

  /** Keep close to the newest picture: jump when far, else a little faster or slower. */
  follow() {
    const { video } = this;
    const { buffered } = video;
    if (!buffered.length || video.seeking) return;
    const start = buffered.start(buffered.length - 1);
    const edge = buffered.end(buffered.length - 1);
    const behind = edge - video.currentTime;
    const target = Math.min(Math.max(TARGET_MIN_S, (2.5 * this.gapMs) / 1000), TARGET_MAX_S);
    if (video.currentTime < start || behind < 0 || behind > Math.max(JUMP_S, target + 1)) {
      video.currentTime = Math.max(start, edge - target);
      video.playbackRate = 1;
    } else if (behind > target + NUDGE_S) {
      video.playbackRate = behind > target + 2 * NUDGE_S ? 1.25 : 1.1;
    } else {
      video.playbackRate = behind < target / 2 ? 0.95 : 1;
    }
    if (video.paused) video.play().catch(() => {});
  }

  /** Tell of each picture that is shown. @param {MediaSource} source */
  count(source) {
    const tell = () => {
      if (this.source !== source) return;
      if (!this.shown) {
        this.shown = true;
        this.told.onFirst();
      }
      this.told.onPicture();
      ask();
    };
    const ask = () => {
      if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(tell);
      else this.video.addEventListener("timeupdate", tell, { once: true });
    };
    ask();
  }
}
