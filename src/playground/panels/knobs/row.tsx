// One knob: its name, a native control, its unit, its default, and what it does.

import type { TargetedEvent } from 'preact';
import { defaultInWords, type Knob, rangeInWords, showValue } from './kinds.ts';
import type { KnobRow } from './rows.ts';
import { stopsOf } from './stops.ts';
import { type Refused, refused, resetKnob, turnKnob } from './turning.ts';

/** `prefix` keeps ids apart where a knob is shown twice. */
export function KnobField({ row, prefix }: { row: KnobRow; prefix: string }) {
  const { knob } = row;
  const id = `${prefix}-${row.key}`;
  const refusal = refused.value?.key === row.key ? refused.value : undefined;
  const shared = { row, id, refusal };
  return (
    <div class="knob" data-knob={row.key} data-changed={row.isChanged}>
      <div class="knob-head">
        <label for={id}>{knob.label}</label>
        {row.isChanged && (
          <button
            type="button"
            class="quiet knob-reset"
            aria-label={`Reset ${knob.label}`}
            onClick={() => void resetKnob(row)}
          >
            Reset
          </button>
        )}
      </div>
      <Control {...shared} />
      {refusal !== undefined && (
        <p class="fault" role="alert" id={`${id}-fault`}>
          {refusal.message}
        </p>
      )}
      <p class="hint" id={`${id}-hint`}>
        {knob.meaning}
        <span class="knob-default">{defaultLine(row)}</span>
      </p>
    </div>
  );
}

function defaultLine({ knob, ownValue }: KnobRow): string {
  const range = rangeInWords(knob);
  const own =
    ownValue === undefined || ownValue === knob.default ? '' : ` This scene: ${showValue(knob, ownValue)}.`;
  return `Default ${defaultInWords(knob)}${range === '' ? '' : `, ${range}`}.${own}`;
}

interface ControlProps {
  readonly row: KnobRow;
  readonly id: string;
  readonly refusal: Refused | undefined;
}

function Control({ row, id, refusal }: ControlProps) {
  const { knob } = row;
  const described = {
    id,
    'aria-describedby': refusal === undefined ? `${id}-hint` : `${id}-fault ${id}-hint`,
    'aria-invalid': refusal !== undefined,
  };
  const turn = (event: TargetedEvent<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>): void => {
    void turnKnob(row, event.currentTarget.value);
  };
  const effective = row.value ?? knob.default;
  const asked = refused.value?.turned === row.key ? refused.value.text : undefined;
  switch (knob.kind) {
    case 'switch':
      return (
        <input
          {...described}
          type="checkbox"
          checked={effective !== false && effective !== undefined}
          onChange={(event) => void turnKnob(row, event.currentTarget.checked ? 'yes' : 'no')}
        />
      );
    case 'choice':
      return (
        <select {...described} value={effective === undefined ? '' : String(effective)} onChange={turn}>
          {knob.default === undefined && <option value="">default</option>}
          {knob.choices?.map((choice) => (
            <option key={choice} value={String(choice)}>
              {choice}
              {choice === knob.default ? ' (default)' : ''}
            </option>
          ))}
        </select>
      );
    case 'rules':
      return (
        <textarea
          {...described}
          rows={3}
          spellcheck={false}
          placeholder="eio on=write nth=3"
          value={asked ?? showValue(knob, row.value)}
          onChange={turn}
        />
      );
    default:
      return (
        <div class="knob-control">
          <input
            {...described}
            type="text"
            inputMode={knob.kind === 'count' || knob.kind === 'percent' ? 'numeric' : 'text'}
            autocomplete="off"
            spellcheck={false}
            placeholder={defaultInWords(knob)}
            value={asked ?? showValue(knob, row.value)}
            onChange={turn}
          />
          {unitOf(knob) !== '' && <span class="knob-unit">{unitOf(knob)}</span>}
          <Slider row={row} />
        </div>
      );
  }
}

function unitOf(knob: Knob): string {
  return knob.kind === 'percent' ? '%' : (knob.unit ?? '');
}

/** The same value by sliding, over the usual part of the range; it turns the knob when it is let go. */
function Slider({ row }: { row: KnobRow }) {
  const { knob } = row;
  const stops = stopsOf(knob);
  if (stops.length < 2) return null;
  const value = Number(row.value ?? knob.default ?? stops[0]);
  const nearest = stops.reduce(
    (best, stop, index) =>
      Math.abs(stop - value) < Math.abs((stops[best] as number) - value) ? index : best,
    0,
  );
  const at = (index: number): number => stops[index] as number;
  return (
    <input
      type="range"
      aria-label={`${knob.label}, slider`}
      aria-valuetext={showValue(knob, at(nearest))}
      min={0}
      max={stops.length - 1}
      value={nearest}
      onInput={(event) => {
        const field =
          event.currentTarget.parentElement?.querySelector<HTMLInputElement>('input[type="text"]');
        if (field) field.value = showValue(knob, at(Number(event.currentTarget.value)));
      }}
      onChange={(event) => void turnKnob(row, String(at(Number(event.currentTarget.value))))}
    />
  );
}
