// Keys and how to read the page.

export function Help() {
  return null;
}
