/*
 * The service worker pads endless WebM for engines that hand a response to the
 * demuxer in blocks of 32 KiB. The thin stream comes over the network as it is;
 * here, behind the network, each read is filled up to a whole block with an
 * EBML Void element, which every demuxer skips. Without it a stream of
 * 32 kbit/s starts after eight seconds and stays that far behind.
 */
"use strict";

const BLOCK = 32768;
const EBML = 0x1A45DFA3, SEGMENT = 0x18538067, CLUSTER = 0x1F43B675;

/*
 * Aligner turns the bytes of a WebM stream, cut anywhere, into the same bytes
 * with Voids between them, such that whatever push() has been given up to the
 * last complete element ends on a block's boundary of the output.
 *
 * A Void goes only after a complete element that is a child of a Segment or of
 * a Cluster of unknown size. Inside anything whose size is already written it
 * would push the end out; so a Cluster of known size is one element, and a
 * Segment of known size (a file with an end) is never padded.
 * What is not WebM goes through untouched from there on.
 */
class Aligner {
  constructor() {
    this.total = 0;                   // bytes of output so far
    this.skip = 0;                    // bytes of the current element still to come
    this.head = new Uint8Array(12);   // ID and size of an element, as far as they have come
    this.headLength = 0;
    this.started = false;             // the EBML header has been seen
    this.inside = false;              // we are in a Segment of unknown size
    this.broken = false;
  }

  /* push takes the bytes of one read and returns what to pass on, in order. */
  push(bytes) {
    const cut = this.broken ? -1 : this.walk(bytes);
    const gap = cut < 0 || this.broken ? 0 : (BLOCK - (this.total + cut) % BLOCK) % BLOCK;
    if (gap === 0) {
      this.total += bytes.length;
      return [bytes];
    }
    const filler = makeVoid(gap < 2 ? gap + BLOCK : gap);
    this.total += bytes.length + filler.length;
    const out = [bytes.subarray(0, cut), filler];
    if (cut < bytes.length) out.push(bytes.subarray(cut));
    return out;
  }

  /* walk follows the elements through bytes and returns the offset after the
   * last one that ends here and may be followed by a Void, or -1. */
  walk(bytes) {
    let cut = -1;
    for (let p = 0; p < bytes.length;) {
      if (this.skip > 0) {
        const n = Math.min(this.skip, bytes.length - p);
        p += n;
        this.skip -= n;
      } else {
        this.head[this.headLength++] = bytes[p++];
        const element = readHead(this.head, this.headLength);
        if (!element) continue;
        this.headLength = 0;
        if (!this.enter(element)) {
          this.broken = true;
          return -1;
        }
        if (element.container) continue;
      }
      if (this.skip === 0 && this.inside) cut = p;
    }
    return cut;
  }

  /* enter starts an element; false means that this is not what we understand. */
  enter(element) {
    const { id, size } = element;
    if (element.bad || (!this.started && id !== EBML)) return false;
    this.started = true;
    if (id === EBML) this.inside = false;
    if (size >= 0) {
      this.skip = size;
      return true;
    }
    element.container = true;
    if (id === SEGMENT) this.inside = true;
    return id === SEGMENT || (id === CLUSTER && this.inside);
  }
}

/* readHead reads an element's ID and size from the first n bytes of h: null
 * when more bytes are needed, size -1 when the size is unknown. */
function readHead(h, n) {
  const idLength = Math.clz32(h[0]) - 23;
  if (idLength > 4) return { bad: true };
  if (n <= idLength) return null;
  const sizeLength = Math.clz32(h[idLength]) - 23;
  if (sizeLength > 8) return { bad: true };
  if (n < idLength + sizeLength) return null;
  let id = 0;
  for (let i = 0; i < idLength; i++) id = id * 256 + h[i];
  let size = h[idLength] & (0xFF >> sizeLength);
  let unknown = size === (0xFF >> sizeLength);
  for (let i = 1; i < sizeLength; i++) {
    size = size * 256 + h[idLength + i];
    unknown = unknown && h[idLength + i] === 0xFF;
  }
  if (!unknown && size > Number.MAX_SAFE_INTEGER) return { bad: true };
  return { id, size: unknown ? -1 : size, bad: false, container: false };
}

/* makeVoid is a Void element of exactly n bytes, n being 2 or more. */
function makeVoid(n) {
  const v = new Uint8Array(n);
  v[0] = 0xEC;
  if (n <= 128) {
    v[1] = 0x80 | (n - 2);
  } else {
    v[1] = 0x01;
    new DataView(v.buffer).setUint32(5, n - 9);
  }
  return v;
}

/* join makes one array of several, so that a read is one enqueue: two would be
 * two messages to the page, and the block would wait for the second. */
function join(parts) {
  if (parts.length === 1) return parts[0];
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/* wanted says whether a request is an element's for an endless file. */
function wanted(request) {
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return false;
  if (request.destination !== "video" && request.destination !== "audio") return false;
  if (!url.pathname.endsWith(".webm") || url.searchParams.has("pad")) return false;
  if (/^\/(static|recordings)\//.test(url.pathname)) return false;   // files with an end
  // A later start is a question about a connection that broke, an end is a probe:
  // the server has the right answer to both.
  const range = request.headers.get("Range");
  return !range || /^bytes=0+-$/.test(range);
}

/* aligned fetches the stream as it is and answers with the padded one. */
async function aligned(request) {
  const abort = new AbortController();
  const response = await fetch(request.url, {
    credentials: "same-origin", cache: "no-store", signal: abort.signal,
  });
  // With a length it is a file after all, and its length must stay true.
  if (response.status !== 200 || !response.body || response.headers.has("Content-Length")) {
    return response;
  }
  const reader = response.body.getReader();
  const aligner = new Aligner();
  const body = new ReadableStream({
    async pull(controller) {
      const { value, done } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(join(aligner.push(value)));
    },
    cancel() {
      abort.abort();
    },
  });
  const headers = new Headers();
  for (const name of ["Content-Type", "Cache-Control", "Accept-Ranges", "X-Content-Type-Options"]) {
    if (response.headers.has(name)) headers.set(name, response.headers.get(name));
  }
  return new Response(body, { status: 200, headers });
}

if (typeof ServiceWorkerGlobalScope !== "undefined" && self instanceof ServiceWorkerGlobalScope) {
  self.addEventListener("install", () => self.skipWaiting());
  self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
  self.addEventListener("message", (event) => {
    if (event.data === "claim") event.waitUntil(self.clients.claim());
  });
  self.addEventListener("fetch", (event) => {
    if (wanted(event.request)) event.respondWith(aligned(event.request));
  });
} else if (typeof module !== "undefined") {
  module.exports = { Aligner, BLOCK };
}
