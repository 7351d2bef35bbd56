// The uncertain writes as bars on the address axis, oldest first: each is kept or lost by its button, unit by unit where it may tear.

import { SECTOR_SIZE } from '../../../../assembly/limits.ts';
import { formatCount } from '../../model/describe.ts';
import { rangeWords, rowWords } from '../../plug/words.ts';
import { scene } from '../../state.ts';
import type { Stake, StakeWrite } from '../../worker/plug-protocol.ts';
import { fateOfWrite, firstChoices } from './choice.ts';
import { kept, setKept } from './state.ts';

/** More are chosen by presets only. */
const MOST_WRITES = 64;
/** A write with more units is chosen as a whole. */
const MOST_UNITS = 32;
const FATES = { kept: 'kept', lost: 'lost', torn: 'torn' } as const;

export function UncertainWrites({ stake }: { stake: Stake }) {
  const firsts = firstChoices(stake.writes);
  const from = Math.min(...stake.writes.map(({ sector }) => sector));
  const to = Math.max(...stake.writes.map(({ sector, sectorCount }) => sector + sectorCount));
  const hidden = stake.writes.length - MOST_WRITES;
  return (
    <>
      <ol class="uncertain" aria-label="Writes that a power cut may lose, oldest first">
        {stake.writes.slice(0, MOST_WRITES).map((write, index) => (
          <Row
            key={`${write.id} ${write.sector}`}
            write={write}
            first={firsts[index] as number}
            axis={{ from, to }}
            words={wordsOf(stake, write)}
          />
        ))}
      </ol>
      {hidden > 0 && <p class="hint">and {formatCount(hidden)} more, chosen by the buttons above</p>}
    </>
  );
}

/** What the application asked for, where one request is all of it; else where it is. */
function wordsOf(stake: Stake, { rows, sector, sectorCount }: StakeWrite): string {
  const newest = rows.at(-1);
  const row = newest === undefined ? undefined : stake.rows[newest];
  if (row !== undefined && scene.value.check === 'xv6-log') return rowWords(scene.value, row);
  return rangeWords(sector * SECTOR_SIZE, sectorCount * SECTOR_SIZE);
}

function Row({
  write,
  first,
  axis,
  words,
}: {
  write: StakeWrite;
  first: number;
  axis: { readonly from: number; readonly to: number };
  words: string;
}) {
  const fate = fateOfWrite(kept.value, first, write);
  const place = write.isCompleted ? 'in the cache' : 'on its way';
  const isSplit = write.choices > 1 && write.choices <= MOST_UNITS;
  return (
    <li data-fate={fate}>
      <button
        type="button"
        class="quiet uncertain-write"
        aria-pressed={fate === 'kept'}
        onClick={() => setKept(first, write.choices, fate !== 'kept')}
      >
        <span class="uncertain-words">
          {words}
          <span class="unseen">, {place}: </span>
        </span>
        <span class="uncertain-fate">{FATES[fate]}</span>
        <Bar write={write} axis={axis} fate={fate} />
      </button>
      {isSplit && (
        <fieldset class="units" aria-label={`Units of ${words}`}>
          {Array.from({ length: write.choices }, (_, unit) => (
            <button
              key={unit}
              type="button"
              aria-pressed={kept.value[first + unit] === true}
              aria-label={`unit ${unit + 1} of ${write.choices}: ${kept.value[first + unit] ? 'kept' : 'lost'}`}
              onClick={() => setKept(first + unit, 1, kept.value[first + unit] !== true)}
            />
          ))}
        </fieldset>
      )}
    </li>
  );
}

const percent = (part: number): string => `${(part * 100).toFixed(2)}%`;

function Bar({
  write,
  axis,
  fate,
}: {
  write: StakeWrite;
  axis: { readonly from: number; readonly to: number };
  fate: keyof typeof FATES;
}) {
  const span = Math.max(1, axis.to - axis.from);
  const hue = write.operation === 'write' ? 'write' : 'discard';
  return (
    <svg class={`write-bar ${hue}`} data-fate={fate} aria-hidden="true">
      <line x1="0" x2="100%" y1="50%" y2="50%" />
      <rect
        x={percent((write.sector - axis.from) / span)}
        width={percent(write.sectorCount / span)}
        y="15%"
        height="70%"
      />
    </svg>
  );
}
