/** Class names of CSS modules, joined; one that the module lacks is left out. */
export function classes(...names: (string | false | undefined)[]): string {
  return names.filter(Boolean).join(" ");
}
