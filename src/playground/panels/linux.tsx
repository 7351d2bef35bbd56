export function Linux() {
  return null;
}
