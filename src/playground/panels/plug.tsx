export function Plug() {
  return null;
}
