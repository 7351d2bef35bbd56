// What a recipe says of its finding, for who has only the recipe: plain data, bounded, without what builds the image.
//
// Verbs: recipeFinding, readFinding. Whoever makes the image again needs none of it; recipes made before it was there have none.
// Invariant: however long the workload was, it has at most 64 rows, and no text of more than 240 characters.

import { fields } from './recipe-fields.ts';
import type { Finding, RecipeFinding, RecipeRow, TimelineRow } from './types.ts';

/** Rows of a long timeline: its first and its last. */
const MOST_ROWS = 64;
const MOST_WRITES = 16;
const MOST_CHARACTERS = 240;
const KINDS: readonly TimelineRow['kind'][] = ['write', 'flush', 'attempt', 'ack', 'crash'];
const FATES: readonly NonNullable<TimelineRow['fate']>[] = ['durable', 'kept', 'missing', 'torn'];
const OPERATIONS: readonly NonNullable<TimelineRow['operation']>[] = ['write', 'discard', 'writeZeroes'];

function short(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
}

/** `proof`: in words. */
export function recipeFinding(finding: Omit<Finding, 'recipe'>, proof: string | undefined): RecipeFinding {
  const { sentence, error, missing, present, crashPoint, timeline } = finding;
  const half = MOST_ROWS / 2;
  const isLong = timeline.length > MOST_ROWS;
  const rows = isLong ? [...timeline.slice(0, half), ...timeline.slice(-half)] : timeline;
  return {
    sentence: short(sentence),
    error: short(error),
    missing: missing.slice(0, MOST_WRITES).map(({ what }) => short(what)),
    present: present.slice(0, MOST_WRITES).map(({ what }) => short(what)),
    ...(proof === undefined ? {} : { proof: short(proof) }),
    acknowledged: crashPoint.acknowledged,
    attempted: crashPoint.attempted,
    rows: rows.map(recipeRow),
    ...(isLong ? { leftOut: timeline.length - MOST_ROWS } : {}),
  };
}

function recipeRow({
  step,
  kind,
  what,
  fate,
  line,
  operation,
  offset,
  length,
  domain,
}: TimelineRow): RecipeRow {
  return {
    step,
    kind,
    what: short(what),
    ...(fate === undefined ? {} : { fate }),
    ...(line === '' ? {} : { line: short(line) }),
    ...(operation === undefined ? {} : { operation }),
    ...(offset === undefined || length === undefined ? {} : { offset, length }),
    ...(domain === undefined ? {} : { domain }),
  };
}

/** A finding of a recipe from outside. Throws ConfigError, which names the field that is wrong. */
export function readFinding(value: unknown): RecipeFinding {
  const field = 'recipe.finding';
  const { object, text, texts, whole, list } = fields;
  const found = object(field, value);
  return {
    sentence: text(`${field}.sentence`, found.sentence),
    error: text(`${field}.error`, found.error),
    missing: texts(`${field}.missing`, found.missing),
    present: texts(`${field}.present`, found.present),
    ...(found.proof === undefined ? {} : { proof: text(`${field}.proof`, found.proof) }),
    acknowledged: whole(`${field}.acknowledged`, found.acknowledged),
    attempted: whole(`${field}.attempted`, found.attempted),
    rows: list(`${field}.rows`, found.rows, MOST_ROWS).map((row, at) => readRow(`${field}.rows[${at}]`, row)),
    ...(found.leftOut === undefined ? {} : { leftOut: whole(`${field}.leftOut`, found.leftOut) }),
  };
}

function readRow(field: string, value: unknown): RecipeRow {
  const { object, oneOf, text, whole } = fields;
  const row = object(field, value);
  return {
    step: whole(`${field}.step`, row.step),
    kind: oneOf(`${field}.kind`, row.kind, KINDS),
    what: text(`${field}.what`, row.what),
    ...(row.fate === undefined ? {} : { fate: oneOf(`${field}.fate`, row.fate, FATES) }),
    ...(row.line === undefined ? {} : { line: text(`${field}.line`, row.line) }),
    ...(row.operation === undefined
      ? {}
      : { operation: oneOf(`${field}.operation`, row.operation, OPERATIONS) }),
    ...(row.offset === undefined
      ? {}
      : { offset: whole(`${field}.offset`, row.offset), length: whole(`${field}.length`, row.length) }),
    ...(row.domain === undefined ? {} : { domain: whole(`${field}.domain`, row.domain) }),
  };
}
