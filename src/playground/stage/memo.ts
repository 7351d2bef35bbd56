// A component that is drawn again only when one of its props is another one.
//
// Verbs: memo, isSame. By value: a layout is made anew for each moment, and mostly says the same.

import { Component, type ComponentChild, type FunctionComponent } from 'preact';

export function memo<Props extends object>(draw: (props: Props) => ComponentChild): FunctionComponent<Props> {
  class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      return differs(this.props, next);
    }
    override render(): ComponentChild {
      return draw(this.props);
    }
  }
  return Memo as unknown as FunctionComponent<Props>;
}

function differs(before: object, after: object): boolean {
  const old = before as Record<string, unknown>;
  return Object.entries(after).some(([name, value]) => !isSame(old[name], value));
}

/** By value, through arrays and plain objects. */
export function isSame(before: unknown, after: unknown): boolean {
  if (Object.is(before, after)) return true;
  if (typeof before !== 'object' || typeof after !== 'object' || before === null || after === null)
    return false;
  const old = before as Record<string, unknown>;
  const names = Object.keys(after);
  if (names.length !== Object.keys(before).length) return false;
  // a loop, and the commonest case without a call: a frame compares ten thousand values
  for (const name of names) {
    const value = (after as Record<string, unknown>)[name];
    if (old[name] !== value && !isSame(old[name], value)) return false;
  }
  return true;
}
