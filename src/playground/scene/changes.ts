// What a reader has changed about a scene: values by the path of the field, and the scene with them.
//
// Verbs: applyChanges, ownScene, changesOf, valueAt, readPath. A changed scene remembers the one it was made from: links and the
// strip that compares the two ask for it.
// Invariant: a scene is never changed in place; without a change it is the same object.

import type { Scene } from './types.ts';

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** `machine.drives[0].model` → its value; null: left out, so that the default holds. */
export type Changes = Readonly<Record<string, Json>>;

interface Origin {
  readonly own: Scene;
  readonly changes: Changes;
}

const origins = new WeakMap<Scene, Origin>();
const PATH = /^(?:machine|clients\[\d{1,2}\])(?:\.[A-Za-z][A-Za-z0-9]{0,40}|\[\d{1,3}\]){1,6}$/;
const NONE: Changes = {};

/** A path's parts: names, and numbers of a list. Throws RangeError for what is none. */
export function readPath(path: string): (string | number)[] {
  if (!PATH.test(path))
    throw new RangeError(
      `"${path}" names no option; such a name is machine.cache or machine.drives[0].model`,
    );
  return [...path.matchAll(/([A-Za-z][A-Za-z0-9]*)|\[(\d+)\]/g)].map(([, name, index]) =>
    name === undefined ? Number(index) : name,
  );
}

/** What stands at a path; undefined where nothing does. */
export function valueAt(scene: Scene, path: string): unknown {
  let value: unknown = scene;
  for (const part of readPath(path)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** `parent` with the value at the parts, as a new object; what is missing on the way is made. */
function withValue(parent: unknown, parts: readonly (string | number)[], value: Json, path: string): unknown {
  const [part, ...rest] = parts;
  if (part === undefined) return value === null ? undefined : value;
  if (typeof part === 'number') {
    // A machine without drives has one of defaults, and that is the one a path may mean.
    const list = parent === undefined ? [{}] : parent;
    if (!Array.isArray(list) || part >= list.length)
      throw new RangeError(`"${path}" is not in this scene: it has no [${part}]`);
    return list.map((one, index) => (index === part ? withValue(one, rest, value, path) : one));
  }
  if (parent === undefined && value === null) return undefined;
  const isPlain = typeof parent === 'object' && parent !== null && !Array.isArray(parent);
  const fields = isPlain ? (parent as Record<string, unknown>) : {};
  const { [part]: before, ...others } = fields;
  const next = withValue(before, rest, value, path);
  return next === undefined ? others : { ...fields, [part]: next };
}

/** The scene with the changes; `own` itself when there are none. Throws RangeError for a path that is not in it. */
export function applyChanges(own: Scene, changes: Changes): Scene {
  const paths = Object.keys(changes);
  if (paths.length === 0) return own;
  let changed: unknown = own;
  for (const path of paths) changed = withValue(changed, readPath(path), changes[path] as Json, path);
  origins.set(changed as Scene, { own, changes });
  return changed as Scene;
}

/** The scene that this one was made from by changes: itself when it has none. */
export function ownScene(scene: Scene): Scene {
  return origins.get(scene)?.own ?? scene;
}

export function changesOf(scene: Scene): Changes {
  return origins.get(scene)?.changes ?? NONE;
}
