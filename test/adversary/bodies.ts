import { createContext, runInContext } from "node:vm";

type Bytes = Uint8Array<ArrayBuffer>;

/** Makes the arguments of fetch. */
type Bring = (url: string, init: object) => readonly [input: unknown, init?: unknown];

/** A call whose body is `bytes`, and what puts other bytes in their place once the call was made. */
export interface ChangingCall {
  readonly bring: Bring;
  readonly change: () => void;
}

const asBody =
  (body: unknown): Bring =>
  (url, init) => [url, { ...init, body, duplex: "half" }];
const asInput =
  (request: (url: string, init: RequestInit) => object): Bring =>
  (url, init) => [request(url, init)];

const overwrite = (bytes: Uint8Array) => (): void => bytes.set(bytes.map((byte) => byte ^ 0xff));
const nothing = (): void => undefined;

/** Answers with one value the first time, and with another from then on. */
function fickle<Value>(first: Value, then: Value): () => Value {
  let asked = false;
  return () => {
    if (asked) return then;
    asked = true;
    return first;
  };
}

const otherThan = (bytes: Bytes): Bytes => bytes.map((byte) => byte ^ 0xff);
const tagged = (tag: string, members: object): object =>
  Object.defineProperties(Object.create({ [Symbol.toStringTag]: tag }), Object.getOwnPropertyDescriptors(members));

/** Chunks that all lie in one piece of memory, as a producer that reads a file into its buffer has them. */
function inOnePiece(bytes: Bytes): { readonly chunks: Iterator<Uint8Array>; readonly change: () => void } {
  const memory = new Uint8Array(4);
  function* chunks(): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 4) {
      const piece = bytes.subarray(at, at + 4);
      memory.set(piece);
      yield memory.subarray(0, piece.length);
      memory.fill(0x21);
    }
  }
  return { chunks: chunks(), change: () => void memory.fill(0x3f) };
}

