// What is free, as it changes: an event stream while there is one, else asking again with an ETag.

const STREAM_OPENS_WITHIN_MS = 5_000;
const POLL_MS = 4_000;
const POLL_MS_MAX = 30_000;
const STREAM_AGAIN_MS = 60_000;

/**
 * Calls `onSnapshot(snapshot)` with everything and `onChange(change)` with absolute values of what differs.
 * Stops by itself while the page is hidden, and takes a snapshot when it comes back.
 */
export class Live {
  #source = null;
  #timer = 0;
  #etag = "";
  #epoch = 0;
  #version = -1;
  #failures = 0;

  constructor({ streamUrl, availabilityUrl, onSnapshot, onChange }) {
    this.streamUrl = streamUrl;
    this.availabilityUrl = availabilityUrl;
    this.onSnapshot = onSnapshot;
    this.onChange = onChange;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.start()));
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", (event) => event.persisted && this.start());
  }

  start() {
    this.stop();
    // One ordinary question first: it is quicker than a stream, and enough where streams do not get through.
    this.refresh().catch(() => {});
    this.#openStream();
  }

  stop() {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#timer);
  }

  /** Ask now, whatever else is going on; resolves when the answer has been told. */
  async refresh() {
    const response = await fetch(this.availabilityUrl, { headers: this.#etag ? { "If-None-Match": this.#etag } : {}, cache: "no-store" });
    if (response.status === 304) return;
    if (!response.ok) throw new Error(`availability answered ${response.status}`);
    this.#etag = response.headers.get("ETag") ?? "";
    this.#snapshot(await response.json());
  }

  #openStream() {
    const source = new EventSource(this.streamUrl);
    this.#source = source;
    this.#timer = setTimeout(() => this.#giveUpStream(), STREAM_OPENS_WITHIN_MS);
    source.addEventListener("snapshot", (event) => {
      clearTimeout(this.#timer);
      this.#snapshot(JSON.parse(event.data));
    });
    source.addEventListener("change", (event) => this.#change(JSON.parse(event.data)));
    source.addEventListener("rebuilt", () => this.refresh().catch(() => this.#giveUpStream()));
    source.addEventListener("error", () => {
      // A stream that was open reconnects by itself; one that never opened, or was refused, does not come.
      if (source.readyState === EventSource.CLOSED) this.#giveUpStream();
    });
  }

  #giveUpStream() {
    this.stop();
    this.#failures = 0;
    this.#poll(performance.now() + STREAM_AGAIN_MS);
  }

  async #poll(streamAgainAt) {
    try {
      await this.refresh();
      this.#failures = 0;
    } catch {
      this.#failures += 1;
    }
    if (document.hidden || this.#source) return;
    if (performance.now() > streamAgainAt) {
      this.#openStream();
      return;
    }
    const wait = Math.min(POLL_MS * 2 ** this.#failures, POLL_MS_MAX);
    this.#timer = setTimeout(() => this.#poll(streamAgainAt), wait);
  }

  #snapshot(snapshot) {
    if (snapshot.epoch < this.#epoch || (snapshot.epoch === this.#epoch && snapshot.version < this.#version)) return;
    this.#epoch = snapshot.epoch;
    this.#version = snapshot.version;
    this.onSnapshot(snapshot);
  }

  #change(change) {
    if (change.epoch !== this.#epoch) {
      this.refresh().catch(() => this.#giveUpStream());
      return;
    }
    if (change.version <= this.#version) return;
    this.#version = change.version;
    this.onChange(change);
  }
}
