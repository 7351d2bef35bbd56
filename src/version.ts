// The version of the package, for what leaves it: recipes, reports. A test compares it with package.json.

export const VERSION = '0.1.0';
