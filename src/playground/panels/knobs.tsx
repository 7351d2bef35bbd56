export function Knobs() {
  return null;
}
