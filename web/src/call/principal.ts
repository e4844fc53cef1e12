/** Who is calling, as the operator's site signed it: out of the page's address, once. */

/**
 * The site opens the page as `…/#principal=TOKEN`. What follows `#` stays in the browser: it is in no
 * log and no Referer. It leaves the address bar too, so that a copied address signs nobody in.
 */
export function takePrincipal(location: Location, history: History): string {
  const found = new URLSearchParams(location.hash.slice(1));
  const principal = found.get("principal") ?? "";
  if (found.has("principal")) history.replaceState(null, "", location.pathname + location.search);
  return principal;
}
