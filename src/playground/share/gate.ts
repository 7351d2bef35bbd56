// The least that a scene from outside must have before anything looks at it.
//
// Verbs: checkScene. The machine's own checks say the rest when it is opened.

import { ConfigError } from '../../errors.ts';
import type { Scene } from '../scene/types.ts';

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws ConfigError naming the field that is wrong. */
export function checkScene(value: unknown): Scene {
  if (!isObject(value)) throw new ConfigError('scene', JSON.stringify(value)?.slice(0, 40), 'an object');
  for (const name of ['id', 'title', 'question', 'intro', 'group']) {
    if (typeof value[name] !== 'string') throw new ConfigError(name, value[name], 'a text');
  }
  if (!isObject(value.machine)) throw new ConfigError('machine', typeof value.machine, 'an object');
  for (const name of ['clients', 'chapters']) {
    const list = value[name];
    if (!Array.isArray(list) || list.length === 0)
      throw new ConfigError(name, typeof list, 'a list of one and more');
  }
  return value as unknown as Scene;
}
