// A link's fragment: a scene, what was changed about it, the moment, and the hash of the records there.
//
// Verbs: encodeLink, decodeLink. The form: `#scene=ID` for a scene of the gallery, `&NAME=VALUE` for each changed option (JSON; nothing behind
// `=`: left out), `&step=N&hash=H` for a moment. A scene of one's own stands in `data=` instead, as deflated JSON in base64url. All begins
// with `v1`, but for a plain `#scene=ID`.
// Invariant: what is decoded has passed checkScene; a fragment from anywhere gives a scene or a LinkError, and takes bounded memory.

import { applyChanges, type Changes, changesOf, type Json, ownScene, readPath } from '../scene/changes.ts';
import { checkScene } from '../scene/check.ts';
import type { Scene } from '../scene/types.ts';

const VERSION = 'v1';
const MAX_FRAGMENT_CHARS = 400_000;
const MAX_SCENE_BYTES = 8_388_608;
const MAX_CHANGES = 400;
const NAMES = ['scene', 'data', 'step', 'hash'];

/** What a link says. */
export interface LinkTarget {
  /** With the changes made. */
  readonly scene: Scene;
  /** Undefined: the start. */
  readonly step: number | undefined;
  /** Hash of the records at that step where the link was made. */
  readonly hash: string | undefined;
}

/** A link that says nothing that can be opened; the message is for the reader. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
}

/** The fragment, without `#`. A scene that is in `gallery` goes by its name, any other as a whole. */
export async function encodeLink(target: LinkTarget, gallery: readonly Scene[]): Promise<string> {
  const own = ownScene(target.scene);
  const fields: string[] = [VERSION];
  if (gallery.includes(own)) fields.push(`scene=${own.id}`);
  else fields.push(`data=${toBase64Url(await deflate(JSON.stringify(own)))}`);
  for (const [path, value] of Object.entries(changesOf(target.scene)))
    fields.push(`${path}=${value === null ? '' : encodeURIComponent(JSON.stringify(value))}`);
  if (target.step !== undefined) fields.push(`step=${target.step}`);
  if (target.hash !== undefined) fields.push(`hash=${target.hash}`);
  return fields.join('&');
}

/** The scene and the moment of a fragment, with or without `#`. Undefined for an empty one; throws LinkError. */
export async function decodeLink(
  fragment: string,
  gallery: readonly Scene[],
): Promise<LinkTarget | undefined> {
  const text = fragment.replace(/^#/, '');
  if (text === '') return undefined;
  if (text.length > MAX_FRAGMENT_CHARS)
    throw new LinkError(
      `The link is ${text.length} characters long, more than the ${MAX_FRAGMENT_CHARS} that are read.`,
    );
  try {
    return await read(text, gallery);
  } catch (error) {
    if (error instanceof LinkError) throw error;
    throw new LinkError(
      `The link can not be opened: ${error instanceof Error ? error.message : error}. It may be damaged, or of another version of this page.`,
    );
  }
}

async function read(text: string, gallery: readonly Scene[]): Promise<LinkTarget> {
  const { fields, changes } = readFields(text);
  const own = await sceneOf(fields, gallery);
  const changed = applyChanges(own, changes);
  if (changed !== own) checkScene(changed);
  return { scene: changed, step: readStep(fields.get('step')), hash: readHash(fields.get('hash')) };
}

function readFields(text: string): { fields: Map<string, string>; changes: Changes } {
  const fields = new Map<string, string>();
  const changes: Record<string, Json> = {};
  const [first, ...rest] = text.split('&');
  const parts = first === VERSION ? rest : [first as string, ...rest];
  if (first !== VERSION && /^v\d+$/.test(first as string))
    throw new LinkError(`The link is of form ${first}; this page reads ${VERSION}.`);
  if (parts.length > MAX_CHANGES)
    throw new LinkError(`The link has ${parts.length} parts, more than the ${MAX_CHANGES} that are read.`);
  for (const part of parts) {
    const at = part.indexOf('=');
    const name = at < 0 ? part : decodeURIComponent(part.slice(0, at));
    if (at < 0) throw new LinkError(`The link has a part "${name.slice(0, 40)}" without a value.`);
    if (fields.has(name) || Object.hasOwn(changes, name))
      throw new LinkError(`The link says "${name.slice(0, 40)}" twice.`);
    const value = decodeURIComponent(part.slice(at + 1));
    if (NAMES.includes(name)) fields.set(name, value);
    else {
      readPath(name.slice(0, 200));
      changes[name] = value === '' ? null : parseJson(name, value);
    }
  }
  return { fields, changes };
}

function parseJson(name: string, value: string): Json {
  try {
    return JSON.parse(value) as Json;
  } catch {
    throw new LinkError(`The link says ${name} is ${value.slice(0, 40)}, which is no value.`);
  }
}

async function sceneOf(fields: ReadonlyMap<string, string>, gallery: readonly Scene[]): Promise<Scene> {
  const id = fields.get('scene');
  const data = fields.get('data');
  if ((id === undefined) === (data === undefined))
    throw new LinkError('The link must name a scene, or hold one.');
  if (data !== undefined) return checkScene(JSON.parse(await inflate(fromBase64Url(data))));
  const found = gallery.find((one) => one.id === id);
  if (found === undefined)
    throw new LinkError(`The link names the scene "${id?.slice(0, 60)}", which this page does not have.`);
  return found;
}

function readStep(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new LinkError(`The link names step "${text.slice(0, 40)}", which is no whole number.`);
  return Number(text);
}

function readHash(text: string | undefined): string | undefined {
  if (text !== undefined && !/^[0-9a-f]{1,32}$/.test(text))
    throw new LinkError(`The link's record hash "${text.slice(0, 40)}" is none.`);
  return text;
}

async function deflate(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Stops at MAX_SCENE_BYTES: a short link may hold gigabytes of zeros. */
async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let byteCount = 0;
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      byteCount += chunk.value.length;
      if (byteCount > MAX_SCENE_BYTES) {
        await reader.cancel();
        throw new LinkError(
          `The scene in the link is larger than the ${MAX_SCENE_BYTES / 1048576} MiB that are read.`,
        );
      }
      text += decoder.decode(chunk.value, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof LinkError) throw error;
    throw new LinkError('The scene in the link is damaged: part of the link may be missing.');
  }
}

function toBase64Url(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]+$/.test(text))
    throw new LinkError('The scene in the link is damaged: it has letters that do not belong there.');
  // no number of bytes gives one letter more than whole fours
  if (text.length % 4 === 1)
    throw new LinkError('The scene in the link is damaged: part of the link may be missing.');
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}
