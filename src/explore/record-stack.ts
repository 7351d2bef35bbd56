// The caller's frames of a call, found when somebody asks: an Error keeps them cheaply until then.
//
// Verbs: holdStack, userFrames, callerFrames. Frames of sectorlab itself, of Node and of wasm modules are left out.

/** Deep enough to reach the caller below an adapter and the engine's own wasm frames. */
const FRAMES = 64;

/** Where sectorlab lies: its sources, what is built of them, and what source maps name. A script that is no module does not know. */
const here = import.meta.url as string | undefined;
const root = here && new URL('../../', here).href;
const OWN = (root ? ['src/', 'dist/', 'assembly/'] : []).flatMap((folder) => {
  const url = `${root}${folder}`;
  return url.startsWith('file://') ? [url, decodeURIComponent(url.slice('file://'.length))] : [url];
});
/** A function without a name is `<anonymous>`, too: only where the place is none, the frame is of no use. */
const FOREIGN = ['node:', 'wasm://', '(<anonymous>)', 'native code'];
/** What was installed, not written, by who reads the report. */
const PACKAGES = /[/\\]node_modules[/\\]/;
/** What comes before a place in a frame. */
const BEFORE_PLACE = ' (@';

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

interface Surroundings {
  readonly process?: { readonly cwd?: () => string };
  readonly location?: { readonly origin?: string };
}

/** Folders that places are shown without: the current one in Node, as URL and as path; the page's server in a browser. */
function foldersHere(): string[] {
  const { process, location } = globalThis as Surroundings;
  const folder = process?.cwd?.().replaceAll('\\', '/').replace(/\/$/, '');
  if (folder !== undefined) {
    const encoded = encodeURI(folder).replace(/[?#]/g, encodeURIComponent);
    return [`file://${encoded.startsWith('/') ? '' : '/'}${encoded}/`, `${folder}/`];
  }
  return location?.origin === undefined ? [] : [`${location.origin}/`];
}

function isPlaceAt(frame: string, at: number): boolean {
  return at === 0 || (at > 0 && BEFORE_PLACE.includes(frame[at - 1] as string));
}

/** The frames, with places below the current folder relative to it. */
function shortened(frames: readonly string[]): string[] {
  const folders = foldersHere();
  return frames.map((frame) => {
    const folder = folders.find((one) => isPlaceAt(frame, frame.indexOf(one)));
    return folder === undefined ? frame : frame.replace(folder, () => '');
  });
}

const isOwn = (frame: string): boolean => OWN.some((folder) => frame.includes(folder));
const isForeign = (frame: string): boolean => FOREIGN.some((mark) => frame.includes(mark));

/** The frames that are not ours, in full: not those of whoever called explore, which lie behind our last one. All frames where all are ours. */
function foreignFrames(stack: string | undefined): string[] {
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

/** The frames of the user's code and of packages, nearest first, without `at`; places below the current folder are relative to it. */
export function userFrames(stack: string | undefined): string[] {
  return shortened(foreignFrames(stack));
}

/** The same without the frames of packages: whose line to change. All of them where every one is of a package. */
export function callerFrames(stack: string | undefined): string[] {
  const frames = foreignFrames(stack);
  const callers = frames.filter((frame) => !PACKAGES.test(frame));
  return shortened(callers.length > 0 ? callers : frames);
}
