// The gate for scenes from outside: a link, an editor, a file. Nothing looks at one before it has passed.
//
// Verbs: checkScene. Each wrong field is a ConfigError with its path, what stands there, and what may; unknown fields are refused by name.
// Invariant: what passes can be played without freezing a page: requests, drives, clients and memory have bounds.

import { ConfigError } from '../../errors.ts';
import { RECORD_KIND_NAMES } from '../../records.ts';
import { checkMachine } from './check-machine.ts';
import { type Check, choice, fields, flag, isObject, list, real, size, text, whole } from './check-values.ts';
import { MAX_DEPTH } from './client-run.ts';
import { clientOf, ENTRANCE_OPS } from './plan.ts';
import { LIST_OPS, measureRow } from './rows.ts';
import type { Chapter, ListWork, Scene, SceneClient, SceneNote, TransferWork, Work } from './types.ts';

export const MOST_REQUESTS = 200_000;
const MOST_CLIENTS = 16;
const MOST_CHAPTERS = 256;
const MOST_WORKS = MOST_REQUESTS;
const MOST_NOTES = 64;
/** A request's bytes are copied within one step. */
const MOST_REQUEST_BYTES = 16777216;
const MOST_WAIT_NS = 1e15;

const BYTES = size(0, Number.MAX_SAFE_INTEGER);
const CLIENT_NAME = text(60, 1);
const PATH = text(1000, 1, { pattern: /^\//, words: 'beginning with /' });
const TEXT = text(4000);

type Checks<T> = Readonly<Record<keyof T, Check>>;

const CLIENT: Checks<SceneClient> = {
  name: CLIENT_NAME,
  entrance: choice(Object.keys(ENTRANCE_OPS)),
  target: text(1000, 1),
  direct: flag,
  depth: whole(1, MAX_DEPTH),
  batch: whole(1, MAX_DEPTH),
  ioDepth: whole(-MAX_DEPTH, MAX_DEPTH),
};

const TRANSFER: Checks<TransferWork & { client?: string }> = {
  op: TEXT,
  client: CLIENT_NAME,
  offset: BYTES,
  length: size(1, MOST_REQUEST_BYTES),
  count: whole(1, MOST_REQUESTS),
  pattern: choice(['sequential', 'reverse', 'random', 'stride']),
  span: BYTES,
  stride: size(1, Number.MAX_SAFE_INTEGER),
  fua: flag,
};

const LIST_KIND = whole(0, LIST_OPS.length - 1);
const LIST_LENGTH = whole(1, MOST_REQUEST_BYTES);
const LIST_OFFSET = whole(0, Number.MAX_SAFE_INTEGER);
const listRow: Check = (value, path) => {
  if (!Array.isArray(value) || value.length !== 3)
    throw new ConfigError(path, 'something else', 'a kind, an offset and a length');
  LIST_KIND(value[0], `${path}[0]`);
  LIST_OFFSET(value[1], `${path}[1]`);
  LIST_LENGTH(value[2], `${path}[2]`);
};

const plain = { op: TEXT, client: CLIENT_NAME };
const path = fields({ ...plain, path: PATH }, ['path']);
const transfer = fields(TRANSFER, ['offset', 'length']);
const WORKS: Readonly<Record<Work['op'], Check>> = {
  read: transfer,
  write: transfer,
  discard: transfer,
  writeZeroes: transfer,
  list: fields({ ...plain, requests: list(listRow, 1, MOST_REQUESTS) }, ['requests']),
  fsync: fields(plain),
  fdatasync: fields(plain),
  flush: fields(plain),
  wait: fields({ ...plain, ns: whole(0, MOST_WAIT_NS) }, ['ns']),
  create: path,
  mkdir: path,
  unlink: path,
  fsyncDirectory: path,
  rename: fields({ ...plain, path: PATH, to: PATH }, ['path', 'to']),
  truncate: fields({ ...plain, path: PATH, size: BYTES }, ['path']),
  dropCaches: fields(plain),
  sync: fields(plain),
};
const workOp = choice(Object.keys(WORKS));

const work: Check = (value, at) => {
  if (!isObject(value)) throw new ConfigError(at, typeof value, 'an object');
  workOp(value.op, `${at}.op`);
  WORKS[value.op as Work['op']](value, at);
};

const NOTE: Checks<SceneNote> = {
  kind: choice(RECORD_KIND_NAMES),
  operation: whole(0, 255),
  device: whole(0, 65535),
  nth: whole(1, 0xffffffff),
  text: TEXT,
};

const CHAPTER: Checks<Chapter> = {
  title: text(200),
  text: TEXT,
  work: list(work, 0, MOST_WORKS),
  notes: list(fields(NOTE, ['kind', 'text']), 0, MOST_NOTES),
};

const SCENE: Checks<Scene> = {
  id: text(64, 1, {
    pattern: /^[a-z0-9]+(-[a-z0-9]+)*$/,
    words: 'lower case letters and digits with single hyphens',
  }),
  title: text(200, 1),
  question: text(400),
  intro: TEXT,
  group: choice(['first steps', 'cache', 'merging', 'drives', 'rings', 'guests', 'crashes', 'yours']),
  machine: checkMachine,
  clients: list(fields(CLIENT, ['name', 'entrance']), 1, MOST_CLIENTS),
  chapters: list(fields(CHAPTER, ['title', 'text', 'work', 'notes']), 1, MOST_CHAPTERS),
  check: choice(['sectors', 'files', 'xv6-log']),
  pace: real(0, 100_000),
};

const checkFields = fields(SCENE, [
  'id',
  'title',
  'question',
  'intro',
  'group',
  'machine',
  'clients',
  'chapters',
]);

/** The scene, or a ConfigError that says what is wrong about it. */
export function checkScene(value: unknown): Scene {
  if (!isObject(value)) throw new ConfigError('scene', typeof value, 'an object');
  checkFields(value, '');
  const scene = value as unknown as Scene;
  checkClients(scene);
  checkWork(scene);
  return scene;
}

function checkClients({ clients, machine }: Scene): void {
  clients.forEach((client, index) => {
    const at = `clients[${index}]`;
    if (clients.findIndex(({ name }) => name === client.name) !== index)
      throw new ConfigError(`${at}.name`, client.name, 'a name of its own');
    if (client.batch !== undefined && client.batch > (client.depth ?? MAX_DEPTH))
      throw new ConfigError(`${at}.batch`, client.batch, `at most its depth, ${client.depth ?? MAX_DEPTH}`);
    if (client.ioDepth !== undefined && client.entrance !== 'usrbio')
      throw new ConfigError(`${at}.ioDepth`, client.ioDepth, 'left out unless the entrance is usrbio');
    if ((client.ioDepth ?? 0) > (client.depth ?? MAX_DEPTH))
      throw new ConfigError(`${at}.ioDepth`, client.ioDepth, `at most its depth, ${client.depth}`);
    checkTarget(client, machine, at);
  });
}

/** Entrances that know drives only, and those that know no names of the volume. */
const ON_DRIVES: readonly SceneClient['entrance'][] = ['virtio', 'block'];
const WITH_NAMES: readonly SceneClient['entrance'][] = ['aio', 'files'];

function checkTarget({ entrance, target, direct }: SceneClient, machine: Scene['machine'], at: string): void {
  const hasVolume = machine.volume !== undefined && machine.volume !== false;
  if (entrance === 'files' && !hasVolume)
    throw new ConfigError(`${at}.entrance`, entrance, 'of a machine with a volume');
  if (direct !== undefined && ON_DRIVES.includes(entrance))
    throw new ConfigError(`${at}.direct`, direct, `left out: ${entrance} has its own rules`);
  if (target === undefined) return;
  const drives = (machine.drives ?? [{}]).map((_, index) => `drive${index}`);
  const files = ON_DRIVES.includes(entrance) ? [] : (machine.files ?? []).map(({ name }) => name);
  const named = entrance === 'files' ? [] : [...drives, ...files];
  const mayName = hasVolume && WITH_NAMES.includes(entrance);
  if (named.includes(target) || (mayName && target.startsWith('/'))) return;
  const known = [...named, ...(mayName ? ['a path that begins with /'] : [])];
  throw new ConfigError(`${at}.target`, target, `one of ${known.join(', ')}`);
}

/** Entrances whose writes can ask for the media itself. */
const WITH_FUA: readonly SceneClient['entrance'][] = ['aio', 'files', 'block'];

function checkWork({ clients, chapters }: Scene): void {
  let count = 0;
  chapters.forEach((chapter, at) => {
    chapter.work.forEach((one, index) => {
      const field = `chapters[${at}].work[${index}]`;
      const client = clients[clientOf(clients, one, field)];
      count += requestsOf(one, field);
      if (count > MOST_REQUESTS)
        throw new ConfigError(field, `request number ${count}`, `at most ${MOST_REQUESTS} requests in all`);
      const isForced = 'fua' in one && one.fua === true;
      if (isForced && (one.op === 'read' || client === undefined || !WITH_FUA.includes(client.entrance)))
        throw new ConfigError(
          `${field}.fua`,
          true,
          `left out: only writes of ${WITH_FUA.join(', ')} have it`,
        );
    });
  });
}

/** How many requests a work is. Throws ConfigError for a row whose range is too small or too large. */
function requestsOf(one: Work, field: string): number {
  if (one.op === 'list') return (one as ListWork).requests.length;
  if (!('length' in one)) return 1;
  const row = measureRow(one, field);
  if (row.places < 1)
    throw new ConfigError(`${field}.span`, one.span, `at least the length of one request, ${row.length}`);
  if (row.offset + (row.places - 1) * row.stride + row.length > Number.MAX_SAFE_INTEGER)
    throw new ConfigError(`${field}.offset`, one.offset, 'a row that ends below 2^53');
  return row.count;
}
