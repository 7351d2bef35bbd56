// What a file or a pasted text is, judged from what is in it and never from its name.
//
// Verbs: sniff. Pure: a link of this page, a recipe of explore, a scene as JSON or as text, else a trace.

import { HEAD_WORDS } from '../scene/text.ts';

export type Kind = 'empty' | 'link' | 'recipe' | 'sceneJson' | 'sceneText' | 'otherJson' | 'trace';

/** `head`: the first bytes, of a small file all of it. */
export function sniff(head: Uint8Array): Kind {
  if (head.length === 0) return 'empty';
  if (head.includes(0) || (head[0] === 0x1f && head[1] === 0x8b)) return 'trace';
  const text = new TextDecoder().decode(head).trim();
  if (text === '') return 'empty';
  if (/^(https?:\/\/\S*)?#(v\d+&|scene=)\S*$/.test(text)) return 'link';
  if (text.startsWith('{')) return jsonKind(text);
  return isSceneText(text) ? 'sceneText' : 'trace';
}

/** Of JSON that may be cut short: its fields' names are enough. */
function jsonKind(text: string): Kind {
  const has = (name: string): boolean => text.includes(`"${name}"`);
  if (has('sectorlab') && has('states')) return 'recipe';
  if (has('chapters') && has('clients')) return 'sceneJson';
  // a trace may be lines of JSON; what is one value is not
  return /^\{[^\n]*\}\s*\n\s*\{/.test(text) ? 'trace' : 'otherJson';
}

/** The first lines that are no comments begin with words of the language, and there is a chapter. */
function isSceneText(text: string): boolean {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  const first = lines[0]?.trim().split(/\s/)[0] ?? '';
  return HEAD_WORDS.includes(first) || first === 'chapter';
}
