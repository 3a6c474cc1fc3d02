// What is free, as it changes: an event stream while there is one, else asking again with an ETag.

const ANSWER_WITHIN_MS = 5_000;
const STREAM_OPENS_WITHIN_MS = 5_000;
/** The stream says something every 15 seconds; one that is silent for so long has died without a word. */
const SILENT_MS_MAX = 40_000;
const POLL_MS = 4_000;
const POLL_MS_MAX = 30_000;
const STREAM_AGAIN_MS = 60_000;

/**
 * Calls `onSnapshot(snapshot)` with everything and `onChange(change)` with absolute values of what differs.
 * Stops by itself while the page is hidden, and goes on from where it was when it comes back.
 */
export class Live {
  #source = null;
  #timer = 0;
  #turn = 0;
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

  async start() {
    this.stop();
    const turn = this.#turn;
    // One ordinary question first: its answer is compressed, and it is enough where streams do not get through. The
    // stream then tells only what is newer.
    await this.refresh().catch(() => {});
    if (turn === this.#turn) this.#openStream();
  }

  stop() {
    this.#turn += 1;
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#timer);
  }

  /** Ask now, whatever else is going on; resolves when the answer has been told. */
  async refresh() {
    const response = await fetch(this.availabilityUrl, {
      headers: this.#etag ? { "If-None-Match": this.#etag } : {},
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    if (response.status === 304) return;
    if (!response.ok) throw new Error(`availability answered ${response.status}`);
    const snapshot = await response.json();
    this.#etag = response.headers.get("ETag") ?? "";
    const isOlder = snapshot.epoch < this.#epoch || (snapshot.epoch === this.#epoch && snapshot.version < this.#version);
    if (!isOlder) this.#show(snapshot);
  }

  #openStream() {
    const url = new URL(this.streamUrl, location.href);
    if (this.#version >= 0) url.searchParams.set("after", `${this.#epoch}.${this.#version}`);
    const source = new EventSource(url);
    this.#source = source;
    this.#expectWithin(STREAM_OPENS_WITHIN_MS);
    const heard = (kind, act) =>
      source.addEventListener(kind, (event) => {
        if (source !== this.#source) return;
        this.#expectWithin(SILENT_MS_MAX);
        act(event);
      });
    heard("open", () => {});
    heard("still", () => {});
    heard("change", (event) => this.#change(JSON.parse(event.data)));
    heard("snapshot", (event) => {
      // The stream's own word on everything: what was known before is void, so is the tag of it.
      this.#etag = "";
      this.#show(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      if (source !== this.#source) return;
      // It reconnects by itself, for ever; but nobody shall look at an old picture for as long as that.
      if (source.readyState === EventSource.CLOSED) this.#giveUpStream();
      else this.#expectWithin(STREAM_OPENS_WITHIN_MS);
    });
  }

  #expectWithin(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#giveUpStream(), milliseconds);
  }

  #giveUpStream() {
    this.stop();
    this.#failures = 0;
    this.#poll(this.#turn, performance.now() + STREAM_AGAIN_MS);
  }

  async #poll(turn, streamAgainAt) {
    try {
      await this.refresh();
      this.#failures = 0;
    } catch {
      this.#failures += 1;
    }
    if (turn !== this.#turn) return;
    if (performance.now() > streamAgainAt) {
      this.#openStream();
      return;
    }
    const wait = Math.min(POLL_MS * 2 ** this.#failures, POLL_MS_MAX);
    this.#timer = setTimeout(() => this.#poll(turn, streamAgainAt), wait);
  }

  #show(snapshot) {
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
