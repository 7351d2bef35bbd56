// The caller's frames of a call, found when somebody asks: an Error keeps them cheaply until then.
//
// Verbs: holdStack, userFrames. Frames of sectorlab itself, of Node and of wasm modules are left out; those of packages stay.

/** Deep enough to reach the caller below an adapter and the engine's own wasm frames. */
const FRAMES = 64;

/** Where sectorlab lies: its sources, what is built of them, and what source maps name. */
const root = new URL('../../', import.meta.url).href;
const OWN = ['src/', 'dist/', 'assembly/'].flatMap((folder) => {
  const url = root + folder;
  return url.startsWith('file://') ? [url, decodeURIComponent(url.slice('file://'.length))] : [url];
});
/** A function without a name is `<anonymous>`, too: only where the place is none, the frame is of no use. */
const FOREIGN = ['node:', 'wasm://', '(<anonymous>)', 'native code'];

interface WithLimit {
  stackTraceLimit?: number;
}

/** The stack as it is now; its text is made when it is read. */
export function holdStack(): Error {
  const errors = Error as unknown as WithLimit;
  const before = errors.stackTraceLimit;
  errors.stackTraceLimit = FRAMES;
  const held = new Error();
  if (before !== undefined) errors.stackTraceLimit = before;
  return held;
}

const isOwn = (frame: string): boolean => OWN.some((folder) => frame.includes(folder));
const isForeign = (frame: string): boolean => FOREIGN.some((mark) => frame.includes(mark));

/**
 * The frames of the user's code, nearest first, without `at`: not those of whoever called explore, which lie behind our last one. All frames where
 * none is the user's.
 */
export function userFrames(stack: string | undefined): string[] {
  const frames = (stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at |@/.test(line))
    .map((line) => line.trim().replace(/^at /, ''))
    .filter((frame) => !isForeign(frame));
  const isUsers = (frame: string): boolean => !isOwn(frame);
  const called = frames.slice(0, frames.findLastIndex(isOwn) + 1).filter(isUsers);
  if (called.length > 0) return called;
  const users = frames.filter(isUsers);
  return users.length > 0 ? users : frames;
}