const pulled = (chunks: Iterator<Uint8Array>): ReadableStream<Uint8Array> =>
  new ReadableStream(
    {
      pull(controller) {
        const { done, value } = chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );

const OTHER_REALM = createContext({});
/** A view or a buffer of another realm, as of `node:vm` or of a test runner that uses it. */
const foreign = (make: string) => {
  const code = `(bytes) => {
    const own = Uint8Array.from(bytes);
    return { body: ${make}, change: () => own.fill(0x21) };
  }`;
  const makeThere: (bytes: Bytes) => { body: unknown; change: () => void } = runInContext(code, OTHER_REALM);
  return (bytes: Bytes): ChangingCall => {
    const { body, change } = makeThere(bytes);
    return { bring: asBody(body), change };
  };
};

const shared = (bytes: Bytes): Uint8Array => {
  const view = new Uint8Array(new SharedArrayBuffer(bytes.length));
  view.set(bytes);
  return view;
};

/** ES2024, in every Node that is supported; the library's target is older. */
interface Resizable extends ArrayBuffer {
  resize(length: number): void;
}
function resizable(bytes: Bytes): { readonly buffer: Resizable; readonly change: () => void } {
  const make = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => Resizable;
  const buffer = new make(bytes.length, { maxByteLength: bytes.length * 2 + 8 });
  new Uint8Array(buffer).set(bytes);
  return {
    buffer,
    change: () => {
      new Uint8Array(buffer).fill(0x21);
      buffer.resize(bytes.length * 2 + 8);
    },
  };
}

/** Bodies by the way in which they come. Each arrives as the bytes it was when the call was made. */
export const BYTES_BY_WAY: Readonly<Record<string, (bytes: Bytes) => ChangingCall>> = {
  "a Uint8Array": (bytes) => ({ bring: asBody(bytes), change: overwrite(bytes) }),
  "an ArrayBuffer": (bytes) => ({ bring: asBody(bytes.buffer), change: overwrite(bytes) }),
  "a DataView": (bytes) => ({ bring: asBody(new DataView(bytes.buffer)), change: overwrite(bytes) }),
  "a Buffer in a pool": (bytes) => {
    const pooled = Buffer.from(bytes);
    return { bring: asBody(pooled), change: overwrite(pooled) };
  },
  "a view that says other lengths and bytes": (bytes) => {
    const liar = Object.defineProperties(new Uint8Array(bytes), {
      byteLength: { value: 1 },
      length: { value: 1 },
      buffer: { value: otherThan(bytes).buffer },
      slice: { value: () => otherThan(bytes) },
      [Symbol.iterator]: { value: () => otherThan(bytes)[Symbol.iterator]() },
    });
    return { bring: asBody(liar), change: nothing };
  },
  "a view on shared memory": (bytes) => {
    const view = shared(bytes);
    return { bring: asBody(view), change: overwrite(view) };
  },
  "a SharedArrayBuffer": (bytes) => {
    const view = shared(bytes);
    return { bring: asBody(view.buffer), change: overwrite(view) };
  },
  "a resizable buffer": (bytes) => {
    const { buffer, change } = resizable(bytes);
    return { bring: asBody(buffer), change };
  },
  "a view that grows with its buffer": (bytes) => {
    const { buffer, change } = resizable(bytes);
    return { bring: asBody(new Uint8Array(buffer)), change };
  },
  "an ArrayBuffer of another realm": foreign("own.buffer"),
  "a Uint8Array of another realm": foreign("own"),
  "a DataView of another realm": foreign("new DataView(own.buffer)"),
  "a stream with one buffer": (bytes) => {
    const { chunks, change } = inOnePiece(bytes);
    return { bring: asBody(pulled(chunks)), change };
  },
  "a stream whose reader is its own": (bytes) => {
    class Liar extends ReadableStream<Uint8Array> {
      override getReader(): never {
        return pulled([otherThan(bytes)].values()).getReader() as never;
      }
      override cancel(): Promise<void> {
        return Promise.resolve();
      }
      override get locked(): boolean {
        return false;
      }
    }
    const body = new Liar({
      start(controller) {
        controller.enqueue(bytes.slice());
        controller.close();
      },
    });
    return { bring: asBody(body), change: nothing };
  },
  "an async iterable with one buffer": (bytes) => {
    const { chunks, change } = inOnePiece(bytes);
    const body = {
      async *[Symbol.asyncIterator]() {
        for (let next = chunks.next(); next.done !== true; next = chunks.next()) yield next.value;
      },
    };
    return { bring: asBody(body), change };
  },
  "a Blob that says other bytes": (bytes) => {
    class Liar extends Blob {
      override stream(): ReadableStream<Bytes> {
        return new Blob([otherThan(bytes)]).stream();
      }
      override get size(): number {
        return 1;
      }
      override async arrayBuffer(): Promise<ArrayBuffer> {
        return otherThan(bytes).buffer;
      }
    }
    return { bring: asBody(new Liar([bytes])), change: overwrite(bytes) };
  },
  "what calls itself a Blob": (bytes) => {
    const { chunks, change } = inOnePiece(bytes);
    const stream = fickle(pulled(chunks), new Blob([otherThan(bytes)]).stream());
    return { bring: asBody(tagged("Blob", { size: 1, type: "", stream })), change };
  },
  "what calls itself URLSearchParams": (bytes) => {
    const text = Buffer.from(bytes.map((byte) => 0x61 + (byte % 26))).toString();
    bytes.set(Buffer.from(text));
    const says = fickle(text, text.toUpperCase());
    return { bring: asBody(tagged("URLSearchParams", { toString: says })), change: nothing };
  },
  "a Request": (bytes) => ({
    bring: asInput((url, init) => new Request(url, { ...init, body: bytes })),
    change: overwrite(bytes),
  }),
  "a Request with a body of its own": (bytes) => ({
    bring: asInput((url, init) =>
      Object.defineProperty(new Request(url, { ...init, body: bytes }), "body", { value: otherThan(bytes) }),
    ),
    change: overwrite(bytes),
  }),
  "what calls itself a Request, with bytes": (bytes) => ({
    bring: asInput((url, init) => tagged("Request", { url, ...init, body: bytes })),
    change: overwrite(bytes),
  }),
  "what calls itself a Request, with another body for each reading": (bytes) => {
    const body = fickle(bytes, otherThan(bytes));
    return {
      bring: asInput((url, init) =>
        Object.defineProperty(tagged("Request", { url, ...init }), "body", { get: body, enumerable: true }),
      ),
      change: overwrite(bytes),
    };
  },
  "what calls itself a Request, with a stream that has one buffer": (bytes) => {
    const { chunks, change } = inOnePiece(bytes);
    return { bring: asInput((url, init) => tagged("Request", { url, ...init, body: pulled(chunks) })), change };
  },
  "options that are what calls itself a Request": (bytes) => ({
    bring: (url, init) => [url, tagged("Request", { ...init, duplex: "half", body: bytes })],
    change: overwrite(bytes),
  }),
  "a proxy of options": (bytes) => {
    const body = fickle<unknown>(bytes, otherThan(bytes));
    return {
      bring: (url, init) => [
        url,
        new Proxy(
          { ...init, body: bytes },
          { get: (target, name) => (name === "body" ? body() : Reflect.get(target, name)) },
        ),
      ],
      change: overwrite(bytes),
    };
  },
};
